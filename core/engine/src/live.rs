//! The payments that are under way, in memory: one lock each, held over a commit and never over a call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sportello_model::payment::State;
use sportello_model::{Handle, Payment, PaymentId};
use tokio::sync::Notify;

use crate::code::CodeKey;

/// How many parts the map has, so that two cores seldom meet at one lock.
const SHARDS: usize = 16;

/// A payment under way.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: PaymentId,
    pub(crate) now: tokio::sync::Mutex<Now>,
    ended: AtomicBool,
    changed: Notify,
}

/// A payment as it is, and the hash of its last journal entry.
#[derive(Debug)]
pub(crate) struct Now {
    pub(crate) payment: Payment,
    pub(crate) hash: [u8; 32],
}

impl Live {
    pub(crate) fn new(payment: Payment, hash: [u8; 32]) -> Arc<Self> {
        let ended = AtomicBool::new(payment.state.is_terminal());
        Arc::new(Self {
            id: payment.id,
            now: tokio::sync::Mutex::new(Now { payment, hash }),
            ended,
            changed: Notify::new(),
        })
    }

    /// Returns when the payment is terminal.
    pub(crate) async fn ended(&self) {
        loop {
            let changed = self.changed.notified();
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }
}

/// All payments under way, and who has been asked for a code, or waits for somebody to give an account.
#[derive(Debug)]
pub(crate) struct Lives {
    shards: [Mutex<HashMap<PaymentId, Arc<Live>>>; SHARDS],
    asked: Mutex<HashMap<Handle, Asked>>,
    code_key: CodeKey,
}

/// What one handle has been asked for. The codes are here so that a new one is known to be like none of them without
/// deriving them all: in memory, and nowhere else.
#[derive(Default)]
struct Asked {
    payments: BTreeMap<PaymentId, Payment>,
    codes: HashMap<String, PaymentId>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("payments", &self.payments).finish_non_exhaustive()
    }
}

impl Lives {
    pub(crate) fn new(code_key: CodeKey) -> Self {
        Self { shards: Default::default(), asked: Mutex::default(), code_key }
    }

    fn shard(&self, id: PaymentId) -> &Mutex<HashMap<PaymentId, Arc<Live>>> {
        // The last digits of an id are random.
        let index = usize::try_from(id.0 % SHARDS as u128).unwrap_or(0);
        self.shards.get(index).unwrap_or(&self.shards[0])
    }

    pub(crate) fn get(&self, id: PaymentId) -> Option<Arc<Live>> {
        self.shard(id).lock().get(&id).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Keeps a payment that is about to be made, or was just loaded.
    pub(crate) fn keep(&self, live: Arc<Live>, payment: &Payment) {
        let mut shard = self.shard(live.id).lock();
        // Under the same lock: whoever finds the payment and changes it does so after this.
        self.index(payment);
        shard.insert(live.id, live);
    }

    /// Lets go of a payment that was not made after all.
    pub(crate) fn let_go(&self, id: PaymentId) {
        self.shard(id).lock().remove(&id);
    }

    /// Takes note of what a commit has made of a payment.
    pub(crate) fn moved(&self, live: &Live, payment: &Payment) {
        self.index(payment);
        if payment.state.is_terminal() {
            self.shard(live.id).lock().remove(&live.id);
            live.ended.store(true, Ordering::Release);
            live.changed.notify_waiters();
        }
    }

    /// The payments of this handle that wait for a code or an account, as they were then, the oldest first.
    pub(crate) fn asked_of(&self, handle: &Handle) -> Vec<Payment> {
        self.asked.lock().get(handle).map(|asked| asked.payments.values().cloned().collect()).unwrap_or_default()
    }

    /// How many payments of one of these handles wait for a code or an account.
    pub(crate) fn count_asked_of(&self, handles: &[Handle]) -> usize {
        let asked = self.asked.lock();
        handles.iter().filter_map(|handle| asked.get(handle)).map(|asked| asked.payments.len()).sum()
    }

    /// Whether one of these handles has been asked for this very code.
    pub(crate) fn has_code(&self, handles: &[Handle], code: &str) -> bool {
        let asked = self.asked.lock();
        handles.iter().filter_map(|handle| asked.get(handle)).any(|asked| asked.codes.contains_key(code))
    }

    fn index(&self, payment: &Payment) {
        // Most payments never ask for a code or an account, and are spared the lock.
        if payment.challenge.is_none() && payment.enrolment.is_none() {
            return;
        }
        let code = payment.challenge.map(|challenge| self.code_key.code(payment, challenge.number));
        let mut asked = self.asked.lock();
        let payer = &payment.intent.payer.handle;
        if matches!(payment.state, State::AwaitingConfirmation | State::AwaitingEnrolment) {
            let of_payer = asked.entry(payer.clone()).or_default();
            of_payer.payments.insert(payment.id, payment.clone());
            of_payer.codes.extend(code.map(|code| (code, payment.id)));
        } else if let Some(of_payer) = asked.get_mut(payer) {
            of_payer.payments.remove(&payment.id);
            if let Some(code) = code.filter(|code| of_payer.codes.get(code) == Some(&payment.id)) {
                of_payer.codes.remove(&code);
            }
            if of_payer.payments.is_empty() {
                asked.remove(payer);
            }
        }
    }
}
