use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{join, join_all};

use super::*;

const CODE: &str = "20,00 to Anna? Your code: 431907.";

/// What came of a note, and how many submits it took: the id, or the failure's code, with `~` where it is worth another
/// try.
fn check(
    answer: impl Fn(&Raw) -> Vec<u8> + Send + Sync + 'static,
    changes: Value,
    note: Note,
    expected: (&str, usize),
) {
    let host = smsc(answer);
    let sent = send(&host, &opened(&host, changes), note);
    let told = match &sent {
        Ok(sent) => sent.id.clone().unwrap_or("none".to_owned()),
        Err(failure) => format!("{}{}", failure.code, if failure.is_retryable() { "~" } else { "" }),
    };
    let submits = (1..=host.streams()).map(|stream| written(&host, stream, SUBMIT_SM).len()).sum();
    assert_eq!((told.as_str(), submits), expected);
    nothing_is_told(&host, &["431907", "3331234567", "secret"]);
    if let Err(failure) = sent {
        assert!(!failure.to_string().contains("431907") && !failure.to_string().contains("333123"));
    }
}

fn to(handle: &str) -> Note {
    Note { to: handle.parse().unwrap(), ..note(CODE) }
}

/// Submits are answered with this status.
fn refused(status: u32) -> impl Fn(&Raw) -> Vec<u8> {
    move |pdu| if pdu.command == SUBMIT_SM { raw(SUBMIT_SM | ANSWER, status, pdu.sequence, b"") } else { answer(pdu) }
}

#[test]
fn notes() {
    check(answer, json!({}), note(CODE), ("id-2", 1));
    // All parts must be taken; the id is the last one's.
    check(answer, json!({}), note(&"a".repeat(400)), ("id-4", 3));
    check(answer, json!({ "parts_max": 2 }), note(&"a".repeat(400)), ("too_long", 0));
    check(answer, json!({}), Note { private: false, ..note(CODE) }, ("not_public", 0));
    check(answer, json!({}), to("twitter:2"), ("foreign_handle", 0));
    check(answer, json!({}), to("tel:3331234567"), ("bad_number", 0));
    check(answer, json!({}), to("tel:+39333@1"), ("bad_number", 0));
    // A permanent error has the status' name.
    check(refused(0x0b), json!({}), note(CODE), ("ESME_RINVDSTADR", 1));
    check(refused(0x0a), json!({}), note(CODE), ("ESME_RINVSRCADR", 1));
    check(refused(0x08), json!({}), note(CODE), ("ESME_RSYSERR~", 1));
    check(refused(0x64), json!({}), note(CODE), ("ESME_RX_T_APPN~", 1));
    check(refused(0x455), json!({}), note(CODE), ("0x00000455~", 1));
}

#[test]
fn a_note_says_what_it_is() {
    let host = smsc(answer);
    let sms = opened(&host, json!({ "sender": "Sportello", "receipt_ids": "hex-then-decimal" }));
    send(&host, &sms, note(&"a".repeat(161))).unwrap();
    let submits = written(&host, 1, SUBMIT_SM);
    let head = |esm_class: u8, receipt: u8| {
        [b"\0\x05\0Sportello\0\x01\x01393331234567\0", &[esm_class, 0, 0, 0, 0, receipt, 0, 0, 0, 159][..]].concat()
    };
    // Only the last part asks for a receipt.
    assert!(submits[0].body.starts_with(&head(0x40, 0)));
    let mut last = head(0x40, 1);
    *last.last_mut().unwrap() = 6 + 8;
    assert!(submits[1].body.starts_with(&last));
    let header = |pdu: &Raw| pdu.body[last.len()..last.len() + 6].to_vec();
    let (first, second) = (header(&submits[0]), header(&submits[1]));
    assert_eq!((&first[..3], &first[4..], &second[4..]), (&[5, 0, 3][..], &[2, 1][..], &[2, 2][..]));
    assert_eq!(first[3], second[3]);
    // The next note has another reference.
    send(&host, &sms, note(&"a".repeat(161))).unwrap();
    let next = written(&host, 2, SUBMIT_SM);
    assert_ne!(header(&next[0])[3], first[3]);
}

