//! A port on which a protocol of its own is spoken, and which an outage closes.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinHandle,
};

/// Who is behind the port.
pub(crate) trait Behind: Send + Sync + 'static {
    /// An outage begins, or ends.
    fn out(&self, is_out: bool);

    /// Ends all links at once.
    fn drop_links(&self);

    /// Serves one connection to its end.
    fn serve(self: Arc<Self>, stream: TcpStream) -> impl Future<Output = ()> + Send;
}

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
    pub(crate) fn serve(behind: &Arc<impl Behind>, port: Port) -> Self {
        let accepting = tokio::spawn(accept(Arc::clone(behind), port.listener));
        Self { address: port.address, accepting: Mutex::new(Some(accepting)) }
    }

    /// Ends all links and refuses connections, until it is told to stop that.
    ///
    /// # Errors
    /// When somebody else has taken the port meanwhile.
    pub(crate) async fn outage(&self, behind: &Arc<impl Behind>, on: bool) -> Result<(), String> {
        let mut accepting = self.accepting.lock().await;
        if on {
            behind.out(true);
            if let Some(task) = accepting.take() {
                task.abort();
                // Only when the task has ended is its listener closed.
                let _it_was_told_to = task.await;
            }
            behind.drop_links();
        } else if accepting.is_none() {
            let port = Port::open(&self.address.to_string()).await?;
            behind.out(false);
            *accepting = Some(tokio::spawn(accept(Arc::clone(behind), port.listener)));
        }
        Ok(())
    }
}

async fn accept(behind: Arc<impl Behind>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Messages are small: waiting to fill a packet would only add 40 ms to each.
                let _best_effort = stream.set_nodelay(true);
                tokio::spawn(Arc::clone(&behind).serve(stream));
            }
            // Out of file descriptors, or the caller was gone already: the next one may be luckier.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}
