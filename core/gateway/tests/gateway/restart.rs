//! What is durable is there after a restart.

use crate::world::{World, answer, start_in};
use serde_json::json;

/// Each life has a runtime of its own, as each process has: what it leaves running dies with it.
fn live<T>(folder: &std::path::Path, life: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lived = runtime.block_on(async {
        let gateway = start_in(folder).await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("http://{}", gateway.address());
        life(World { folder: tempfile::tempdir().unwrap(), gateway, http, base }).await
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    lived
}

#[test]
fn payments_and_idempotency_keys_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let first = live(folder.path(), async |world| {
        let paid = world.pay("k", json!({})).await;
        assert_eq!(paid.body["state"], "completed", "{paid:?}");
        // No drain: as after a kill.
        paid.body
    });
    live(folder.path(), async |world| {
        let again = world.pay("k", json!({})).await;
        assert_eq!((again.status, &again.body), (201, &first));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let open = answer(world.payment("k2", json!({"confirmed": false}))).await;
        assert_eq!(open.body["state"], "awaiting_confirmation");
        world.gateway.drain().await;
    });
    live(folder.path(), async |world| {
        let list = world.get("/v1/payments").await;
        assert_eq!(list.body["payments"].as_array().unwrap().len(), 2);
        assert_eq!(world.get("/v1/ledger").await.body["balanced"], true);
        world.gateway.drain().await;
    });
}
