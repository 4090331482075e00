//! The writer: one thread, many writes in one transaction.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Statement, params};
use sportello_model::{Account, Currency, PaymentId, Posting};
use tokio::sync::{mpsc, oneshot};

use super::effects::Effects;
use super::keys::Keys;
use super::room::Room;
use super::{EffectId, Job, Link, PaymentRow, PluginPut, StoreError, Write, vault};

/// The most writes in one transaction.
const GROUP_LEN_MAX: usize = 1024;

/// How long what can wait is held back for others to share its commit.
const WAITED_FOR: Duration = Duration::from_millis(1);

/// What the writer knows of the tables without looking.
pub(super) struct Memory {
    effects: Effects,
    keys: Keys,
    room: Room,
    /// The last entry of the journal.
    entry: i64,
}

impl Memory {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let entry = connection.query_row("SELECT coalesce(max(entry), 0) FROM journal", [], |row| row.get(0))?;
        let (effects, keys, room) = (Effects::load(connection)?, Keys::load(connection)?, Room::load(connection)?);
        Ok(Self { effects, keys, room, entry })
    }
}

/// What is written with, prepared once.
pub(super) struct Statements<'c> {
    find_payment: Statement<'c>,
    add_payment: Statement<'c>,
    change_payment: Statement<'c>,
    add_entry: Statement<'c>,
    post: Statement<'c>,
    find_state: Statement<'c>,
    put_state: Statement<'c>,
    pub(super) add_effect: Statement<'c>,
    pub(super) put_off_effect: Statement<'c>,
    pub(super) forget_effect: Statement<'c>,
    pub(super) find_key: Statement<'c>,
    pub(super) add_key: Statement<'c>,
    pub(super) settle_key: Statement<'c>,
    pub(super) forget_new_keys: Statement<'c>,
    pub(super) vault: vault::Statements<'c>,
}

impl<'c> Statements<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find_payment: connection.prepare("SELECT version, entry FROM payments WHERE id = ?1")?,
            add_payment: connection.prepare("INSERT INTO payments VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?,
            change_payment: connection.prepare(
                "UPDATE payments SET version = ?2, state = ?3, changed_at = ?4, entry = ?5, hash = ?6, snapshot = ?7
                 WHERE id = ?1",
            )?,
            add_entry: connection.prepare("INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            post: connection.prepare(
                "INSERT INTO balances VALUES (?1, ?2, ?3)
                 ON CONFLICT (account, currency) DO UPDATE SET minor = minor + excluded.minor",
            )?,
            find_state: connection
                .prepare("SELECT version, length(value) FROM plugin_state WHERE instance = ?1 AND name = ?2")?,
            put_state: connection.prepare("INSERT OR REPLACE INTO plugin_state VALUES (?1, ?2, ?3, ?4)")?,
            add_effect: connection.prepare("INSERT INTO effects VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            put_off_effect: connection.prepare("UPDATE effects SET due = ?2, tries = ?3, body = ?4 WHERE row = ?1")?,
            forget_effect: connection.prepare("DELETE FROM effects WHERE row = ?1")?,
            find_key: connection.prepare("SELECT payment, fingerprint FROM keys WHERE hash = ?1")?,
            add_key: connection.prepare("INSERT INTO keys_new VALUES (?1, ?2, ?3, ?4)")?,
            settle_key: connection.prepare("INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3)")?,
            forget_new_keys: connection.prepare("DELETE FROM keys_new WHERE row < ?1")?,
            vault: vault::Statements::new(connection)?,
        })
    }
}

/// An answer, to be given after the commit, and to whom.
struct Answer<T>(oneshot::Sender<Result<T, StoreError>>, Result<T, StoreError>);

impl<T> Answer<T> {
    fn give(self, void: Option<StoreError>) {
        // Whoever has stopped waiting will find what was written.
        drop(self.0.send(void.map_or(self.1, Err)));
    }
}

#[derive(Default)]
struct Answers {
    written: Vec<Answer<()>>,
    put: Vec<Answer<(bool, u64)>>,
    vaulted: Vec<Answer<u64>>,
    closed: Vec<oneshot::Sender<()>>,
}

impl Answers {
    /// Whether something is to be in the file: a transaction of reads and refusals succeeds on a full disk as well.
    fn have_written(&self) -> bool {
        self.written.iter().any(|answer| answer.1.is_ok())
            || self.put.iter().any(|answer| matches!(answer.1, Ok((true, _))))
            || self.vaulted.iter().any(|answer| matches!(answer.1, Ok(1..)))
    }
}

