//! From a host's name to a connection, whichever of its addresses answers.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Host;

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 8;

/// How many names are looked up at once for one instance. The rest of them waits.
const LOOKUPS_MAX: usize = 8;

/// How many names are looked up at once in this process: each takes a thread, of which the store's reads need some, too.
const LOOKUPS_OF_ALL_MAX: usize = 64;

/// The places for one instance's look-ups. Nothing can cut a look-up short: it keeps its place for as long as it lasts, and
/// whoever gives up and asks again takes no thread from others.
pub(crate) struct Lookups {
    own: Arc<Semaphore>,
    of_all: Arc<Semaphore>,
}

impl Default for Lookups {
    fn default() -> Self {
        static OF_ALL: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_OF_ALL_MAX)));
        Self::among(&OF_ALL)
    }
}

impl Lookups {
    /// Those of one instance, which share `of_all` with others.
    fn among(of_all: &Arc<Semaphore>) -> Self {
        Self { own: Arc::new(Semaphore::new(LOOKUPS_MAX)), of_all: Arc::clone(of_all) }
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) async fn resolve(&self, host: &Host<String>, port: u16) -> Result<Vec<SocketAddr>, String> {
        match host {
            Host::Ipv4(ip) => Ok(vec![SocketAddr::from((*ip, port))]),
            Host::Ipv6(ip) => Ok(vec![SocketAddr::from((*ip, port))]),
            Host::Domain(name) => {
                let name = name.clone();
                self.look(move || Ok((name.as_str(), port).to_socket_addrs()?.take(ADDRESSES_MAX).collect())).await
            }
        }
    }

    /// Looks nothing up any more.
    #[cfg(test)]
    pub(crate) fn close(&self) {
        self.own.close();
    }

    /// What `look` finds, on a thread that it may hold up.
    async fn look(
        &self,
        look: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> Result<Vec<SocketAddr>, String> {
        // Its own others end; if none does in time, whoever waits has a bound of its own.
        let own = Arc::clone(&self.own).acquire_owned().await.map_err(|error| error.to_string())?;
        let of_all = Arc::clone(&self.of_all).try_acquire_owned();
        let of_all = of_all.map_err(|_| "too many names are looked up at once".to_owned())?;
        let looking = tokio::task::spawn_blocking(move || {
            let found = look();
            drop((own, of_all));
            found
        });
        looking.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

/// Connects, and tries the addresses in their order. Each has its share of the time that is left: one that swallows
/// everything does not keep the next from being tried.
///
/// # Errors
/// What the last of them said.
pub(crate) async fn connect(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, String> {
    let mut why = "its name has no address".to_owned();
    for (address, still_to_try) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(still_to_try).unwrap_or(u32::MAX);
        why = match tokio::time::timeout(share.max(Duration::from_millis(1)), TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no connection came to be in time".to_owned(),
        };
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[tokio::test]
    async fn an_address_that_swallows_everything_is_not_the_last_that_is_tried() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(1).unwrap();
        let swallows = full.local_addr().unwrap();
        // Nobody accepts: once its queue is full, whoever connects hears nothing.
        let mut queued = Vec::new();
        while let Ok(Ok(tcp)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(swallows)).await {
            queued.push(tcp);
        }
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let check = async |addresses: &[SocketAddr], expected: bool| {
            let until = Instant::now() + Duration::from_millis(400);
            assert_eq!(connect(addresses, until).await.is_ok(), expected, "{addresses:?}");
        };
        let good = good.local_addr().unwrap();
        check(&[swallows, good], true).await;
        check(&[gone, good], true).await;
        check(&[swallows, gone], false).await;
        check(&[swallows], false).await;
        check(&[], false).await;
    }

    #[tokio::test]
    async fn hosts_have_addresses() {
        let check = async |host: &str, expected: Option<&str>| {
            let found = Lookups::default().resolve(&Host::parse(host).unwrap(), 25).await.ok();
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(found.and_then(|found| found.into_iter().find(|one| Some(*one) == expected)), expected);
        };
        check("127.0.0.1", Some("127.0.0.1:25")).await;
        check("[::1]", Some("[::1]:25")).await;
        check("localhost", Some("127.0.0.1:25")).await;
    }

    /// Somebody's nameserver never answers, and whoever asks it gives up and asks again.
    #[tokio::test]
    async fn who_gives_up_and_asks_again_takes_no_thread_from_others() {
        let of_all = Arc::new(Semaphore::new(LOOKUPS_MAX + 1));
        let (slow, other, third) = (Lookups::among(&of_all), Lookups::among(&of_all), Lookups::among(&of_all));
        let (begun, begins) = std::sync::mpsc::channel();
        let (answer, answers) = std::sync::mpsc::channel::<()>();
        let answers = Arc::new(std::sync::Mutex::new(answers));
        let hang = || {
            let (begun, answers) = (begun.clone(), Arc::clone(&answers));
            move || {
                begun.send(()).unwrap();
                let _ = answers.lock().unwrap().recv();
                Ok(Vec::new())
            }
        };
        for _ in 0..10 * LOOKUPS_MAX {
            assert!(tokio::time::timeout(Duration::from_millis(5), slow.look(hang())).await.is_err(), "it gave up");
        }
        assert_eq!(slow.own.available_permits(), 0, "given up is not ended");
        assert_eq!(of_all.available_permits(), 1, "and no more threads than that are held up");
        // Another one finds a thread; and where there is none it hears so at once.
        let found = vec!["127.0.0.1:25".parse().unwrap()];
        let finds = found.clone();
        assert_eq!(other.look(move || Ok(finds)).await, Ok(found.clone()));
        let last = tokio::time::timeout(Duration::from_millis(5), other.look(hang())).await;
        assert!(last.is_err(), "it hangs as well");
        assert_eq!(third.look(|| Ok(Vec::new())).await, Err("too many names are looked up at once".to_owned()));
        // Answered at last, all places are there again.
        drop(answer);
        assert_eq!(begins.iter().take(LOOKUPS_MAX + 1).count(), LOOKUPS_MAX + 1);
        let all = slow.own.acquire_many(u32::try_from(LOOKUPS_MAX).unwrap()).await;
        drop(all);
        let finds = found.clone();
        assert_eq!(slow.look(move || Ok(finds)).await, Ok(found));
    }
}
