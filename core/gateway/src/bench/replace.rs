//! A rail is replaced, again and again, by another library each time, while a thousand payments a second go through it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::{Load, load};
use super::payments::request;
use super::start::{Isolation, Server, instant, write};
use super::{Figure, Folder};

/// Payments a second meanwhile.
const RATE: f64 = 1_000.0;

/// How often the rail is replaced.
const REPLACED: usize = 8;

/// In-process, and isolated.
pub(super) async fn measure(here: &Folder) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for isolation in Isolation::ALL {
        figures.push(replaced(here, isolation).await?);
    }
    Ok(figures)
}

/// How many payments failed or were lost. Each answer is waited for and must say that its payment is completed; one that
/// does not ends the load.
async fn replaced(here: &Folder, isolation: Isolation) -> Result<Figure, String> {
    let name = format!("replace-{}", isolation.name());
    let config = instant(here, &name, isolation)?;
    let text = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
    let coming = here.path.join(format!("{name}-plugins"));
    std::fs::create_dir_all(&coming).map_err(|e| e.to_string())?;
    let folders = format!("plugins = [{coming:?}, ");
    let config = write(here, &name, &text.replace("plugins = [", &folders))?;
    let library = std::fs::read(Folder::library(&here.plugins, "hello-rail")).map_err(|e| e.to_string())?;
    let server = Server::start(&here.program, &["--config", &config, "--json", "run"]).await?;
    let pid = server.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).ok_or("it has ended")?;
    let seconds = u64::try_from(REPLACED).unwrap_or_default() + 1;
    let plan = Load { connections: 64, seconds, rate: Some(RATE), expect: "\"state\":\"completed\"" };
    let address = server.address.clone();
    let loading = tokio::spawn(async move { load(&address, &request(), plan).await });
    let (mut changed, mut seen_ms) = (0, 0);
    for n in 0..REPLACED {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Whole from its first moment on: what is read of it is hashed, vetted, tried out and loaded, as any other.
        std::fs::write(coming.join("new"), next_version(&library, n + 1)?).map_err(|e| e.to_string())?;
        std::fs::rename(coming.join("new"), coming.join(format!("rail-{n}.so"))).map_err(|e| e.to_string())?;
        kill_process(pid, Signal::HUP).map_err(|e| e.to_string())?;
        changed += usize::from(is_replaced(&server.address, &mut seen_ms).await?);
    }
    let brought = loading.await.map_err(|e| e.to_string())?;
    let failed = match brought {
        Ok(brought) if brought.per_second >= RATE * 0.95 => 0.0,
        Ok(brought) => return Err(format!("{:.0} payments a second were made meanwhile", brought.per_second)),
        Err(error) => {
            eprintln!("replacing: {error}");
            1.0
        }
    };
    if changed < REPLACED {
        return Err(format!("the rail was replaced {changed} times of {REPLACED}"));
    }
    Ok(Figure::at_most(&format!("replaced-failed-{}", isolation.suffix()), failed, "payments", 0.0, None))
}

/// The same library, which says that it is version 1.0.`n`.
fn next_version(library: &[u8], n: usize) -> Result<Vec<u8>, String> {
    let said = b"\"version\": \"1.0.0\"";
    let at = memchr::memmem::find(library, said).ok_or("it does not say its version")?;
    let now = format!("\"version\": \"1.0.{n}\"");
    let mut next = library.to_vec();
    match next.get_mut(at..at + now.len()).filter(|_| now.len() == said.len()) {
        Some(place) => place.copy_from_slice(now.as_bytes()),
        None => return Err("there are no more versions".to_owned()),
    }
    Ok(next)
}

/// Waits for a reload later than the one at `seen_ms`, and answers whether it changed the rail.
async fn is_replaced(address: &str, seen_ms: &mut u64) -> Result<bool, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
    for _ in 0..500 {
        let asked = http.get(format!("http://{address}/v1/instances"));
        let asked = asked.bearer_auth("bench-secret-that-guards-nothing-at-all").send().await;
        let answer: serde_json::Value = asked.map_err(|e| e.to_string())?.json().await.map_err(|e| e.to_string())?;
        let at_ms = answer.pointer("/last_reload/at_ms").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if at_ms > *seen_ms {
            *seen_ms = at_ms;
            return Ok(answer.pointer("/last_reload/changed/0").is_some());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("it did not read its file again".to_owned())
}
