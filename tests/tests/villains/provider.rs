//! A provider on a free port, which takes orders, knows those that it took, and counts them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How often it was sent an order, by path.
type Taken = Arc<Mutex<BTreeMap<String, usize>>>;

/// A provider: `POST` is an order, `GET` asks whether it came.
pub(crate) struct Provider {
    pub(crate) address: String,
    taken: Taken,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let taken = Taken::default();
        tokio::spawn({
            let taken = taken.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, taken.clone()));
                }
            }
        });
        Self { address, taken }
    }

    /// How often it was sent the order at this path.
    pub(crate) fn taken(&self, path: &str) -> usize {
        self.taken.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

/// Answers one request without a body, and closes.
async fn serve(mut stream: TcpStream, taken: Taken) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let status = {
        let mut taken = taken.lock().unwrap();
        if method == "POST" {
            *taken.entry(path.clone()).or_default() += 1;
        }
        if path == "/elsewhere" {
            "302 Found\r\nlocation: http://127.0.0.1:1/"
        } else if taken.contains_key(&path) {
            "200 OK"
        } else {
            "404 Not Found"
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// An address that nobody should come to.
pub(crate) struct Trap {
    pub(crate) port: u16,
    came: Arc<Mutex<usize>>,
}

impl Trap {
    pub(crate) async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, came) = (listener.local_addr().unwrap().port(), Arc::<Mutex<usize>>::default());
        let counting = came.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                *counting.lock().unwrap() += 1;
            }
        });
        Self { port, came }
    }

    /// How many came.
    pub(crate) fn came(&self) -> usize {
        *self.came.lock().unwrap()
    }
}
