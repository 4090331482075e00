//! What plugins cost while nothing happens: to load one, and to have two hundred instances.

use std::path::Path;
use std::time::Instant;

use sportello_host::{Confinement, Declared, Spec, Trust, TrustedKey};

use super::start::{Isolation, Server, write};
use super::{Figure, Folder};
use crate::signing::{SecretKey, sign};
use crate::wire::Wire;

/// How often one is loaded; each time another file, since the same bytes are loaded once.
const LOADS: u32 = 9;

const INSTANCES: u32 = 200;

/// From a signed file to an instance that is open: read, verified, vetted, loaded, asked for its schema, opened.
pub(super) async fn loads(here: &Folder) -> Result<Vec<Figure>, String> {
    let library = std::fs::read(Folder::library(&here.plugins, "hello-rail")).map_err(|e| e.to_string())?;
    let key = SecretKey::generate().map_err(|e| e.to_string())?;
    let trusted =
        TrustedKey { name: "bench".to_owned(), key: key.public().clone(), kinds: Vec::new(), names: Vec::new() };
    let trust = Trust { keys: vec![trusted], required: true, ..Trust::default() };
    let mut figures = Vec::new();
    for (isolation, target_ms) in Isolation::ALL.into_iter().zip([10.0, 30.0]) {
        let mut took_ms = Vec::new();
        for n in 0..LOADS {
            let file = here.path.join(format!("lib-{}-{n}.so", isolation.name()));
            // What stands behind a library's end is no part of what runs.
            let bytes = [&library, isolation.name().as_bytes(), n.to_string().as_bytes()].concat();
            std::fs::write(&file, &bytes).map_err(|e| e.to_string())?;
            let signature = sign(&key, &bytes, "bench");
            std::fs::write(file.with_extension("so.minisig"), signature).map_err(|e| e.to_string())?;
            took_ms.push(load(&file, &trust, isolation).await?);
        }
        took_ms.sort_by(f64::total_cmp);
        let median = took_ms.get(took_ms.len() / 2).copied().unwrap_or(f64::MAX);
        figures.push(Figure::at_most(&format!("load-{}", isolation.suffix()), median, "ms", target_ms, None));
    }
    Ok(figures)
}

async fn load(file: &Path, trust: &Trust, isolation: Isolation) -> Result<f64, String> {
    let begun = Instant::now();
    let library = Declared::read(file).and_then(|library| library.judge(trust)).map_err(|e| e.to_string())?;
    let loaded = match isolation {
        Isolation::InProcess => library.load(),
        Isolation::Process => library.isolate(Confinement::default()),
    };
    let loaded = loaded.map_err(|e| e.to_string())?;
    let running = loaded.open(Spec::new("bench", Wire::unconnected())).await.map_err(|e| e.to_string())?;
    let took = begun.elapsed();
    drop(running);
    Ok(took.as_secs_f64() * 1e3)
}

/// A gateway with so many instances, beside one with none: how long it takes to be ready, and what memory each has of its
/// own, in the gateway and, where it has one, in its process.
pub(super) async fn instances(here: &Folder) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for (isolation, target_mb) in Isolation::ALL.into_iter().zip([0.5, 2.0]) {
        let without = begin(here, isolation, 0).await?;
        let nothing_mb = own_mb(without.pid())?;
        let after = without.ready_after;
        drop(without);
        let server = begin(here, isolation, INSTANCES).await?;
        let gateway = server.pid();
        let mut mb = own_mb(gateway)? - nothing_mb;
        for child in children(gateway)? {
            mb += own_mb(Some(child))?;
        }
        let name = |what: &str| format!("instances-200-{what}-{}", isolation.suffix());
        let limit = Some(after.as_secs_f64());
        figures.push(Figure::at_most(&name("start"), server.ready_after.as_secs_f64(), "s", 1.0, limit));
        figures.push(Figure::at_most(&name("memory"), mb / f64::from(INSTANCES), "MB", target_mb, None));
    }
    Ok(figures)
}

async fn begin(here: &Folder, isolation: Isolation, count: u32) -> Result<Server, String> {
    let name = format!("instances-{}-{count}", isolation.name());
    let mut text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nstore = \"sqlite:{name}.db\"\nplugins = [\"{}\"]\nkey = {{ file = \
         \"{name}.key\" }}\nisolation = \"{}\"\nlog = {{ level = \"error\" }}\n",
        here.plugins.display(),
        isolation.name()
    );
    for n in 0..count {
        text += &format!("\n[rails.rail-{n}]\nplugin = \"hello-rail\"\n");
    }
    let config = write(here, &name, &text)?;
    Server::start(&here.program, &["--config", &config, "--json", "run"]).await
}

/// The memory that is this process's alone, in megabytes (10⁶ bytes).
fn own_mb(pid: Option<u32>) -> Result<f64, String> {
    let pid = pid.ok_or("it has ended")?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_err(|e| e.to_string())?;
    let kb = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or_default()
    };
    Ok((kb("Private_Clean:") + kb("Private_Dirty:")) * 1024.0 / 1e6)
}

/// The processes that this one has started.
fn children(pid: Option<u32>) -> Result<Vec<u32>, String> {
    let pid = pid.ok_or("it has ended")?;
    let mut children = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).map_err(|e| e.to_string())?.flatten() {
        // One that has ended meanwhile has none.
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(text.split_whitespace().filter_map(|number| number.parse::<u32>().ok()));
    }
    Ok(children)
}
