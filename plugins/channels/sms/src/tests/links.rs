use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Lets `run` go on for so long, to its end.
fn run_for(host: &ScriptedHost, sms: &Sms, for_ms: u64) {
    let host = host.clone().ends_at_ms(host.clock_ms() + for_ms);
    let ended = host.block_on(sms.run(&host.call()));
    assert_eq!(ended.unwrap_err().code, "closing");
}

#[test]
fn every_address_has_its_links() {
    let host = ScriptedHost::new().secret("password", "secret");
    let all = |octets: &[u8]| {
        let binds = raws(octets);
        StreamAnswer::Says(binds.iter().flat_map(|pdu| raw(pdu.command | ANSWER, 0, pdu.sequence, b"\0")).collect())
    };
    let host = host.on_stream("tcp://*", all);
    let settings =
        json!({ "addresses": ["tcp://a.example:1", "tcp://b.example:2"], "bind": "transmitter-and-receiver" });
    let sms = opened(&host, settings);
    running(&host, &sms, bound(&host, 4));
    let mut binds: Vec<u32> = (1..=4).map(|stream| raws(&host.stream_written(stream))[0].command).collect();
    binds.sort_unstable();
    assert_eq!(binds, [1, 1, 2, 2]);
}

#[test]
fn a_bind_says_who_we_are() {
    let host = smsc(answer);
    let sms = opened(&host, json!({ "version": "5.0", "system_type": "VMS", "address_range": "^40404$" }));
    running(&host, &sms, bound(&host, 1));
    assert_eq!(raws(&host.stream_written(1))[0].body, b"sportello\0secret\0VMS\0\x50\0\0^40404$\0");
    nothing_is_told(&host, &["secret"]);
}

#[test]
fn a_silent_smsc_is_found_out_and_the_link_made_anew() {
    // It takes the bind, and says nothing ever after.
    let host = smsc(|pdu| if pdu.command == BIND_TRANSCEIVER { answer(pdu) } else { Vec::new() });
    let sms = opened(&host, json!({}));
    running(&host, &sms, bound(&host, 2));
    assert_eq!(written(&host, 1, ENQUIRE_LINK).len(), 1);
    assert_eq!(logged(&host, "does not answer"), 1);
    // One that does not even take the bind is no better.
    let host = smsc(|_| Vec::new());
    run_for(&host, &opened(&host, json!({})), 60_000);
    assert!(host.streams() >= 2 && logged(&host, "is bound") == 0);
}

#[test]
fn tries_are_far_between() {
    let check = |host: ScriptedHost, for_ms: u64, expected: std::ops::RangeInclusive<usize>| {
        run_for(&host, &opened(&host, json!({})), for_ms);
        let tries = host.asked().iter().filter(|asked| *asked == "stream.connect").count();
        assert!(expected.contains(&tries), "{tries}");
        nothing_is_told(&host, &["secret"]);
    };
    let refuses = |status: u32| smsc(move |pdu| raw(pdu.command | ANSWER, status, pdu.sequence, b""));
    // A refusal for good: not more than once a minute.
    check(refuses(0x0e), 600_000, 7..=10);
    check(refuses(0x0d), 600_000, 7..=10);
    // Not granted.
    check(ScriptedHost::new().secret("password", "secret"), 600_000, 7..=10);
    // What may pass, and what cannot be reached: half a second, doubled up to half a minute.
    check(refuses(0x08), 600_000, 25..=50);
    // And one that takes every bind and hangs up.
    let hangs_up = |octets: &[u8]| StreamAnswer::Ends(raws(octets).iter().flat_map(answer).collect());
    let short = ScriptedHost::new().secret("password", "secret").on_stream(ADDRESS, hangs_up);
    check(short, 600_000, 25..=50);
    let down = ScriptedHost::new().secret("password", "secret");
    check(down.fails("stream.connect", Failure::provider("unreachable", "…").retry_after(1000)), 600_000, 25..=50);
}

#[test]
fn a_link_that_broke_comes_back_soon() {
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    running(&host, &sms, async {
        for links in 1..=5 {
            bound(&host, links).await;
            let broken_ms = host.clock_ms();
            host.stream_breaks(links as u64);
            bound(&host, links + 1).await;
            assert!(host.clock_ms() - broken_ms <= 61_000);
        }
    });
}

#[test]
fn it_answers_what_it_is_asked_and_what_is_no_question() {
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    running(&host, &sms, async {
        bound(&host, 1).await;
        // One PDU over many reads, and many in one.
        let octets = [raw(ENQUIRE_LINK, 0, 70, b""), raw(0x7777, 0, 71, b"?"), raw(UNBIND, 0, 72, b"")].concat();
        let (first, rest) = octets.split_at(7);
        host.stream_says(1, first);
        // One turn, in which it is read.
        let turns = AtomicUsize::new(0);
        until(|| turns.fetch_add(1, Ordering::Relaxed) > 0).await;
        host.stream_says(1, rest);
        bound(&host, 2).await;
    });
    let answers: Vec<(u32, u32, u32)> = raws(&host.stream_written(1))
        .iter()
        .filter(|p| p.sequence >= 70)
        .map(|p| (p.command, p.status, p.sequence))
        .collect();
    assert_eq!(answers, [(ENQUIRE_LINK | ANSWER, 0, 70), (ANSWER, 3, 71), (UNBIND | ANSWER, 0, 72)]);
}

#[test]
fn what_is_no_smpp_is_refused_and_left() {
    let binds = AtomicUsize::new(0);
    let host = smsc(move |pdu| match pdu.command {
        BIND_TRANSCEIVER if binds.fetch_add(1, Ordering::Relaxed) == 0 => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        _ => answer(pdu),
    });
    let sms = opened(&host, json!({}));
    running(&host, &sms, bound(&host, 1));
    let nacks = written(&host, 1, ANSWER);
    assert_eq!((nacks.len(), nacks[0].status, logged(&host, "no SMPP")), (1, 2, 1));
}

#[test]
fn it_says_goodbye() {
    // When the host goes away, and what it wrote last.
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    run_for(&host, &sms, 10_000);
    assert_eq!(raws(&host.stream_written(1)).last().map(|pdu| pdu.command), Some(UNBIND));
    // When a `run` was given up, and the instance is closed.
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    running(&host, &sms, bound(&host, 1));
    assert_eq!(written(&host, 1, UNBIND), []);
    host.block_on(sms.close(&host.call())).unwrap();
    assert_eq!(written(&host, 1, UNBIND).len(), 1);
    // Once.
    host.block_on(sms.close(&host.call())).unwrap();
    assert_eq!(written(&host, 1, UNBIND).len(), 1);
}
