//! `sportello pay`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sportello_model::{Currency, Handle, Money};

use super::{say, say_json};
use crate::api::prefer::WAIT_MAX;
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::config::Scope;

/// Make a payment.
#[derive(Debug, Args)]
pub struct Pay {
    /// Whose money it is, as `twitter:@paolo` or `tel:+393331234567`.
    #[arg(long)]
    from: Handle,
    /// Who is to have it, in the same notation, or as `iban:…`.
    #[arg(long)]
    to: Handle,
    /// How much, as 20 or 20.50.
    amount: String,
    /// The currency (ISO 4217).
    #[arg(default_value = "EUR")]
    currency: Currency,
    /// What for.
    #[arg(long)]
    memo: Option<String>,
    /// The payer has agreed: ask for no code. Needs a key with the scope payments:confirmed.
    #[arg(long)]
    confirmed: bool,
    /// Wait until the payment has ended, up to this many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30")]
    wait: Option<u64>,
}

impl Pay {
    /// Makes the payment, and tells what became of it.
    ///
    /// # Errors
    /// When there is no payment, or it is known not to have been made.
    pub async fn run(self, setting: &Setting) -> Result<(), Failed> {
        let amount = Money::from_decimal(&self.amount, self.currency).map_err(|_| {
            let digits = self.currency.exponent();
            Failed::Asking(format!(
                "{:?} is no amount of {}: write digits, with a dot before the decimals (at most {digits})",
                self.amount, self.currency
            ))
        })?;
        let client = Client::open(&setting.config)?;
        let body = json!({
            "payer": self.from, "payee": self.to, "amount": amount, "memo": self.memo, "confirmed": self.confirmed,
        });
        let scopes: &[Scope] =
            if self.confirmed { &[Scope::PaymentsWrite, Scope::PaymentsConfirmed] } else { &[Scope::PaymentsWrite] };
        let wait = self.wait.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
        let payment = client.post("/v1/payments", &body, wait, scopes).await?;
        if setting.json {
            say_json(&payment);
        } else {
            say(sentence(&payment));
        }
        let state = payment.get("state").and_then(Value::as_str);
        match state {
            // Told above, in full: nothing more to say than the exit code.
            Some("declined" | "cancelled" | "expired" | "returned") => Err(Failed::Trying(String::new())),
            _ => Ok(()),
        }
    }
}

fn sentence(payment: &Value) -> String {
    let text = |pointer: &str| payment.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let (id, state) = (text("/id"), text("/state"));
    let reason = match payment.get("reason").and_then(Value::as_str) {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    format!(
        "{} → {}: {} is {}{reason}\nsportello show {id}",
        text("/payer/name"),
        text("/payee/name"),
        super::money(payment.get("amount")),
        state.replace('_', " "),
    )
}
