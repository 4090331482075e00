//! The stage: rails and channels that play a script, a clock that jumps, and two people.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use sportello_engine::{
    ChannelSetup, Clock, CodeKey, Engine, Entropy, Parts, Policy, Ports, Profile, RailAnswer, RailSetup, Request,
    Route, Setup, Store,
};
use sportello_model::command::Visibility;
use sportello_model::grammar::Language;
use sportello_model::{
    Change, Currency, Doubt, Finality, Handle, Inquiry, Mention, Message, Money, Note, Order, OrderKind, Outcome, Sent,
};
use sportello_sdk::{Failure, RailFacts};
use tokio::sync::Notify;

/// When every stage begins, in milliseconds since 1970.
pub(crate) const START_MS: u64 = 1_000_000;

/// A clock that stands still until somebody waits for a time, and then is there.
#[derive(Default)]
pub(crate) struct JumpingClock {
    pub(crate) now_ms: AtomicU64,
    /// Sleeps that end after this time wait for ever: so a script decides what comes due.
    until_ms: AtomicU64,
    moved: Notify,
}

impl JumpingClock {
    /// Lets time come up to this.
    pub(crate) fn run_until(&self, until_ms: u64) {
        self.until_ms.fetch_max(until_ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for JumpingClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn sleep_until(&self, at_ms: u64) {
        loop {
            let moved = self.moved.notified();
            if at_ms <= self.until_ms.load(Ordering::SeqCst) {
                self.now_ms.fetch_max(at_ms, Ordering::SeqCst);
                return;
            }
            moved.await;
        }
    }
}

pub(crate) struct Counting(pub(crate) AtomicU64);

impl Entropy for Counting {
    fn random(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
    }
}

/// What rails answer next, what they were asked, and what people were told.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) answers: Mutex<VecDeque<RailAnswer>>,
    pub(crate) inquiries: Mutex<VecDeque<Outcome>>,
    pub(crate) asked: Mutex<usize>,
    pub(crate) refuse_notes: Mutex<VecDeque<Failure>>,
    /// The channels that take no notes now, and what they say instead.
    pub(crate) down: Mutex<HashMap<String, Failure>>,
    /// How many notes were sent: their ids are `s1`, `s2`, ….
    pub(crate) sent: AtomicU64,
    pub(crate) orders: Mutex<Vec<Order>>,
    /// Which of the orders never gets an answer, counted from 1.
    pub(crate) hangs_at: Mutex<Option<usize>>,
    pub(crate) notes: Mutex<Vec<Note>>,
    told: Notify,
}

#[async_trait]
impl Ports for World {
    async fn submit(&self, _: &str, order: &Order) -> RailAnswer {
        let number = {
            let mut orders = self.orders.lock();
            orders.push(order.clone());
            orders.len()
        };
        let hangs = *self.hangs_at.lock() == Some(number);
        if hangs {
            std::future::pending::<()>().await;
        }
        let scripted = self.answers.lock().pop_front();
        scripted.unwrap_or_else(|| RailAnswer { by: None, may_have_left: true, result: Ok(settled(order.amount)) })
    }

    async fn inquire(&self, _: &str, inquiry: &Inquiry) -> Result<Outcome, Failure> {
        *self.asked.lock() += 1;
        let scripted = self.inquiries.lock().pop_front();
        Ok(scripted.unwrap_or_else(|| settled(inquiry.order.amount)))
    }

    async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure> {
        let refusal = self.refuse_notes.lock().pop_front();
        let refusal = refusal.or_else(|| self.down.lock().get(channel).cloned());
        if let Some(failure) = refusal {
            return Err(failure);
        }
        self.notes.lock().push(note.clone());
        self.told.notify_one();
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Sent { id: Some(format!("s{number}")), fell_back: false })
    }
}

pub(crate) fn settled(amount: Money) -> Outcome {
    Outcome::Settled {
        amount,
        reference: Some("r".into()),
        finality: Finality::Final,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    }
}

pub(crate) fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

pub(crate) fn eur(minor: u64) -> Money {
    Money::new(minor, Currency::EUR).unwrap()
}

pub(crate) fn setup(exempt: u64) -> Setup {
    let profile = |name: &str, id: &str, account: &str| Profile {
        name: name.into(),
        handles: vec![handle(id), handle(&format!("chat:@{name}"))],
        account: Some(handle(account)),
        country: None,
        language: Language::En,
        visibility: Visibility::Public,
        verified_at_ms: None,
    };
    let doubt = Doubt::Inquirable { inquiries_max: 3, first_after_ms: 1_000, pause_max_ms: 60_000 };
    let facts = RailFacts {
        currencies: vec!["EUR".into()],
        accounts: vec!["iban".into()],
        orders: [(OrderKind::Transfer, doubt)].into(),
        hand_over: None,
    };
    Setup {
        profiles: vec![profile("paolo", "chat:1", "iban:IT1"), profile("anna", "chat:2", "iban:FR2")],
        channels: vec![ChannelSetup {
            instance: "chat".into(),
            scheme: "chat".into(),
            own_names: vec!["sportello".into()],
            default_currency: None,
            ids_are_strong: true,
            senders_are_strong: true,
            scope: None,
            handles_change_hands: false,
            receipts: false,
        }],
        rails: ["bank", "slow-bank"].map(|name| RailSetup { instance: name.into(), facts: facts.clone() }).to_vec(),
        routes: vec![Route {
            name: "euro".into(),
            transfer: vec!["bank".into(), "slow-bank".into()],
            ..Route::default()
        }],
        house: None,
        public_url: None,
        policy: Policy { exempt: vec![eur(exempt)], ..Policy::default() },
    }
}

