//! Random scripts against the whole engine: requests, messages, edits, deletions, duplicates, codes, reports, a store that
//! fails, crashes (the files as they lie, opened anew) and a clock that jumps both ways. Whatever happens: at the end the
//! ledger is what really moved, nothing moved twice, nothing is stuck, and nothing that was acknowledged is lost.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sportello_engine::store::Page;
use sportello_engine::{CodeKey, Engine, NotCreated, Parts, RailSetup, Store};
use sportello_model::{Change, Doubt, Fate, Mention, Message, OrderKind, Party, Payment, PaymentId, Receipt, Report};
use sportello_sdk::{HandOver, RailFacts};
use tokio::runtime::Runtime;

use crate::across::channel;
use crate::chaos::{Chaos, Dice, Fact, KNOWN_AGAIN_MS, Reach, UNDO};
use crate::reversed::by;
use crate::stage::{Counting, JumpingClock, crashed, failing, handle, request, settled, setup};

/// When each script begins, in milliseconds since 1970.
const BEGINS_MS: u64 = 1_000_000_000;

/// What the gateway has said that it has.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) requests: HashMap<String, PaymentId>,
    pub(crate) messages: HashMap<String, Message>,
    pub(crate) fresh: HashSet<String>,
    /// How many wishes came on the channel whose messages have no ids.
    pub(crate) wishes: usize,
}

pub(crate) struct Script {
    pub(crate) seed: u64,
    dice: Dice,
    pub(crate) chaos: Arc<Mutex<Chaos>>,
    clock: Arc<JumpingClock>,
    pub(crate) acknowledged: Arc<Mutex<Acknowledged>>,
    messages: Vec<Message>,
    said: Vec<String>,
    pub(crate) runtime: Runtime,
    pub(crate) engine: Engine,
    folders: Vec<tempfile::TempDir>,
}

/// A gateway on the files in the last folder.
fn start(
    seed: u64,
    chaos: &Arc<Mutex<Chaos>>,
    clock: &Arc<JumpingClock>,
    folder: &tempfile::TempDir,
) -> (Runtime, Engine) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut setup = setup(2_000);
    setup.channels.push(channel("line", "line", None));
    setup.policy.challenges_max = 1_000;
    for (profile, number) in setup.profiles.iter_mut().zip(["line:+1", "line:+2"]) {
        profile.handles.push(handle(number));
        profile.verified_at_ms = Some(BEGINS_MS);
    }
    for rail in &mut setup.rails {
        let doubt = match rail.instance.as_str() {
            "slow-bank" => Doubt::Idempotent { for_ms: KNOWN_AGAIN_MS },
            _ => Doubt::Inquirable { inquiries_max: 4, first_after_ms: 1_000, pause_max_ms: 60_000 },
        };
        let kinds = [OrderKind::Transfer, OrderKind::Collect, OrderKind::PayOut, OrderKind::Refund];
        rail.facts.orders = kinds.map(|kind| (kind, doubt.clone())).into();
    }
    let undo = UNDO.map(|name| {
        let facts = RailFacts { hand_over: None, ..by(HandOver::Card, "iban") };
        RailSetup { instance: name.into(), facts }
    });
    setup.rails.extend(undo);
    setup.house = Some(Party { name: "us".into(), account: handle("iban:IT0"), country: None });
    for route in &mut setup.routes {
        if seed.is_multiple_of(2) {
            route.transfer.reverse();
        }
        if seed.is_multiple_of(3) {
            route.collect = std::mem::take(&mut route.transfer);
            route.payout = route.collect.iter().rev().cloned().collect();
        }
        if seed % 4 == 1 {
            (route.collect, route.payout) = (UNDO.map(str::to_owned).to_vec(), vec!["bank".into(), "slow-bank".into()]);
            route.transfer.clear();
        }
    }
    let gateway = chaos.lock().running;
    let parts = Parts {
        setup,
        store: Store::open(&folder.path().join("s.db")).unwrap(),
        ports: Arc::new(Reach { chaos: chaos.clone(), clock: clock.clone(), gateway }),
        clock: clock.clone(),
        entropy: Arc::new(Counting(AtomicU64::new(seed << 32 | u64::from(gateway)))),
        code_key: CodeKey([7; 32]),
    };
    let engine = runtime.block_on(Engine::start(parts)).unwrap();
    (runtime, engine)
}

