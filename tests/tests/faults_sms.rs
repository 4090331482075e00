//! What an SMSC and people's phones do wrong, with the gateway, its SMS plugin and the bank for real: no payment is made
//! of what was never said, none is lost, none is made twice, and no link is lost for good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;
mod world;

use serde_json::{Value, json};
use world::{ANNA, World, code_in, one_of_the_crowd};

/// A PDU: its command, its sequence number and its body.
fn pdu(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + body.len()).unwrap();
    let words = [len, command, 0, sequence].map(u32::to_be_bytes);
    [&words.concat(), body].concat()
}

/// The body of a `deliver_sm` from paolo's number (SMPP 3.4, section 4.6.1).
fn from_paolo(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap();
    let front: &[u8] = b"\0\x01\x01393331234567\0\0\x0040404\0\0\0\0\0\0\0\0\0\0";
    [front, &[len], text.as_bytes()].concat()
}

const DELIVER_SM: u32 = 0x05;

#[tokio::test]
async fn what_is_no_smpp_costs_at_most_its_link() {
    let world = World::start("", 0).await;
    let mut sequence = 0x0100_0000;
    // What is written to the link; how it is answered; whether where the next PDU begins is lost with it.
    let mut check =
        async |octets: &dyn Fn(u32) -> Vec<u8>, answer: Option<(&str, &str)>, is_remade: bool, amount: &str| {
            sequence += 1;
            let binds = world.count("binds").await;
            let hex: String = octets(sequence).iter().map(|octet| format!("{octet:02x}")).collect();
            world.post("phones", "/sandbox/raw", json!({ "hex": hex })).await;
            if let Some((pdu, status)) = answer {
                let what = format!("{pdu} {status} to {sequence:x}");
                world
                    .until(&what, async || {
                        let smsc = world.get("phones", "/sandbox/smsc").await;
                        let pdus = smsc["pdus"].as_array().unwrap().clone();
                        let is_it =
                            |seen: &Value| seen["by"] == "esme" && seen["sequence"] == sequence && seen["pdu"] == pdu;
                        pdus.iter().find(|seen| is_it(seen)).map(|seen| assert_eq!(seen["status"], status, "{what}"))
                    })
                    .await;
            }
            // Whatever it was, people are served as before; and what they write meanwhile is not lost with the link.
            world.texts("paolo", &format!("pay {ANNA} {amount} EUR for the pizza")).await;
            world.hears("paolo", &["To pay", amount]).await;
            world.delivered().await;
            assert_eq!(world.payments_of(amount).await.len(), 1, "{amount}");
            assert_eq!(world.count("binds").await - binds, u64::from(is_remade), "{amount}");
        };
    let refused = |status| Some(("deliver_sm_resp", status));
    // An unknown command; one that only an SMSC is asked for; and an answer to nothing.
    check(&|n| pdu(0x99, n, b"what?"), Some(("generic_nack", "ESME_RINVCMDID")), false, "20.01").await;
    check(&|n| pdu(0x04, n, b""), Some(("generic_nack", "ESME_RINVCMDID")), false, "20.02").await;
    check(&|n| pdu(0x8000_0004, n, b"stray\0"), None, false, "20.03").await;
    // A body that ends in the middle of a field; less text than it says; a parameter that goes beyond the end.
    check(&|n| pdu(DELIVER_SM, n, &from_paolo("x")[..9]), refused("ESME_RINVCMDLEN"), false, "20.04").await;
    let short = from_paolo("pay +33612345678 66.01 EUR");
    check(&|n| pdu(DELIVER_SM, n, &short[..short.len() - 1]), refused("ESME_RINVCMDLEN"), false, "20.05").await;
    let beyond = [from_paolo("pay +33612345678 66.02 EUR").as_slice(), &[0x14, 0, 0, 9, 1]].concat();
    check(&|n| pdu(DELIVER_SM, n, &beyond), refused("ESME_RINVOPTPARSTREAM"), false, "20.06").await;
    // Shorter than its header, and longer than anything.
    let len = |len: u32| move |n: u32| [&len.to_be_bytes(), &pdu(DELIVER_SM, n, b"")[4..]].concat();
    check(&len(15), Some(("generic_nack", "ESME_RINVCMDLEN")), true, "20.07").await;
    check(&len(0x7fff_ffff), Some(("generic_nack", "ESME_RINVCMDLEN")), true, "20.08").await;
    // Cut off: the next that comes is taken for its end, and what is left of that is no PDU.
    check(&|n| pdu(DELIVER_SM, n, &[&from_paolo("cut")[..], &[b' '; 70]].concat())[..60].to_vec(), None, true, "20.09")
        .await;

    // A parameter that nobody knows costs nothing.
    let strange =
        [from_paolo(&format!("pay {ANNA} 20.10 EUR")).as_slice(), b"\x14\x00\x00\x03abc\x02\x04\x00\x01x"].concat();
    let hex: String = pdu(DELIVER_SM, 0x0200_0000, &strange).iter().map(|octet| format!("{octet:02x}")).collect();
    world.post("phones", "/sandbox/raw", json!({ "hex": hex })).await;
    let asked = world.hears("paolo", &["To pay", "20.10"]).await;
    world.confirms("paolo", &asked, "20.10").await;
    world.moved_once(&["20.10"]).await;
    assert!(world.payments_of("66.01").await.is_empty() && world.payments_of("66.02").await.is_empty());
    world.told_nobody(&["paolo"]).await;
}

