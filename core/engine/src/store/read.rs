//! What is read beside the writer.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sportello_model::{Payment, PaymentId};

use super::write::{blob, find_key};
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

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// A payment from its snapshot and the first entry of its journal, which alone holds what was wished.
fn payment(snapshot: &[u8], first_entry: &[u8]) -> Result<Payment, StoreError> {
    #[derive(Deserialize)]
    struct First {
        events: Vec<Received>,
    }
    #[derive(Deserialize)]
    struct Received {
        intent: Option<serde_json::Value>,
    }
    let read = || -> serde_json::Result<Payment> {
        let first: First = serde_json::from_slice(first_entry)?;
        let mut payment: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(snapshot)?;
        payment.extend(first.events.into_iter().find_map(|event| Some(("intent".to_owned(), event.intent?))));
        serde_json::from_value(payment.into())
    };
    read().map_err(|e| StoreError::Failed(format!("a stored payment cannot be read: {e}")))
}

/// A payment's row, and the entry that it began with.
const PAYMENT: &str = "p.snapshot, (SELECT entry FROM journal WHERE payment = p.id ORDER BY version LIMIT 1)";

impl Store {
    async fn read<T: Send + 'static>(
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
            let sql = format!(
                "SELECT {PAYMENT}, (SELECT hash FROM journal WHERE payment = p.id ORDER BY version DESC LIMIT 1)
                 FROM payments p WHERE p.id = ?1"
            );
            let found: Option<(Vec<u8>, Vec<u8>, [u8; 32])> = connection
                .prepare_cached(&sql)?
                .query_row([blob(wanted)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            found
                .map(|(snapshot, first, hash)| Ok(StoredPayment { payment: payment(&snapshot, &first)?, hash }))
                .transpose()
        })
        .await
    }

    /// What a key or link stands for, and its fingerprint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key(&self, scope: &str, key: &str) -> Result<Option<(PaymentId, Vec<u8>)>, StoreError> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read(move |connection| find_key(connection, &scope, &key)).await
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
            let sql = format!(
                "SELECT {PAYMENT} FROM payments p WHERE p.id < ?1 AND (?2 IS NULL OR p.state = ?2)
                 ORDER BY p.id DESC LIMIT ?3"
            );
            let before = blob(page.before.unwrap_or(PaymentId(u128::MAX)));
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![before, page.state, page.limit], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            rows.map(|row| row.map_err(StoreError::from).and_then(|(snapshot, first)| payment(&snapshot, &first)))
                .collect()
        })
        .await
    }

    /// A payment's journal, the first entry first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn journal(&self, wanted: PaymentId) -> Result<Vec<Entry>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT version, at, entry, hash FROM journal WHERE payment = ?1 ORDER BY version";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([blob(wanted)], |row| {
                Ok((number(row, 0)?, number(row, 1)?, row.get::<_, Vec<u8>>(2)?, row.get::<_, [u8; 32]>(3)?))
            })?;
            rows.map(|row| {
                let (version, at_ms, entry, hash) = row?;
                let entry = serde_json::from_slice(&entry)
                    .map_err(|e| StoreError::Failed(format!("a journal entry cannot be read: {e}")))?;
                Ok(Entry { version, at_ms, entry, hash: hash.iter().map(|b| format!("{b:02x}")).collect() })
            })
            .collect()
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