pub(crate) fn request(key: &str) -> Request {
    Request {
        caller: "test".into(),
        idempotency_key: key.into(),
        fingerprint: vec![1],
        payer: handle("chat:1"),
        payee: handle("chat:2"),
        amount: eur(2000),
        memo: None,
        visibility: Visibility::Private,
        confirmed: true,
    }
}

/// What makes writing to this table fail, and nothing else any more.
pub(crate) fn failing(table: &str) -> String {
    let heal = "DROP TRIGGER IF EXISTS full";
    match table {
        "nothing" => heal.to_owned(),
        _ => format!(
            "{heal}; CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        ),
    }
}

/// The files as a crash would leave them at this moment.
pub(crate) fn crashed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["s.db", "s.db-wal"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Arc<JumpingClock>,
    pub(crate) folder: tempfile::TempDir,
}

async fn engine(folder: &Path, world: &Arc<World>, clock: &Arc<JumpingClock>, setup: Setup) -> Engine {
    let parts = Parts {
        setup,
        store: Store::open(&folder.join("s.db")).unwrap(),
        ports: world.clone(),
        clock: clock.clone(),
        // Two gateways in one moment draw different numbers.
        entropy: Arc::new(Counting(AtomicU64::new(7 + (world.sent.load(Ordering::SeqCst) << 20)))),
        code_key: CodeKey([7; 32]),
    };
    Engine::start(parts).await.unwrap()
}

impl Stage {
    pub(crate) async fn new(exempt: u64) -> Self {
        Self::with(setup(exempt)).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (world, clock) = (Arc::new(World::default()), Arc::new(JumpingClock::default()));
        clock.now_ms.store(START_MS, Ordering::SeqCst);
        let engine = engine(folder.path(), &world, &clock, setup).await;
        Self { engine, world, clock, folder }
    }

    /// Another gateway, on the files as they lie; what was told before is forgotten.
    pub(crate) async fn again(&self) -> Self {
        self.again_with(setup(0)).await
    }

    /// The same, with another setup.
    pub(crate) async fn again_with(&self, setup: Setup) -> Self {
        let folder = crashed(self.folder.path());
        self.world.notes.lock().clear();
        let (world, clock) = (self.world.clone(), self.clock.clone());
        let engine = engine(folder.path(), &world, &clock, setup).await;
        Self { engine, world, clock, folder }
    }

    /// Does something to the file behind the gateway's back.
    pub(crate) fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> i64 {
        let file = rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap();
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    /// From now on what is written to this table fails; `nothing` heals it.
    pub(crate) fn store_fails(&self, table: &str) {
        self.sql(&failing(table));
    }

    /// Lets time come up to this, in milliseconds after the start.
    pub(crate) fn time(&self, ms: u64) {
        self.clock.run_until(START_MS + ms);
    }

    pub(crate) async fn hears(&self, id: &str, from: &str, text: &str, private: bool) -> bool {
        let message = Message {
            id: Some(id.into()),
            first_id: Some(id.into()),
            change: Change::Written,
            from: handle(from),
            from_name: None,
            text: text.into(),
            private,
            mentions: vec![
                Mention { name: handle("chat:@anna"), handle: handle("chat:2") },
                Mention { name: handle("chat:@paolo"), handle: handle("chat:1") },
            ],
            in_reply_to: None,
            written_at_ms: None,
        };
        self.engine.message("chat", message).await.unwrap().fresh
    }

    /// The next note that anybody gets.
    pub(crate) async fn note(&self) -> Note {
        loop {
            let told = self.world.told.notified();
            let next = {
                let mut notes = self.world.notes.lock();
                if notes.is_empty() { None } else { Some(notes.remove(0)) }
            };
            match next {
                Some(note) => return note,
                None => told.await,
            }
        }
    }

    pub(crate) async fn code(&self) -> String {
        let note = self.note().await;
        assert!(note.private && note.to == handle("chat:1"), "{note:?}");
        note.text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).unwrap().to_owned()
    }

    pub(crate) async fn pay(&self, key: &str) -> sportello_engine::Created {
        self.engine.create(request(key)).await.unwrap()
    }

    pub(crate) async fn sums_to_zero(&self) {
        let balances = self.engine.store().balances().await.unwrap();
        assert_eq!(balances.iter().map(|b| b.minor).sum::<i64>(), 0, "{balances:?}");
    }
}
