//! What is known where no whole answer came?

use std::sync::Arc;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use synapsor_executor::{AfterUnknown, Executor, Fence, HttpHandler};
use synapsor_protocol::Outcome;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::sample::{handler, job, settings, told};
use crate::scripted::{APPLIED, Act, Server, answer};

/// A handler at this address that is waited for no longer than this.
fn impatient(url: &str, timeout: Duration) -> HttpHandler {
    let mut settings = settings(url);
    settings.terms.timeout = timeout;
    HttpHandler::open(settings).unwrap()
}

#[tokio::test]
async fn an_answer_that_is_cut_at_any_byte_is_unknown() {
    let whole = answer(200, &[], APPLIED);
    for length in 0..whole.len() {
        let server = Server::start(vec![Act::Say(whole[..length].to_vec())]).await;
        let report = handler(&server.url()).run(&job(1)).await;
        assert_eq!((report.outcome, report.transient), (Outcome::Unknown, true), "cut at {length}: {}", told(&report));
        assert_eq!(server.sent().len(), 1, "it is not sent a second time");
    }
    let server = Server::start(vec![Act::Say(whole)]).await;
    assert_eq!(told(&handler(&server.url()).run(&job(1)).await), "applied");
}

#[tokio::test]
async fn an_answer_that_stops_at_any_byte_is_unknown_when_the_time_is_over() {
    let whole = answer(200, &[], APPLIED);
    for length in [0, 1, 9, 40, whole.len() / 2, whole.len() - 1] {
        let server = Server::start(vec![Act::SayAndHold(whole[..length].to_vec())]).await;
        let told = told(&impatient(&server.url(), Duration::from_millis(150)).run(&job(1)).await);
        assert_eq!(told, "unknown HANDLER_TIMEOUT, again: the handler did not answer within 150ms", "stopped at {length}");
    }
}

#[tokio::test]
async fn a_whole_answer_counts_although_the_connection_stays_open() {
    let server = Server::start(vec![Act::SayAndHold(answer(200, &[], APPLIED))]).await;
    assert_eq!(told(&handler(&server.url()).run(&job(1)).await), "applied");
}

#[tokio::test]
async fn a_timeout_is_unknown_and_not_failed_because_the_application_may_have_committed() {
    for act in [Act::Freeze, Act::Ignore] {
        let server = Server::start(vec![act]).await;
        let started = Instant::now();
        let told = told(&impatient(&server.url(), Duration::from_millis(200)).run(&job(1)).await);
        assert_eq!(told, "unknown HANDLER_TIMEOUT, again: the handler did not answer within 200ms");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_a_mebibyte_announced_or_not() {
    let long = "x".repeat((1 << 20) + 1);
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}{long}");
    let head = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "y".repeat(300_000));
    for (bytes, expected) in [
        (answer(200, &[], &long), "unknown HANDLER_INVALID_RECEIPT, again: the answer is longer than 1 MiB"),
        (chunked.into_bytes(), "unknown HANDLER_INVALID_RECEIPT, again: the answer is longer than 1 MiB"),
        (endless.into_bytes(), "unknown HANDLER_INVALID_RECEIPT, again: the answer is longer than 1 MiB"),
        (
            head.into_bytes(),
            "unknown HANDLER_CONNECTION_LOST, again: the connection to the host in `DESK_URL` broke before the answer was there",
        ),
        (
            b"SSH-2.0-canary\r\n".to_vec(),
            "unknown HANDLER_CONNECTION_LOST, again: the connection to the host in `DESK_URL` broke before the answer was there",
        ),
    ] {
        let server = Server::start(vec![Act::Say(bytes)]).await;
        assert_eq!(told(&handler(&server.url()).run(&job(1)).await), expected);
    }
}

