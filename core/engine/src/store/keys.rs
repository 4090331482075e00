//! What may be there once: the ids of messages and the idempotency keys of callers.
//!
//! Their hashes are random, so each would touch a page of its own in an index on the disk, and a page is what a commit
//! writes. So a new key goes to the end of `keys_new`, durably, and is remembered here; and when there are many, they move
//! to `keys` in the order of their hashes, a few with each commit: neighbours share pages. A key is looked for here first,
//! and then in `keys`.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::write::Statements;
use super::{Found, Key, StoreError, read};

/// How many keys come together before they move: with that many, dozens of neighbours share a page in a store of a
/// million. Twice as many are remembered at most, in some 10 MB.
const GENERATION_LEN: usize = 32 * 1024;

/// Half of a SHA-256 over scope and key: nobody finds two that share it.
type Hash = [u8; 16];

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Written in the transaction under way.
    pending: Vec<(Hash, Found)>,
    /// Those that have come since `fresh_from`.
    fresh: HashMap<Hash, Found>,
    /// Those that came before it, and are on their way to `keys`.
    settling: BTreeMap<Hash, Found>,
    /// How many of them the transaction under way moves.
    moved: usize,
    fresh_from: i64,
    next: i64,
}

impl Keys {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("SELECT row, hash, payment, fingerprint FROM keys_new ORDER BY row")?;
        let mut rows = statement.query([])?;
        let mut keys = Self { fresh_from: 1, next: 1, ..Self::default() };
        while let Some(row) = rows.next()? {
            keys.next = row.get::<_, i64>(0)? + 1;
            keys.fresh.insert(row.get(1)?, (read::id(row, 2)?, row.get(3)?));
        }
        Ok(keys)
    }

    /// What a key stands for, and its fingerprint.
    pub(super) fn find(&self, sql: &mut Statements<'_>, scope: &str, key: &str) -> Result<Option<Found>, StoreError> {
        let hash = hash_of(scope, key);
        let pending = self.pending.iter().rev().find(|(other, _)| *other == hash).map(|(_, value)| value);
        let remembered = pending.or_else(|| self.fresh.get(&hash)).or_else(|| self.settling.get(&hash));
        if let Some(value) = remembered {
            return Ok(Some(value.clone()));
        }
        let found = sql.find_key.query_row([hash], |row| Ok((read::id(row, 0)?, row.get(1)?))).optional()?;
        Ok(found)
    }

    /// Writes a key, whatever it stood for before.
    pub(super) fn put(&mut self, sql: &mut Statements<'_>, key: Key) -> Result<(), StoreError> {
        let hash = hash_of(&key.scope, &key.key);
        sql.add_key.execute(params![self.next, hash, key.payment.0.to_be_bytes(), key.fingerprint])?;
        self.next += 1;
        self.pending.push((hash, (key.payment, key.fingerprint)));
        Ok(())
    }

    /// Moves some keys to their places: twice as many as have come with this transaction, so that one generation has moved
    /// before the next is complete.
    pub(super) fn settle(&mut self, sql: &mut Statements<'_>) -> Result<(), StoreError> {
        let count = 2 * self.pending.len();
        self.settle_some(sql, count)
    }

    /// Moves all keys to their places, so that the next start finds none to remember.
    pub(super) fn settle_all(&mut self, sql: &mut Statements<'_>) -> Result<(), StoreError> {
        self.settle_some(sql, usize::MAX)?;
        self.moved = 0;
        self.settling = self.fresh.drain().collect();
        self.fresh_from = self.next;
        self.settle_some(sql, usize::MAX)
    }

    fn settle_some(&mut self, sql: &mut Statements<'_>, count: usize) -> Result<(), StoreError> {
        for (hash, (payment, fingerprint)) in self.settling.iter().take(count) {
            sql.settle_key.execute(params![hash, payment.0.to_be_bytes(), fingerprint])?;
            self.moved += 1;
        }
        if self.moved > 0 && self.moved == self.settling.len() {
            sql.forget_new_keys.execute([self.fresh_from])?;
        }
        Ok(())
    }

    /// The transaction is durable.
    pub(super) fn committed(&mut self) {
        for _ in 0..std::mem::take(&mut self.moved) {
            self.settling.pop_first();
        }
        self.fresh.extend(self.pending.drain(..));
        if self.settling.is_empty() && self.fresh.len() >= GENERATION_LEN {
            self.settling = self.fresh.drain().collect();
            self.fresh_from = self.next;
        }
    }

    /// The transaction is void.
    pub(super) fn rolled_back(&mut self) {
        self.pending.clear();
        self.moved = 0;
    }
}

fn hash_of(scope: &str, key: &str) -> Hash {
    let length = u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes();
    let whole = Sha256::new().chain_update(length).chain_update(scope).chain_update(key).finalize();
    let mut half = Hash::default();
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}
