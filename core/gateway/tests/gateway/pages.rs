//! Links to pages: what they show, what is given there, and what nobody else gets with them.

use crate::counter::{CONFIG, Shown, World, prepare, shown, start, was_seen};

/// What every page says to its browser.
fn is_guarded(shown: &Shown) {
    is_guarded_from(shown, "'none'", "DENY");
}

/// The same of a rail's page, which another page of ours may have in a frame.
fn is_guarded_as_a_rails(shown: &Shown) {
    is_guarded_from(shown, "'self'", "SAMEORIGIN");
}

fn is_guarded_from(shown: &Shown, ancestors: &str, options: &str) {
    let header = |name: &str| shown.headers[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    let around = format!("frame-ancestors {ancestors}");
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with(&around), "{policy}");
    assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store".into(), "no-referrer".into()));
    assert_eq!((header("x-content-type-options"), header("x-frame-options")), ("nosniff".into(), options.into()));
    assert!(!shown.headers.contains_key("set-cookie"));
}

const VISA: &str = "way=card&number=4111+1111+1111+1111&expiry=12%2F30";

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_typed_in_and_paid_with() {
    let world = start().await;
    let id = world.wish("chat:1002", "the pizza").await;
    let link = world.link("chat:1002", "/enrol/").await;
    let page = world.get(&link).await;
    is_guarded(&page);
    assert_eq!(page.status, 200);
    // In the payer's language, with what it is about; what people are called is no markup.
    for part in
        ["lang=\"it\"", "Come vuoi pagare?", "20.00 EUR", "Anna &lt;Rossi&gt;", "cc-number", "cc-exp", "A wallet"]
    {
        assert!(page.page.contains(part), "{part} in {}", page.page);
    }
    // A card that is none changes nothing, and its number is not written again.
    let wrong = world.post(&link, "way=card&number=4111111111111112&expiry=12%2F30&holder=%3Cb%3E").await;
    is_guarded(&wrong);
    assert_eq!(wrong.status, 422);
    assert!(wrong.page.contains("aria-invalid") && wrong.page.contains("&lt;b&gt;") && !wrong.page.contains("4111"));
    // Whoever can type an account in need not be its holder: nothing is paid from it.
    assert!(!page.page.contains("account-iban"), "{}", page.page);
    let of_others = "way=account-iban&account=IT60X0542811101000000123456";
    for other in ["way=card", "way=page&number=4111111111111111", of_others, "", "way"] {
        assert_eq!(world.post(&link, other).await.status, 422, "{other}");
    }
    assert_eq!(world.payment(&id).await["state"], "awaiting_enrolment");

    let done = world.post(&link, &format!("{VISA}&keep=yes")).await;
    is_guarded(&done);
    assert_eq!(done.status, 200);
    assert!(done.page.contains("Grazie"), "{}", done.page);
    world.confirm("chat:1002", "the pizza").await;
    world.until(&id, "completed").await;
    assert!(was_seen("Visa ••1111 4111111111111111"));
    // Once, and never again.
    for again in [world.get(&link).await, world.post(&link, VISA).await] {
        is_guarded(&again);
        assert_eq!(again.status, 410);
        assert!(again.page.contains("already"), "{}", again.page);
    }
    // It was to be kept: the next payment asks for nothing.
    let body = serde_json::json!({"payer": "chat:1002", "payee": "chat:1001", "confirmed": true,
        "amount": {"minor": 300, "currency": "EUR"}});
    let asked = world.http.post(format!("{}/v1/payments", world.base)).bearer_auth("key-that-may-do-all");
    let made = asked.header("idempotency-key", "next").json(&body).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    assert_ne!(made["state"], "awaiting_enrolment", "{made}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_to_be_paid_says_on_which_account() {
    let world = start().await;
    let id = world.wish_for("chat:1001", "chat:4001", "the flat").await;
    let link = world.link("chat:4001", "/enrol/").await;
    let page = world.get(&link).await;
    is_guarded(&page);
    assert_eq!(page.status, 200);
    // Nobody is paid on a card, nor on what a wallet hands over.
    for (part, is_there) in
        [("Where shall the money go?", true), ("IBAN", true), ("cc-number", false), ("A wallet", false)]
    {
        assert_eq!(page.page.contains(part), is_there, "{part} in {}", page.page);
    }
    for (body, says) in [
        ("way=account-iban&account=IT61X0542811101000000123456", "This is no IBAN"),
        // Nobody pays themselves, by whatever name.
        ("way=account-iban&account=FR1420041010050500013M02606", "cannot use that"),
        (VISA, "cannot use that"),
    ] {
        let refused = world.post(&link, body).await;
        is_guarded(&refused);
        assert!(refused.status == 422 && refused.page.contains(says), "{body}: {}", refused.page);
    }
    assert_eq!(world.post(&format!("{link}/with/wallet"), "token:1").await.status, 404);
    let done = world.post(&link, "way=account-iban&account=it60+x054+2811+1010+0000+0123+456").await;
    assert!(done.status == 200 && done.page.contains("Thank you"), "{}", done.page);
    world.until(&id, "completed").await;
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_on_a_rails_page_is_for_one_payment() {
    let world = start().await;
    let id = world.wish("chat:2001", "the wallet").await;
    let link = world.link("chat:2001", "/enrol/").await;
    let page = world.get(&format!("{link}/with/wallet")).await;
    is_guarded_as_a_rails(&page);
    assert_eq!((page.status, page.page.as_str()), (200, "Anna <Rossi>"));
    assert_eq!(world.post(&format!("{link}/with/wallet"), "no token").await.status, 400);
    for elsewhere in ["cards", "bank", "nobody"] {
        assert_eq!(world.post(&format!("{link}/with/{elsewhere}"), "token:1").await.status, 404, "{elsewhere}");
    }
    assert_eq!(world.payment(&id).await["state"], "awaiting_enrolment");
    let done = world.post(&format!("{link}/with/wallet/deeper"), "token:of-the-wallet").await;
    is_guarded(&done);
    assert!(done.status == 200 && done.page.contains("Thank you"), "{}", done.page);
    world.confirm("chat:2001", "the wallet").await;
    world.until(&id, "completed").await;
    assert!(was_seen("Visa ••3478 token:of-the-wallet"));
    assert_eq!(world.post(&format!("{link}/with/wallet"), "token:again").await.status, 410);
    // The next payment asks anew.
    world.wish("chat:2001", "the wallet once more").await;
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_acts_on_a_rails_page_and_looking_at_it_does_nothing() {
    let world = start().await;
    let id = world.wish("chat:2002", "a challenge").await;
    let enrol = world.link("chat:2002", "/enrol/").await;
    let done = world.post(&enrol, "way=card&number=5555555555554444&expiry=12%2F30").await;
    assert_eq!(done.status, 200);
    world.confirm("chat:2002", "a challenge").await;
    let link = world.link("chat:2002", "/act/").await;
    for _ in 0..3 {
        let asked =
            world.http.get(format!("{}{link}?a=b", world.base)).header("x-forwarded-for", "10.0.0.9, 192.0.2.7");
        let page = shown(asked.send().await.unwrap()).await;
        is_guarded_as_a_rails(&page);
        let told = format!("\"url\":\"https://pay.example{link}\"");
        for part in ["\"ip\":\"192.0.2.7\"", "\"language\":\"en\"", &told] {
            assert!(page.page.contains(part), "{part} in {}", page.page);
        }
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in ["form-action 'self' https://acs.example;", "script-src 'sha256-"] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
    }
    assert_eq!(world.payment(&id).await["state"], "collecting");
    let back = world.post(&format!("{link}/back"), "cres=x").await;
    is_guarded_as_a_rails(&back);
    assert_eq!((back.status, back.page.as_str()), (200, "<p>Well done"));
    world.until(&id, "completed").await;
    let over = world.post(&format!("{link}/back"), "cres=x").await;
    is_guarded(&over);
    assert_eq!(over.status, 410);
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_not_made_here_tells_nothing() {
    let world = start().await;
    world.wish("chat:2003", "nobody's business").await;
    let link = world.link("chat:2003", "/enrol/").await;
    let token = link.strip_prefix("/enrol/").unwrap();
    let first = if token.starts_with('A') { "B" } else { "A" };
    let forged = format!("/enrol/{first}{}", &token[1..]);
    let mut pages = Vec::new();
    for path in [
        forged,
        format!("/enrol/{token}A"),
        "/enrol/x".to_owned(),
        "/enrol/%ff".to_owned(),
        format!("/act/{token}"),
        "/act/AAAA".to_owned(),
        "/act/AAAA/back".to_owned(),
        "/enrol/x/with/wallet".to_owned(),
    ] {
        for shown in [world.get(&path).await, world.post(&path, VISA).await] {
            is_guarded(&shown);
            assert_eq!(shown.status, 404, "{path}");
            pages.push(shown.page);
        }
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:?}");
    // Too much is not read, and too often is not served.
    assert_eq!(world.post(&link, &"x".repeat((64 << 10) + 1)).await.status, 413);
    let mut statuses = Vec::new();
    for _ in 0..70 {
        statuses.push(world.get(&link).await.status);
    }
    assert!(statuses.contains(&200) && statuses.ends_with(&[429]), "{statuses:?}");
    let deleted = world.http.delete(format!("{}/enrol/x", world.base)).send().await.unwrap();
    assert_eq!(deleted.status().as_u16(), 405);
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_address_there_are_no_pages_and_without_a_grant_no_cards() {
    let check = async |from: &str, to: &str, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        assert!(CONFIG.contains(from), "{from}");
        let found = prepare(folder.path(), &CONFIG.replacen(from, to, 1)).await.err().unwrap_or_default();
        let matches = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.contains(e));
        assert!(matches, "{to}\nfound    {found:#?}\nexpected {expected:#?}");
    };
    check("enrolment = true", "enrolment = true", &[]).await;
    check("public_url = \"https://pay.example\"", "", &["policy.enrolment: there is no address"]).await;
    check(
        "[rails.cards]\nplugin = \"cards\"\ngrants = [\"pan\"]",
        "[rails.cards]\nplugin = \"cards\"",
        &["rails.cards.grants: the plugin asks for card numbers, and cannot work without them: add \"pan\""],
    )
    .await;
    check(
        "plugin = \"bank\"",
        "plugin = \"bank\"\ngrants = [\"pan\"]",
        &["rails.bank.grants[0]: the plugin does not ask for card numbers: take this out of the list"],
    )
    .await;
    let world = World { ..start().await };
    assert_eq!(world.get("/enrol").await.status, 404);
    world.gateway.drain().await;
}
