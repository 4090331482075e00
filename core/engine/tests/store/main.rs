//! The store against what it promises: all or nothing, once or not at all, and the same again after any stop.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

use std::collections::HashSet;
use std::path::Path;

use sportello_engine::Store;
use sportello_engine::store::{EffectId, EffectRow, Key, Link, PaymentRow, Sealed, StoreError, Write};
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
        account: Some(Handle::new("iban", id).unwrap()),
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
    let link = |payment| Write {
        links: vec![Link {
            key: key("first", payment),
            before: payment.checked_sub(1).map(|n| (PaymentId(n), vec![1, 2, 3])),
        }],
        ..Write::default()
    };
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
async fn a_link_that_has_moved_on_is_not_moved_by_whoever_has_not_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let link = |to, before: Option<u128>| {
        let before = before.map(|payment| (PaymentId(payment), vec![1, 2, 3]));
        Write { links: vec![Link { key: key("first", to), before }], keys: vec![key("m", 1)], ..Write::default() }
    };
    let stale = |result| assert!(matches!(result, Err(StoreError::Stale)), "{result:?}");
    stale(store.write(link(2, Some(1))).await);
    store.write(Write { keys: vec![], ..link(1, None) }).await.unwrap();
    stale(store.write(link(2, None)).await);
    // Of those who come at the same time, one is the first.
    let all =
        futures_util::future::join_all((2..10).map(|to| store.write(Write { keys: vec![], ..link(to, Some(1)) })))
            .await;
    assert_eq!(all.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(store.key("test", "m").await.unwrap(), None, "what is stale leaves nothing behind");
}

/// From now on whatever is done to this table fails; `nothing` heals it.
fn fails(folder: &Path, what: &str) {
    let file = rusqlite::Connection::open(folder.join("s.db")).unwrap();
    file.execute_batch("DROP TRIGGER IF EXISTS full").unwrap();
    if what != "nothing" {
        let then = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
        file.execute_batch(&format!("CREATE TRIGGER full BEFORE {what} {then}")).unwrap();
    }
}

#[tokio::test]
async fn whatever_fails_in_a_group_nothing_of_it_is_there_and_all_of_it_can_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(Write { effects: vec![effect(7, 1), effect(7, 2)], ..Write::default() }).await.unwrap();
    let whole = |payment: u128| {
        let (made, event) = received(payment);
        Write {
            payments: vec![row(&made, 0, [0; 32], &[event])],
            postings: movement(
                sportello_model::Account::Held,
                sportello_model::Account::Suspense,
                Money::new(1, Currency::EUR).unwrap(),
            )
            .to_vec(),
            effects: vec![effect(payment, 1)],
            later: Vec::new(),
            done: vec![effect(7, 1).id],
            keys: vec![key(&format!("k{payment}"), payment)],
            links: vec![Link { key: key(&format!("l{payment}"), payment), before: None }],
        }
    };
    for what in
        ["INSERT ON journal", "INSERT ON effects", "INSERT ON keys_new", "INSERT ON balances", "DELETE ON effects"]
    {
        fails(folder.path(), what);
        store.forget(vec![effect(7, 2).id]).await;
        let all = futures_util::future::join_all((10..20).map(|payment| store.write(whole(payment)))).await;
        assert!(all.iter().all(|r| matches!(r, Err(StoreError::Failed(_)))), "{what}: {all:?}");
        assert_eq!(store.key("test", "k10").await.unwrap(), None, "{what}");
        assert!(store.balances().await.unwrap().is_empty(), "{what}");
        assert!(store.payment(PaymentId(10)).await.unwrap().is_none(), "{what}");
    }
    fails(folder.path(), "nothing");
    let all = futures_util::future::join_all((10..20).map(|payment| store.write(whole(payment)))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let (_copy, again) = crashed(folder.path());
    let left: HashSet<_> = again.effects().await.unwrap().iter().map(|e| e.id.owner).collect();
    assert_eq!(left, (10..20).map(PaymentId).collect(), "what was to be forgotten is, though its group failed");
    assert_eq!(again.balances().await.unwrap().iter().map(|b| b.minor.abs()).collect::<Vec<_>>(), [10, 10]);
    for payment in 10..20 {
        assert_eq!(again.key("test", &format!("k{payment}")).await.unwrap().unwrap().0, PaymentId(payment));
        assert_eq!(again.journal(PaymentId(payment)).await.unwrap().len(), 1);
    }
}

