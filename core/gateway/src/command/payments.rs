//! `sportello payments`.

use clap::Args;
use serde_json::Value;

use super::{money, say, say_json, table};
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::instant::written;

/// List payments, the latest first.
#[derive(Debug, Args)]
pub struct Payments {
    /// Only those that stand here, as `completed` or `awaiting_confirmation`.
    #[arg(long)]
    state: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Go on where an earlier list ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl Payments {
    /// Lists them.
    ///
    /// # Errors
    /// When the gateway cannot be asked.
    pub async fn run(self, setting: &Setting) -> Result<(), Failed> {
        let mut query = vec![("limit", self.limit.to_string())];
        let state_again = self.state.as_ref().map_or_else(String::new, |state| format!(" --state {state}"));
        query.extend(self.state.map(|state| ("state", state)));
        query.extend(self.cursor.map(|cursor| ("cursor", cursor)));
        let page = Client::open(&setting.config)?.get("/v1/payments", &query).await?;
        if setting.json {
            say_json(&page);
            return Ok(());
        }
        let payments = page.get("payments").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if payments.is_empty() {
            say("There are no payments here.");
            return Ok(());
        }
        let mut rows = table(["id", "made", "from", "to", "amount", "state"]);
        for payment in payments {
            let text = |pointer: &str| payment.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
            rows.add_row([
                text("/id"),
                payment.get("made_at_ms").and_then(Value::as_u64).map_or_else(String::new, written),
                text("/payer/name"),
                text("/payee/name"),
                money(payment.get("amount")),
                text("/state").replace('_', " "),
            ]);
        }
        say(rows);
        if let Some(cursor) = page.get("next_cursor").and_then(Value::as_str) {
            say(format_args!("There are more: sportello payments{state_again} --cursor {cursor}"));
        }
        Ok(())
    }
}
