//! What is read beside the writer.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sportello_model::payment::{Facts, Plan, Side, Snapshot, State};
use sportello_model::{Handle, Intent, Payment, PaymentId};

use super::write::blob;
use super::{EffectId, Store, StoreError};

/// A payment as it was stored, and the hash of its last journal entry.
#[derive(Debug, Clone)]
pub struct StoredPayment {
    /// The payment.
    pub payment: Payment,
    /// The hash of its last journal entry.
    pub hash: [u8; 32],
}

/// An effect that is still to be done.
#[derive(Debug)]
pub struct StoredEffect {
    /// Its name.
    pub id: EffectId,
    /// When, in milliseconds since 1970.
    pub due_ms: u64,
    /// How often it was tried.
    pub tries: u32,
    /// What, as JSON.
    pub body: Vec<u8>,
}

/// One commit of a payment's journal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The payment's version afterwards.
    pub version: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The events and postings.
    pub entry: Box<serde_json::value::RawValue>,
    /// SHA-256 over the hash before and the entry, in hexadecimal.
    pub hash: String,
}

/// What stands on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The account.
    pub account: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units, signed.
    pub minor: i64,
}

/// Which payments to list, the latest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only those in this state, by its name.
    pub state: Option<String>,
    /// Only those made before this one.
    pub before: Option<PaymentId>,
    /// How many at most.
    pub limit: u32,
}

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<PaymentId> {
    Ok(PaymentId(u128::from_be_bytes(row.get::<_, [u8; 16]>(column)?)))
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// A payment's row.
struct PaymentRow {
    id: PaymentId,
    version: u64,
    state: String,
    made_at_ms: u64,
    changed_at_ms: u64,
    entry: i64,
    hash: [u8; 32],
    snapshot: Vec<u8>,
}

const PAYMENT: &str = "SELECT id, version, state, made_at, changed_at, entry, hash, snapshot FROM payments";

impl PaymentRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: id(row, 0)?,
            version: number(row, 1)?,
            state: row.get(2)?,
            made_at_ms: number(row, 3)?,
            changed_at_ms: number(row, 4)?,
            entry: row.get(5)?,
            hash: row.get(6)?,
            snapshot: row.get(7)?,
        })
    }

    fn find(connection: &Connection, wanted: PaymentId) -> Result<Option<Self>, StoreError> {
        let mut statement = connection.prepare_cached(&format!("{PAYMENT} WHERE id = ?1"))?;
        Ok(statement.query_row([blob(wanted)], Self::read).optional()?)
    }

    /// The payment: what changes from its snapshot, what never does from its journal.
    fn restore(self, connection: &Connection) -> Result<StoredPayment, StoreError> {
        #[derive(Deserialize)]
        struct Body {
            events: Vec<Written>,
        }
        #[derive(Deserialize)]
        struct Written {
            intent: Option<Arc<Intent>>,
            plan: Option<Arc<Plan>>,
            side: Option<Side>,
            account: Option<Handle>,
        }
        let unreadable = |why: String| StoreError::Unreadable(format!("the payment {}: {why}", self.id));
        let (mut intent, mut plan) = (None, None);
        for entry in entries(connection, self.entry)? {
            let body: Body = serde_json::from_slice(&entry.body).map_err(|e| unreadable(e.to_string()))?;
            for written in body.events {
                intent = written.intent.or(intent);
                plan = written.plan.or(plan);
                if let (Some(side), Some(account), Some(intent)) = (written.side, written.account, &mut intent) {
                    Arc::make_mut(intent).enrolled(side, account);
                }
            }
        }
        let facts = Facts {
            id: self.id,
            version: self.version,
            state: State::ALL
                .into_iter()
                .find(|state| state.name() == self.state)
                .ok_or_else(|| unreadable(format!("{:?} is no state", self.state)))?,
            made_at_ms: self.made_at_ms,
            changed_at_ms: self.changed_at_ms,
            intent: intent.ok_or_else(|| unreadable("its journal lacks what was wished".to_owned()))?,
            plan,
        };
        let snapshot: Snapshot<'_> = serde_json::from_slice(&self.snapshot).map_err(|e| unreadable(e.to_string()))?;
        Ok(StoredPayment { payment: snapshot.restore(facts), hash: self.hash })
    }
}

struct JournalRow {
    version: u64,
    at_ms: u64,
    body: Vec<u8>,
}

