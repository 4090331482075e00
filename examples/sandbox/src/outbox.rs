//! What waits to be written on a link, filled by whoever has something to say, emptied by the link's own task.

use std::{sync::Mutex, time::Duration};

use tokio::{io::AsyncWriteExt, net::tcp::OwnedWriteHalf, sync::Notify};

use crate::lock::lock;

/// How many octets may wait to be written before nothing more is read: a peer that does not read its answers is not
/// given any more of them.
const UNWRITTEN_MAX: usize = 1 << 20;

#[derive(Debug, Default)]
struct Out {
    octets: Vec<u8>,
    is_last: bool,
    trickle: bool,
}

/// What waits to be written on a link.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    out: Mutex<Out>,
    filled: Notify,
    emptied: Notify,
    cut: Notify,
}

impl Outbox {
    /// Hands over `octets`, which are empty then.
    pub(crate) fn put(&self, octets: &mut Vec<u8>, trickle: bool, is_last: bool) {
        {
            let mut out = lock(&self.out);
            if out.octets.is_empty() {
                std::mem::swap(&mut out.octets, octets);
            } else {
                out.octets.append(octets);
            }
            out.trickle = trickle;
            out.is_last |= is_last;
        }
        self.filled.notify_one();
    }

    /// What waits, for tests without a connection.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Vec<u8> {
        lock(&self.out).octets.clone()
    }

    /// Closes the link with what is unwritten.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// Writes what is put, until the link is to end, is cut, or is gone.
    pub(crate) async fn write(&self, writer: OwnedWriteHalf) {
        tokio::select! {
            () = write_all(self, writer) => {}
            () = self.cut.notified() => {}
        }
    }

    /// Waits until there is room for more.
    pub(crate) async fn room(&self) {
        while lock(&self.out).octets.len() > UNWRITTEN_MAX {
            self.emptied.notified().await;
        }
    }
}

async fn write_all(outbox: &Outbox, mut writer: OwnedWriteHalf) {
    let mut octets = Vec::new();
    loop {
        let (is_last, trickle) = {
            let mut out = lock(&outbox.out);
            octets.clear();
            std::mem::swap(&mut out.octets, &mut octets);
            (out.is_last, out.trickle)
        };
        outbox.emptied.notify_one();
        let written = match octets.is_empty() {
            true if is_last => break,
            true => {
                outbox.filled.notified().await;
                continue;
            }
            false if trickle => drop_by_drop(&mut writer, &octets).await,
            false => writer.write_all(&octets).await,
        };
        if written.is_err() {
            return;
        }
    }
    // Closing now would throw away what the peer has not read, if it has written anything since: let it close first.
    let _it_may_be_gone = writer.shutdown().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// One octet to a packet, with time for it to be read alone.
async fn drop_by_drop(writer: &mut OwnedWriteHalf, octets: &[u8]) -> std::io::Result<()> {
    for octet in octets {
        writer.write_all(&[*octet]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
