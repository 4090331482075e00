//! The store against what it promises: all or nothing, once or not at all, and the same again after any stop.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

use std::collections::HashSet;
use std::path::Path;

use sportello_engine::Store;
use sportello_engine::store::{EffectId, EffectRow, Key, PaymentRow, StoreError, Write};
use sportello_model::command::Visibility;
use sportello_model::payment::{Event, Payment};
use sportello_model::{Currency, Handle, Intent, IntentKind, Money, Origin, PaymentId, Person, movement};

fn open(folder: &Path) -> Store {
    // The writer before it lets go of the file when its thread has ended.
    loop {
        match Store::open(&folder.join("s.db")) {
            Err(StoreError::Failed(why)) if why.contains("another gateway") => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// The files as a crash would leave them at this moment: a second store, opened on a copy of them.
fn crashed(folder: &Path) -> (tempfile::TempDir, Store) {
    let copy = tempfile::tempdir().unwrap();
    for file in ["s.db", "s.db-wal"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    let store = open(copy.path());
    (copy, store)
}

fn key(name: &str, payment: u128) -> Key {
    Key { scope: "test".into(), key: name.into(), payment: PaymentId(payment), fingerprint: vec![1, 2, 3] }
}

fn effect(owner: u128, number: u64) -> EffectRow {
    let id = EffectId { owner: PaymentId(owner), number };
    EffectRow { id, due_ms: number, tries: 0, body: b"{}".to_vec() }
}

fn keys(names: impl IntoIterator<Item = String>) -> Write {
    Write { keys: names.into_iter().map(|name| key(&name, 7)).collect(), ..Write::default() }
}

fn intent() -> Intent {
    let person = |id: &str| Person {
        name: id.into(),
        handle: Handle::new("chat", id).unwrap(),
        account: Handle::new("iban", id).unwrap(),
        country: None,
        language: "en".into(),
    };
    let origin = Origin { source: "t".into(), by: person("1").handle, message: None, first: None, public: false };
    Intent {
        kind: IntentKind::Pay,
        payer: person("1"),
        payee: person("2"),
        amount: Money::new(2000, Currency::EUR).unwrap(),
        memo: None,
        visibility: Visibility::Private,
        origin,
    }
}

/// A payment's first commit, and then one more entry each time.
fn row(payment: &Payment, expected: u64, before: [u8; 32], events: &[Event]) -> PaymentRow {
    use sha2::{Digest, Sha256};
    let entry = serde_json::to_vec(&serde_json::json!({ "events": events, "postings": [] })).unwrap();
    PaymentRow {
        id: payment.id,
        expected,
        version: payment.version,
        state: payment.state,
        made_at_ms: payment.made_at_ms,
        changed_at_ms: payment.changed_at_ms,
        snapshot: serde_json::to_vec(&payment.snapshot()).unwrap(),
        hash: Sha256::new().chain_update(before).chain_update(&entry).finalize().into(),
        entry,
    }
}

fn received(id: u128) -> (Payment, Event) {
    let payment = Payment::received(PaymentId(id), intent(), 1);
    let event = Event::Received { intent: payment.intent.clone() };
    (payment.apply(&event, 1).unwrap().payment, event)
}

#[tokio::test]
async fn a_key_is_there_once_however_many_have_come_since_and_whatever_stopped() {
    // More than two generations, in commits of uneven size, with a stop in the middle of each stage.
    const COUNT: usize = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut next = 0;
    for commit in 0.. {
        if next >= COUNT {
            break;
        }
        let count = 1 + commit % 700;
        store.write(keys((next..next + count).map(|n| n.to_string()))).await.unwrap();
        next += count;
        if commit % 60 == 59 {
            drop(store);
            store = open(folder.path());
        }
    }
    let check = async |store: &Store| {
        for n in (0..next).step_by(97).chain(next - 5..next) {
            let written = store.write(keys([n.to_string()])).await;
            assert!(matches!(written, Err(StoreError::Seen { payment: PaymentId(7), .. })), "{n}: {written:?}");
            assert_eq!(store.key("test", &n.to_string()).await.unwrap(), Some((PaymentId(7), vec![1, 2, 3])));
        }
        assert_eq!(store.key("test", "never").await.unwrap(), None);
        assert_eq!(store.key("tes", "t0").await.unwrap(), None, "a scope ends where it ends");
    };
    check(&store).await;
    check(&crashed(folder.path()).1).await;
    drop(store);
    check(&open(folder.path())).await;
}

#[tokio::test]
async fn a_link_points_to_what_it_was_given_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let link = |payment| Write { links: vec![key("first", payment)], ..Write::default() };
    for round in 0..2u128 {
        store.write(link(round)).await.unwrap();
        // Pushes the link before from one stage to the next.
        store.write(keys((0..33_000).map(|n| format!("{round}-{n}")))).await.unwrap();
        store.write(keys((0..17_000).map(|n| format!("more {round}-{n}")))).await.unwrap();
        assert_eq!(store.key("test", "first").await.unwrap().unwrap().0, PaymentId(round));
    }
    assert_eq!(crashed(folder.path()).1.key("test", "first").await.unwrap().unwrap().0, PaymentId(1));
    drop(store);
    assert_eq!(open(folder.path()).key("test", "first").await.unwrap().unwrap().0, PaymentId(1));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(keys(["a".to_owned()])).await.unwrap();
    let (payment, event) = received(9);
    let posted = movement(
        sportello_model::Account::Held,
        sportello_model::Account::Suspense,
        Money::new(1, Currency::EUR).unwrap(),
    );
    let with = |keys, expected| Write {
        keys,
        payments: vec![row(&payment, expected, [0; 32], std::slice::from_ref(&event))],
        postings: posted.to_vec(),
        effects: vec![effect(9, 1)],
        links: vec![key("link", 9)],
        ..Write::default()
    };
    let seen = store.write(with(vec![key("b", 9), key("a", 9)], 0)).await;
    assert!(matches!(seen, Err(StoreError::Seen { .. })), "{seen:?}");
    let stale = store.write(with(vec![key("b", 9)], 4)).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    assert!(store.payment(PaymentId(9)).await.unwrap().is_none());
    assert!(store.effects().await.unwrap().is_empty());
    assert!(store.balances().await.unwrap().is_empty());
    assert_eq!(store.key("test", "b").await.unwrap(), None);
    assert_eq!(store.key("test", "link").await.unwrap(), None);
    store.write(with(vec![key("b", 9)], 0)).await.unwrap();
    assert_eq!(store.balances().await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_many_who_change_one_payment_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (made, event) = received(1);
    let first = row(&made, 0, [0; 32], &[event]);
    let hash = first.hash;
    store.write(Write { payments: vec![first], ..Write::default() }).await.unwrap();
    let event = Event::Expired;
    let next = made.clone().apply(&event, 2).unwrap().payment;
    let all = (0..32).map(|_| {
        let changed = row(&next, made.version, hash, std::slice::from_ref(&event));
        store.write(Write { payments: vec![changed], ..Write::default() })
    });
    let results = futures_util::future::join_all(all).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(store.payment(made.id).await.unwrap().unwrap().payment, next);
    assert_eq!(store.journal(made.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_store_that_was_closed_leaves_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(keys((0..100).map(|n| n.to_string()))).await.unwrap();
    store.close().await;
    assert!(matches!(store.write(keys(["late".to_owned()])).await, Err(StoreError::Closed)));
    store.close().await;
    let file = rusqlite::Connection::open(folder.path().join("s.db")).unwrap();
    let count =
        |table| file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((count("keys"), count("keys_new")), (100, 0));
}

#[tokio::test]
async fn effects_stay_until_they_are_done_across_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut expected = HashSet::new();
    for n in 0..200u64 {
        store.write(Write { effects: vec![effect(1, n), effect(2, n)], ..Write::default() }).await.unwrap();
        let (one, two) = (effect(1, n).id, effect(2, n).id);
        expected.extend([one, two]);
        if n % 3 == 0 {
            store.write(Write { done: vec![one], ..Write::default() }).await.unwrap();
            expected.remove(&one);
        }
        if n % 5 == 0 {
            store.forget(vec![two, two]).await;
            expected.remove(&two);
        }
        if n % 7 == 0 {
            store.put_off(two, 1_000_000 + n, 3).await;
        }
        if n % 50 == 49 {
            drop(store);
            store = open(folder.path());
        }
    }
    // What was only forgotten goes with the next commit.
    store.write(Write::default()).await.unwrap();
    let left = crashed(folder.path()).1.effects().await.unwrap();
    assert_eq!(left.iter().map(|e| e.id).collect::<HashSet<_>>(), expected);
    assert!(left.is_sorted_by_key(|e| e.due_ms), "the earliest first");
    assert!(left.iter().all(|e| (e.tries == 3) == (e.due_ms >= 1_000_000)));
    assert_eq!(left.iter().filter(|e| e.tries == 3).count(), (0..200).filter(|n| n % 7 == 0 && n % 5 != 0).count());
}

#[tokio::test]
async fn a_journal_that_somebody_changed_is_not_shown_as_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (made, event) = received(3);
    store.write(Write { payments: vec![row(&made, 0, [0; 32], &[event])], ..Write::default() }).await.unwrap();
    assert_eq!(store.journal(made.id).await.unwrap().len(), 1);
    drop(store);
    drop(open(folder.path()));
    let file = rusqlite::Connection::open(folder.path().join("s.db")).unwrap();
    let changed = file.execute("UPDATE journal SET body = replace(CAST(body AS TEXT), '2000', '9000')", []);
    // The type of the column is checked as well: a blob goes in.
    assert!(changed.is_err());
    file.execute("UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), '2000', '9000') AS BLOB)", []).unwrap();
    drop(file);
    let told = open(folder.path()).journal(made.id).await.unwrap_err().to_string();
    assert!(told.contains("is not the one that was written"), "{told}");
}
