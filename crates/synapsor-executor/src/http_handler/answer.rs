//! What does an answer mean?
//!
//! A valid receipt says what happened, whatever its status is. Without one the outcome is unknown, and the status only says where a
//! person should look.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use synapsor_protocol::chain::chain;
use synapsor_protocol::handler::HandlerReceipt;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use super::connection::{Answered, Trouble};
use super::{IDEMPOTENCY_KEY, Names, PROPOSAL_HASH};
use crate::terms::{reported, unknown, unreachable};

/// The longest pause that a handler can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// What an answer must be about.
pub(super) struct Expected {
    pub(super) operation_id: String,
    pub(super) proposal_hash: String,
    pub(super) executor: String,
    pub(super) dry_run: bool,
}

/// What an answer says of the attempt.
pub(super) fn report(answered: &Answered, expected: &Expected, names: &Names) -> Report {
    let report = match HandlerReceipt::from_slice(&answered.body, expected.dry_run) {
        Ok(receipt) => received(&receipt, answered, expected, names),
        // Only what kind of trouble it is: a receipt that is none may quote anything.
        Err(why) => without_receipt(answered.status, &why.to_string(), expected, names),
    };
    let pause = if matches!(report.outcome, Outcome::Failed | Outcome::Unknown) { retry_after(&answered.headers) } else { None };
    Report { retry_after_seconds: pause, ..report }
}

fn received(receipt: &HandlerReceipt, answered: &Answered, expected: &Expected, names: &Names) -> Report {
    let echoes = [(IDEMPOTENCY_KEY, &expected.operation_id), (PROPOSAL_HASH, &expected.proposal_hash)];
    if let Some((name, _)) = echoes.iter().find(|(name, sent)| differs(&answered.headers, name, sent)) {
        let detail = format!("the header `{name}` of the answer is not that of the request, so the receipt is about something else");
        return unknown(ErrorCode::HANDLER_ECHO_DIFFERS, detail).transient();
    }
    let report = reported(receipt);
    if report.outcome != Outcome::Failed {
        return report;
    }
    let passing = report.transient || is_passing(answered.status);
    let report = if passing { report.transient() } else { report };
    match &report.code {
        Some(code) if is_refusal_of_the_sender(code) => {
            let detail = format!("the handler does not accept the runner: look at {}", credentials(names, &expected.executor));
            report.with_detail(detail)
        }
        Some(_) | None => report,
    }
}

/// An answer that may be repeated by whoever stands between, and says other things than what was sent.
fn differs(headers: &HeaderMap, name: &HeaderName, sent: &str) -> bool {
    headers.get_all(name).iter().any(|echoed| echoed.as_bytes() != sent.as_bytes())
}

fn without_receipt(status: StatusCode, why: &str, expected: &Expected, names: &Names) -> Report {
    let code = if status.is_success() {
        Some(ErrorCode::HANDLER_INVALID_RECEIPT)
    } else {
        ErrorCode::foreign(&format!("HANDLER_HTTP_{}", status.as_u16()))
    };
    let number = status.as_u16();
    let url = &names.url;
    let advice = match number {
        300..=399 => format!("a redirect is not followed: `{url}` must hold the address itself"),
        401 | 403 => format!("it does not accept the runner: look at {}", credentials(names, &expected.executor)),
        404 => format!("nothing is served there: look at the path in `{url}`"),
        405 => format!("it is not asked this way: look at `method` of the executor `{}` and at the path in `{url}`", expected.executor),
        413 => "the request is longer than it takes: look at the limit of the service, or of what stands before it".to_owned(),
        415 => format!("it takes no JSON: look whether `{url}` holds the address of the handler"),
        _ => {
            return unknown(
                code.unwrap_or(ErrorCode::HANDLER_INVALID_RECEIPT),
                format_args!("the handler answered {number}, and no receipt: {why}"),
            )
            .transient();
        }
    };
    unknown(code.unwrap_or(ErrorCode::HANDLER_INVALID_RECEIPT), format_args!("the handler answered {number}, and no receipt; {advice}"))
}

/// An attempt of which nothing was sent.
pub(super) fn not_sent(trouble: &Trouble, timeout: Duration, url: &str) -> Report {
    unreachable(match trouble {
        Trouble::Lookup => format!("the host in `{url}` has no address that may be used; nothing was sent"),
        Trouble::Connect(error) => format!("the host in `{url}` cannot be connected to: {}; nothing was sent", chain(error)),
        Trouble::Tls(error) => format!("the host in `{url}` and the runner do not agree on TLS: {}; nothing was sent", chain(error)),
        Trouble::Time => format!("the host in `{url}` was not connected to within {timeout:?}; nothing was sent"),
        Trouble::Broken | Trouble::TooLong => format!("the host in `{url}` closed the connection at once; nothing was sent"),
    })
}

/// An attempt of which something was sent, and that came to no answer.
pub(super) fn lost(trouble: &Trouble, timeout: Duration, url: &str) -> Report {
    match trouble {
        Trouble::Time => unknown(ErrorCode::HANDLER_TIMEOUT, format_args!("the handler did not answer within {timeout:?}")),
        Trouble::TooLong => unknown(ErrorCode::HANDLER_INVALID_RECEIPT, "the answer is longer than 1 MiB"),
        Trouble::Broken | Trouble::Lookup | Trouble::Connect(_) | Trouble::Tls(_) => unknown(
            ErrorCode::HANDLER_CONNECTION_LOST,
            format_args!("the connection to the host in `{url}` broke before the answer was there"),
        ),
    }
}

/// Statuses that say: later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502..=504)
}

fn is_refusal_of_the_sender(code: &ErrorCode) -> bool {
    let refusals = [ErrorCode::UNAUTHORIZED, ErrorCode::INVALID_SIGNATURE, ErrorCode::INVALID_ISSUED_AT];
    refusals.contains(code)
}

fn credentials(names: &Names, executor: &str) -> String {
    let token = names.token.as_ref().map_or_else(
        || format!("`auth` of the executor `{executor}`, which names no token"),
        |variable| format!("the token in `{variable}`"),
    );
    let secret = names
        .signing_secret
        .as_ref()
        .map_or_else(|| "`signing_secret_env`, which names no secret".to_owned(), |variable| format!("the signing secret in `{variable}`"));
    format!("{token}, at {secret}, and at the clocks of both")
}

/// What the header asks for, in seconds, at most an hour. A date that has passed is no pause.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => MAX_RETRY_AFTER,
        Err(_) => Timestamp::parse_http(text)?.since(Timestamp::now()),
    };
    u32::try_from(pause.min(MAX_RETRY_AFTER).as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};
    use synapsor_protocol::Timestamp;

    use super::retry_after;

    fn check(text: &str) -> Option<u32> {
        retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap())]))
    }

    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_date_and_is_bounded() {
        assert_eq!(
            [check("0"), check(" 120 "), check("3601"), check("99999999999999999999999")],
            [Some(0), Some(120), Some(3600), Some(3600)]
        );
        assert_eq!(check("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(check("Thu, 31 Dec 9998 23:59:59 GMT"), Some(3600));
        for nonsense in ["", "soon", "-1", "1.5", "0x10", "Sunday"] {
            assert_eq!(check(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
        assert!(Timestamp::now().since(Timestamp::parse_http("Sun, 06 Nov 1994 08:49:37 GMT").unwrap()) > Duration::from_secs(1));
    }
}
