//! An ESME by hand: octets put together here and nowhere else.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::{PATIENCE, Sandbox};

pub const TRANSMITTER: u32 = 2;
pub const RECEIVER: u32 = 1;
pub const TRANSCEIVER: u32 = 9;
pub const SUBMIT: u32 = 4;
pub const DELIVER: u32 = 5;
pub const ENQUIRE: u32 = 0x15;
pub const ANSWER: u32 = 0x8000_0000;

pub const PAOLO: &str = "393331234567";

/// A PDU that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    pub command: u32,
    pub status: u32,
    pub sequence: u32,
    pub body: Vec<u8>,
}

impl Pdu {
    /// Command and status, for comparing.
    pub fn head(&self) -> (u32, u32) {
        (self.command, self.status)
    }

    /// The message id of a `submit_sm_resp`.
    pub fn message_id(&self) -> String {
        assert_eq!(self.head(), (SUBMIT | ANSWER, 0));
        String::from_utf8(self.body.strip_suffix(b"\0").unwrap().to_vec()).unwrap()
    }

    pub fn deliver(&self) -> Deliver {
        assert_eq!(self.head(), (DELIVER, 0), "{self:?}");
        Deliver::read(&self.body)
    }
}

/// The fields of a `deliver_sm` that tests look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliver {
    pub from: (u8, String),
    pub to: (u8, String),
    pub esm_class: u8,
    pub coding: u8,
    pub message: Vec<u8>,
    pub tlvs: Vec<(u16, Vec<u8>)>,
}

impl Deliver {
    fn read(body: &[u8]) -> Self {
        let mut rest = body;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken.to_vec()
        };
        let mut text = |before: usize| {
            let fixed = take(before);
            let mut text = Vec::new();
            loop {
                match take(1)[0] {
                    0 => return (fixed, String::from_utf8(text).unwrap()),
                    octet => text.push(octet),
                }
            }
        };
        assert_eq!(text(0).1, "");
        let (from_type, from) = text(2);
        let (to_type, to) = text(2);
        let (classes, schedule) = text(3);
        let (_, validity) = text(0);
        assert_eq!((schedule, validity), (String::new(), String::new()));
        let rest_of = take(5);
        let message = take(usize::from(rest_of[4]));
        let mut tlvs = Vec::new();
        while !rest.is_empty() {
            let (head, left) = rest.split_at(4);
            let (value, left) = left.split_at(usize::from(u16::from_be_bytes([head[2], head[3]])));
            tlvs.push((u16::from_be_bytes([head[0], head[1]]), value.to_vec()));
            rest = left;
        }
        Self {
            from: (from_type[0], from),
            to: (to_type[0], to),
            esm_class: classes[0],
            coding: rest_of[2],
            message,
            tlvs,
        }
    }

    /// A message in ASCII, as most are in tests.
    pub fn text(&self) -> String {
        String::from_utf8(self.message.clone()).unwrap()
    }

    pub fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs.iter().find(|(found, _)| *found == tag).map(|(_, value)| value.as_slice())
    }
}

pub fn pdu(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut octets: Vec<u8> = [length, command, status, sequence].iter().flat_map(|word| word.to_be_bytes()).collect();
    octets.extend(body);
    octets
}

pub fn bind(command: u32, system_id: &str, password: &str, version: u8) -> Vec<u8> {
    let body = [system_id.as_bytes(), b"\0", password.as_bytes(), b"\0\0", &[version, 0, 0, 0]].concat();
    pdu(command, 0, 1, &body)
}

/// What a `submit_sm` says; the defaults are a plain text to Paolo with a receipt.
#[derive(Clone)]
pub struct Submit<'a> {
    pub to: &'a str,
    pub esm_class: u8,
    pub registered: u8,
    pub coding: u8,
    pub message: &'a [u8],
    pub tlvs: &'a [u8],
}

impl Default for Submit<'_> {
    fn default() -> Self {
        Self { to: PAOLO, esm_class: 0, registered: 0, coding: 0, message: b"hello", tlvs: b"" }
    }
}

impl Submit<'_> {
    pub fn pdu(&self, sequence: u32) -> Vec<u8> {
        let mut body = b"\0\x03\0".to_vec();
        body.extend(b"40404\0\x01\x01");
        body.extend(self.to.bytes());
        body.extend([0, self.esm_class, 0, 0, 0, 0, self.registered, 0, self.coding, 0]);
        body.push(u8::try_from(self.message.len()).unwrap());
        body.extend(self.message);
        body.extend(self.tlvs);
        pdu(SUBMIT, 0, sequence, &body)
    }
}

/// One connection.
pub struct Link {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Link {
    pub async fn open(sandbox: &Sandbox) -> Self {
        Self { stream: TcpStream::connect(&sandbox.smsc).await.unwrap(), buffer: Vec::new() }
    }

    /// Opens one and binds it.
    pub async fn bound(sandbox: &Sandbox, command: u32) -> Self {
        let mut link = Self::open(sandbox).await;
        link.send(&bind(command, "sportello", "smsc-pw", 0x34)).await;
        assert_eq!(link.next().await.head(), (command | ANSWER, 0));
        link
    }

    pub async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Answers a `deliver_sm`.
    pub async fn answer(&mut self, to: &Pdu, status: u32) {
        self.send(&pdu(to.command | ANSWER, status, to.sequence, if status == 0 { b"\0" } else { b"" })).await;
    }

    /// The next PDU, or `None` when the SMSC has closed the connection.
    pub async fn read(&mut self) -> Option<Pdu> {
        timeout(PATIENCE, self.read_now()).await.unwrap_or_else(|_| panic!("no PDU came"))
    }

    async fn read_now(&mut self) -> Option<Pdu> {
        loop {
            if let Some(head) = self.buffer.get(..16) {
                let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
                let length = usize::try_from(word(0)).unwrap();
                let (command, status, sequence) = (word(4), word(8), word(12));
                if let Some(body) = self.buffer.get(16..length) {
                    let body = body.to_vec();
                    self.buffer.drain(..length);
                    return Some(Pdu { command, status, sequence, body });
                }
            }
            if !self.read_some().await {
                return None;
            }
        }
    }

    /// Reads once; whether there was anything.
    async fn read_some(&mut self) -> bool {
        self.buffer.reserve(65_536);
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..))
    }

    pub async fn next(&mut self) -> Pdu {
        self.read().await.unwrap_or_else(|| panic!("the link is closed"))
    }

    /// The size of the next read, for the one who writes octet by octet.
    pub async fn next_read(&mut self) -> usize {
        let before = self.buffer.len();
        assert!(timeout(PATIENCE, self.read_some()).await.unwrap());
        self.buffer.len() - before
    }

    /// Sees that nothing came before the answer to a question asked now.
    pub async fn nothing(&mut self) {
        self.send(&pdu(ENQUIRE, 0, 0x7777, b"")).await;
        let next = self.next().await;
        assert_eq!((next.command, next.sequence), (ENQUIRE | ANSWER, 0x7777), "{next:?}");
    }

    /// Whether the SMSC has said nothing for so long. For silence there is nothing else to wait for.
    pub async fn is_silent(&mut self, span: Duration) -> bool {
        timeout(span, self.read_now()).await.is_err()
    }
}
