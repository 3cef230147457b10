use super::{EnvName, Environment, StaticValue, TrustedContext};

fn environment_context() -> TrustedContext {
    let name = |name| EnvName::new(name).unwrap();
    TrustedContext::Environment { tenant_id_env: name("SHOP_TENANT"), principal_env: name("SHOP_USER") }
}

fn check(context: &TrustedContext, variables: &[(&str, &str)]) -> String {
    match context.resolve(&Environment::of(variables.iter().copied())) {
        Ok(trusted) => format!("{:?} {:?} {}", trusted.tenant_id, trusted.principal, trusted.provider),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn a_line_break_at_the_end_of_a_variable_is_not_part_of_the_tenant_and_a_blank_is() {
    insta::assert_snapshot!(check(&environment_context(), &[("SHOP_TENANT", "store-4\n"), ("SHOP_USER", "ana \r\n")]), @r#""store-4" "ana " environment"#);
}

#[test]
fn a_missing_or_empty_variable_is_named() {
    insta::assert_snapshot!(check(&environment_context(), &[("SHOP_USER", "ana")]), @"environment variable `SHOP_TENANT` is not set");
    insta::assert_snapshot!(check(&environment_context(), &[("SHOP_TENANT", "store-4"), ("SHOP_USER", " \n")]), @"environment variable `SHOP_USER` is not set");
}

#[test]
fn a_tenant_that_no_text_holds_is_refused() {
    let long = "x".repeat(1025);
    insta::assert_snapshot!(check(&environment_context(), &[("SHOP_TENANT", "a\u{0}b"), ("SHOP_USER", "ana")]), @"the trusted context's `tenant_id` is longer than 1024 bytes or holds control characters");
    insta::assert_snapshot!(check(&environment_context(), &[("SHOP_TENANT", "acme"), ("SHOP_USER", &long)]), @"the trusted context's `principal` is longer than 1024 bytes or holds control characters");
}

#[test]
fn a_value_in_the_file_is_taken_exactly_and_a_variable_replaces_it() {
    let literal = |text: &str| StaticValue { env: None, literal: Some(text.into()) };
    let replaced = StaticValue { env: EnvName::new("DEV_USER"), literal: Some("dev".into()) };
    let context = TrustedContext::StaticDev { tenant_id: literal("store-4 "), principal: replaced };
    insta::assert_snapshot!(check(&context, &[]), @r#""store-4 " "dev" static_dev"#);
    insta::assert_snapshot!(check(&context, &[("DEV_USER", "ana\n")]), @r#""store-4 " "ana" static_dev"#);
    let missing =
        TrustedContext::StaticDev { tenant_id: StaticValue { env: EnvName::new("DEV_TENANT"), literal: None }, principal: literal("dev") };
    insta::assert_snapshot!(check(&missing, &[]), @"environment variable `DEV_TENANT` is not set");
}

#[test]
fn claims_of_a_request_are_not_served_yet() {
    insta::assert_snapshot!(check(&TrustedContext::HttpClaims, &[]), @"the trusted context comes from `http_claims`, which this version does not serve yet");
    insta::assert_snapshot!(check(&TrustedContext::CloudSession, &[]), @"the trusted context comes from `cloud_session`, which this version does not serve yet");
}
