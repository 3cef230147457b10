//! The layers, each request alone.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use synapsor_http::stack::{Layers, stack};
use synapsor_http::{
    Access, BodyLimit, BoundedBody, Cors, HostList, HostRule, Origin, OriginList, RequestTime, ResponseBody, Routes, json_answer, read_body,
};
use synapsor_protocol::Secret;
use tower::ServiceExt;

type Body = Full<Bytes>;

/// Answers with the length of the body; waits first if it is asked to.
async fn endpoint(request: Request<BoundedBody<Body>>) -> Result<Response<ResponseBody>, Infallible> {
    if request.headers().contains_key("wait") {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    Ok(match read_body(request.into_body(), Duration::from_secs(1)).await {
        Ok(body) => json_answer(StatusCode::OK, &serde_json::json!({"bytes": body.len()})),
        Err(error) => json_answer(StatusCode::PAYLOAD_TOO_LARGE, &serde_json::json!({"error": error.to_string()})),
    })
}

fn layers() -> Layers {
    let page = Origin::parse("https://app.example.com").unwrap();
    Layers {
        hosts: HostList::new(vec![HostRule::parse("localhost:8766").unwrap()], 8766),
        origins: OriginList::new(vec![page.clone(), Origin::parse("http://localhost:8766").unwrap()]),
        cors: Cors::new(vec![page], "POST", "authorization", "x-session"),
        routes: Routes::new("/mcp", Arc::new(|| serde_json::json!({"ok": true}))),
        access: Access::Bearer(Secret::new("canary-9e".into())),
        time: RequestTime::new(Duration::from_secs(5)),
        body: BodyLimit::new(10),
    }
}

const GOOD: [(&str, &str); 2] = [("host", "localhost:8766"), ("authorization", "Bearer canary-9e")];

async fn answer(line: &str, headers: &[(&str, &str)], body: &'static str) -> Response<ResponseBody> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let service = stack(layers(), tower::service_fn(endpoint));
    service.oneshot(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()
}

async fn check(line: &str, headers: &[(&str, &str)], body: &'static str) -> String {
    let response = answer(line, headers, body).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let code = serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|body| Some(body.get("error")?.as_str()?.to_owned()));
    format!("{status} {}", code.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()))
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [GOOD.as_slice(), more].concat()
}

#[tokio::test]
async fn a_good_request_reaches_the_endpoint() {
    insta::assert_snapshot!(check("POST /mcp", &GOOD, "hello").await, @r#"200 {"bytes":5}"#);
    insta::assert_snapshot!(check("POST /mcp", &with(&[("origin", "https://app.example.com")]), "hello").await, @r#"200 {"bytes":5}"#);
}

#[tokio::test]
async fn a_rebound_name_is_refused_before_anything_else() {
    for path in ["POST /mcp", "GET /healthz", "GET /other"] {
        let rebound = [("host", "evil.example:8766"), ("authorization", "Bearer canary-9e")];
        assert_eq!(check(path, &rebound, "").await, "403 forbidden_host", "{path}");
        for origin in ["https://evil.example", "null"] {
            assert_eq!(check(path, &with(&[("origin", origin)]), "").await, "403 forbidden_origin", "{path} from {origin}");
        }
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    insta::assert_snapshot!(check("POST /mcp", &[("authorization", "Bearer canary-9e")], "").await, @"400 bad_host");
    insta::assert_snapshot!(check("POST /mcp", &with(&[("host", "localhost:8766")]), "").await, @"400 bad_host");
    insta::assert_snapshot!(check("POST http://evil.example/mcp", &GOOD, "").await, @"403 forbidden_host");
    insta::assert_snapshot!(check("POST http://localhost:8766/mcp", &GOOD, "").await, @r#"200 {"bytes":0}"#);
}

#[tokio::test]
async fn health_needs_no_token_and_the_endpoint_does() {
    insta::assert_snapshot!(check("GET /healthz", &GOOD[..1], "").await, @r#"200 {"ok":true}"#);
    insta::assert_snapshot!(check("POST /healthz", &GOOD[..1], "").await, @"405 method_not_allowed");
    insta::assert_snapshot!(check("GET /other", &GOOD[..1], "").await, @"404 not_found");
    insta::assert_snapshot!(check("POST /mcp", &GOOD[..1], "").await, @"401 unauthorized");
    insta::assert_snapshot!(check("DELETE /mcp", &GOOD[..1], "").await, @"401 unauthorized");
}

#[tokio::test]
async fn a_body_is_bounded() {
    insta::assert_snapshot!(check("POST /mcp", &GOOD, "0123456789").await, @r#"200 {"bytes":10}"#);
    insta::assert_snapshot!(check("POST /mcp", &GOOD, "0123456789a").await, @"413 the body is too large");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_takes_too_long_is_given_up() {
    insta::assert_snapshot!(check("POST /mcp", &with(&[("wait", "1")]), "").await, @"504 timeout");
}

#[tokio::test]
async fn a_listed_page_is_told_that_it_may_call_and_may_read_a_refusal() {
    let page = ("origin", "https://app.example.com");
    let preflight = answer("OPTIONS /mcp", &[GOOD[0], page], "").await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    insta::assert_snapshot!(allowed(&preflight), @"
    access-control-allow-methods: POST
    access-control-allow-headers: authorization
    access-control-max-age: 600
    access-control-allow-origin: https://app.example.com
    access-control-expose-headers: x-session
    vary: Origin
    ");
    let refused = answer("POST /mcp", &[GOOD[0], page], "").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    insta::assert_snapshot!(allowed(&refused), @"
    access-control-allow-origin: https://app.example.com
    access-control-expose-headers: x-session
    vary: Origin
    ");
}

#[tokio::test]
async fn a_page_of_the_server_itself_needs_no_permission_and_gets_none() {
    let own = ("origin", "http://localhost:8766");
    assert_eq!(check("POST /mcp", &with(&[own]), "").await, r#"200 {"bytes":0}"#);
    assert_eq!(check("OPTIONS /mcp", &[GOOD[0], own], "").await, "401 unauthorized");
    assert_eq!(allowed(&answer("POST /mcp", &with(&[own]), "").await), "");
}

fn allowed(response: &Response<ResponseBody>) -> String {
    let about_pages = |name: &http::HeaderName| name.as_str().starts_with("access-control") || name == "vary";
    let headers = response.headers().iter().filter(|(name, _)| about_pages(name));
    headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect()
}
