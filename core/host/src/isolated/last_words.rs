//! What a child writes on its standard error: bounded lines, in the log under its instance's name as all that a plugin
//! says, and so cleaned as that is.

use std::sync::Arc;
use std::time::Duration;

use sportello_sdk::Level;
use sportello_sdk::frames::{LogLine, Peer, host_method};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::calls;
use super::child::reached::REFUSED;
use crate::denied::SYSTEM_CALL;

/// The longest line, in bytes. What is longer is cut.
const LINE_LEN_MAX: usize = 2_000;

/// How much of what it said last is remembered, in bytes.
const KEPT_LEN_MAX: usize = 4_000;

/// How long is waited after a whole piece: what a child has to say beyond 2 MB a second it keeps waiting with, and no thread
/// of ours is busy with it.
const PAUSE: Duration = Duration::from_millis(2);

/// Hands each line to `host`, until the child has ended. Answers with what it said last.
pub(super) async fn listen(mut stderr: pipe::Receiver, host: Arc<dyn Peer>) -> String {
    let mut kept = String::new();
    let mut line = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = stderr.read(&mut piece).await {
        for byte in piece.iter().take(len) {
            match byte {
                b'\n' => tell(&host, &mut line, &mut kept),
                byte if line.len() < LINE_LEN_MAX => line.push(*byte),
                _ => {}
            }
        }
        if len == piece.len() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    tell(&host, &mut line, &mut kept);
    kept
}

fn tell(host: &Arc<dyn Peer>, line: &mut Vec<u8>, kept: &mut String) {
    let text = String::from_utf8_lossy(line).into_owned();
    line.clear();
    if text.trim().is_empty() {
        return;
    }
    if let Some(number) = text.strip_prefix(REFUSED).and_then(|number| number.parse().ok()) {
        return host.notify(SYSTEM_CALL, calls::name(number).into());
    }
    if kept.len() + text.len() > KEPT_LEN_MAX {
        kept.clear();
    }
    kept.push_str(&text);
    kept.push('\n');
    let line = LogLine { level: Level::Warn, message: format!("on its standard error: {text}") };
    if let Ok(frame) = serde_json::to_vec(&line) {
        host.notify(host_method::LOG, frame.into());
    }
}
