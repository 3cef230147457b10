//! What does somebody meet who sends something else?

use serde_json::json;

use crate::shop::{SECRET, Serving, Shop};

const PATH: &str = "/synapsor/writeback";

#[test]
fn strangers_meet_bounds_before_anything_else() {
    let shop = Shop::sqlite();
    shop.write(&json_with(&shop, "body_limit", json!(4096)));
    let serving = shop.serve();
    let status = |ask: synapsor_testkit::asking::Ask, path: &str| ask.post(&serving.address, path).map_or(0, |heard| heard.status);
    let signed = || shop.ask().signed(&[SECRET]);
    assert_eq!(status(signed(), "/elsewhere"), 404);
    assert_eq!(status(signed().header("host", "shop.example.com"), PATH), 403);
    assert_eq!(status(signed().header("origin", "https://shop.example.com"), PATH), 403);
    assert_eq!(status((0..80).fold(signed(), |ask, at| ask.header(&format!("x-{at}"), "1")), PATH), 431);
    let mut large = shop.ask();
    large.raw = Some(vec![b' '; 5000]);
    assert_eq!(serving.said_as_it_is(&large.clone()), "500 failed HANDLER_EXCEPTION, 0 rows");
    large.raw = Some(vec![b' '; 3_000_000]);
    assert_eq!(status(large, PATH), 500);
    let mut get = signed();
    get.method = "GET";
    assert_eq!(serving.said_as_it_is(&get), "405 failed METHOD_NOT_ALLOWED, 0 rows");
    assert_eq!(serving.asked("/healthz"), r#"200 {"ok":true}"#);
    assert_eq!(shop.table("select count(*) from credits"), "0");
}

#[test]
fn an_address_beyond_loopback_needs_tls() {
    let shop = Shop::sqlite();
    let seen = shop.program().args(["--listen", "0.0.0.0:0"]).run();
    assert_eq!(seen.code, Some(1));
    insta::assert_snapshot!(seen.stderr, @"
    error: `0.0.0.0:0` is beyond loopback, where requests may not travel in the clear
    hint: give `tls` in the file, or `behind_tls_proxy` if a proxy ends TLS in front of it
    ");
    shop.write(&json_with(&shop, "behind_tls_proxy", json!(true)));
    let seen = shop.program().args(["--listen", "0.0.0.0:0"]).run();
    insta::assert_snapshot!(seen.stderr, @"
    error: `0.0.0.0:0` stands for every address of this machine, so the allowed hosts must be listed
    hint: list the names by which senders call it in `allowed_hosts`
    ");
}

#[test]
fn the_check_refuses_the_address_that_serving_refuses() {
    let shop = Shop::sqlite();
    let check = |listen: &str| shop.program().args(["--check", "--listen", listen]).run();
    let seen = check("0.0.0.0:8099");
    assert_eq!(seen.code, Some(1));
    insta::assert_snapshot!(seen.stdout, @"
    notice RECEIPT_TABLE_ABSENT $.database.receipts (1:111)
      there is no receipt table yet; the first change creates it
    error CLEARTEXT_FORBIDDEN $.listen (1:14)
      `0.0.0.0:8099` is beyond loopback, where requests may not travel in the clear
      hint: give `tls` in the file, or `behind_tls_proxy` if a proxy ends TLS in front of it
    1 error, 1 notice
    ");
    shop.write(&json_with(&shop, "behind_tls_proxy", json!(true)));
    insta::assert_snapshot!(check("0.0.0.0:8099").stdout, @"
    notice RECEIPT_TABLE_ABSENT $.database.receipts (1:111)
      there is no receipt table yet; the first change creates it
    error ALLOWED_HOSTS_REQUIRED $.listen (1:14)
      `0.0.0.0:8099` stands for every address of this machine, so the allowed hosts must be listed
      hint: list the names by which senders call it in `allowed_hosts`
    1 error, 1 notice
    ");
    // Of a network that is for documents alone.
    let seen = check("192.0.2.1:8099");
    assert!(seen.code == Some(1) && seen.stdout.contains("ADDRESS_UNUSABLE $.listen"), "{seen}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let seen = check(&taken.local_addr().unwrap().to_string());
    assert!(seen.code == Some(0) && !seen.stdout.contains("error"), "{seen}");
    let mut tls = shop.file();
    tls["tls"] = json!({"certificate": "nothing.pem", "key": "nothing.pem"});
    shop.write(&tls);
    let seen = check("127.0.0.1:0");
    assert!(seen.code == Some(1) && seen.stdout.contains("TLS_UNUSABLE $.tls"), "{seen}");
}

#[test]
fn the_endpoint_is_where_the_file_says() {
    let shop = Shop::sqlite();
    shop.write(&json_with(&shop, "path", json!("/hooks/v1")));
    let serving = Serving::of(shop.program().args(["--listen", "[::1]:0"]));
    assert!(serving.address.starts_with("[::1]:"));
    assert!(serving.said(&shop.ask()).starts_with("200 applied"));
    assert_eq!(serving.asked(PATH).split(' ').next(), Some("404"));
}

fn json_with(shop: &Shop, member: &str, value: serde_json::Value) -> serde_json::Value {
    let mut file = shop.file();
    file[member] = value;
    file
}
