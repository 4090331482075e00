//! From a host's name to a connection, whichever of its addresses answers.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Host;

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 8;

/// The addresses of a host. `place` is kept for as long as the look-up lasts, which nothing can cut short: whoever gives
/// up and asks again cannot take all threads of the gateway's.
///
/// # Errors
/// Why there are none.
pub(crate) async fn resolve<P: Send + 'static>(
    host: &Host<String>,
    port: u16,
    place: P,
) -> Result<(P, Vec<SocketAddr>), String> {
    let name = match host {
        Host::Ipv4(ip) => return Ok((place, vec![SocketAddr::from((*ip, port))])),
        Host::Ipv6(ip) => return Ok((place, vec![SocketAddr::from((*ip, port))])),
        Host::Domain(name) => name.clone(),
    };
    let looking = tokio::task::spawn_blocking(move || {
        let found = (name.as_str(), port).to_socket_addrs();
        (place, found.map(|all| all.take(ADDRESSES_MAX).collect()))
    });
    let (place, found) = looking.await.map_err(|error| error.to_string())?;
    Ok((place, found.map_err(|error| error.to_string())?))
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
            let found = resolve(&Host::parse(host).unwrap(), 25, ()).await.ok().map(|((), found)| found);
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(found.and_then(|found| found.into_iter().find(|one| Some(*one) == expected)), expected);
        };
        check("127.0.0.1", Some("127.0.0.1:25")).await;
        check("[::1]", Some("[::1]:25")).await;
        check("localhost", Some("127.0.0.1:25")).await;
    }
}
