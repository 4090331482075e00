//! A load: many messages from many numbers, as fast as one link takes them. Nothing of them is kept but the time that
//! each took; their bodies are made from prepared pieces at the moment they are written.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{address::Address, alphabet::Alphabet, message, parts::Part};

/// The first of the numbers that write.
const FIRST_NUMBER: u64 = 393_330_000_000;

/// What `POST /sandbox/load` asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    messages: u32,
    #[serde(default = "hundred")]
    window: usize,
    /// How many numbers write.
    #[serde(default = "thousand")]
    from: u32,
    /// Taken in turn; `{n}` is the message's number, from 0.
    texts: Vec<String>,
}

fn hundred() -> usize {
    100
}

fn thousand() -> u32 {
    1000
}

/// How it went. A latency is from the write of a `deliver_sm` to its answer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) messages: u32,
    pub(crate) per_second: u64,
    pub(crate) took_ms: u64,
    pub(crate) p50_us: u32,
    pub(crate) p99_us: u32,
    /// Messages refused for good.
    pub(crate) rejected: u32,
    /// `submit_sm` that came meanwhile.
    pub(crate) submitted: u64,
}

/// The octets of a `deliver_sm` up to its source number, from there to the text, and the text around each `{n}`.
#[derive(Debug)]
struct Template {
    data_coding: u8,
    alphabet: Alphabet,
    pieces: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Load {
    templates: Vec<Template>,
    recipient: Address,
    numbers: u32,
    messages: u32,
    window: usize,
    next: u32,
    /// Written before and to be written again.
    pub(crate) again: Vec<u32>,
    in_flight: usize,
    done: u32,
    rejected: u32,
    /// The link that it goes through.
    pub(crate) link: u64,
    started: Instant,
    took_us: Vec<u32>,
    submitted_before: u64,
    finished: Option<oneshot::Sender<(Outcome, Vec<u32>)>>,
}

impl Load {
    /// # Errors
    /// A sentence: nothing to send, or a text that no single message holds.
    pub(crate) fn new(
        wanted: &Wanted,
        recipient: Address,
        link: u64,
        submitted_before: u64,
        finished: oneshot::Sender<(Outcome, Vec<u32>)>,
    ) -> Result<Self, String> {
        if wanted.messages == 0 || wanted.window == 0 || wanted.texts.is_empty() {
            return Err("messages, window and texts: none of them may be nothing".to_owned());
        }
        if !(1..=10_000_000).contains(&wanted.from) {
            return Err("from: 1 to 10000000 numbers".to_owned());
        }
        let last = wanted.messages - 1;
        let templates = wanted.texts.iter().map(|text| Template::new(text, last)).collect::<Result<_, _>>()?;
        Ok(Self {
            templates,
            recipient,
            numbers: wanted.from,
            messages: wanted.messages,
            window: wanted.window,
            next: 0,
            again: Vec::new(),
            in_flight: 0,
            done: 0,
            rejected: 0,
            link,
            started: Instant::now(),
            took_us: Vec::with_capacity(usize::try_from(wanted.messages).unwrap_or(0).min(1 << 20)),
            submitted_before,
            finished: Some(finished),
        })
    }

    /// The number of the next message, while there is one and room in the window.
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.in_flight >= self.window {
            return None;
        }
        let fresh = (self.next < self.messages).then_some(self.next);
        let number = self.again.pop().or(fresh)?;
        if Some(number) == fresh {
            self.next += 1;
        }
        self.in_flight += 1;
        Some(number)
    }

    /// The body of the `deliver_sm` of message `number`.
    pub(crate) fn body(&self, number: u32) -> Vec<u8> {
        let source = Address::international(FIRST_NUMBER + u64::from(number % self.numbers));
        let turn = usize::try_from(number).unwrap_or(0) % self.templates.len().max(1);
        let Some(template) = self.templates.get(turn) else { return Vec::new() };
        let part = Part { message: template.text(number), ..Part::default() };
        message::deliver(&source, &self.recipient, template.data_coding, &part)
    }

    /// Message `number` is done with, after so long.
    pub(crate) fn acked(&mut self, took: Duration, rejected: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.done += 1;
        self.rejected += u32::from(rejected);
        self.took_us.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// A message is out of the window, and will be written again: at once, or when `again` says so.
    pub(crate) fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done >= self.messages
    }

    /// Tells whoever waits for the end.
    pub(crate) fn finish(&mut self, submitted: u64) {
        let took = self.started.elapsed();
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let outcome = Outcome {
            messages: self.done,
            per_second: u64::from(self.done) * 1_000_000 / took_us,
            took_ms: took_us / 1000,
            rejected: self.rejected,
            submitted: submitted - self.submitted_before.min(submitted),
            ..Outcome::default()
        };
        if let Some(finished) = self.finished.take() {
            let _nobody_waits = finished.send((outcome, std::mem::take(&mut self.took_us)));
        }
    }
}

impl Outcome {
    /// Reads the percentiles off all latencies.
    pub(crate) fn with(mut self, mut took_us: Vec<u32>) -> Self {
        took_us.sort_unstable();
        let at = |hundredths: usize| took_us.get(took_us.len().saturating_sub(1) * hundredths / 100).copied();
        self.p50_us = at(50).unwrap_or(0);
        self.p99_us = at(99).unwrap_or(0);
        self
    }
}

impl Template {
    fn new(text: &str, last: u32) -> Result<Self, String> {
        let alphabet = Alphabet::shortest(text);
        let pieces: Vec<_> = text.split("{n}").filter_map(|piece| alphabet.encode(piece)).collect();
        let template = Self { data_coding: alphabet.data_coding(), alphabet, pieces };
        match template.text(last).len() <= alphabet.room(0) {
            true => Ok(template),
            false => Err(format!("`{text}` is longer than one message")),
        }
    }

    fn text(&self, number: u32) -> Vec<u8> {
        let mut octets = Vec::with_capacity(160);
        for (at, piece) in self.pieces.iter().enumerate() {
            if at > 0 {
                number.to_string().chars().all(|digit| self.alphabet.push(digit, &mut octets));
            }
            octets.extend_from_slice(piece);
        }
        octets
    }
}
