//! The SMPP port, which an outage closes.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use super::{Smsc, link};

/// A port that is open, and not served yet.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Binds `address`; port 0 takes any free one.
    pub(crate) async fn open(address: &str) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("cannot listen on {address}: {error}");
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A port that is served, or for a while is not.
#[derive(Debug)]
pub(crate) struct Gate {
    address: SocketAddr,
    /// The task that accepts connections; none in an outage.
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Gate {
    pub(crate) fn serve(smsc: &Arc<Smsc>, port: Port) -> Self {
        let accepting = tokio::spawn(accept(Arc::clone(smsc), port.listener));
        Self { address: port.address, accepting: Mutex::new(Some(accepting)) }
    }

    /// Ends all links and refuses connections, until it is told to stop that.
    ///
    /// # Errors
    /// When somebody else has taken the port meanwhile.
    pub(crate) async fn outage(&self, smsc: &Arc<Smsc>, on: bool) -> Result<(), String> {
        let mut accepting = self.accepting.lock().await;
        if on {
            smsc.centre().is_out = true;
            if let Some(task) = accepting.take() {
                task.abort();
                // Only when the task has ended is its listener closed.
                let _it_was_told_to = task.await;
            }
            smsc.centre().drop_links();
        } else if accepting.is_none() {
            let port = Port::open(&self.address.to_string()).await?;
            smsc.centre().is_out = false;
            *accepting = Some(tokio::spawn(accept(Arc::clone(smsc), port.listener)));
        }
        Ok(())
    }
}

async fn accept(smsc: Arc<Smsc>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(link::serve(Arc::clone(&smsc), stream));
            }
            // Out of file descriptors, or the caller was gone already: the next one may be luckier.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}
