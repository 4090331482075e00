//! What a rail makes of a provider that says no.

use super::bench::Bench;
use super::deed::{claims_nothing, for_each_order, submit};
use super::{BenchCheck, Verdict, apart, tried};
use crate::{HttpResponse, Outcome};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("refusal-unmapped", "a refusal that nobody ever heard of leaves the order in doubt", unmapped),
    ("refusal-declined", "a refusal that is known is declined, under its code", declined),
];

/// What may change something.
const CHANGING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

fn unmapped(bench: &Bench<'_>) -> Verdict {
    let body = r#"{"status":"KIT-UNHEARD-OF","code":"KIT-UNHEARD-OF","error":{"code":"KIT-UNHEARD-OF"}}"#;
    for_each_order(bench, "no order changes anything at a provider", |order| {
        for status in [400, 401, 403, 404, 409, 410, 422, 429, 451] {
            let host = bench.host();
            let instance = bench.opened(&host)?;
            host.forget();
            let _refuses = CHANGING.into_iter().fold(host.clone(), |host, method| {
                host.on_http(method, "*", move |_| Ok(HttpResponse::new(status, "application/json", body)))
            });
            let outcome = submit(&instance, order);
            if instance.changing_requests().is_empty() {
                return Ok(false);
            }
            claims_nothing(outcome).map_err(|why| format!("{status}: {why}"))?;
        }
        Ok(true)
    })
}

/// The table that the author wrote down beside the plugin.
fn declined(bench: &Bench<'_>) -> Verdict {
    let Some(order) = bench.orders.first() else {
        return apart("no order");
    };
    for refusal in &bench.options.refusals {
        let instance = bench.opened(&bench.host_refusing(refusal))?;
        let wanted = &refusal.code;
        match submit(&instance, order).map_err(|failure| format!("{wanted}: {failure}"))? {
            Outcome::Declined { code, .. } if code == *wanted => {}
            other => return Err(format!("{wanted}: it came to {other:?}")),
        }
    }
    tried(bench.options.refusals.len(), "refusals")
}