/// The entries of a payment that ends with this one, the first entry first. Each one knows the one before it.
fn entries(connection: &Connection, last: i64) -> Result<Vec<JournalRow>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT previous, version, at, body FROM journal WHERE entry = ?1")?;
    let (mut found, mut next) = (Vec::new(), Some(last));
    while let Some(entry) = next {
        let row = statement.query_row([entry], |row| {
            let journalled = JournalRow { version: number(row, 1)?, at_ms: number(row, 2)?, body: row.get(3)? };
            Ok((row.get::<_, Option<i64>>(0)?, journalled))
        });
        let broken = || StoreError::Unreadable(format!("the journal is broken at its entry {entry}"));
        let (previous, row) = row.optional()?.ok_or_else(broken)?;
        if previous.is_some_and(|previous| previous >= entry) {
            return Err(broken());
        }
        next = previous;
        found.push(row);
    }
    found.reverse();
    Ok(found)
}

impl Store {
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = self.reader.clone();
        let read = move || {
            // A panic in another query leaves the connection as usable as it was.
            let connection = reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            query(&connection)
        };
        tokio::task::spawn_blocking(read).await.map_err(|e| StoreError::Failed(e.to_string()))?
    }

    /// The payment of this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payment(&self, wanted: PaymentId) -> Result<Option<StoredPayment>, StoreError> {
        self.read(move |connection| {
            PaymentRow::find(connection, wanted)?.map(|row| row.restore(connection)).transpose()
        })
        .await
    }

    /// The payments whose money is under way, and no others where nothing stands on any clearing account: then no order is
    /// out, and a long table is not read through for nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn under_way(&self) -> Result<Vec<PaymentId>, StoreError> {
        const UNDER_WAY: [State; 4] = [State::Transferring, State::Collecting, State::PayingOut, State::Returning];
        self.read(|connection| {
            let sql = "SELECT id FROM payments WHERE state IN (?1, ?2, ?3, ?4)
                AND EXISTS (SELECT 1 FROM balances WHERE account GLOB 'clearing:*' AND minor <> 0)";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(UNDER_WAY.map(State::name), |row| id(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// All that is still to be done, the earliest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn effects(&self) -> Result<Vec<StoredEffect>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT owner, number, due, tries, body FROM effects ORDER BY due")?;
            let rows = statement.query_map([], |row| {
                Ok(StoredEffect {
                    id: EffectId { owner: id(row, 0)?, number: number(row, 1)? },
                    due_ms: number(row, 2)?,
                    tries: row.get(3)?,
                    body: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// A page of payments, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payments(&self, page: Page) -> Result<Vec<Payment>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{PAYMENT} WHERE id < ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id DESC LIMIT ?3");
            let before = blob(page.before.unwrap_or(PaymentId(u128::MAX)));
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![before, page.state, page.limit], PaymentRow::read)?;
            rows.map(|row| Ok(row?.restore(connection)?.payment)).collect()
        })
        .await
    }

    /// A payment's journal, the first entry first.
    ///
    /// # Errors
    /// When the store fails, or when the entries are not those that were written: then their hashes do not lead to the one
    /// that stands with the payment.
    pub async fn journal(&self, wanted: PaymentId) -> Result<Vec<Entry>, StoreError> {
        self.read(move |connection| {
            let Some(payment) = PaymentRow::find(connection, wanted)? else { return Ok(Vec::new()) };
            let mut hash = [0; 32];
            let mut journal = Vec::new();
            for row in entries(connection, payment.entry)? {
                hash = Sha256::new().chain_update(hash).chain_update(&row.body).finalize().into();
                let entry = serde_json::from_slice(&row.body)
                    .map_err(|e| StoreError::Unreadable(format!("a journal entry of the payment {wanted}: {e}")))?;
                journal.push(Entry { version: row.version, at_ms: row.at_ms, entry, hash: hex(&hash) });
            }
            if hash != payment.hash {
                let what = format!("the journal of the payment {wanted} is not the one that was written");
                return Err(StoreError::Unreadable(what));
            }
            Ok(journal)
        })
        .await
    }

    /// What stands on each account.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn balances(&self) -> Result<Vec<Balance>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT account, currency, minor FROM balances WHERE minor <> 0 ORDER BY account, currency";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement
                .query_map([], |row| Ok(Balance { account: row.get(0)?, currency: row.get(1)?, minor: row.get(2)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// A plugin's value and its version; version 0 where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, instance: &str, name: &str) -> Result<(u64, Vec<u8>), StoreError> {
        let (instance, name) = (instance.to_owned(), name.to_owned());
        self.read(move |connection| {
            let sql = "SELECT version, value FROM plugin_state WHERE instance = ?1 AND name = ?2";
            let found = connection
                .prepare_cached(sql)?
                .query_row([&instance, &name], |row| Ok((number(row, 0)?, row.get(1)?)))
                .optional()?;
            Ok(found.unwrap_or_default())
        })
        .await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
