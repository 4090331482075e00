//! One connection to an acquirer, as a state machine: octets and time go in, octets and events come out. It waits for
//! nothing, and asks nobody.

use crate::frame::{self, Frames};
use crate::time::Moment;
use crate::{DecodeError, Dialect, Field, Message, Mti, decode};

/// What network management is about (field 70).
const SIGN_ON: &str = "001";
const SIGN_OFF: &str = "002";
const ECHO: &str = "301";

/// Response codes of network management (field 39).
const APPROVED: &str = "00";
const NOT_SUPPORTED: &str = "40";

/// How long an acquirer that signed us off, or to which nothing can be written any more, may still answer, in
/// milliseconds.
pub(super) const LAST_WORDS_MS: u64 = 2_000;

/// How much may stand ready to be written, in octets, before nothing more is read.
const OUT_LEN_MAX: usize = 64 << 10;

/// What a session keeps to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) dialect: Dialect,
    pub(super) message_len_max: usize,
    pub(super) echo_every_ms: u64,
    pub(super) answer_within_ms: u64,
}

/// What happened.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Event {
    /// The acquirer has taken the sign-on.
    Up,
    /// Something is answered: by a message that is no network management's.
    Answer(Message),
    /// A message that is none.
    Unreadable(DecodeError),
    /// A request that is not for us.
    Request(Mti),
    /// Nothing may be asked any more.
    Down,
    /// It is over, and this is why.
    Ended(End),
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The acquirer refused the sign-on, with this response code.
    Refused(String),
    /// The acquirer did not answer in time.
    Silent,
    /// The acquirer signed us off.
    SignedOff,
    /// Where the next message begins is not known.
    Garbled,
    /// The connection broke.
    Lost,
}

#[derive(PartialEq, Eq)]
enum State {
    SigningOn,
    Up,
    /// It ends so, at this time at the latest.
    Leaving(End, u64),
    Ended,
}

/// What we asked the acquirer, of network management.
struct Asked {
    code: &'static str,
    stan: u64,
    due_ms: u64,
}

/// One connection, from its sign-on to its end.
pub(super) struct Session {
    rules: Rules,
    state: State,
    frames: Frames,
    out: Vec<u8>,
    /// The number of our last network management message. It needs none that is kept: nothing hangs on these.
    stan: u64,
    asked: Option<Asked>,
    heard_ms: u64,
}

impl Session {
    /// A session on a new connection. Its first message is the sign-on, numbered from anywhere.
    pub(super) fn new(rules: Rules, anywhere: u64, now_ms: u64) -> Self {
        let mut session = Self {
            rules,
            state: State::SigningOn,
            frames: Frames::new(rules.message_len_max),
            out: Vec::new(),
            stan: anywhere % STAN_MAX,
            asked: None,
            heard_ms: now_ms,
        };
        session.ask(SIGN_ON, now_ms);
        session
    }

    /// Whether more may be read: not while the other side does not take what it is answered.
    pub(super) fn reads(&self) -> bool {
        self.out.len() < OUT_LEN_MAX
    }

    /// Takes what is to be written.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes what has arrived, however it is cut.
    pub(super) fn receive(&mut self, octets: &[u8], now_ms: u64, events: &mut Vec<Event>) {
        self.heard_ms = now_ms;
        self.frames.push(octets);
        while self.state != State::Ended {
            match self.frames.next_message() {
                Ok(None) => return,
                Ok(Some(octets)) => match decode(&octets, &self.rules.dialect) {
                    Ok(message) => self.take(message, now_ms, events),
                    Err(error) => events.push(Event::Unreadable(error)),
                },
                Err(_) => self.end(End::Garbled, events),
            }
        }
    }

    /// Looks at the time. `in_flight` is how many requests are unanswered.
    pub(super) fn tick(&mut self, now_ms: u64, in_flight: usize, events: &mut Vec<Event>) {
        match &self.state {
            State::Ended => {}
            State::Leaving(end, until_ms) if *until_ms <= now_ms || in_flight == 0 => self.end(end.clone(), events),
            State::Leaving(..) => {}
            State::SigningOn | State::Up if self.asked.as_ref().is_some_and(|asked| asked.due_ms <= now_ms) => {
                self.end(End::Silent, events);
            }
            State::Up if self.asked.is_none() && now_ms >= self.heard_ms + self.rules.echo_every_ms => {
                self.ask(ECHO, now_ms);
            }
            State::SigningOn | State::Up => {}
        }
    }

