//! Who may call?

use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use synapsor_protocol::Secret;

use crate::answer::Rejection;
use crate::guard::Check;

/// Who may call the endpoint.
#[derive(Debug, Clone)]
pub enum Access {
    /// Who sends `Authorization: Bearer <this secret>`.
    Bearer(Secret),
    /// Whoever can connect. Allowed on loopback only.
    Open,
    /// Whoever the endpoint itself lets in: it asks for credentials before it reads a body.
    Endpoint,
}

impl Check for Access {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let Self::Bearer(secret) = self else { return Ok(()) };
        let mut sent = request.headers().get_all(AUTHORIZATION).iter();
        let (sent, more) = (sent.next(), sent.next());
        match sent.and_then(bearer) {
            Some(token) if more.is_none() && secret.matches(token) => Ok(()),
            Some(_) => Err(unauthorized(r#"Bearer realm="synapsor", error="invalid_token""#)),
            None => Err(unauthorized(r#"Bearer realm="synapsor""#)),
        }
    }
}

/// The token of an `Authorization` header, if its scheme is `Bearer`.
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized(challenge: &'static str) -> Rejection {
    Rejection::new(StatusCode::UNAUTHORIZED, "unauthorized", "Send the token as `Authorization: Bearer <token>`.")
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use synapsor_protocol::Secret;

    use super::Access;
    use crate::guard::Check;

    fn check(header: Option<&str>) -> String {
        let mut request = Request::builder();
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        match Access::Bearer(Secret::new("canary-4c".into())).check(&request.body(()).unwrap()) {
            Ok(()) => "goes on".into(),
            Err(rejection) => {
                let response = rejection.into_response();
                format!("{} {}", response.status().as_u16(), response.headers()["www-authenticate"].to_str().unwrap())
            }
        }
    }

    #[test]
    fn only_the_token_opens() {
        insta::assert_snapshot!(check(Some("Bearer canary-4c")), @"goes on");
        insta::assert_snapshot!(check(Some("bearer canary-4c")), @"goes on");
        insta::assert_snapshot!(check(None), @r#"401 Bearer realm="synapsor""#);
        insta::assert_snapshot!(check(Some("Basic canary-4c")), @r#"401 Bearer realm="synapsor""#);
        insta::assert_snapshot!(check(Some("Bearer ")), @r#"401 Bearer realm="synapsor", error="invalid_token""#);
        insta::assert_snapshot!(check(Some("Bearer canary-4")), @r#"401 Bearer realm="synapsor", error="invalid_token""#);
        insta::assert_snapshot!(check(Some("Bearer canary-4c canary-4c")), @r#"401 Bearer realm="synapsor", error="invalid_token""#);
    }

    #[test]
    fn a_refusal_never_shows_the_token() {
        assert!(!format!("{:?}", Access::Bearer(Secret::new("canary-4c".into()))).contains("canary"));
    }
}
