use std::sync::atomic::{AtomicUsize, Ordering};

use sportello_sdk::Failure;

use super::*;

const SIGN_ON: Option<&str> = Some("001");
const SIGN_OFF: Option<&str> = Some("002");
const ECHO: Option<&str> = Some("301");

/// A message of the acquirer's own.
fn network(mti: Mti, code: &str, stan: &str) -> Message {
    Message::new(mti).with(Field::TRANSMITTED_AT, "1124190500").with(Field::STAN, stan).with(Field::NETWORK_CODE, code)
}

#[test]
fn it_signs_on_before_anything_is_asked() {
    let host = busy(|message| framed(&answer(message)));
    let link = link();
    running(&host, &link, &Kept::default(), up(&link));
    let [sign_on] = &messages(&host.stream_written(1))[..] else { panic!("one message") };
    assert_eq!((sign_on.mti(), sign_on.text(Field::NETWORK_CODE)), (Mti::NETWORK, SIGN_ON));
    assert_eq!(sign_on.text(Field::TRANSMITTED_AT), Some("1114221320"));
    assert_eq!(sign_on.fields().count(), 3);
}

#[test]
fn tries_are_far_between() {
    let check = |host: ScriptedHost, expected: std::ops::RangeInclusive<usize>| {
        let link = link();
        run_for(&host, &link, 600_000);
        let tries = host.asked().iter().filter(|asked| *asked == "stream.connect").count();
        assert!(expected.contains(&tries), "{tries}");
        assert!(!link.is_up());
    };
    // A refused sign-on, or an address that is not granted: not more than once a minute.
    check(acquirer(|message| framed(&answer(message).with(Field::RESPONSE, "05"))), 7..=10);
    check(
        acquirer(|message| {
            let mut answer = answer(message);
            answer.remove(Field::RESPONSE);
            framed(&answer)
        }),
        7..=10,
    );
    check(ScriptedHost::new(), 7..=10);
    // What may pass: half a second, doubled up to half a minute.
    let down = Failure::provider("unreachable", "…").retry_after(1000);
    check(acquirer(framed_answer).fails("stream.connect", down), 25..=50);
    check(acquirer_that(|message| StreamAnswer::Ends(framed_answer(message))), 25..=50);
    check(acquirer_that(|_| StreamAnswer::Breaks), 25..=50);
    // Ten seconds more, where it says nothing.
    check(acquirer(|_| Vec::new()), 15..=35);
    // An answer to something else is none to the sign-on.
    check(acquirer(|message| framed(&answer(message).with(Field::NETWORK_CODE, "301"))), 15..=35);
    check(acquirer(|message| framed(&answer(message).with(Field::STAN, "0"))), 15..=35);
}

fn framed_answer(message: &Message) -> Vec<u8> {
    framed(&answer(message))
}

#[test]
fn silence_is_asked_about_and_ends_the_link_where_it_goes_on() {
    // It takes the sign-on, answers two echoes, and says nothing ever after.
    let echoes = AtomicUsize::new(0);
    let host = acquirer(move |message| {
        let is_echo = message.text(Field::NETWORK_CODE) == ECHO;
        if is_echo && echoes.fetch_add(1, Ordering::Relaxed) >= 2 { Vec::new() } else { framed(&answer(message)) }
    });
    let link = link();
    let (signed_on_ms, ended_ms) = running(&host, &link, &Kept::default(), async {
        up(&link).await;
        let signed_on_ms = host.clock_ms();
        until(|| logged(&host, "does not answer") == 1).await;
        let ended_ms = host.clock_ms();
        up(&link).await;
        (signed_on_ms, ended_ms)
    });
    assert_eq!(written(&host, 1, Mti::NETWORK, ECHO).len(), 3);
    // Three times half a minute, and how long an answer may take; then the pause until it is made anew.
    assert!((100_000..=131_000).contains(&(ended_ms - signed_on_ms)), "{}", ended_ms - signed_on_ms);
    assert_eq!(host.streams(), 2);
}

