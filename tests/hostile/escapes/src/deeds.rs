//! What any rail may do: it asks its host.

use std::future::Future;
use std::task::Poll;

use sportello_sdk::{Failure, Host, HttpRequest};

/// Does `what`; nothing where it is no such thing.
pub(crate) async fn perform(what: &str, host: &Host) -> Option<Result<String, Failure>> {
    let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
    Some(match verb {
        "nothing" => Ok("done".to_owned()),
        "wait" => host.sleep(3_600_000).await.map(|()| "done".to_owned()),
        // The length of a body that is sent, and the address that answers with it.
        "http" => http(rest, host).await,
        "http-then" => {
            let (url, then) = rest.split_once(' ')?;
            let got = host.http(HttpRequest::new("POST", url)).await;
            got.map(|_| crate::misdeeds::perform(then))
        }
        "stream" => stream(rest, host).await,
        "secret" => host.secret(rest).await.map(|secret| format!("done {}", secret.reveal())),
        "instrument" => {
            let got = host.instrument(&rest.parse().ok()?).await;
            got.map(|instrument| format!("done {} {}", instrument.facts.label, instrument.secret.len()))
        }
        "store" => store(rest, host).await,
        "many" => many(host).await,
        _ => return None,
    })
}

/// Whether the provider that `what` was sent to has it; nothing where it was sent to none.
pub(crate) async fn is_known(what: &str, host: &Host) -> Option<bool> {
    let (url, _) = what.strip_prefix("http-then ")?.split_once(' ')?;
    host.http(HttpRequest::new("GET", url)).await.ok().map(|response| response.is_success())
}

async fn http(rest: &str, host: &Host) -> Result<String, Failure> {
    let (len, url) = rest.split_once(' ').unwrap_or((rest, ""));
    let body = vec![b'x'; len.parse().unwrap_or(0)];
    let response = host.http(HttpRequest::new("POST", url).body("text/plain", body)).await?;
    Ok(format!("done {} {}", response.status(), response.body.len()))
}

async fn stream(address: &str, host: &Host) -> Result<String, Failure> {
    let stream = host.connect(address).await?;
    stream.write(host, "ping").await?;
    let mut came = Vec::new();
    while came.len() < 4 {
        let piece = stream.read(host).await?;
        if piece.is_empty() {
            break;
        }
        came.extend_from_slice(&piece);
    }
    stream.close(host).await?;
    Ok(format!("done {}", String::from_utf8_lossy(&came)))
}

async fn store(name: &str, host: &Host) -> Result<String, Failure> {
    let (version, _) = host.load(name).await?;
    let stored = host.save(name, version, vec![7; 1 << 20]).await?;
    let (version, value) = host.load(name).await?;
    Ok(format!("done {stored:?} {version} {}", value.len()))
}

/// Asks a thousand times at once.
async fn many(host: &Host) -> Result<String, Failure> {
    let mut asked: Vec<_> = (0..1000).map(|_| Box::pin(host.secret("token"))).collect();
    let mut done = 0;
    std::future::poll_fn(|context| {
        asked.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(answer) => {
                done += usize::from(answer.is_ok());
                false
            }
            Poll::Pending => true,
        });
        if asked.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Ok(format!("done {done}"))
}
