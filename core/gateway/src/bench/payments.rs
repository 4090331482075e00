//! Payments over HTTP, from POST to Completed: how many, how late, and how much of the bare path that is.

use super::load::{Brought, Load, load};
use super::start::{Isolation, Server, instant};
use super::{Figure, Folder};

/// How much load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) connections: usize,
    pub(super) seconds: u64,
}

const BODY: &str = r#"{"payer":"hello:1","payee":"hello:2","amount":{"minor":2000,"currency":"EUR"},"memo":"the pizza","confirmed":true}"#;

pub(super) fn request() -> String {
    format!(
        "POST /v1/payments HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nprefer: wait=20\r\n\
         authorization: Bearer bench-secret-that-guards-nothing-at-all\r\nidempotency-key: \"{{n}}\"\r\n\
         content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// How often each is measured, in turns: whatever else the machine does comes and goes.
const ROUNDS: usize = 3;

/// Gateway and bare path in turns, each time on a new store. Of payments a second the best of the rounds counts, since
/// whatever else the machine does only takes away; of shares and of what is added to a latency, the median.
pub(super) async fn measure(here: &Folder, plan: Plan, with_latency: bool) -> Result<Vec<Figure>, String> {
    let load =
        Load { connections: plan.connections, seconds: plan.seconds, rate: None, expect: "\"state\":\"completed\"" };
    let full = rounds(here, "full", load).await?;
    let best = |of: usize| full.iter().filter_map(|round| round.get(of)).map(|b| b.per_second).fold(0.0, f64::max);
    let (gateway, bare) = (best(0), best(1));
    let share = median(full.iter().map(|[gateway, bare]| 100.0 * gateway.per_second / bare.per_second));
    let mut figures = vec![
        Figure::at_least("payments-per-second", gateway, "/s", 30_000.0, Some(bare)),
        Figure::at_least("share-of-bare", share, "%", 60.0, Some(100.0)),
    ];
    if with_latency {
        let half = rounds(here, "half", Load { rate: Some(gateway / 2.0), ..load }).await?;
        for (name, percentile, target) in [("latency-added-p50", 0.5, 1.0), ("latency-added-p99", 0.99, 10.0)] {
            let at = |brought: &Brought| brought.percentile_ms(percentile);
            let added = median(half.iter().map(|[gateway, bare]| at(gateway) - at(bare)));
            let without = median(half.iter().map(|[_, bare]| at(bare)));
            figures.push(Figure::at_most(name, added, "ms", target, Some(without)));
        }
    }
    Ok(figures)
}

/// Payments with both plugins in processes of their own, as a share of those with both in-process: the median of the rounds.
pub(super) async fn isolated(here: &Folder, plan: Plan) -> Result<Figure, String> {
    let load =
        Load { connections: plan.connections, seconds: plan.seconds, rate: None, expect: "\"state\":\"completed\"" };
    let (mut shares, mut best) = (Vec::with_capacity(ROUNDS), 0.0f64);
    for round in 0..ROUNDS {
        let isolated = gateway(here, &format!("isolated-{round}"), load, Isolation::Process).await?;
        let shared = gateway(here, &format!("in-process-{round}"), load, Isolation::InProcess).await?;
        shares.push(100.0 * isolated.per_second / shared.per_second);
        best = best.max(isolated.per_second);
    }
    eprintln!("isolated: {best:.0} payments/s at best");
    Ok(Figure::at_least("isolated-share", median(shares.into_iter()), "%", 70.0, Some(100.0)))
}

/// What the load brought from the gateway and from the bare path, round by round.
async fn rounds(here: &Folder, name: &str, plan: Load) -> Result<Vec<[Brought; 2]>, String> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let gateway = gateway(here, &format!("{name}-{round}"), plan, Isolation::InProcess).await?;
        rounds.push([gateway, bare(here, &format!("{name}-bare-{round}"), plan).await?]);
    }
    Ok(rounds)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::MAX)
}

async fn gateway(here: &Folder, name: &str, plan: Load, isolation: Isolation) -> Result<Brought, String> {
    let config = instant(here, name, isolation)?;
    let server = Server::start(&here.program, &["--config", &config, "--json", "run"]).await?;
    load(&server.address, &request(), plan).await
}

async fn bare(here: &Folder, name: &str, plan: Load) -> Result<Brought, String> {
    let store = here.path.join(format!("{name}.db")).display().to_string();
    let server = Server::start(&here.program, &["bench", "--serve-bare", &store]).await?;
    load(&server.address, &request(), plan).await
}