impl Script {
    fn new(seed: u64) -> Self {
        let (facts, notes, wrongs) = (HashMap::new(), Vec::new(), Vec::new());
        let chaos =
            Chaos { dice: Dice(seed), running: 0, set_back_ms: 0, is_calm: false, facts, notes, sent: 0, wrongs };
        let chaos = Arc::new(Mutex::new(chaos));
        let clock = Arc::new(JumpingClock::default());
        clock.now_ms.store(BEGINS_MS, Ordering::SeqCst);
        let folder = tempfile::tempdir().unwrap();
        let (runtime, engine) = start(seed, &chaos, &clock, &folder);
        let (acknowledged, messages, folders) = (Arc::default(), Vec::new(), vec![folder]);
        let said = Vec::new();
        Self { seed, dice: Dice(!seed), chaos, clock, acknowledged, messages, said, runtime, engine, folders }
    }

    fn step(&mut self) {
        let now_ms = self.clock.now_ms.load(Ordering::SeqCst);
        match self.dice.roll(31) {
            0..4 => {
                let key = format!("k{}", self.dice.roll(12));
                self.request(key);
            }
            4..8 => {
                let text = self.dice.pick(&["10", "20", "30", "40"]).unwrap();
                self.writes(Change::Written, None, &format!("@sportello pay @anna {text} EUR"), false);
            }
            8..11 => {
                let text = self.dice.pick(&["pay @anna 15 EUR", "pay @anna 35 EUR", "oops"]).unwrap();
                let of = self.any_message();
                self.writes(Change::Edited, of, &format!("@sportello {text}"), false);
            }
            11 => {
                let of = self.any_message();
                self.writes(Change::Deleted, of, "", false);
            }
            12..14 => {
                if let Some(again) = self.any_message() {
                    self.hears(again);
                }
            }
            24..27 => {
                let text = self.dice.pick(&["10", "20", "30", "40"]).unwrap();
                self.says(format!("pay line:+2 {text} EUR"));
            }
            // An acknowledgement was lost: the same again, and nothing tells it from a second wish.
            27 | 28 => {
                if let Some(again) = self.dice.pick(&self.said) {
                    self.says(again);
                }
            }
            29 => {
                let code = self.any_code();
                let verb = self.dice.pick(&["", "confirm ", "cancel "]).unwrap();
                self.says(format!("{verb}{code}"));
            }
            30 => self.receipt(),
            14..17 => {
                let text = self.any_code();
                self.writes(Change::Written, None, &text, true);
            }
            17 => self.writes(Change::Written, None, "cancel", true),
            18 => {
                let (engine, keys) = (self.engine.clone(), self.orders());
                let Some(key) = self.dice.pick(&keys) else { return };
                let Some(fact) = self.chaos.lock().decided(&key) else { return };
                let report = Report { key, outcome: fact.outcome() };
                self.does(async move { drop(engine.report(&fact.rail, report).await) });
            }
            19 | 20 => self.clock.run_until(now_ms + self.dice.pick(&[500, 5_000, 700_000, 5_000_000]).unwrap()),
            21 => {
                let back_ms = self.dice.roll(600_000);
                self.chaos.lock().set_back_ms += back_ms;
                self.clock.now_ms.fetch_sub(back_ms, Ordering::SeqCst);
            }
            22 => {
                let table = self.dice.pick(&["journal", "effects", "keys_new", "balances", "nothing"]).unwrap();
                self.store_fails(table);
            }
            _ => self.crash(),
        }
    }

    /// The keys of the orders that reached their rails, but of those that undo others.
    fn orders(&self) -> Vec<String> {
        let chaos = self.chaos.lock();
        chaos.facts.values().filter(|f| f.order.kind != OrderKind::Reverse).map(|f| f.order.key.clone()).collect()
    }