/// Writes until the disk is full, and says what was acknowledged. A child's part: see the test below.
#[tokio::test]
#[ignore = "a child's part of `a_full_disk_loses_nothing_that_was_acknowledged`"]
async fn fills_the_disk() {
    let Some(folder) = std::env::var_os("FOLDER") else { return };
    let store = open(Path::new(&folder));
    let mut failed = 0;
    for n in 0..100_000u128 {
        let (made, event) = received(n + 1);
        let big = Key { fingerprint: vec![7; 2_000], ..key(&format!("k{n}"), n + 1) };
        let payments = vec![row(&made, 0, [0; 32], &[event])];
        match store
            .write(Write { payments, keys: vec![big], effects: vec![effect(n + 1, 1)], ..Write::default() })
            .await
        {
            Ok(()) => println!("acknowledged {n}"),
            Err(StoreError::Failed(_)) if failed < 3 => failed += 1,
            Err(StoreError::Failed(_)) => break,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(store.key("test", &format!("k{n}")).await.unwrap().is_some(), failed == 0);
    }
    println!("full");
    // As a crash would end it.
    std::process::exit(0);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond a megabyte; the signal that says so is ignored, so that writing fails.
    let child = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact fills_the_disk --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("full"), "{said} {}", String::from_utf8_lossy(&child.stderr));
    let acknowledged: Vec<u128> =
        said.lines().filter_map(|line| line.split_once("acknowledged ")?.1.parse().ok()).collect();
    assert!(acknowledged.len() > 20, "{said}");
    let store = open(folder.path());
    for n in &acknowledged {
        assert_eq!(store.key("test", &format!("k{n}")).await.unwrap().unwrap().0, PaymentId(n + 1));
        assert_eq!(store.journal(PaymentId(n + 1)).await.unwrap().len(), 1);
    }
    assert!(store.effects().await.unwrap().len() >= acknowledged.len());
    store.write(keys(["room again".to_owned()])).await.unwrap();
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
        links: vec![Link { key: key("link", 9), before: None }],
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
            let later = EffectRow { due_ms: 1_000_000 + n, tries: 3, body: b"later".to_vec(), ..effect(2, n) };
            match n % 2 {
                0 => store.put_off(later).await,
                _ => store.write(Write { later: vec![later], ..Write::default() }).await.unwrap(),
            }
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
    assert!(left.iter().all(|e| (e.tries == 3) == (e.due_ms >= 1_000_000) && (e.tries == 3) == (e.body == b"later")));
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

fn sealed(name: &str, content: &[u8], until_ms: Option<u64>) -> Sealed {
    Sealed { name: name.into(), key_id: b"k1".to_vec(), nonce: content.to_vec(), sealed: content.to_vec(), until_ms }
}

#[tokio::test]
async fn what_is_destroyed_is_in_no_file_after_the_next_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let everywhere = || -> Vec<u8> {
        ["s.db", "s.db-wal"].iter().flat_map(|file| std::fs::read(folder.path().join(file)).unwrap()).collect()
    };
    let is_found = |what: &str| everywhere().windows(what.len()).any(|window| window == what.as_bytes());
    for (name, content, until_ms) in
        [("a", "content-of-a", Some(10)), ("b", "content-of-b", Some(20)), ("c", "content-of-c", None)]
    {
        store.seal(sealed(name, content.as_bytes(), until_ms)).await.unwrap();
        assert!(is_found(content));
    }
    // Large enough to lie on pages of its own.
    let large = "content-of-d".repeat(4_000);
    store.seal(sealed("d", large.as_bytes(), None)).await.unwrap();
    assert!(store.unseal("d").await.unwrap() && !store.unseal("d").await.unwrap());
    assert_eq!(store.sealed("d").await.unwrap(), None);
    store.seal(sealed("c", b"content-of-e", None)).await.unwrap();
    assert_eq!(store.sweep(9).await.unwrap(), 0);
    assert_eq!(store.sweep(10).await.unwrap(), 1);
    let left = ["content-of-a", "content-of-b", "content-of-c", "content-of-d", "content-of-e"].map(is_found);
    assert_eq!(left, [false, true, false, false, true]);
    assert_eq!(store.sealed("b").await.unwrap(), Some(sealed("b", b"content-of-b", Some(20))));
    store.close().await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.sweep(u64::MAX).await.unwrap(), 1);
    assert_eq!(store.sealed_by_key().await.unwrap(), [(b"k1".to_vec(), 1)]);
}