    /// When [`Session::tick`] has something to do at the latest.
    pub(super) fn wakes_at_ms(&self) -> u64 {
        match (&self.state, &self.asked) {
            (State::Ended, _) => u64::MAX,
            (State::Leaving(_, until_ms), _) => *until_ms,
            (_, Some(asked)) => asked.due_ms,
            (_, None) => self.heard_ms + self.rules.echo_every_ms,
        }
    }

    /// Nothing may be asked any more; what is answered within a moment is still heard.
    pub(super) fn leave(&mut self, end: End, now_ms: u64, events: &mut Vec<Event>) {
        if matches!(self.state, State::SigningOn | State::Up) {
            self.state = State::Leaving(end, now_ms + LAST_WORDS_MS);
            events.push(Event::Down);
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self, end: End, events: &mut Vec<Event>) {
        if self.state != State::Ended {
            self.state = State::Ended;
            events.push(Event::Down);
            events.push(Event::Ended(end));
        }
    }

    fn take(&mut self, message: Message, now_ms: u64, events: &mut Vec<Event>) {
        match (message.mti().is_network(), message.mti().is_request()) {
            (true, true) => self.asked_by_them(&message, now_ms, events),
            (true, false) => self.answered(&message, events),
            (false, true) => events.push(Event::Request(message.mti())),
            (false, false) => events.push(Event::Answer(message)),
        }
    }

    fn asked_by_them(&mut self, message: &Message, now_ms: u64, events: &mut Vec<Event>) {
        let code = message.text(Field::NETWORK_CODE);
        let response = if matches!(code, Some(SIGN_ON | SIGN_OFF | ECHO)) { APPROVED } else { NOT_SUPPORTED };
        let mut answer = message.clone();
        answer.set_mti(message.mti().answer());
        answer.set(Field::RESPONSE, response);
        self.write(&answer);
        if code == Some(SIGN_OFF) {
            self.leave(End::SignedOff, now_ms, events);
        }
    }

    fn answered(&mut self, message: &Message, events: &mut Vec<Event>) {
        let fits = |asked: &Asked| {
            message.number(Field::STAN) == Some(asked.stan) && message.text(Field::NETWORK_CODE) == Some(asked.code)
        };
        let Some(asked) = self.asked.take_if(|asked| fits(asked)) else { return };
        if self.state == State::SigningOn && asked.code == SIGN_ON {
            match message.text(Field::RESPONSE) {
                Some(APPROVED) => {
                    self.state = State::Up;
                    events.push(Event::Up);
                }
                response => self.end(End::Refused(response.unwrap_or("none").to_owned()), events),
            }
        }
    }

    fn ask(&mut self, code: &'static str, now_ms: u64) {
        self.stan = self.stan % STAN_MAX + 1;
        self.asked = Some(Asked { code, stan: self.stan, due_ms: now_ms + self.rules.answer_within_ms });
        self.write(&network(code, self.stan, now_ms));
    }

    fn write(&mut self, message: &Message) {
        // What we make fits, and what they asked did: an answer that did not would leave them waiting, and no more.
        let _ = frame::write(message, &self.rules.dialect, &mut self.out);
    }
}

const STAN_MAX: u64 = 999_999;

/// The sign-off, framed.
pub(super) fn sign_off(dialect: &Dialect, anywhere: u64, now_ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = frame::write(&network(SIGN_OFF, anywhere % STAN_MAX + 1, now_ms), dialect, &mut out);
    out
}

fn network(code: &str, stan: u64, now_ms: u64) -> Message {
    Message::new(Mti::NETWORK)
        .with(Field::TRANSMITTED_AT, Moment::from_ms(now_ms).date_time())
        .with(Field::STAN, format!("{stan:06}"))
        .with(Field::NETWORK_CODE, code)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
