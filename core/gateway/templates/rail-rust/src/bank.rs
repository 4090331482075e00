//! The bank: what it wants to hear, and what it answers. This is the file to change.

use sportello_sdk::{Failure, Finality, HttpRequest, HttpResponse, Order, Outcome, serde, serde_json};

/// The request that carries out an order: once for each key, however often it comes.
pub(crate) fn order(base_url: &str, order: &Order) -> Result<HttpRequest, Failure> {
    let body = serde_json::json!({
        "from": order.debtor.account,
        "to": order.creditor.account,
        // In minor units: cents of a euro. Money is never a float.
        "amount_minor": order.amount.minor(),
        "currency": order.amount.currency().code(),
        "memo": order.memo,
    });
    let body = serde_json::to_vec(&body).map_err(|error| Failure::input("order", error.to_string()))?;
    Ok(HttpRequest::new("POST", format!("{base_url}/transfers"))
        .header("idempotency-key", &order.key)
        .body("application/json", body))
}

/// The question what became of it.
pub(crate) fn question(base_url: &str, order: &Order) -> HttpRequest {
    HttpRequest::new("GET", format!("{base_url}/transfers/{}", order.key))
}

/// What the bank answers to both.
#[derive(serde::Deserialize)]
#[serde(crate = "sportello_sdk::serde")]
struct Answer {
    state: String,
    id: String,
    #[serde(default)]
    amount_minor: Option<u64>,
    #[serde(default)]
    code: Option<String>,
}

/// What an answer means for the money. Whatever is not certain is unknown: then the gateway asks again, or sends the same
/// order under the same key, and nobody is paid twice.
pub(crate) fn outcome(order: &Order, response: &HttpResponse) -> Outcome {
    let status = response.status();
    let answer = match serde_json::from_slice::<Answer>(&response.body) {
        Ok(answer) if matches!(status, 200 | 201) => answer,
        _ => return Outcome::unknown(format!("the bank answered with {status}, and nothing that is agreed")),
    };
    match (answer.state.as_str(), answer.code.as_deref()) {
        ("booked", _) if answer.amount_minor == Some(order.amount.minor()) => Outcome::Settled {
            amount: order.amount,
            reference: Some(answer.id),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        },
        ("pending", _) => Outcome::Pending {
            reference: Some(answer.id),
            detail: "the bank has it".to_owned(),
            ask_after_ms: Some(2_000),
        },
        ("refused", Some(code)) => match reason(code) {
            Some((reason, elsewhere)) => {
                Outcome::Declined { code: code.to_owned(), reason: reason.to_owned(), elsewhere }
            }
            None => Outcome::unknown(format!("the bank refused with {code}, which is in no table")),
        },
        (state, _) => Outcome::unknown(format!("the bank said {state:?}")),
    }
}

/// What a code of the bank's means (here those of ISO 20022), and whether another rail may answer differently.
fn reason(code: &str) -> Option<(&'static str, bool)> {
    Some(match code {
        "AC01" => ("there is no such account", false),
        "AC04" => ("the account is closed", false),
        "AC06" => ("the account is blocked", false),
        "AM02" => ("the amount is not allowed", true),
        "AM04" => ("there is not enough money on the account", true),
        "AG01" => ("this account does not take part", true),
        _ => return None,
    })
}