#[test]
fn too_much_is_tried_again_while_there_is_time() {
    for status in [0x58, 0x14] {
        let refusals = AtomicUsize::new(0);
        let sometimes = move |pdu: &Raw| match pdu.command {
            SUBMIT_SM if refusals.fetch_add(1, Ordering::Relaxed) < 3 => {
                raw(SUBMIT_SM | ANSWER, status, pdu.sequence, b"")
            }
            _ => answer(pdu),
        };
        check(sometimes, json!({}), note(CODE), ("id-5", 4));
    }
    // There is an end to it, and what the SMSC said last is said then.
    let host = smsc(refused(0x58));
    let sms = opened(&host, json!({}));
    let (failure, took_ms) = running(&host, &sms, async {
        bound(&host, 1).await;
        let started_ms = host.clock_ms();
        (sms.send(note(CODE), &host.call()).await.unwrap_err(), host.clock_ms() - started_ms)
    });
    assert!(failure.code == "ESME_RTHROTTLED" && failure.is_retryable());
    assert!((8_500..=10_000).contains(&took_ms), "{took_ms}");
    assert!(written(&host, 1, SUBMIT_SM).len() <= 20);
}

#[test]
fn without_a_link_a_note_waits_and_then_fails() {
    let host = ScriptedHost::new().secret("password", "secret");
    let sms = opened(&host, json!({}));
    let started_ms = host.clock_ms();
    let failure = host.block_on(sms.send(note(CODE), &host.call())).unwrap_err();
    assert!(failure.code == "no_link" && failure.is_retryable());
    assert_eq!(host.clock_ms() - started_ms, 9_500);
    // Nothing of it is left: the next link has nothing to say.
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    host.block_on(sms.send(note(CODE), &host.call())).unwrap_err();
    running(&host, &sms, bound(&host, 1));
    assert_eq!(written(&host, 1, SUBMIT_SM), []);
}

#[test]
fn many_notes_go_in_few_writes_and_within_the_window() {
    let under_way = AtomicUsize::new(0);
    let host = ScriptedHost::new().secret("password", "secret").on_stream(ADDRESS, move |octets| {
        let pdus = raws(octets);
        let submits = pdus.iter().filter(|pdu| pdu.command == SUBMIT_SM).count();
        assert!(submits <= 50, "more than the window");
        under_way.fetch_max(submits, Ordering::Relaxed);
        StreamAnswer::Says(pdus.iter().flat_map(answer).collect())
    });
    let sms = opened(&host, json!({ "window": 50 }));
    let calls: Vec<_> = (0..500).map(|_| host.call()).collect();
    running(&host, &sms, async {
        bound(&host, 1).await;
        let sent = join_all(calls.iter().map(|call| sms.send(note(CODE), call))).await;
        let mut ids: Vec<String> = sent.into_iter().map(|sent| sent.unwrap().id.unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 500);
    });
    let writes = host.asked().iter().filter(|asked| *asked == "stream.write").count();
    assert!(writes < 30, "{writes}");
}

#[test]
fn a_note_that_may_have_left_says_so() {
    let breaks = |octets: &[u8]| match raws(octets).first() {
        Some(pdu) if pdu.command == SUBMIT_SM => StreamAnswer::Ends(Vec::new()),
        Some(pdu) => StreamAnswer::Says(answer(pdu)),
        None => StreamAnswer::Says(Vec::new()),
    };
    let host = ScriptedHost::new().secret("password", "secret").on_stream(ADDRESS, breaks);
    let failure = send(&host, &opened(&host, json!({})), note(CODE)).unwrap_err();
    assert!(failure.code == "unanswered" && failure.is_retryable());
    // A write that fails has taken nothing, and the note has not left.
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    let (run_call, host) = (host.call(), host.clone().ends_at_ms(host.clock_ms() + 60_000));
    let failure = host.block_on(async {
        let sending = async {
            bound(&host, 1).await;
            let _down = host.clone().fails("stream.write", Failure::provider("unreachable", "the connection broke"));
            sms.send(note(CODE), &host.call()).await.unwrap_err()
        };
        join(sms.run(&run_call), sending).await.1
    });
    assert_eq!(failure.code, "no_link");
}
