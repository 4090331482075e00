//! The tables, and how the file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Changes with every change of the tables below.
const SCHEMA_VERSION: i64 = 3;

/// What a commit writes is whole pages, so what a payment costs is how many pages it touches. Hence: whatever grows goes to
/// the end of its table, by a number that counts up (`journal`, `effects`, `keys_new`); what changes is small (`payments`
/// holds no more than what can change, and sorts by time); and `keys`, which are random, move to their places in order and
/// in bulk (see `keys.rs`).
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS payments (
        id BLOB PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL,
        made_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
        entry INTEGER NOT NULL, hash BLOB NOT NULL, snapshot BLOB NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS journal (
        entry INTEGER PRIMARY KEY, previous INTEGER, payment BLOB NOT NULL,
        version INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS effects (
        row INTEGER PRIMARY KEY, owner BLOB NOT NULL, number INTEGER NOT NULL,
        due INTEGER NOT NULL, tries INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS keys (
        hash BLOB PRIMARY KEY, payment BLOB NOT NULL, fingerprint BLOB NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS keys_new (
        row INTEGER PRIMARY KEY, hash BLOB NOT NULL, payment BLOB NOT NULL, fingerprint BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS balances (
        account TEXT NOT NULL, currency TEXT NOT NULL, minor INTEGER NOT NULL,
        PRIMARY KEY (account, currency)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS plugin_state (
        instance TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (instance, name)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS vault (
        name TEXT PRIMARY KEY, key_id BLOB NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL, until INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS vault_until ON vault (until) WHERE until IS NOT NULL;
";

/// Opens the file to write, and makes the tables.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: that is what an acknowledgement promises.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints every 32 MB of log rather than every 4: each one syncs the file itself.
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    // What is under way is some hundred pages. A larger cache costs more than it brings: whenever a commit has split a
    // page, SQLite looks through all that are cached.
    connection.pragma_update(None, "cache_size", -8_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // One gateway, one file: a second one that wrote the same payments would be a second spender.
    connection.pragma_update(None, "locking_mode", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != 0 && version != SCHEMA_VERSION {
        let by = if version > SCHEMA_VERSION { "a later" } else { "an earlier" };
        return Err(StoreError::Failed(format!(
            "it was written by {by} version of this program (schema {version}, this one knows {SCHEMA_VERSION})"
        )));
    }
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(connection)
}

/// Opens the file to read beside the writer.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