#[tokio::test]
async fn an_smsc_that_binds_and_then_says_nothing_is_found_out() {
    let world = World::start("enquire_link_every_s = 1\nanswer_within_s = 1", 1).await;
    let binds = world.count("binds").await;
    world.smsc(json!({ "silent_after_bind": true })).await;
    // What is said meanwhile waits; whoever asks is told that it does.
    let wish = json!({ "payer": "tel:+393330000000", "payee": format!("tel:{ANNA}"),
        "amount": { "minor": 2020, "currency": "EUR" } });
    let asked = world.post("gateway", "/v1/payments", wish).await;
    let path = format!("/v1/payments/{}", asked["id"].as_str().unwrap());
    let waits =
        world.until("the note to wait", async || world.get("gateway", &path).await["notes"].get(0).cloned()).await;
    assert_eq!((&waits["to"], &waits["about"]), (&json!("payer"), &json!("challenge")), "{waits}");
    // Made anew, and again.
    world.until("two more links", async || (world.count("binds").await >= binds + 2).then_some(())).await;
    world.smsc(json!({ "silent_after_bind": false })).await;
    let who = one_of_the_crowd(0);
    let asked = world.hears(&who, &["To pay", "20.20"]).await;
    world.confirms(&who, &asked, "20.20").await;
    world.moved_once(&["20.20"]).await;
    let challenges = world.read_on_phone(&who).await.iter().filter(|note| note.contains("To pay")).count();
    assert_eq!(challenges, 1, "what a silent SMSC never took it does not say twice");
    world.told_nobody(&[&who]).await;
}

/// How often each of these people was told something with this word.
async fn told(world: &World, people: std::ops::Range<usize>, word: &str) -> Vec<usize> {
    let mut told = Vec::new();
    for number in people {
        let notes = world.read_on_phone(&one_of_the_crowd(number)).await;
        told.push(notes.iter().filter(|note| note.contains(word)).count());
    }
    told
}