#[tokio::test]
async fn what_was_refused_before_a_byte_was_sent_did_nothing_and_may_be_tried_again() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_snapshot!(told(&handler(&format!("http://{gone}/canary")).run(&job(1)).await), @"failed HANDLER_UNREACHABLE, again: the host in `DESK_URL` cannot be connected to: Connection refused (os error 111); nothing was sent");
    assert_snapshot!(told(&handler("https://canary.invalid/canary").run(&job(1)).await), @"failed HANDLER_UNREACHABLE, again: the host in `DESK_URL` has no address that may be used; nothing was sent");
}

#[tokio::test]
async fn a_connection_that_closes_at_once_is_failed_only_if_nothing_was_sent() {
    let server = Server::start(vec![Act::Close]).await;
    for _ in 0..50 {
        let report = handler(&server.url()).run(&job(1)).await;
        let sure = report.outcome == Outcome::Failed;
        assert!(sure || report.outcome == Outcome::Unknown, "{}", told(&report));
        assert!(report.transient);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_byte_of_the_request() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![key.cert.der().clone()];
    let secret = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, secret).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let _gone = stream.read_to_end(&mut read).await;
        }
        read
    });
    assert_snapshot!(told(&handler(&format!("https://localhost:{port}/canary")).run(&job(1)).await), @"failed HANDLER_UNREACHABLE, again: the host in `DESK_URL` and the runner do not agree on TLS: invalid peer certificate: UnknownIssuer; nothing was sent");
    assert!(served.await.unwrap().is_empty(), "no byte of the request came");
}

#[tokio::test]
async fn a_server_without_tls_gets_no_byte_of_the_request_either() {
    let server = Server::start(vec![Act::Shout(answer(200, &[], APPLIED))]).await;
    let told_of = told(&handler(&format!("https://{}/canary", server.address)).run(&job(1)).await);
    assert_snapshot!(told_of, @"failed HANDLER_UNREACHABLE, again: the host in `DESK_URL` and the runner do not agree on TLS: received corrupt message of type InvalidContentType; nothing was sent");
    let mute = Server::start(vec![Act::Ignore]).await;
    let told_of = told(&impatient(&format!("https://{}/canary", mute.address), Duration::from_millis(150)).run(&job(1)).await);
    assert_snapshot!(told_of, @"failed HANDLER_UNREACHABLE, again: the host in `DESK_URL` was not connected to within 150ms; nothing was sent");
}

#[tokio::test]
async fn nothing_fences_a_handler_from_outside() {
    let server = Server::start(vec![Act::Freeze]).await;
    let Fence::Unresolved(report) = handler(&server.url()).fence(&job(1)).await else { panic!("nothing is certain") };
    assert_snapshot!(told(&report), @"unknown HANDLER_NOT_FENCED: nothing that can be sent stops the handler of `desk`, and what was sent may still be acted on; `dead-letters resolve` ends this with the word of a person who looked");
    assert!(server.sent().is_empty());
}

#[tokio::test]
async fn who_finds_out_after_an_unknown_outcome_is_as_the_configuration_says() {
    assert_eq!(handler("http://127.0.0.1:1/").after_unknown(), AfterUnknown::Person);
    let mut settings = settings("http://127.0.0.1:1/");
    settings.terms.keeps_operation_id = true;
    assert_eq!(HttpHandler::open(settings).unwrap().after_unknown(), AfterUnknown::FindOut);
}

#[tokio::test]
async fn a_name_of_this_machine_leads_nowhere_else() {
    let server = Server::start(vec![Act::Say(answer(200, &[], APPLIED))]).await;
    let url = format!("http://localhost:{}/canary", server.address.port());
    assert_eq!(told(&handler(&url).run(&job(1)).await), "applied");
    assert_eq!(server.sent()[0].header("host").unwrap(), format!("localhost:{}", server.address.port()));
}

#[test]
fn no_secret_is_in_what_is_printed_of_a_handler() {
    let printed = format!("{:?} {:?}", settings("https://desk.example/canary"), handler("https://desk.example/canary"));
    assert!(!printed.contains("canary"), "{printed}");
}