    /// Does something beside all else that is being done, or waits until it is done.
    fn does(&mut self, what: impl Future<Output = ()> + Send + 'static) {
        let doing = self.runtime.spawn(what);
        if self.dice.roll(2) == 0 {
            self.runtime.block_on(doing).unwrap();
        }
    }

    fn any_code(&mut self) -> String {
        let asks = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find(|w| w.len() == 6).map(str::to_owned);
        let codes: Vec<_> = self.chaos.lock().notes.iter().filter_map(|n| asks(&n.text)).collect();
        self.dice.pick(&codes).unwrap_or_else(|| "000000".into())
    }

    /// Paolo's number says something, without an id.
    fn says(&mut self, text: String) {
        let message = Message {
            id: None,
            first_id: None,
            change: Change::Written,
            from: handle("line:+1"),
            from_name: None,
            text: text.clone(),
            private: true,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: None,
        };
        self.said.push(text.clone());
        let (engine, acknowledged, chaos) = (self.engine.clone(), self.acknowledged.clone(), self.chaos.clone());
        let gateway = chaos.lock().running;
        self.does(async move {
            let taken = engine.message("line", message).await;
            let is_heard = chaos.lock().running == gateway && taken.is_ok();
            acknowledged.lock().wishes += usize::from(is_heard && text.starts_with("pay"));
        });
    }

    /// The provider says what became of a note; of some that nobody is there any more, in every other script.
    fn receipt(&mut self) {
        let fates = [Fate::Delivered, Fate::Expired, Fate::Rejected, Fate::Undeliverable];
        let fates = if self.numbers_change_hands() { &fates[..] } else { &fates[..3] };
        let (fate, number) = (self.dice.pick(fates).unwrap(), self.dice.roll(16));
        let receipt = Receipt { id: format!("s{number}"), fate, detail: None };
        let engine = self.engine.clone();
        self.does(async move { drop(engine.receipt("line", receipt).await) });
    }

    pub(crate) fn numbers_change_hands(&self) -> bool {
        self.seed.is_multiple_of(2)
    }

    fn any_message(&mut self) -> Option<Message> {
        self.dice.pick(&self.messages)
    }

    fn writes(&mut self, change: Change, of: Option<Message>, text: &str, private: bool) {
        let id = format!("m{}", self.messages.len());
        let message = Message {
            first_id: of.and_then(|m| m.first_id).or_else(|| Some(id.clone())),
            id: Some(id),
            change,
            from: handle("chat:1"),
            from_name: None,
            text: text.into(),
            private,
            mentions: vec![Mention { name: handle("chat:@anna"), handle: handle("chat:2") }],
            in_reply_to: None,
            written_at_ms: None,
        };
        self.messages.push(message.clone());
        self.hears(message);
    }

    fn hears(&mut self, message: Message) {
        let (engine, acknowledged, chaos) = (self.engine.clone(), self.acknowledged.clone(), self.chaos.clone());
        let gateway = chaos.lock().running;
        self.does(async move {
            let Ok(accepted) = engine.message("chat", message.clone()).await else { return };
            let mut chaos = chaos.lock();
            let id = message.id.clone().unwrap();
            if chaos.running == gateway {
                if accepted.fresh && !acknowledged.lock().fresh.insert(id.clone()) {
                    chaos.wrongs.push(format!("{id} was new twice"));
                }
                acknowledged.lock().messages.insert(id, message);
            }
        });
    }

    fn request(&mut self, key: String) {
        let (engine, acknowledged, chaos) = (self.engine.clone(), self.acknowledged.clone(), self.chaos.clone());
        let gateway = chaos.lock().running;
        self.does(async move {
            let created = match engine.create(request(&key)).await {
                Ok(created) => created,
                Err(NotCreated::Store(_)) => return,
                Err(other) => return chaos.lock().wrongs.push(format!("{key}: {other}")),
            };
            let mut chaos = chaos.lock();
            if chaos.running == gateway {
                let before = acknowledged.lock().requests.insert(key.clone(), created.id());
                if before.is_some_and(|before| before != created.id()) {
                    chaos.wrongs.push(format!("{key} stands for two payments"));
                }
            }
        });
    }

