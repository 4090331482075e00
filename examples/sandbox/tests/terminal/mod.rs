//! A terminal on the acquirer's link, with a codec of its own: just what the tests need.

use std::collections::{BTreeMap, VecDeque};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::PATIENCE;

pub type Fields = BTreeMap<u8, String>;

/// Field 90 of messages about another.
pub const ELEMENTS: u8 = 90;

/// An answer: the message type and the fields.
#[derive(Clone, Debug)]
pub struct Answer {
    pub mti: String,
    pub fields: Fields,
}

impl Answer {
    pub fn get(&self, field: u8) -> &str {
        self.fields.get(&field).map_or("", String::as_str)
    }

    /// Field 39.
    pub fn code(&self) -> &str {
        self.get(39)
    }
}

/// A message that was sent, to be talked about later.
#[derive(Clone, Debug)]
pub struct Sent {
    pub mti: u16,
    pub fields: Fields,
}

impl Sent {
    /// Field 90 of a message about this one.
    pub fn elements(&self) -> String {
        let get = |field: u8| &self.fields[&field];
        format!("{:04}{}{}{:0>11}{:011}", self.mti, get(11), get(7), get(32), 0)
    }
}

pub struct Terminal {
    stream: TcpStream,
    stan: u32,
    is_hex: bool,
    read: VecDeque<u8>,
}

impl Terminal {
    /// Connects and does not sign on.
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, stan: 0, is_hex: false, read: VecDeque::new() }
    }

    pub async fn connect_hex(address: &str) -> Self {
        Self { is_hex: true, ..Self::connect(address).await }
    }

    /// Connects and signs on.
    pub async fn start(address: &str) -> Self {
        let mut terminal = Self::connect(address).await;
        assert_eq!(terminal.manage("001").await.code(), "00");
        terminal
    }

    /// A network management message and its answer.
    pub async fn manage(&mut self, what: &str) -> Answer {
        self.manage_unheard(what).await;
        self.answer().await
    }

    /// A network management message, whose answer is not waited for.
    pub async fn manage_unheard(&mut self, what: &str) {
        let stan = self.next();
        let fields = [(7, "1124190501"), (11, stan.as_str()), (70, what)];
        self.send(800, &fields.map(|(field, value)| (field, value.to_owned())).into()).await;
    }

    fn next(&mut self) -> String {
        self.stan += 1;
        format!("{:06}", self.stan)
    }

    /// A request of that card and amount, with what `more` puts in, changes, or (where empty) leaves out.
    pub fn request(&mut self, mti: u16, pan: &str, minor: u64, more: &[(u8, &str)]) -> Sent {
        let stan = self.next();
        let rrn = format!("633119{stan}");
        let amount = format!("{minor:012}");
        let fields = [
            (2, pan),
            (3, "000000"),
            (4, &amount),
            (7, "1124190501"),
            (11, &stan),
            (12, "190501"),
            (13, "1124"),
            (14, "3012"),
            (18, "5999"),
            (22, "810"),
            (25, "59"),
            (32, "400123"),
            (37, &rrn),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (43, "Sportello              Roma           IT"),
            (49, "978"),
        ];
        let mut fields: Fields = fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
        put(&mut fields, more);
        Sent { mti, fields }
    }

    /// A message about another (completion, reversal), as long as that one unless `more` says otherwise.
    pub fn about(&mut self, mti: u16, original: &Sent, more: &[(u8, &str)]) -> Sent {
        let wanted = [2, 3, 4, 7, 32, 37, 41, 42, 49];
        let mut fields: Fields = wanted.iter().map(|field| (*field, original.fields[field].clone())).collect();
        fields.insert(11, self.next());
        fields.insert(ELEMENTS, original.elements());
        put(&mut fields, more);
        Sent { mti, fields }
    }

    /// Sends a message and reads an answer.
    pub async fn ask(&mut self, message: &Sent) -> Answer {
        self.say(message).await;
        self.answer().await
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Sent) {
        self.send(message.mti, &message.fields).await;
    }

    async fn send(&mut self, mti: u16, fields: &Fields) {
        let body = written(mti, fields, self.is_hex);
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        self.raw(&[&length[..], &body].concat()).await;
    }

    pub async fn raw(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next message, read as it should be.
    pub async fn answer(&mut self) -> Answer {
        let body = self.frame().await.unwrap_or_else(|| panic!("the link ended"));
        read(&body, self.is_hex).unwrap_or_else(|| panic!("not a message: {}", String::from_utf8_lossy(&body)))
    }

    /// The octets of the next message; `None` when the link ends.
    pub async fn frame(&mut self) -> Option<Vec<u8>> {
        let length = self.octets(2).await?;
        self.octets(usize::from(u16::from_be_bytes([length[0], length[1]]))).await
    }

    async fn octets(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.read.len() < count {
            let mut buffer = [0; 4096];
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap_or_else(|_| panic!("no answer"));
            match read {
                Ok(count @ 1..) => self.read.extend(&buffer[..count]),
                Ok(0) | Err(_) => return None,
            }
        }
        Some(self.read.drain(..count).collect())
    }

    /// Nothing was answered to what was sent before: an echo comes back first.
    pub async fn hears_nothing(&mut self) {
        let echo = self.manage("301").await;
        assert_eq!((echo.mti.as_str(), echo.get(70), echo.code()), ("0810", "301", "00"), "{echo:?}");
    }
}

