//! What is sealed: the store keeps it, and cannot read it. Whoever sealed it can, and nobody else.
//!
//! What is destroyed leaves nothing behind: its bytes are overwritten in the commit that takes it out, and the log, which
//! still has the page as it was, is emptied with the next sweep.

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};
use tokio::sync::oneshot;

use super::read::number;
use super::write::integer;
use super::{Job, Store, StoreError};

/// Something sealed, as it lies in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its name.
    pub name: String,
    /// Which key it is sealed under.
    pub key_id: Vec<u8>,
    /// The nonce of this sealing, unlike any other's under the key.
    pub nonce: Vec<u8>,
    /// What is sealed, with its tag.
    pub sealed: Vec<u8>,
    /// When it is destroyed, in milliseconds since 1970; nothing where somebody must say so.
    pub until_ms: Option<u64>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("name", &self.name).field("until_ms", &self.until_ms).finish_non_exhaustive()
    }
}

/// A change of what is sealed.
#[derive(Debug)]
pub(super) enum Change {
    /// This stands there from now on.
    Put(Sealed),
    /// The same, if what is there was sealed with this nonce.
    Swap(Sealed, Vec<u8>),
    /// It is destroyed.
    Remove(String),
    /// Whatever was to be there until then is destroyed.
    Sweep { now_ms: u64 },
}

/// What is written with, prepared once.
pub(super) struct Statements<'c> {
    put: Statement<'c>,
    swap: Statement<'c>,
    remove: Statement<'c>,
    sweep: Statement<'c>,
    /// Whether something was taken out that the log may still hold.
    has_destroyed: bool,
    /// Whether the transaction under way sweeps.
    is_sweeping: bool,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            put: connection.prepare("INSERT OR REPLACE INTO vault VALUES (?1, ?2, ?3, ?4, ?5)")?,
            swap: connection
                .prepare("UPDATE vault SET key_id = ?2, nonce = ?3, sealed = ?4 WHERE name = ?1 AND nonce = ?5")?,
            remove: connection.prepare("DELETE FROM vault WHERE name = ?1")?,
            sweep: connection.prepare("DELETE FROM vault WHERE until <= ?1")?,
            // What a crash left in the log goes with the first sweep.
            has_destroyed: true,
            is_sweeping: false,
        })
    }

    /// Makes a change in the transaction under way, and says how many there were.
    pub(super) fn change(&mut self, connection: &Connection, change: Change) -> Result<u64, StoreError> {
        // For these alone: whatever else is deleted holds nothing that must not be found again, and costs less so.
        connection.pragma_update(None, "secure_delete", true)?;
        let changed = self.changed(change);
        connection.pragma_update(None, "secure_delete", false)?;
        Ok(u64::try_from(changed?).unwrap_or(u64::MAX))
    }

    fn changed(&mut self, change: Change) -> rusqlite::Result<usize> {
        self.has_destroyed = true;
        match change {
            Change::Put(row) => {
                self.put.execute(params![row.name, row.key_id, row.nonce, row.sealed, row.until_ms.map(integer)])
            }
            Change::Swap(row, nonce) => self.swap.execute(params![row.name, row.key_id, row.nonce, row.sealed, nonce]),
            Change::Remove(name) => self.remove.execute([name]),
            Change::Sweep { now_ms } => {
                self.is_sweeping = true;
                self.sweep.execute([integer(now_ms)])
            }
        }
    }

    /// The transaction is durable: where it was a sweep, the log is emptied.
    pub(super) fn committed(&mut self, connection: &Connection) {
        if !std::mem::take(&mut self.is_sweeping) || !self.has_destroyed {
            return;
        }
        // Busy where somebody is reading: then the next one does it.
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.has_destroyed = !matches!(busy, Ok(0));
    }

    /// The transaction is void.
    pub(super) fn rolled_back(&mut self) {
        self.is_sweeping = false;
    }
}

const SEALED: &str = "SELECT name, key_id, nonce, sealed, until FROM vault";

fn read(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    let until_ms = row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs);
    Ok(Sealed { name: row.get(0)?, key_id: row.get(1)?, nonce: row.get(2)?, sealed: row.get(3)?, until_ms })
}

impl Store {
    async fn change_vault(&self, change: Change) -> Result<u64, StoreError> {
        let (done, changed) = oneshot::channel();
        self.jobs.send(Job::Vault(change, done)).await.map_err(|_| StoreError::Closed)?;
        changed.await.map_err(|_| StoreError::Closed)?
    }

    /// Keeps something sealed, in place of what was there under this name. Durable when this returns.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seal(&self, row: Sealed) -> Result<(), StoreError> {
        self.change_vault(Change::Put(row)).await.map(drop)
    }

    /// The same, if what is there was sealed with `nonce`: says whether it was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reseal(&self, row: Sealed, nonce: Vec<u8>) -> Result<bool, StoreError> {
        Ok(self.change_vault(Change::Swap(row, nonce)).await? > 0)
    }

    /// Destroys what is sealed under this name: says whether there was something.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unseal(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.change_vault(Change::Remove(name.to_owned())).await? > 0)
    }

    /// Destroys whatever was to be kept until now, and says how much that was. What was destroyed earlier is gone from the
    /// log as well afterwards, unless somebody is reading just then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, now_ms: u64) -> Result<u64, StoreError> {
        self.change_vault(Change::Sweep { now_ms }).await
    }

    /// What is sealed under this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sealed(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{SEALED} WHERE name = ?1"))?;
            Ok(statement.query_row([name], read).optional()?)
        })
        .await
    }

    /// Up to `limit` of what is sealed under other keys than this one, in the order of their names, after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sealed_otherwise(&self, key_id: &[u8], after: &str, limit: u32) -> Result<Vec<Sealed>, StoreError> {
        let (key_id, after) = (key_id.to_owned(), after.to_owned());
        self.read(move |connection| {
            let sql = format!("{SEALED} WHERE key_id <> ?1 AND name > ?2 ORDER BY name LIMIT ?3");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![key_id, after, limit], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How much is sealed under each key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sealed_by_key(&self) -> Result<Vec<(Vec<u8>, u64)>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT key_id, count(*) FROM vault GROUP BY key_id ORDER BY key_id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, number(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
