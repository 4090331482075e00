use super::*;

const NOW: u64 = 1_700_000_000_000;

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

fn card() -> Card {
    Card { pan: "4111111111111111".to_owned(), expiry_year: 2030, expiry_month: 12, holder: None }
}

async fn vault(folder: &tempfile::TempDir, key: u8, old: &[u8]) -> Result<(Store, Vault), VaultError> {
    let store = loop {
        match Store::open(&folder.path().join("s.db")) {
            Err(StoreError::Failed(why)) if why.contains("another gateway") => tokio::task::yield_now().await,
            opened => break opened?,
        }
    };
    let old: Vec<_> = old.iter().map(|key| Zeroizing::new([*key; 32])).collect();
    let vault = Vault::open(store.clone(), KeyRing::new(&[key; 32], &old)).await;
    if vault.is_err() {
        store.close().await;
    }
    Ok((store, vault?))
}

fn handed_over(payment: u128) -> HandedOver<'static> {
    static OWNER: std::sync::LazyLock<Handle> = std::sync::LazyLock::new(|| handle("chat:1"));
    HandedOver {
        scheme: "token",
        instance: "wallet",
        payment: PaymentId(payment),
        owner: &OWNER,
        label: "Visa ••3478",
        secret: Bytes::from_static(b"a token"),
    }
}

#[tokio::test]
async fn a_card_is_given_to_whoever_may_see_cards_and_stands_nowhere_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = vault(&folder, 1, &[]).await.unwrap();
    let account = vault.keep_card(&handle("chat:1"), &card(), None, NOW).await.unwrap();
    assert_eq!((account.scheme(), account.rest().len()), (CARD, 32));
    let held = vault.instrument(account.as_str(), "any-rail", PaymentId(7), NOW).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Card>(&held.secret).unwrap(), card());
    assert_eq!(held.facts, InstrumentFacts { label: "Visa ••1111".to_owned(), received_at_ms: NOW, payment: None });
    for file in ["s.db", "s.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"4111111111111111"), "{file}");
    }
    vault.forget(&account).await.unwrap();
    assert!(vault.instrument(account.as_str(), "any-rail", PaymentId(7), NOW).await.unwrap().is_none());
    store.close().await;
}

#[tokio::test]
async fn a_card_that_is_not_to_be_kept_is_given_for_its_payment_and_has_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = vault(&folder, 1, &[]).await.unwrap();
    let account = vault.keep_card(&handle("chat:1"), &card(), Some(PaymentId(7)), NOW).await.unwrap();
    let get = async |about: u128, at_ms: u64| vault.instrument(account.as_str(), "any", PaymentId(about), at_ms).await;
    assert!(get(7, NOW).await.unwrap().is_some());
    assert!(matches!(get(8, NOW).await, Err(VaultError::NotYours)));
    assert!(get(7, NOW + ONCE_FOR_MS).await.unwrap().is_none());
    store.close().await;
}

/// A clock that is moved on by whoever waits for it, up to its end.
struct Days(std::sync::atomic::AtomicU64, u64);

