//! Several channels and people with handles on more than one, played from a script: what is written where, and what
//! everybody then hears.
//!
//! `chat` gives strong ids and vouches for senders; `line` does neither, its handles change hands, and it tells what became
//! of its notes; `east` and `west` are two accounts of one provider whose ids hold for one account alone.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use sportello_engine::store::Page;
use sportello_engine::{ChannelSetup, Policy, Profile, Setup};
use sportello_model::command::Visibility;
use sportello_model::grammar::Language;
use sportello_model::payment::Event;
use sportello_model::{Change, Choice, Fate, Message, Note, Receipt};
use sportello_sdk::Failure;

use crate::stage::{START_MS, Stage, eur, handle, setup};

pub(crate) fn channel(instance: &str, scheme: &str, scope: Option<&str>) -> ChannelSetup {
    let is_strong = instance != "line";
    ChannelSetup {
        instance: instance.into(),
        scheme: scheme.into(),
        own_names: vec!["sportello".into()],
        default_currency: None,
        ids_are_strong: is_strong,
        senders_are_strong: is_strong,
        scope: scope.map(str::to_owned),
        handles_change_hands: !is_strong,
        receipts: !is_strong,
    }
}

/// Anna and Paolo are on all channels, and their numbers were verified by the operator; Luca has a number alone, Gina a
/// number and a chat, and theirs were not.
pub(crate) fn many() -> Setup {
    let base = setup(0);
    let profile = |name: &str, handles: &[&str], account: &str, is_verified: bool| Profile {
        name: name.into(),
        handles: handles.iter().map(|h| handle(h)).collect(),
        account: Some(handle(account)),
        verified_at_ms: is_verified.then_some(START_MS),
        language: Language::En,
        country: None,
        visibility: Visibility::Public,
    };
    Setup {
        profiles: vec![
            profile("paolo", &["chat:1", "line:+1", "talk:east/1"], "iban:IT1", true),
            profile("anna", &["chat:2", "line:+2", "talk:west/2"], "iban:FR2", true),
            profile("luca", &["line:+3"], "iban:DE3", false),
            profile("gina", &["line:+4", "chat:4"], "iban:IT4", false),
        ],
        channels: vec![
            channel("chat", "chat", None),
            channel("line", "line", None),
            channel("east", "talk", Some("east")),
            channel("west", "talk", Some("west")),
        ],
        policy: Policy { exempt: vec![eur(1_000)], ..Policy::default() },
        ..base
    }
}

/// A play, and what was heard in it so far.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    /// Every code, in the order in which they were first heard: a script calls them `C1`, `C2`, ….
    codes: Vec<String>,
    messages: usize,
    /// The texts that asked for a proof.
    asked: Vec<String>,
    /// The answers that were offered last.
    pub(crate) choices: Vec<Choice>,
    /// The tokens of the links that were sent, in their order.
    pub(crate) tokens: Vec<String>,
    setup: Setup,
}

impl Play {
    pub(crate) async fn new(setup: Setup) -> Self {
        let stage = Stage::with(setup.clone()).await;
        let (codes, asked, choices, tokens) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { stage, codes, messages: 0, asked, choices, tokens, setup }
    }

