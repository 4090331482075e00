//! The conformance kit, with a bank that answers properly and with none.

use std::sync::{Mutex, PoisonError};

use sportello_bank_transfer::{BankTransfer, MANIFEST};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{HttpResponse, dispatch, kit};

fn options() -> kit::Options {
    kit::Options::new(serde_json::json!({"base_url": "https://bank.example", "psu_ip_address": "192.0.2.1"}))
}

#[test]
fn no_bank_in_reach() {
    kit::check(MANIFEST, &dispatch::rail::<BankTransfer>, &options()).assert();
}

/// A bank that takes an order and settles it by the time it is asked.
fn bank(host: ScriptedHost) -> ScriptedHost {
    let posted = Mutex::new(0);
    host.on_http("POST", "https://bank.example/v1/payments/pain.001-instant-sepa-credit-transfers", move |_| {
        let mut posted = posted.lock().unwrap_or_else(PoisonError::into_inner);
        *posted += 1;
        let body = format!(r#"{{"transactionStatus": "RCVD", "paymentId": "P{posted}", "_links": {{}}}}"#);
        Ok(HttpResponse::new(201, "application/json", body))
    })
    .on_http("GET", "https://bank.example/v1/payments/*/status", |_| {
        Ok(HttpResponse::new(200, "application/json", r#"{"transactionStatus": "ACSC"}"#))
    })
    .on_http("GET", "https://bank.example/v1/accounts", |_| {
        let accounts = r#"{"accounts": [{"resourceId": "A1", "iban": "IT60X0542811101000000123456"}]}"#;
        Ok(HttpResponse::new(200, "application/json", accounts))
    })
    .on_http("GET", "https://bank.example/v1/accounts/A1/transactions?*", |_| {
        Ok(HttpResponse::new(200, "application/json", r#"{"transactions": {"booked": []}}"#))
    })
}

#[test]
fn a_bank_that_answers_properly() {
    let mut options = options();
    options.provider = Some(bank);
    kit::check(MANIFEST, &dispatch::rail::<BankTransfer>, &options).assert();
}