#[tokio::test]
async fn a_link_that_drops_in_mid_window_loses_nothing_and_repeats_only_what_was_unanswered() {
    const PEOPLE: usize = 12;
    let world = World::start("window = 10\nanswer_within_s = 2", 3 * PEOPLE).await;

    // Of the six that are taken, three are not answered: whether they arrived nobody can tell, and they come twice. So does
    // the answer to each question whose acknowledgement went down with the link, for it is asked again; and nothing else.
    let unacked = world.count("unacked").await;
    world.smsc(json!({ "drop_after": 6, "drop_unanswered": 3 })).await;
    for number in 0..PEOPLE {
        world.texts(&one_of_the_crowd(number), "status").await;
    }
    let told_in_all = world
        .until("everybody to be told, and three of them twice", async || {
            let told = told(&world, 0..PEOPLE, "no payments").await;
            let all = told.iter().sum::<usize>();
            (told.iter().all(|times| *times > 0) && all >= PEOPLE + 3).then_some(all)
        })
        .await;
    let unacked = usize::try_from(world.count("unacked").await - unacked).unwrap();
    let twice = told_in_all - PEOPLE;
    assert!((3..=3 + unacked).contains(&twice), "{twice} were told twice, and {unacked} questions came again");

    // Two answers are lost, and the link with them.
    world.smsc(json!({ "lose_submit_answers": 2 })).await;
    for number in PEOPLE..PEOPLE + 4 {
        world.texts(&one_of_the_crowd(number), "status").await;
    }
    let heard = world
        .until("two to be told twice", async || {
            let told = told(&world, PEOPLE..PEOPLE + 4, "no payments").await;
            (told.iter().all(|times| *times > 0) && told.iter().sum::<usize>() >= 6).then_some(told)
        })
        .await;
    assert!(heard.iter().all(|times| *times <= 2) && heard.iter().sum::<usize>() == 6, "{heard:?}");

    // What people write is cut off on its way, or its acknowledgement is.
    world.bound().await;
    let (unacked, lost) = (world.count("unacked").await, 3);
    world.smsc(json!({ "lose_acks": lost })).await;
    let amount = |number: usize| format!("21.{number:02}");
    for number in 2 * PEOPLE..3 * PEOPLE {
        world.texts(&one_of_the_crowd(number), &format!("pay {ANNA} {} EUR", amount(number))).await;
    }
    world.smsc(json!({ "drop_links": true })).await;
    world.bound().await;
    world.delivered().await;
    let unacked = usize::try_from(world.count("unacked").await - unacked).unwrap();
    let mut again = 0;
    for number in 2 * PEOPLE..3 * PEOPLE {
        let (who, amount) = (one_of_the_crowd(number), amount(number));
        let payments = world.payments_of(&amount).await.len();
        assert!(payments > 0, "{amount} was acknowledged, and is lost");
        again += payments - 1;
        let first = world.hears(&who, &["To pay", &amount]).await;
        if payments > 1 {
            world.hears(&who, &["Again?", &amount]).await;
        }
        world.texts(&who, &code_in(&first)).await;
    }
    assert!((lost..=unacked).contains(&again), "{again} repeats of {unacked} that were not acknowledged");
    let paid = world
        .until("all to be paid", async || {
            let moved = world.moved().await;
            (moved.len() == PEOPLE).then_some(moved)
        })
        .await;
    assert!(paid.values().all(|times| *times == 1), "{paid:?}");
    world.delivered().await;
    assert_eq!(world.moved().await, paid);
    let people: Vec<String> = (0..3 * PEOPLE).map(one_of_the_crowd).collect();
    world.told_nobody(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn what_people_write_arrives_whole_or_not_at_all_and_is_paid_once() {
    let world = World::start("parts_wait_s = 10", 12).await;
    let mut paid: Vec<String> = Vec::new();
    let mut people = (0..12).map(one_of_the_crowd);
    let mut check = async |how: Value, memo: &str, wanted: &str, amount: &str| {
        let who = people.next().unwrap();
        world.texts_as(&who, &format!("pay {ANNA} {amount} EUR for {memo}"), how).await;
        let asked = world.hears(&who, &["To pay", amount]).await;
        assert!(asked.contains(&format!("({wanted})")), "{asked}");
        assert!(!asked.contains('\u{fffd}'), "a character is torn: {asked}");
        world.confirms(&who, &asked, amount).await;
        assert!(world.hears(&who, &["Done", amount]).await.contains(&format!("({wanted})")));
        paid.push(amount.to_owned());
    };
    // As the gateway writes it, in composed form (NFC).
    let composed = "🍕 caf\u{e9} \u{f1}and\u{fa} 👨‍👩‍👧‍👦 👍🏽 🇮🇹 z\u{334}\u{351}alg\u{35b}o Ω€^{}";
    // Emoji of several code points, combining marks and flags, in one part, in many, in every way of joining them.
    let memo = "🍕 cafe\u{301} n\u{303}and\u{fa} 👨‍👩‍👧‍👦 👍🏽 🇮🇹 z\u{334}\u{351}alg\u{35b}o Ω€^{}";
    check(json!({}), memo, composed, "22.01").await;
    check(json!({ "parts": "udh8", "order": [1, 0] }), memo, composed, "22.02").await;
    check(json!({ "parts": "udh16", "characters_per_part": 30, "order": [2, 0, 1, 0] }), memo, composed, "22.03").await;
    check(json!({ "parts": "sar", "characters_per_part": 30, "order": [2, 1, 0] }), memo, composed, "22.04").await;
    check(json!({ "encoding": "payload" }), memo, composed, "22.05").await;
    check(json!({ "encoding": "latin1" }), "café à l'eau ñ", "café à l'eau ñ", "22.06").await;
    // Longer than a memo may be: what is beyond that is cut off, and what is left still fits into an answer.
    let long = "pizza ".repeat(500);
    check(json!({ "encoding": "payload" }), &long, long[..280].trim(), "22.07").await;
    let pizzas = "🍕".repeat(400);
    check(json!({}), &pizzas, &"🍕".repeat(280), "22.08").await;
    // As many parts as a header can count.
    let text = "x".repeat(255 - format!("pay {ANNA} 22.09 EUR for ").len());
    let how = json!({ "characters_per_part": 1, "order": (0..255).rev().collect::<Vec<_>>() });
    check(how, &text, &text, "22.09").await;

    // A part that does not come: no command is made of the others, and none when it comes too late.
    let payments = world.payments().await.len();
    let who = people.next().unwrap();
    let text = format!("pay {ANNA} 66.03 EUR and no more for a pizza");
    world.texts_as(&who, &text, json!({ "characters_per_part": 25, "omit": [1] })).await;
    world
        .until("the parts to be given up", async || world.log().contains("long messages are given up").then_some(()))
        .await;
    world.texts(&who, "status").await;
    world.hears(&who, &["no payments"]).await;
    assert_eq!((world.payments().await.len(), world.read_on_phone(&who).await.len()), (payments, 1));

    // Delivered twice, and delivered again for a lost acknowledgement: the wish, and the code.
    for (fault, amount) in [("duplicate", "22.10"), ("lose_acks", "22.11")] {
        world.smsc(json!({ fault: 1 })).await;
        world.texts("paolo", &format!("pay {ANNA} {amount} EUR")).await;
        world.hears("paolo", &["Again?", amount]).await;
        let notes = world.read_on_phone("paolo").await;
        let asked = notes.into_iter().find(|note| note.starts_with("To pay") && note.contains(amount)).unwrap();
        world.smsc(json!({ fault: 1 })).await;
        world.confirms("paolo", &asked, amount).await;
        paid.push(amount.to_owned());
        world.delivered().await;
        let mut states: Vec<String> =
            world.payments_of(amount).await.iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        assert_eq!(states, ["awaiting_confirmation", "completed"]);
    }

    // Too much for the SMSC: it is told once, when it is not any more.
    world.smsc(json!({ "throttle": 2, "queue_full": 2, "trickle": true })).await;
    let throttled = world.count("throttled").await;
    world.pays("paolo", "22.12").await;
    paid.push("22.12".to_owned());
    let asked =
        world.read_on_phone("paolo").await.iter().filter(|n| n.contains("To pay") && n.contains("22.12")).count();
    assert_eq!((asked, world.count("throttled").await - throttled), (1, 4));

    // The receipt is faster than the answer that tells what it is about.
    world.smsc(json!({ "receipts": "before_answer", "trickle": false })).await;
    world.pays("paolo", "22.13").await;
    paid.push("22.13".to_owned());
    let payment = world.payments_of("22.13").await.remove(0);
    world
        .until("the receipts of paolo's two notes and anna's one", async || {
            (world.journal(&payment).await.matches("note_delivered").count() >= 3).then_some(())
        })
        .await;

    // A number that is nobody's any more: whoever has it next proves it first.
    let who = people.next().unwrap();
    world.smsc(json!({ "receipts": "after", "dead": [who] })).await;
    world.delivered().await;
    let receipts = world.count("receipts").await;
    world.texts(&who, "status").await;
    world.until("its receipt", async || (world.count("receipts").await > receipts).then_some(())).await;
    world.delivered().await;
    world.smsc(json!({ "dead": [] })).await;
    world.texts(&who, &format!("pay {ANNA} 22.14 EUR for the pizza")).await;
    let proof = world.hears(&who, &["Somebody wrote to us"]).await;
    assert!(!proof.contains("22.14") && world.payments_of("22.14").await.is_empty(), "{proof}");
    world.texts(&who, &code_in(&proof)).await;
    let asked = world.hears(&who, &["To pay", "22.14"]).await;
    world.confirms(&who, &asked, "22.14").await;
    paid.push("22.14".to_owned());

    world.delivered().await;
    world.moved_once(&paid.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let people: Vec<String> = (0..12).map(one_of_the_crowd).chain(["paolo".to_owned()]).collect();
    world.told_nobody(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn killed_in_mid_window_it_has_what_it_acknowledged_and_pays_nothing_twice() {
    const PEOPLE: usize = 120;
    /// How many orders may be out at the rail when it is killed.
    const IN_FLIGHT: usize = 64;
    let mut world = World::start("window = 100", PEOPLE).await;
    let amount = |number: usize| format!("{}.{:02}", 1 + number / 100, number % 100);
    // Killed while what they wish comes in, and while the codes do.
    for number in 0..PEOPLE {
        world.texts(&one_of_the_crowd(number), &format!("pay {ANNA} {} EUR", amount(number))).await;
        if number == PEOPLE / 2 {
            world.kill();
        }
    }
    world.restart().await;
    world.delivered().await;
    let (delivered, unacked) = (world.count("delivered").await, world.count("unacked").await);
    let payments = world.payments().await;
    for number in 0..PEOPLE {
        let cents = amount(number).replace('.', "").parse::<u64>().unwrap();
        let times = payments.iter().filter(|payment| payment["amount"]["minor"] == cents).count();
        let heard = world.read_on_phone(&one_of_the_crowd(number)).await;
        assert!((1..=2).contains(&times), "{times} payments of {cents} cents: {heard:?}");
    }
    let again = payments.len() - PEOPLE;
    assert!(again <= usize::try_from(unacked).unwrap(), "{again} of {unacked}, {delivered} delivered");

    let mut codes = Vec::new();
    for number in 0..PEOPLE {
        let who = one_of_the_crowd(number);
        codes.push((world.hears(&who, &["To pay", &amount(number)]).await, who));
    }
    for (at, (asked, who)) in codes.iter().enumerate() {
        world.texts(who, &code_in(asked)).await;
        if at == PEOPLE / 2 {
            world.kill();
        }
    }
    world.restart().await;
    world.delivered().await;
    // Whatever the bank may have been told when it was killed is asked about, and never told again.
    let (completed, in_doubt) = world
        .until("all to be paid or in doubt", async || {
            let payments = world.payments().await;
            let of = |state: &str| payments.iter().filter(|payment| payment["state"] == state).count();
            let (completed, in_doubt) = (of("completed"), of("transferring"));
            (completed + in_doubt == PEOPLE && in_doubt <= IN_FLIGHT).then_some((completed, in_doubt))
        })
        .await;
    let moved = world.moved().await;
    assert!(moved.values().all(|times| *times == 1), "{moved:?}");
    assert!((completed..=completed + in_doubt).contains(&moved.len()), "{completed} {in_doubt} {}", moved.len());
    let people: Vec<String> = (0..PEOPLE).map(one_of_the_crowd).collect();
    world.told_nobody(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