    /// One step: who is told what in it, or what it answers.
    ///
    /// `chat:1: TEXT` is a private message under an id of its own (where the channel has ids), `chat:1! TEXT` a public one;
    /// `+ 5m` lets time pass, `crash` starts another gateway on the files as they lie, `down line` and `up line` are an
    /// outage, `refuses line` refuses every note for good; `receipt 1 delivered` is what became of the first note that
    /// was sent; `enrol 2 iban:XX` gives an account by the second link, and `once 2 …` for that payment alone; `states` and `journal` look at all payments.
    pub(crate) async fn step(&mut self, step: &str) -> String {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "+" => self.passes(rest).await,
            "crash" => {
                assert!(self.stage.engine.drain(u64::MAX).await);
                self.stage = self.stage.again_with(self.setup.clone()).await;
                self.quiet(self.now()).await;
            }
            "down" => {
                drop(self.stage.world.down.lock().insert(rest.into(), Failure::provider("down", "down").retry_after(1)))
            }
            "refuses" => drop(self.stage.world.down.lock().insert(rest.into(), Failure::input("blocked", "blocked"))),
            "up" => drop(self.stage.world.down.lock().remove(rest)),
            "receipt" => return self.receipt(rest).await,
            "enrol" | "once" => return self.enrols(rest, verb == "enrol").await,
            "states" => return self.states().await,
            "journal" => return self.journal().await,
            who => return self.writes(who, rest).await,
        }
        self.heard()
    }

    async fn writes(&mut self, who: &str, text: &str) -> String {
        let (from, private) = (who.trim_end_matches([':', '!']), who.ends_with(':'));
        let text = self.with_codes(text);
        let channel = self.channel_of(from);
        self.messages += 1;
        let message = written(&channel, from, &text, private, self.messages);
        let taken = self.stage.engine.message(&channel, message).await;
        self.quiet(self.now()).await;
        match taken {
            Ok(_) => self.heard(),
            Err(failure) => failure.code,
        }
    }

    /// Several messages at the same time.
    pub(crate) async fn at_once(&mut self, from: &str, text: &str, times: usize) -> String {
        let (text, channel) = (self.with_codes(text), self.channel_of(from));
        let taken: Vec<_> = (0..times)
            .map(|_| {
                self.messages += 1;
                self.stage.engine.message(&channel, written(&channel, from, &text, true, self.messages))
            })
            .collect();
        for taken in futures_util::future::join_all(taken).await {
            taken.unwrap();
        }
        self.quiet(self.now()).await;
        self.heard()
    }

    fn channel_of(&self, from: &str) -> String {
        let (scheme, rest) = from.split_once(':').unwrap();
        if scheme == "talk" { rest.split_once('/').unwrap().0.to_owned() } else { scheme.to_owned() }
    }

    fn with_codes(&self, text: &str) -> String {
        let mut text = text.replace("WRONG", "000000");
        for (index, code) in self.codes.iter().enumerate().rev() {
            text = text.replace(&format!("C{}", index + 1), code);
        }
        text
    }

    pub(crate) fn now(&self) -> u64 {
        self.stage.clock.now_ms.load(Ordering::SeqCst)
    }

    async fn passes(&self, time: &str) {
        let (count, unit) = time.split_at(time.len() - 1);
        let unit_ms = match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            other => unreachable!("{other}"),
        };
        let until_ms = self.now() + count.parse::<u64>().unwrap() * unit_ms;
        self.stage.clock.run_until(until_ms);
        self.quiet(until_ms).await;
        self.stage.clock.now_ms.fetch_max(until_ms, Ordering::SeqCst);
    }

    /// Returns when nothing is left to be done up to this time.
    async fn quiet(&self, until_ms: u64) {
        loop {
            let effects = self.stage.engine.store().effects().await.unwrap();
            if effects.iter().all(|effect| effect.due_ms > until_ms) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The texts that asked for a proof so far.
    pub(crate) fn asked_for_proofs(&self) -> Vec<String> {
        self.asked.clone()
    }

    /// What was told since the last time, a line for each note, sorted.
    fn heard(&mut self) -> String {
        let notes = std::mem::take(&mut *self.stage.world.notes.lock());
        let proofs = notes.iter().filter(|note| note.choices.is_empty() && code_in(&note.text).is_some());
        self.asked.extend(proofs.map(|note| note.text.clone()));
        if let Some(asks) = notes.iter().rfind(|note| !note.choices.is_empty()) {
            self.choices.clone_from(&asks.choices);
        }
        let tokens = notes.iter().filter_map(|note| note.text.split_once("https://pay.example/enrol/"));
        self.tokens.extend(tokens.map(|(_, token)| token.to_owned()));
        let mut lines: Vec<String> = notes.iter().map(|note| self.line(note)).collect();
        lines.sort();
        lines.join(", ")
    }

    fn line(&mut self, note: &Note) -> String {
        let is_public = if note.private { "" } else { " in public" };
        let mut line = format!("{}{is_public} {}", note.to, gist(&note.text));
        if let Some(code) = code_in(&note.text) {
            let index = self.codes.iter().position(|known| known == code).unwrap_or_else(|| {
                self.codes.push(code.to_owned());
                self.codes.len() - 1
            });
            let _ = write!(line, " C{}", index + 1);
        }
        let telling = ["EUR", "anna", "paolo", "luca", "gina"].iter().any(|word| note.text.contains(word));
        let is_discreet = if telling { "" } else { " (discreet)" };
        line + is_discreet
    }

    async fn receipt(&mut self, which: &str) -> String {
        let (id, fate) = which.split_once(' ').unwrap();
        let fate = serde_json::from_value::<Fate>(fate.into()).unwrap();
        let receipt = Receipt { id: format!("s{id}"), fate, detail: Some(DETAIL.into()) };
        match self.stage.engine.receipt("line", receipt).await {
            Ok(()) => self.heard(),
            Err(failure) => failure.code,
        }
    }

    async fn enrols(&mut self, what: &str, keep: bool) -> String {
        let (link, account) = what.split_once(' ').unwrap();
        let token = self.tokens.get(link.parse::<usize>().unwrap() - 1).unwrap().clone();
        let given = self.stage.engine.enrol(&token, handle(account), "ending in 4242".into(), keep).await;
        self.quiet(self.now()).await;
        match given {
            Ok(()) => self.heard(),
            Err(error) => error.to_string(),
        }
    }

    async fn states(&self) -> String {
        let page = Page { limit: 99, ..Page::default() };
        let mut payments = self.stage.engine.store().payments(page).await.unwrap();
        payments.reverse();
        payments.iter().map(|p| p.state.name()).collect::<Vec<_>>().join(", ")
    }

    /// What the journals say of notes, by payment.
    async fn journal(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Written {
            events: Vec<Event>,
        }
        let page = Page { limit: 99, ..Page::default() };
        let mut told = Vec::new();
        for payment in self.stage.engine.store().payments(page).await.unwrap().iter().rev() {
            for entry in self.stage.engine.store().journal(payment.id).await.unwrap() {
                let written: Written = serde_json::from_str(entry.entry.get()).unwrap();
                let of_notes = written.events.iter().map(Event::name).filter(|name| name.starts_with("note_"));
                told.extend(of_notes.map(str::to_owned));
            }
        }
        told.join(", ")
    }
}

/// What a provider says of a note: no word for a terminal, nor for whoever has no business with the code in it.
const DETAIL: &str = "UNDELIV\u{1b}[2J text:answer 123456";

fn written(channel: &str, from: &str, text: &str, private: bool, number: usize) -> Message {
    let id = (channel != "line").then(|| format!("m{number}"));
    Message {
        first_id: id.clone(),
        id,
        change: Change::Written,
        from: handle(from),
        from_name: None,
        text: text.into(),
        private,
        mentions: Vec::new(),
        in_reply_to: None,
        written_at_ms: None,
    }
}

/// The code in a text; not the one that stands for any of them.
fn code_in(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6 && *word != "123456")
}

