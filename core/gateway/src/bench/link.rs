//! The bare path of messages: an SMPP link (SMPP 3.4) that only acknowledges, or only submits, with nothing behind it. It
//! shows what the wire and the other side make on this machine.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::messages::Account;

const BIND_TRANSCEIVER: u32 = 0x9;
const SUBMIT_SM: u32 = 0x4;
const DELIVER_SM: u32 = 0x5;
const ENQUIRE_LINK: u32 = 0x15;
const ANSWER: u32 = 0x8000_0000;
const HEADER_LEN: usize = 16;

/// A bound link.
pub(super) struct Link {
    stream: TcpStream,
    unread: Vec<u8>,
    out: Vec<u8>,
    sequence: u32,
}

/// What came: a command and its sequence number.
type Head = (u32, u32);

impl Link {
    pub(super) async fn bind(account: &Account) -> Result<Self, String> {
        let stream = TcpStream::connect(&account.smsc).await.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let mut link = Self { stream, unread: Vec::new(), out: Vec::new(), sequence: 0 };
        let mut body = Vec::new();
        for text in [account.system_id, account.password, ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.extend_from_slice(&[0x34, 0, 0, 0]);
        link.ask(BIND_TRANSCEIVER, &body);
        link.write().await?;
        let answers = link.read().await?;
        match answers.first() {
            Some((command, _)) if *command == BIND_TRANSCEIVER | ANSWER => Ok(link),
            _ => Err("the SMSC does not let the benchmark bind".to_owned()),
        }
    }

    /// Acknowledges whatever is delivered, for ever.
    pub(super) async fn acknowledge(mut self) -> Result<(), String> {
        loop {
            for (command, sequence) in self.read().await? {
                match command {
                    DELIVER_SM => self.put(DELIVER_SM | ANSWER, sequence, &[0]),
                    ENQUIRE_LINK => self.put(ENQUIRE_LINK | ANSWER, sequence, &[]),
                    _ => {}
                }
            }
            self.write().await?;
        }
    }

    /// Submits for so long, with so many unanswered. Answers how many a second were taken.
    pub(super) async fn submit(mut self, window: u32, lasting: Duration, text: &str) -> Result<f64, String> {
        let mut body = vec![0, 3, 0];
        body.extend_from_slice(b"40404\0\x01\x01393330000000\0\0\0\0\0\0\0\0\0\0");
        body.push(u8::try_from(text.len()).map_err(|e| e.to_string())?);
        body.extend_from_slice(text.as_bytes());
        for _ in 0..window {
            self.ask(SUBMIT_SM, &body);
        }
        self.write().await?;
        let begun = Instant::now();
        let mut answered = 0u32;
        while begun.elapsed() < lasting {
            let answers = self.read().await?;
            for (command, _) in answers {
                if command == SUBMIT_SM | ANSWER {
                    answered += 1;
                    self.ask(SUBMIT_SM, &body);
                }
            }
            self.write().await?;
        }
        Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
    }

    fn ask(&mut self, command: u32, body: &[u8]) {
        self.sequence += 1;
        self.put(command, self.sequence, body);
    }

    fn put(&mut self, command: u32, sequence: u32, body: &[u8]) {
        let len = u32::try_from(HEADER_LEN + body.len()).unwrap_or(u32::MAX);
        for number in [len, command, 0, sequence] {
            self.out.extend_from_slice(&number.to_be_bytes());
        }
        self.out.extend_from_slice(body);
    }

    async fn write(&mut self) -> Result<(), String> {
        self.stream.write_all(&self.out).await.map_err(|e| e.to_string())?;
        self.out.clear();
        Ok(())
    }

    /// Waits until at least one PDU is there whole, and takes all that are.
    async fn read(&mut self) -> Result<Vec<Head>, String> {
        loop {
            let mut heads = Vec::new();
            let mut rest = self.unread.as_slice();
            while let Some((header, _)) = rest.split_first_chunk::<HEADER_LEN>() {
                let number = |at: usize| {
                    header
                        .get(at..at + 4)
                        .map_or(0, |four| four.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)))
                };
                let len = usize::try_from(number(0)).unwrap_or(usize::MAX).max(HEADER_LEN);
                let Some(behind) = rest.get(len..) else { break };
                heads.push((number(4), number(12)));
                rest = behind;
            }
            let taken = self.unread.len() - rest.len();
            self.unread.drain(..taken);
            if !heads.is_empty() {
                return Ok(heads);
            }
            self.unread.reserve(64 << 10);
            if self.stream.read_buf(&mut self.unread).await.map_err(|e| e.to_string())? == 0 {
                return Err("the SMSC closed the link".to_owned());
            }
        }
    }
}