/// Writes until it is told to close, or nobody can send any more; `failing` tells whether the last write failed.
pub(super) fn run(
    connection: &Connection,
    memory: Memory,
    mut jobs: mpsc::Receiver<Job>,
    failing: &AtomicBool,
) -> Result<(), StoreError> {
    let sql = Statements::new(connection)?;
    let mut writer = Writer { connection, sql, memory, changes: HashMap::new(), forgotten: Vec::new() };
    let mut group = Vec::with_capacity(GROUP_LEN_MAX);
    let mut answers = Answers::default();
    while answers.closed.is_empty() && jobs.blocking_recv_many(&mut group, GROUP_LEN_MAX) > 0 {
        writer.find(&mut group);
        if failing.load(Ordering::SeqCst) {
            writer.refuse_seen(&mut group);
        }
        if group.is_empty() {
            continue;
        }
        if group.iter().all(Job::can_wait) {
            // Nobody waits for it, and a commit of its own would keep waiting whoever comes next.
            std::thread::sleep(WAITED_FOR);
            while group.len() < GROUP_LEN_MAX
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            writer.find(&mut group);
        }
        let committed = writer.commit(&mut group, &mut answers);
        match &committed {
            Ok(()) => {
                writer.committed();
                if answers.have_written() {
                    failing.store(false, Ordering::SeqCst);
                }
            }
            Err(_) => {
                writer.rolled_back();
                failing.store(true, Ordering::SeqCst);
            }
        }
        group.clear();
        let void = committed.err();
        answers.written.drain(..).for_each(|answer| answer.give(void.clone()));
        answers.put.drain(..).for_each(|answer| answer.give(void.clone()));
        answers.vaulted.drain(..).for_each(|answer| answer.give(void.clone()));
    }
    // Whoever still writes hears that it is closed, and not nothing.
    drop(jobs);
    writer.close()?;
    for closed in answers.closed {
        let _ = closed.send(());
    }
    Ok(())
}

struct Writer<'c> {
    connection: &'c Connection,
    sql: Statements<'c>,
    memory: Memory,
    /// By how much the transaction under way changes balances.
    changes: HashMap<(Account, Currency), i128>,
    /// What was to be forgotten in a transaction that came to nothing: nobody asks for it again.
    forgotten: Vec<EffectId>,
}

