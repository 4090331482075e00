//! Payments over HTTP, from POST to Completed: how many, how late, and how much of the bare path that is.

use super::load::{Brought, Load, load};
use super::start::{Server, instant};
use super::{Figure, Folder};

/// How much load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) connections: usize,
    pub(super) seconds: u64,
}

const BODY: &str = r#"{"payer":"hello:1","payee":"hello:2","amount":{"minor":2000,"currency":"EUR"},"memo":"the pizza","confirmed":true}"#;

fn request() -> String {
    format!(
        "POST /v1/payments HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nprefer: wait=20\r\n\
         authorization: Bearer bench-secret-that-guards-nothing-at-all\r\nidempotency-key: \"{{n}}\"\r\n\
         content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// Gateway and bare path, one after the other, each on a new store.
pub(super) async fn measure(here: &Folder, plan: Plan, with_latency: bool) -> Result<Vec<Figure>, String> {
    let full =
        Load { connections: plan.connections, seconds: plan.seconds, rate: None, expect: "\"state\":\"completed\"" };
    let gateway = run(here, "full", full, false).await?;
    let bare = run(here, "bare", full, true).await?;
    let share = 100.0 * gateway.per_second / bare.per_second;
    let mut figures = vec![
        Figure::at_least("payments-per-second", gateway.per_second, "/s", 30_000.0, Some(bare.per_second)),
        Figure::at_least("share-of-bare", share, "%", 60.0, Some(100.0)),
    ];
    if with_latency {
        let half = Load { rate: Some(gateway.per_second / 2.0), ..full };
        let gateway = run(here, "half", half, false).await?;
        let bare = run(here, "half-bare", half, true).await?;
        for (name, percentile, target) in [("latency-added-p50", 0.5, 1.0), ("latency-added-p99", 0.99, 10.0)] {
            let (with, without) = (gateway.percentile_ms(percentile), bare.percentile_ms(percentile));
            figures.push(Figure::at_most(name, with - without, "ms", target, Some(without)));
        }
    }
    Ok(figures)
}

async fn run(here: &Folder, name: &str, plan: Load, is_bare: bool) -> Result<Brought, String> {
    let server = if is_bare {
        let store = here.path.join(format!("{name}.db")).display().to_string();
        Server::start(&here.program, &["bench", "--serve-bare", &store]).await?
    } else {
        let config = instant(here, name)?;
        Server::start(&here.program, &["--config", &config, "--json", "run"]).await?
    };
    load(&server.address, &request(), plan).await
}