/// What a note says, in a word.
fn gist(text: &str) -> &str {
    let gists = [
        ("say what to pay with", "what with?"),
        ("Say on which account", "where?"),
        ("what was missing did not come", "off"),
        ("I cannot tell who", "whom?"),
        ("Payer and payee are the same", "yourself"),
        ("Forgotten: ", "forgotten"),
        ("Again?", "again"),
        ("To pay ", "asks"),
        ("from this number", "prove"),
        ("from there", "prove elsewhere"),
        ("Somebody asks something", "prove to see"),
        ("Done: ", "done"),
        ("Done ✓", "done"),
        ("has sent you", "received"),
        ("has arrived for you", "something arrived"),
        ("of yours is done", "something is done"),
        ("Tries left: 2", "wrong 2"),
        ("Tries left: 1", "wrong 1"),
        ("Tries left: 0", "wrong 0"),
        ("Too many wrong", "off"),
        (" is off", "off"),
        ("has expired", "expired"),
        ("with its code", "how to cancel"),
        ("nothing that waits for a code", "no code awaited"),
        ("nothing that can still be called off", "nothing to cancel"),
        ("I know that this is you", "proven"),
        ("I do not know you", "who?"),
        ("Too many payments wait", "too many"),
        ("Too many codes were asked for", "tomorrow"),
        ("Codes are for direct messages", "in private"),
    ];
    gists.iter().find(|(part, _)| text.contains(part)).map_or(text, |(_, gist)| gist)
}

/// Plays a script: each step, and what comes of it.
pub(crate) async fn check(setup: Setup, script: &[(&str, &str)]) {
    let mut play = Play::new(setup).await;
    for (at, (step, expected)) in script.iter().enumerate() {
        let heard = play.step(step).await;
        assert_eq!(heard, *expected, "step {at}: {step}");
    }
    play.stage.sums_to_zero().await;
}
