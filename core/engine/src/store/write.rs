//! The writer: one thread, many writes in one transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use sportello_model::PaymentId;
use tokio::sync::{mpsc, oneshot};

use super::{Job, Key, PaymentRow, StoreError, Write};

/// The most writes in one transaction.
const GROUP_LEN_MAX: usize = 1024;

/// What to answer after the commit.
enum Answer {
    Commit(oneshot::Sender<Result<(), StoreError>>, Result<(), StoreError>),
    Put(oneshot::Sender<Result<(bool, u64), StoreError>>, Result<(bool, u64), StoreError>),
}

/// Balances that the transaction has changed, by account and currency.
type Changes = HashMap<(String, &'static str), i64>;

/// Writes until nobody can send any more.
pub(super) fn run(connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP_LEN_MAX);
    let mut answers = Vec::with_capacity(GROUP_LEN_MAX);
    while let Some(first) = jobs.blocking_recv() {
        group.push(first);
        while group.len() < GROUP_LEN_MAX {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        let committed = commit(&connection, &mut group, &mut answers);
        if committed.is_err() && !connection.is_autocommit() {
            // The transaction is void either way; an error here would only repeat the first.
            let _ = connection.execute_batch("ROLLBACK");
        }
        group.clear();
        for answer in answers.drain(..) {
            let void = committed.as_ref().err().cloned();
            // Whoever has stopped waiting will find what was written.
            match answer {
                Answer::Commit(done, result) => drop(done.send(void.map_or(result, Err))),
                Answer::Put(done, result) => drop(done.send(void.map_or(result, Err))),
            }
        }
    }
    // So that the next start finds an empty log.
    let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

fn commit(connection: &Connection, group: &mut Vec<Job>, answers: &mut Vec<Answer>) -> Result<(), StoreError> {
    let mut changes = Changes::new();
    let mut failed = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from).err();
    for job in group.drain(..) {
        match job {
            Job::Commit(write, done) => {
                let result = match &failed {
                    Some(error) => Err(error.clone()),
                    None => put_write(connection, &write, &mut changes),
                };
                if let Err(error @ (StoreError::Failed(_) | StoreError::Closed)) = &result {
                    failed.get_or_insert_with(|| error.clone());
                }
                answers.push(Answer::Commit(done, result));
            }
            Job::Put { instance, name, expected, value, done } => {
                let result = match &failed {
                    Some(error) => Err(error.clone()),
                    None => put_state(connection, &instance, &name, expected, &value),
                };
                if let Err(error) = &result {
                    failed.get_or_insert_with(|| error.clone());
                }
                answers.push(Answer::Put(done, result));
            }
            Job::Later(ids) if failed.is_none() => {
                failed = forget(connection, ids.iter().map(|id| (id.owner, id.number))).err();
            }
            Job::Reschedule { id, due_ms, tries } if failed.is_none() => {
                let sql = "UPDATE effects SET due = ?3, tries = ?4 WHERE owner = ?1 AND number = ?2";
                let values = params![blob(id.owner), integer(id.number), integer(due_ms), tries];
                failed =
                    connection.prepare_cached(sql).and_then(|mut s| s.execute(values)).map_err(StoreError::from).err();
            }
            Job::Later(_) | Job::Reschedule { .. } => {}
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    put_balances(connection, changes)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// Checks first, so that a write which is refused leaves nothing behind in the transaction that it shares.
fn put_write(connection: &Connection, write: &Write, changes: &mut Changes) -> Result<(), StoreError> {
    for key in &write.keys {
        if let Some((payment, fingerprint)) = find_key(connection, &key.scope, &key.key)? {
            return Err(StoreError::Seen { payment, fingerprint });
        }
    }
    for row in write.payments.iter().filter(|row| row.expected > 0) {
        let sql = "SELECT version FROM payments WHERE id = ?1";
        let version: Option<i64> =
            connection.prepare_cached(sql)?.query_row([blob(row.id)], |r| r.get(0)).optional()?;
        if version != Some(integer(row.expected)) {
            return Err(StoreError::Stale);
        }
    }
    put_keys(connection, "INSERT INTO keys VALUES (?1, ?2, ?3, ?4)", &write.keys)?;
    put_keys(connection, "INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3, ?4)", &write.links)?;
    for row in &write.payments {
        put_payment(connection, row)?;
    }
    for effect in &write.effects {
        let values = params![
            blob(effect.id.owner),
            integer(effect.id.number),
            integer(effect.due_ms),
            effect.tries,
            effect.body
        ];
        connection.prepare_cached("INSERT INTO effects VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(values)?;
    }
    forget(connection, write.done.iter().map(|id| (id.owner, id.number)))?;
    for posting in &write.postings {
        *changes.entry((posting.account.to_string(), posting.currency.code())).or_default() += posting.minor;
    }
    Ok(())
}

fn put_keys(connection: &Connection, sql: &str, keys: &[Key]) -> Result<(), StoreError> {
    for key in keys {
        let values = params![key.scope, key.key, blob(key.payment), key.fingerprint];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

fn put_payment(connection: &Connection, row: &PaymentRow) -> Result<(), StoreError> {
    let (id, version, state, changed) =
        (blob(row.id), integer(row.version), row.state.name(), integer(row.changed_at_ms));
    if row.expected == 0 {
        let sql = "INSERT INTO payments VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![id, version, state, integer(row.made_at_ms), changed, row.snapshot];
        connection.prepare_cached(sql)?.execute(values)?;
    } else {
        let sql = "UPDATE payments SET version = ?2, state = ?3, changed_at = ?4, snapshot = ?5 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![id, version, state, changed, row.snapshot])?;
    }
    let values = params![id, version, changed, row.entry, row.hash.as_slice()];
    connection.prepare_cached("INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(values)?;
    Ok(())
}

fn forget(connection: &Connection, ids: impl Iterator<Item = (PaymentId, u64)>) -> Result<(), StoreError> {
    for (owner, number) in ids {
        let sql = "DELETE FROM effects WHERE owner = ?1 AND number = ?2";
        connection.prepare_cached(sql)?.execute(params![blob(owner), integer(number)])?;
    }
    Ok(())
}

fn put_balances(connection: &Connection, changes: Changes) -> Result<(), StoreError> {
    let sql = "INSERT INTO balances VALUES (?1, ?2, ?3)
               ON CONFLICT (account, currency) DO UPDATE SET minor = minor + excluded.minor";
    for ((account, currency), minor) in changes {
        if minor != 0 {
            connection.prepare_cached(sql)?.execute(params![account, currency, minor])?;
        }
    }
    Ok(())
}

fn put_state(
    connection: &Connection,
    instance: &str,
    name: &str,
    expected: u64,
    value: &[u8],
) -> Result<(bool, u64), StoreError> {
    let sql = "SELECT version FROM plugin_state WHERE instance = ?1 AND name = ?2";
    let there: i64 = connection.prepare_cached(sql)?.query_row([instance, name], |r| r.get(0)).optional()?.unwrap_or(0);
    if there != integer(expected) {
        return Ok((false, there.unsigned_abs()));
    }
    let sql = "INSERT OR REPLACE INTO plugin_state VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![instance, name, there + 1, value])?;
    Ok((true, expected + 1))
}

pub(super) fn find_key(
    connection: &Connection,
    scope: &str,
    key: &str,
) -> Result<Option<(PaymentId, Vec<u8>)>, StoreError> {
    let sql = "SELECT payment, fingerprint FROM keys WHERE scope = ?1 AND key = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row([scope, key], |row| Ok((super::read::id(row, 0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

pub(super) fn blob(id: PaymentId) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// SQLite's integers are signed; times and versions stay far below that limit.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
