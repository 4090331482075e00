//! The other end of a card link (ISO 8583:1987, binary bitmap, two bytes of length) that approves at once, with nothing
//! behind it; and the bare client of one. They show what the wire makes on this machine.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a field is: a number of characters, or so many digits that say how many follow.
#[derive(Clone, Copy)]
enum Len {
    Fixed(usize),
    Digits(usize),
}

use Len::{Digits, Fixed};

/// The fields that a request has here.
const FIELDS: [(usize, Len); 21] = [
    (2, Digits(2)),
    (3, Fixed(6)),
    (4, Fixed(12)),
    (7, Fixed(10)),
    (11, Fixed(6)),
    (12, Fixed(6)),
    (13, Fixed(4)),
    (14, Fixed(4)),
    (18, Fixed(4)),
    (22, Fixed(3)),
    (25, Fixed(2)),
    (32, Digits(2)),
    (37, Fixed(12)),
    (38, Fixed(6)),
    (39, Fixed(2)),
    (41, Fixed(8)),
    (42, Fixed(15)),
    (43, Fixed(40)),
    (48, Digits(3)),
    (49, Fixed(3)),
    (70, Fixed(3)),
];
/// Those that an answer repeats.
const REPEATED: [usize; 10] = [3, 4, 7, 11, 32, 37, 41, 42, 49, 70];

/// Listens on a free port and approves whatever comes, for ever. Answers where.
pub(super) async fn listen() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { Wire::new(stream)?.approve().await });
        }
    });
    Ok(address.to_string())
}

/// Authorizations a second over one link, with so many unanswered and no gateway.
pub(super) async fn bare(address: &str, window: usize, lasting: Duration) -> Result<f64, String> {
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let mut wire = Wire::new(stream)?;
    let request = request();
    (0..window).for_each(|_| wire.put(&request));
    wire.write().await?;
    let begun = Instant::now();
    let mut answered = 0u32;
    while begun.elapsed() < lasting {
        for _ in wire.read().await? {
            answered += 1;
            wire.put(&request);
        }
        wire.write().await?;
    }
    Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
}

/// A request as a rail sends it.
fn request() -> Vec<u8> {
    let values: [(usize, &str); 18] = [
        (2, "164111111111111111"),
        (3, "000000"),
        (4, "000000002000"),
        (7, "1124120000"),
        (11, "000001"),
        (12, "120000"),
        (13, "1124"),
        (14, "3012"),
        (18, "5812"),
        (22, "810"),
        (25, "59"),
        (32, "06123456"),
        (37, "632812000001"),
        (41, "TERM0001"),
        (42, "MERCHANT0000001"),
        (43, "Sportello                 Roma        IT"),
        (48, "006420205"),
        (49, "978"),
    ];
    let mut message = b"0200".to_vec();
    message.extend(bitmap(values.iter().map(|(field, _)| *field)));
    values.iter().for_each(|(_, value)| message.extend_from_slice(value.as_bytes()));
    message
}

fn bitmap(fields: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut bits = 0u128;
    for field in fields {
        bits |= 1 << (128 - field);
        if field > 64 {
            bits |= 1 << 127;
        }
    }
    let len = if bits >> 127 == 1 { 16 } else { 8 };
    bits.to_be_bytes().into_iter().take(len).collect()
}

/// The approval of a request; nothing where it cannot be read.
fn approval(message: &[u8]) -> Option<Vec<u8>> {
    let (mti, rest) = message.split_first_chunk::<4>()?;
    let (primary, rest) = rest.split_first_chunk::<8>()?;
    let mut bits = u128::from(u64::from_be_bytes(*primary)) << 64;
    let mut rest = rest;
    if bits >> 127 == 1 {
        let (secondary, after) = rest.split_first_chunk::<8>()?;
        (bits, rest) = (bits | u128::from(u64::from_be_bytes(*secondary)), after);
    }
    let mut fields: Vec<(usize, &[u8])> = Vec::with_capacity(12);
    for (field, len) in FIELDS {
        if bits >> (128 - field) & 1 == 0 {
            continue;
        }
        let whole = match len {
            Fixed(len) => len,
            Digits(digits) => digits + std::str::from_utf8(rest.get(..digits)?).ok()?.parse::<usize>().ok()?,
        };
        let (value, after) = rest.split_at_checked(whole)?;
        rest = after;
        if REPEATED.contains(&field) {
            fields.push((field, value));
        }
    }
    let is_financial = fields.iter().any(|(field, _)| *field == 4);
    fields.extend(is_financial.then_some((38, b"A1B2C3".as_slice())));
    fields.push((39, b"00"));
    fields.sort_by_key(|(field, _)| *field);
    // The third digit says what it is: a request is even, its answer one more.
    let mut answer = mti.to_vec();
    *answer.get_mut(2)? += 1;
    answer.extend(bitmap(fields.iter().map(|(field, _)| *field)));
    fields.iter().for_each(|(_, value)| answer.extend_from_slice(value));
    Some(answer)
}

/// A connection, message by message.
struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    out: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Result<Self, String> {
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        Ok(Self { stream, unread: Vec::new(), out: Vec::new() })
    }

    async fn approve(mut self) -> Result<(), String> {
        loop {
            for message in self.read().await? {
                let answer = approval(&message).ok_or("a message that cannot be read")?;
                self.put(&answer);
            }
            self.write().await?;
        }
    }

    fn put(&mut self, message: &[u8]) {
        let len = u16::try_from(message.len()).unwrap_or(u16::MAX);
        self.out.extend_from_slice(&len.to_be_bytes());
        self.out.extend_from_slice(message);
    }

    async fn write(&mut self) -> Result<(), String> {
        self.stream.write_all(&self.out).await.map_err(|e| e.to_string())?;
        self.out.clear();
        Ok(())
    }

    /// Waits until at least one message is there whole, and takes all that are.
    async fn read(&mut self) -> Result<Vec<Vec<u8>>, String> {
        loop {
            let mut messages = Vec::new();
            let mut rest = self.unread.as_slice();
            while let Some((head, after)) = rest.split_first_chunk::<2>() {
                let Some((message, after)) = after.split_at_checked(u16::from_be_bytes(*head).into()) else { break };
                messages.push(message.to_vec());
                rest = after;
            }
            let taken = self.unread.len() - rest.len();
            self.unread.drain(..taken);
            if !messages.is_empty() {
                return Ok(messages);
            }
            self.unread.reserve(64 << 10);
            if self.stream.read_buf(&mut self.unread).await.map_err(|e| e.to_string())? == 0 {
                return Err("the other side closed the link".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_approved_with_what_it_is_matched_by() {
        let answer = approval(&request()).unwrap();
        assert_eq!(&answer[..4], b"0210");
        let text = String::from_utf8_lossy(&answer[12..]).into_owned();
        assert_eq!(text, "000000000000002000112412000000000106123456632812000001A1B2C300TERM0001MERCHANT0000001978");
    }
}