#[tokio::test]
async fn what_is_sealed_anew_is_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for name in ["a", "b", "c"] {
        store.seal(sealed(name, b"old", None)).await.unwrap();
    }
    let found = store.sealed_otherwise(b"k2", "", 2).await.unwrap();
    assert_eq!(found.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let anew = |name: &str| Sealed { key_id: b"k2".to_vec(), ..sealed(name, b"new", None) };
    assert!(store.reseal(anew("a"), b"old".to_vec()).await.unwrap());
    // Somebody put something else there meanwhile, or took it away.
    store.seal(sealed("b", b"newer", Some(7))).await.unwrap();
    assert!(!store.reseal(anew("b"), b"old".to_vec()).await.unwrap());
    store.unseal("c").await.unwrap();
    assert!(!store.reseal(anew("c"), b"old".to_vec()).await.unwrap());
    assert_eq!(store.sealed_otherwise(b"k2", "", 9).await.unwrap(), [sealed("b", b"newer", Some(7))]);
    assert_eq!(store.sealed_otherwise(b"k2", "b", 9).await.unwrap(), []);
    assert_eq!(store.sealed_by_key().await.unwrap(), [(b"k1".to_vec(), 1), (b"k2".to_vec(), 1)]);
}

#[tokio::test]
async fn what_a_plugin_keeps_has_room_and_no_more_than_that() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // A value of 1,000 bytes under a name of one letter takes 1,101.
    let put = async |store: &Store, instance: &str, name: &str, expected: u64, len: usize| {
        let put = store.put_within(3_400, instance, name, expected, vec![7; len]).await;
        put.map_err(|error| assert!(matches!(error, StoreError::Full { max: 3_400 }), "{error}"))
    };
    for name in ["a", "b", "c"] {
        assert_eq!(put(&store, "rail", name, 0, 1_000).await, Ok((true, 1)));
    }
    assert_eq!(put(&store, "rail", "d", 0, 1_000).await, Err(()), "it is full");
    assert_eq!(put(&store, "rail", "d", 0, 0).await, Err(()), "and a name takes room as well");
    assert_eq!(put(&store, "rail", "a", 1, 1_098).await, Err(()), "what grows has no room");
    assert_eq!(put(&store, "rail", "a", 0, 1_000).await, Ok((false, 1)), "who comes late hears that");
    assert_eq!(put(&store, "rail", "a", 1, 1_000).await, Ok((true, 2)), "what does not grow has");
    assert_eq!(put(&store, "other", "a", 0, 3_000).await, Ok((true, 1)), "another one has its own");
    assert!(store.is_writable().await, "a refusal is no failure");
    // What is emptied makes room; its name and version stay, since somebody may yet compare with them.
    assert_eq!(put(&store, "rail", "a", 2, 0).await, Ok((true, 3)));
    assert_eq!(store.get("rail", "a").await.unwrap(), (3, vec![]));
    // What was not written takes none.
    rusqlite::Connection::open(folder.path().join("s.db"))
        .unwrap()
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON plugin_state BEGIN SELECT RAISE(ABORT, 'full'); END")
        .unwrap();
    assert!(matches!(store.put_within(3_400, "rail", "d", 0, vec![7; 900]).await, Err(StoreError::Failed(_))));
    rusqlite::Connection::open(folder.path().join("s.db")).unwrap().execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(put(&store, "rail", "d", 0, 900).await, Ok((true, 1)));
    // And the next start counts the same.
    let (_copy, store) = crashed(folder.path());
    assert_eq!(put(&store, "rail", "e", 0, 1).await, Err(()));
    assert_eq!(put(&store, "rail", "d", 1, 996).await, Ok((true, 2)));
    assert_eq!(put(&store, "rail", "d", 2, 997).await, Err(()));
}