#[sportello_sdk::async_trait]
impl Clock for Days {
    fn now_ms(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
    async fn sleep_until(&self, at_ms: u64) {
        if at_ms > self.1 {
            std::future::pending::<()>().await;
        }
        self.0.store(at_ms, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_is_past_its_end_is_destroyed_at_the_start_and_every_hour() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = vault(&folder, 1, &[]).await.unwrap();
    for hours in [0, 1, 3] {
        vault.put_for("a", &format!("{hours}"), NOW + hours * 3_600_000, b"x", NOW).await.unwrap();
    }
    let clock = Arc::new(Days(NOW.into(), NOW + 2 * 3_600_000));
    let sweeping = sweep_for_ever(store.clone(), clock);
    let left = async || store.sealed_by_key().await.unwrap().first().map_or(0, |(_, count)| *count);
    let swept = async {
        while left().await > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = sweeping => panic!("it does so for ever"),
        () = swept => {}
    }
    assert_eq!(left().await, 1);
    store.close().await;
}

#[tokio::test]
async fn what_was_handed_over_is_given_to_its_rail_for_its_payment_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = vault(&folder, 1, &[]).await.unwrap();
    let account = vault.keep_handed_over(handed_over(7), NOW).await.unwrap();
    let name = account.as_str();
    let check = async |instance: &str, about: u128, at_ms: u64, expected: Result<bool, ()>| {
        let got = vault.instrument(name, instance, PaymentId(about), at_ms).await;
        let got = got.map(|held| held.is_some_and(|held| held.secret == "a token")).map_err(drop);
        assert_eq!(got, expected, "{instance} {about} {at_ms}");
    };
    check("wallet", 7, NOW, Ok(true)).await;
    check("wallet", 8, NOW, Err(())).await;
    check("wallet", 0, NOW, Err(())).await;
    check("other", 7, NOW, Err(())).await;
    check("wallet", 7, NOW + HANDED_OVER_FOR_MS, Ok(false)).await;

    // Its rail may keep less of it, for as long as that is needed, and in the end nothing.
    vault.put_for("wallet", name, NOW + 10, b"less", NOW).await.unwrap();
    let held = vault.instrument(name, "wallet", PaymentId(7), NOW).await.unwrap().unwrap();
    assert_eq!((&held.secret[..], held.facts.payment), (&b"less"[..], Some(PaymentId(7))));
    assert_eq!(vault.get_for("wallet", PaymentId(7), name, NOW).await.unwrap().as_deref(), Some(&b"less"[..]));
    assert!(matches!(vault.get_for("wallet", PaymentId(8), name, NOW).await, Err(VaultError::NotYours)));
    // To another rail that name is one of its own.
    vault.put_for("other", name, NOW + 10, b"mine", NOW).await.unwrap();
    vault.remove_for("other", name, NOW).await.unwrap();
    check("wallet", 7, NOW + 10, Ok(false)).await;
    assert!(vault.instrument(name, "wallet", PaymentId(7), NOW + 9).await.unwrap().is_some());
    vault.remove_for("wallet", name, NOW).await.unwrap();
    assert!(vault.instrument(name, "wallet", PaymentId(7), NOW).await.unwrap().is_none());
    store.close().await;
}

#[tokio::test]
async fn each_rail_has_names_of_its_own_and_what_is_past_its_end_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = vault(&folder, 1, &[]).await.unwrap();
    let of = async |instance: &str, at_ms: u64| {
        vault.get_for(instance, PaymentId(0), "dpan", at_ms).await.unwrap().map(|secret| secret.to_vec())
    };
    vault.put_for("a", "dpan", NOW + 10, b"a's", NOW).await.unwrap();
    vault.put_for("b", "dpan", NOW + 20, b"b's", NOW).await.unwrap();
    // A name cannot reach into another's.
    vault.put_for("a/dpan", "x", NOW + 20, b"x", NOW).await.unwrap();
    assert_eq!((of("a", NOW).await, of("b", NOW).await), (Some(b"a's".to_vec()), Some(b"b's".to_vec())));
    assert_eq!(of("a", NOW + 10).await, None);
    let kept = vault.keep_card(&handle("chat:1"), &card(), None, NOW).await.unwrap();
    assert_eq!((store.sweep(NOW + 10).await.unwrap(), store.sweep(NOW + 10).await.unwrap()), (1, 0));
    assert_eq!((of("a", NOW).await, of("b", NOW).await), (None, Some(b"b's".to_vec())));
    assert_eq!(store.sweep(u64::MAX / 4).await.unwrap(), 2);
    // A card has no end of its own.
    assert!(vault.instrument(kept.as_str(), "a", PaymentId(0), u64::MAX).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn a_new_key_takes_over_from_an_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut accounts = Vec::new();
    let (store, old) = vault(&folder, 1, &[]).await.unwrap();
    for _ in 0..250 {
        accounts.push(old.keep_card(&handle("chat:1"), &card(), None, NOW).await.unwrap());
    }
    store.close().await;
    drop((store, old));
    // Without the old key nothing would be found: so it does not start.
    assert!(matches!(vault(&folder, 2, &[]).await, Err(VaultError::Seal(OpenError::UnknownKey(_)))));
    let (store, both) = vault(&folder, 2, &[1]).await.unwrap();
    // What is read is sealed anew, and then all the rest.
    assert!(both.instrument(accounts[0].as_str(), "a", PaymentId(0), NOW).await.unwrap().is_some());
    assert_eq!(both.rotate().await.unwrap(), Rotation { resealed: 249, left: 0 });
    assert_eq!(both.rotate().await.unwrap(), Rotation::default());
    store.close().await;
    drop((store, both));
    let (store, new) = vault(&folder, 2, &[]).await.unwrap();
    for account in &accounts {
        assert!(new.instrument(account.as_str(), "a", PaymentId(0), NOW).await.unwrap().is_some());
    }
    store.close().await;
}