impl Writer<'_> {
    /// Answers the questions in a group, and takes them out of it: with what is committed, before anything of the group is
    /// written. So nobody waits for a commit who only asks, and nobody hears of what may still come to nothing.
    fn find(&mut self, group: &mut Vec<Job>) {
        group.retain_mut(|job| {
            let Job::Find { scope, key, done } = job else { return true };
            let found = self.memory.keys.find(&mut self.sql, scope, key);
            if let Some(done) = done.take() {
                // Whoever has stopped waiting does not want to know.
                drop(done.send(found));
            }
            false
        });
    }

    /// Refuses what was written before and takes it out of the group, while writes fail: a repeat is answered with what
    /// came of the first, and does not fall with others that need room.
    fn refuse_seen(&mut self, group: &mut Vec<Job>) {
        for job in std::mem::take(group) {
            let Job::Commit(write, done) = job else {
                group.push(job);
                continue;
            };
            match seen(&self.memory, &mut self.sql, &write) {
                Err(refused @ StoreError::Seen { .. }) => drop(done.send(Err(refused))),
                // What else is wrong comes out when it is written.
                _ => group.push(Job::Commit(write, done)),
            }
        }
    }

    fn commit(&mut self, group: &mut Vec<Job>, answers: &mut Answers) -> Result<(), StoreError> {
        // After a failure the transaction is void, and nothing more is put into it: all that wait are told so.
        let mut failed = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from).err();
        for job in group.drain(..) {
            match job {
                Job::Commit(write, done) => {
                    let result = unless(&failed, || self.write(write));
                    answers.written.push(Answer(done, note(&mut failed, result)));
                }
                Job::Put(put, done) => {
                    let result = unless(&failed, || self.put_state(&put));
                    answers.put.push(Answer(done, note(&mut failed, result)));
                }
                Job::Vault(change, done) => {
                    let result = unless(&failed, || self.sql.vault.change(self.connection, change));
                    answers.vaulted.push(Answer(done, note(&mut failed, result)));
                }
                // Answered before.
                Job::Find { .. } => {}
                Job::Forget(ids) => self.forgotten.extend(ids),
                Job::Close(done) => answers.closed.push(done),
                Job::PutOff(later) => {
                    let effects = &mut self.memory.effects;
                    let result = unless(&failed, || effects.put_off(&mut self.sql, &later));
                    let _ = note(&mut failed, result);
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        for id in &self.forgotten {
            self.memory.effects.forget(&mut self.sql, *id)?;
        }
        self.memory.keys.settle(&mut self.sql)?;
        for ((account, currency), minor) in self.changes.drain().filter(|(_, minor)| *minor != 0) {
            let minor = i64::try_from(minor)
                .map_err(|_| StoreError::Failed(format!("{account} cannot hold so much in one commit")))?;
            self.sql.post.execute(params![account.to_string(), currency.code(), minor])?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    fn committed(&mut self) {
        self.sql.vault.committed(self.connection);
        self.memory.effects.committed();
        self.memory.keys.committed();
        self.memory.room.committed();
        self.forgotten.clear();
    }

    fn rolled_back(&mut self) {
        self.sql.vault.rolled_back();
        if !self.connection.is_autocommit() {
            // The transaction is void either way; an error here would only repeat the first.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.changes.clear();
        self.memory.effects.rolled_back();
        self.memory.keys.rolled_back();
        self.memory.room.rolled_back();
    }

    /// Checks first, so that a write which is refused leaves nothing behind in the transaction that it shares.
    fn write(&mut self, write: Write) -> Result<(), StoreError> {
        let Self { sql, memory, .. } = self;
        seen(memory, sql, &write)?;
        for Link { key, before } in &write.links {
            if memory.keys.find(sql, &key.scope, &key.key)? != *before {
                return Err(StoreError::Stale);
            }
        }
        let mut previous = Vec::with_capacity(write.payments.len());
        for row in &write.payments {
            previous.push(if row.expected == 0 { None } else { Some(last_entry(sql, row)?) });
        }
        for key in write.keys.into_iter().chain(write.links.into_iter().map(|link| link.key)) {
            memory.keys.put(sql, key)?;
        }
        for (row, previous) in write.payments.into_iter().zip(previous) {
            memory.entry += 1;
            put_payment(sql, &row, memory.entry, previous)?;
        }
        for effect in &write.effects {
            memory.effects.add(sql, effect)?;
        }
        for later in &write.later {
            memory.effects.put_off(sql, later)?;
        }
        for id in &write.done {
            memory.effects.forget(sql, *id)?;
        }
        for Posting { account, currency, minor } in write.postings {
            *self.changes.entry((account, currency)).or_default() += i128::from(minor);
        }
        Ok(())
    }

    fn put_state(&mut self, put: &PluginPut) -> Result<(bool, u64), StoreError> {
        let PluginPut { instance, name, expected, value, .. } = put;
        let found = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let found = self.sql.find_state.query_row([instance, name], found).optional()?;
        let there = found.map_or(0, |(version, _)| version);
        if there != integer(*expected) {
            return Ok((false, there.unsigned_abs()));
        }
        self.memory.room.take(put, found.map(|(_, len)| len.unsigned_abs()))?;
        self.sql.put_state.execute(params![instance, name, there + 1, value])?;
        Ok((true, expected + 1))
    }

    /// Leaves the file so that the next start has nothing to do.
    fn close(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for id in &self.forgotten {
            self.memory.effects.forget(&mut self.sql, *id)?;
        }
        self.memory.keys.settle_all(&mut self.sql)?;
        self.connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(())
    }
}

/// Whether one of its keys is there already: what came of it then.
fn seen(memory: &Memory, sql: &mut Statements<'_>, write: &Write) -> Result<(), StoreError> {
    for key in &write.keys {
        if let Some((payment, fingerprint)) = memory.keys.find(sql, &key.scope, &key.key)? {
            return Err(StoreError::Seen { payment, fingerprint });
        }
    }
    Ok(())
}

fn unless<T>(failed: &Option<StoreError>, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    failed.clone().map_or_else(work, Err)
}

/// Takes note of what makes the whole transaction void: a refusal does not.
fn note<T>(failed: &mut Option<StoreError>, result: Result<T, StoreError>) -> Result<T, StoreError> {
    if let Err(error @ (StoreError::Failed(_) | StoreError::Closed)) = &result {
        failed.get_or_insert_with(|| error.clone());
    }
    result
}

/// The journal entry that a payment ends with, if it is still as whoever changes it knows it.
fn last_entry(sql: &mut Statements<'_>, row: &PaymentRow) -> Result<i64, StoreError> {
    let found = sql.find_payment.query_row([blob(row.id)], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?))).optional()?;
    match found {
        Some((version, entry)) if version == integer(row.expected) => Ok(entry),
        _ => Err(StoreError::Stale),
    }
}

fn put_payment(
    sql: &mut Statements<'_>,
    row: &PaymentRow,
    entry: i64,
    previous: Option<i64>,
) -> Result<(), StoreError> {
    let (id, version, state, at) = (blob(row.id), integer(row.version), row.state.name(), integer(row.changed_at_ms));
    if previous.is_none() {
        let made_at = integer(row.made_at_ms);
        sql.add_payment.execute(params![id, version, state, made_at, at, entry, row.hash, row.snapshot])?;
    } else {
        sql.change_payment.execute(params![id, version, state, at, entry, row.hash, row.snapshot])?;
    }
    sql.add_entry.execute(params![entry, previous, id, version, at, row.entry])?;
    Ok(())
}

pub(super) fn blob(id: PaymentId) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// SQLite's integers are signed; times and versions stay far below that limit.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