#[test]
fn an_echo_is_answered_and_what_is_not_supported_is_said() {
    let host = busy(|_| Vec::new());
    let (link, late) = (link(), Kept::default());
    running(&host, &link, &late, async {
        up(&link).await;
        let asked = [network(Mti::NETWORK, "301", "77"), network(Mti::NETWORK, "001", "78")];
        host.stream_says(1, &asked.map(|message| framed(&message)).concat());
        host.stream_says(1, &framed(&network(Mti::NETWORK, "161", "79")));
        // Neither is for us.
        host.stream_says(1, &framed(&purchase(5)));
        host.stream_says(1, &framed(&network(Mti::NETWORK_ANSWER, "301", "999999")));
        turns(5).await;
        assert!(link.is_up());
    });
    let said = messages(&host.stream_written(1));
    let answers = said.iter().filter(|message| message.mti() == Mti::NETWORK_ANSWER);
    let answers: Vec<String> = answers.map(|message| format!("{message:?}")).collect();
    let expected = |stan: &str, code: &str, response: &str| {
        format!(r#"0810 {{7: "1124190500", 11: "0000{stan}", 39: "{response}", 70: "{code}"}}"#)
    };
    assert_eq!(answers, [expected("77", "301", "00"), expected("78", "001", "00"), expected("79", "161", "40")]);
    assert_eq!((late.stans(), logged(&host, "asks 0200")), (vec![], 1));
    nothing_is_told(&host);
}

#[test]
fn an_acquirer_that_signs_us_off_still_answers_what_it_has() {
    let host = busy(|message| {
        if message.number(Field::STAN) == Some(1) { framed(&network(Mti::NETWORK, "002", "80")) } else { Vec::new() }
    });
    let (link, late) = (link(), Kept::default());
    let (first, second) = (purchase(1), purchase(2));
    let asked = running(&host, &link, &late, async {
        up(&link).await;
        let meanwhile = async {
            until(|| !link.is_up()).await;
            host.stream_says(1, &framed(&answer(&first)));
        };
        let asked = futures_util::future::join3(ask(&host, &link, &first), ask(&host, &link, &second), meanwhile).await;
        up(&link).await;
        asked
    });
    assert!(asked.0.is_ok(), "{asked:?}");
    assert_eq!(asked.1, Err(lost()));
    assert_eq!(written(&host, 1, Mti::NETWORK_ANSWER, SIGN_OFF).len(), 1);
    assert_eq!((host.streams(), logged(&host, "signed us off")), (2, 1));
}

#[test]
fn what_is_no_iso_8583_ends_the_link() {
    let host = busy(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let link = link();
    running(&host, &link, &Kept::default(), async {
        up(&link).await;
        assert_eq!(ask(&host, &link, &purchase(1)).await, Err(lost()));
        up(&link).await;
    });
    assert_eq!((host.streams(), logged(&host, "no ISO 8583")), (2, 1));
}

#[test]
fn it_says_goodbye() {
    // When the host goes away.
    let (host, link) = (busy(|_| Vec::new()), link());
    run_for(&host, &link, 10_000);
    assert_eq!(written(&host, 1, Mti::NETWORK, SIGN_OFF).len(), 1);
    // When a `run` was given up, and the instance is closed.
    let (host, link) = (busy(|_| Vec::new()), self::link());
    running(&host, &link, &Kept::default(), up(&link));
    assert_eq!(written(&host, 1, Mti::NETWORK, SIGN_OFF), []);
    host.block_on(link.close(&host.call()));
    // Once.
    host.block_on(link.close(&host.call()));
    assert_eq!(written(&host, 1, Mti::NETWORK, SIGN_OFF).len(), 1);
    assert_eq!(host.block_on(ask(&host, &link, &purchase(1))), Err(NotSent::NoLink.into()));
}