fn put(fields: &mut Fields, more: &[(u8, &str)]) {
    for (field, value) in more {
        match *value {
            "" => drop(fields.remove(field)),
            value => drop(fields.insert(*field, value.to_owned())),
        }
    }
}

/// The digits of the length before a field that has one.
fn prefix(field: u8) -> usize {
    match field {
        2 | 32 | 44 => 2,
        48 => 3,
        _ => 0,
    }
}

fn length(field: u8) -> usize {
    match field {
        3 | 11 | 12 | 38 => 6,
        4 | 37 => 12,
        7 => 10,
        13 | 14 | 18 => 4,
        22 | 49 | 70 => 3,
        25 | 39 => 2,
        41 => 8,
        42 => 15,
        43 => 40,
        90 => 42,
        other => panic!("field {other}"),
    }
}

fn written(mti: u16, fields: &Fields, is_hex: bool) -> Vec<u8> {
    let mut bits = fields.keys().fold(0_u128, |bits, field| bits | 1 << (128 - field));
    let is_long = fields.keys().any(|field| *field > 64);
    if is_long {
        bits |= 1 << 127;
    }
    let bitmap = &bits.to_be_bytes()[..if is_long { 16 } else { 8 }];
    let mut body = format!("{mti:04}").into_bytes();
    match is_hex {
        true => body.extend(hex::encode(bitmap).into_bytes()),
        false => body.extend(bitmap),
    }
    for (field, value) in fields {
        let text = match prefix(*field) {
            0 => value.clone(),
            digits => format!("{:0digits$}{value}", value.len()),
        };
        body.extend(text.chars().map(|c| u8::try_from(c).unwrap()));
    }
    body
}

fn read(body: &[u8], is_hex: bool) -> Option<Answer> {
    let mti = String::from_utf8(body.get(..4)?.to_vec()).ok()?;
    let mut at = 4;
    let mut bitmap = || {
        let (end, value) = match is_hex {
            true => (at + 16, hex::decode(body.get(at..at + 16)?).ok()?),
            false => (at + 8, body.get(at..at + 8)?.to_vec()),
        };
        at = end;
        Some(u64::from_be_bytes(value.try_into().ok()?))
    };
    let first = bitmap()?;
    let second = if first >> 63 == 1 { bitmap()? } else { 0 };
    let bits = u128::from(first) << 64 | u128::from(second);
    let mut fields = Fields::new();
    for field in (2..=128_u8).filter(|field| bits >> (128 - field) & 1 == 1) {
        let length = match prefix(field) {
            0 => length(field),
            digits => {
                let length = std::str::from_utf8(body.get(at..at + digits)?).ok()?.parse().ok()?;
                at += digits;
                length
            }
        };
        fields.insert(field, String::from_utf8(body.get(at..at + length)?.to_vec()).ok()?);
        at += length;
    }
    (at == body.len()).then_some(Answer { mti, fields })
}