    fn store_fails(&self, table: &str) {
        let file = self.folders.last().unwrap().path().join("s.db");
        rusqlite::Connection::open(file).unwrap().execute_batch(&failing(table)).unwrap();
    }

    /// The gateway is gone, and another one starts on the files as they lie.
    fn crash(&mut self) {
        self.chaos.lock().running += 1;
        let folder = crashed(self.folders.last().unwrap().path());
        let (runtime, engine) = start(self.seed, &self.chaos, &self.clock, &folder);
        self.folders.push(folder);
        self.engine = engine;
        std::mem::replace(&mut self.runtime, runtime).shutdown_background();
        self.store_fails("nothing");
    }

    /// Lets time pass until nothing is left to be done.
    fn quiet(&self) {
        self.clock.run_until(u64::MAX / 4);
        self.runtime.block_on(async {
            let (mut since, mut before) = (Instant::now(), Vec::new());
            loop {
                let left: Vec<_> =
                    self.engine.store().effects().await.unwrap().iter().map(|e| (e.id, e.tries)).collect();
                if left.is_empty() {
                    return;
                }
                if left != before {
                    (since, before) = (Instant::now(), left);
                }
                assert!(since.elapsed() < Duration::from_secs(20), "seed {}: stuck: {before:?}", self.seed);
                tokio::task::yield_now().await;
            }
        });
    }

    pub(crate) fn payments(&self) -> Vec<Payment> {
        let page = Page { limit: 100_000, ..Page::default() };
        self.runtime.block_on(self.engine.store().payments(page)).unwrap()
    }

    fn ends_well(mut self) {
        let seed = self.seed;
        self.chaos.lock().is_calm = true;
        self.crash();
        self.quiet();
        for payment in self.payments() {
            let is_told = payment.state.is_terminal() || !payment.incidents.is_empty();
            assert!(is_told, "seed {seed}: stuck, and nobody knows: {payment:?}");
        }
        // Rails say at last what became of their orders; some declined what they did carry out, and say so the next time.
        for lies_left in (0..5).rev() {
            for key in self.orders() {
                let Some(fact) = self.chaos.lock().decided(&key) else { continue };
                let report = Report { key: key.clone(), outcome: fact.outcome() };
                self.runtime.block_on(self.engine.report(&fact.rail, report)).unwrap();
                let lies = lies_left > 0 && fact.moved == Some(false) && !self.chaos.lock().is_undone(&key);
                if lies && self.dice.roll(8) == 0 {
                    self.chaos.lock().facts.insert(key, Fact { moved: Some(true), lied: true, ..fact });
                }
            }
            // Whoever looked at a statement undid what their rail had not.
            let reversals: Vec<_> =
                self.chaos.lock().facts.values().filter(|f| f.order.kind == OrderKind::Reverse).cloned().collect();
            for Fact { order, rail, .. } in reversals {
                self.chaos.lock().undo(&order.key);
                let report = Report { key: order.key, outcome: settled(order.amount) };
                self.runtime.block_on(self.engine.report(&rail, report)).unwrap();
            }
            self.quiet();
        }
        self.is_what_really_moved();
        self.is_what_is_written();
        self.nothing_is_lost();
        self.nothing_is_paid_twice_unasked();
        assert_eq!(self.chaos.lock().wrongs, Vec::<String>::new(), "seed {seed}");
        self.runtime.shutdown_background();
    }
}

#[test]
fn whatever_happens_the_ledger_is_what_moved_and_nothing_is_lost() {
    // `SEED=7` plays one again, `SEEDS=500` plays many.
    let given = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let seeds = given("SEED").map_or(1..=given("SEEDS").unwrap_or(8), |seed| seed..=seed);
    for seed in seeds {
        let mut script = Script::new(seed);
        for _ in 0..100 {
            script.step();
        }
        script.ends_well();
    }
}
