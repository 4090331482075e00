use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};
use sportello_sdk::Bytes;
use sportello_sdk::frames::{Peer, Reply, host_method};
use sportello_sdk::serde_json::{from_slice, json};
use sportello_sdk::testing::ScriptedHost;

use super::lease::Record;
use super::*;

fn id(id: &str) -> TerminalId {
    TerminalId::new(id).unwrap()
}

/// An instance that has these ids to choose from.
fn terminals(host: &ScriptedHost, ids: &[&str]) -> Terminals {
    Terminals::new(ids.iter().copied().map(id).collect(), &host.call())
}

fn trace(host: &ScriptedHost, terminals: &Terminals) -> Result<Trace, NoTrace> {
    host.block_on(terminals.trace(&host.call()))
}

/// The terminal and the STAN of the next request, or why there is none.
fn next(host: &ScriptedHost, terminals: &Terminals) -> String {
    match trace(host, terminals) {
        Ok(trace) => format!("{} {}", trace.terminal(), trace.stan()),
        Err(why) => why.to_string(),
    }
}

const NONE: &str = "no terminal id is free";

fn record(host: &ScriptedHost, id: &str) -> Record {
    from_slice(&host.stored(&format!("terminal/{id}")).unwrap()).unwrap()
}

fn puts(host: &ScriptedHost) -> usize {
    host.asked().iter().filter(|asked| *asked == host_method::STORE_PUT).count()
}

/// Lets `run` go on while `meanwhile` does its work.
fn running<T>(host: &ScriptedHost, terminals: &Terminals, meanwhile: impl Future<Output = T>) -> T {
    let call = host.call();
    host.block_on(async {
        match select(pin!(meanwhile), pin!(terminals.run(&call))).await {
            Either::Left((done, _)) => done,
            Either::Right((ended, _)) => panic!("`run` ended first: {ended:?}"),
        }
    })
}

#[test]
fn no_two_have_one_terminal_at_a_time() {
    let host = ScriptedHost::new();
    let [old, new, third] = [(); 3].map(|()| terminals(&host, &["T1", "T2"]));
    assert_eq!(next(&host, &old), "T1 000001");
    assert_eq!(next(&host, &new), "T2 000001");
    assert_eq!(next(&host, &third), NONE);
    assert_eq!((old.terminal(), third.terminal()), (Some(id("T1")), None));
    assert_eq!([next(&host, &old), next(&host, &new)], ["T1 000002", "T2 000002"]);
    // Given back, it is another's at once; numbers that were not used are not used again.
    host.block_on(old.close(&host.call()));
    host.advance(TRY_EVERY_MS);
    assert_eq!(next(&host, &third), "T1 001001");
    assert_eq!(next(&host, &old), NONE);
}

#[test]
fn a_lease_that_ended_is_taken_and_its_holder_stops() {
    let host = ScriptedHost::new();
    let [first, second] = [(); 2].map(|()| terminals(&host, &["T1"]));
    assert_eq!(next(&host, &first), "T1 000001");
    // Not before it has ended, and a little longer.
    host.advance(34_999);
    assert_eq!(next(&host, &second), NONE);
    host.advance(TRY_EVERY_MS);
    assert_eq!(next(&host, &second), "T1 001001");
    assert_eq!(record(&host, "T1").epoch, 2);
    // Whoever had it still holds 999 numbers, and may not give them.
    assert_eq!(next(&host, &first), NONE);
    assert_eq!((first.terminal(), host.logs().len()), (None, 3));
    assert_eq!(next(&host, &second), "T1 001002");
}

#[test]
fn a_lease_that_nobody_took_is_renewed_by_whoever_needs_it() {
    let host = ScriptedHost::new();
    let mine = terminals(&host, &["T1"]);
    assert_eq!(next(&host, &mine), "T1 000001");
    host.advance(24_999);
    assert_eq!((next(&host, &mine), puts(&host)), ("T1 000002".to_owned(), 1));
    host.advance(1);
    assert_eq!((next(&host, &mine), puts(&host)), ("T1 000003".to_owned(), 2));
    // Where that cannot be made sure, nothing is given.
    host.advance(25_000);
    let down = Failure::new(sportello_sdk::Source::Host, "store_down", "…");
    let host = host.fails(host_method::STORE_PUT, down.clone());
    assert_eq!(trace(&host, &mine), Err(NoTrace::Store(down)));
    let host = host.works_again(host_method::STORE_PUT);
    assert_eq!(next(&host, &mine), "T1 000004");
}

#[test]
fn a_lease_is_renewed_as_long_as_the_instance_runs() {
    let host = ScriptedHost::new();
    let [mine, other] = [(); 2].map(|()| terminals(&host, &["T1"]));
    let ends_at_ms = host.clock_ms() + 300_000;
    let until_ms = {
        let host = host.clone().ends_at_ms(ends_at_ms);
        let ended = host.block_on(mine.run(&host.call()));
        assert_eq!(ended.unwrap_err().code, "closing");
        record(&host, "T1").until_ms
    };
    assert!((20_000..=30_000).contains(&(until_ms - ends_at_ms)), "{}", until_ms - ends_at_ms);
    assert_eq!((puts(&host), record(&host, "T1").count), (30, 1_000));
    // Another tries every second, says so once, and has it when it is free.
    let told = || host.logs().iter().filter(|log| log.message == NONE).count();
    let host = host.clone().ends_at_ms(u64::MAX);
    running(&host, &other, async {
        while other.terminal().is_none() {
            crate::turn::turn().await;
        }
    });
    assert_eq!((told(), other.terminal()), (1, Some(id("T1"))));
}

#[test]
fn numbers_go_around_and_never_come_twice() {
    let stored = |count: u64| json!({ "owner": "", "epoch": 7, "until_ms": 0, "count": count }).to_string();
    let host = ScriptedHost::new().store("terminal/T1", stored(2_999_995));
    let mine = terminals(&host, &["T1"]);
    let stans: Vec<String> = (0..5).map(|_| trace(&host, &mine).unwrap().stan()).collect();
    assert_eq!(stans, ["999998", "999999", "000001", "000002", "000003"]);
    // A hundred million later the RRN begins again as well, within its day.
    let host = ScriptedHost::new().store("terminal/T1", stored(399_999_999));
    let mine = terminals(&host, &["T1"]);
    let rrns: Vec<String> = (0..2).map(|_| trace(&host, &mine).unwrap().rrn()).collect();
    assert_eq!(rrns, ["331899999999", "331800000000"]);
}

/// However often it crashes, is given up in the middle of taking numbers, or is told that what was stored was not.
#[test]
fn numbers_never_come_twice_across_restarts() {
    let host = ScriptedHost::new();
    let mut given = BTreeSet::new();
    let mut give = |host: &ScriptedHost, terminals: &Terminals, count: usize| {
        for _ in 0..count {
            let trace = trace(host, terminals).unwrap();
            let at = (trace.terminal().to_string(), trace.stan());
            assert!(given.insert(at.clone()), "{at:?} came twice");
        }
    };
    for restart in 0..20 {
        let mine = terminals(&host, &["T1", "T2"]);
        let other = terminals(&host, &["T2", "T1"]);
        give(&host, &mine, 700 * (restart % 4));
        give(&host, &other, 300);
        give(&host, &mine, 1);
        if restart % 3 == 0 {
            host.block_on(mine.close(&host.call()));
        }
        host.advance(40_000);
    }
}

/// A host that stores, and says that it did not.
struct Liar(Arc<dyn Peer>);

impl Peer for Liar {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let reply = self.0.call(parent, method, frame, body);
        if method != host_method::STORE_PUT {
            return reply;
        }
        Box::pin(async move {
            reply.await;
            Reply::failure(&Failure::provider("timeout", "…"))
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.0.notify(method, frame);
    }
}

#[test]
fn what_was_stored_without_our_knowing_is_found_again() {
    let host = ScriptedHost::new();
    let liar: Arc<dyn Peer> = Arc::new(Liar(host.clone().into_peer()));
    let mine = terminals(&host, &["T1"]);
    let lied = |mine: &Terminals| host.block_on(mine.trace(&Host::new(liar.clone(), &host.frame(()))));
    // Taken, and not known to be: it is still ours, and these numbers are not used.
    assert_eq!(lied(&mine).unwrap_err().to_string(), "the terminal id could not be taken or kept: timeout");
    host.advance(TRY_EVERY_MS);
    assert_eq!(next(&host, &mine), "T1 001001");
    // Renewed, and not known to be.
    host.advance(26_000);
    assert!(lied(&mine).is_err());
    assert_eq!(next(&host, &mine), "T1 001002");
    assert_eq!(record(&host, "T1").owner, mine.owner);
}

#[test]
fn there_is_no_durable_write_for_an_order() {
    let host = ScriptedHost::new();
    let mine = terminals(&host, &["T1"]);
    let call = host.call();
    // The next thousand are taken before these are used up: nobody waits for them.
    running(&host, &mine, async {
        let mut given = BTreeSet::new();
        for number in 0..10_000_u32 {
            let trace = mine.trace(&call).await.unwrap();
            assert!(given.insert((trace.at().date_time(), trace.stan())));
            if number % 100 == 0 {
                crate::turn::turn().await;
            }
        }
    });
    let renewals = 110;
    assert!(puts(&host) < 11 + renewals, "{}", puts(&host));
    // Even with nobody who takes more beforehand.
    let host = ScriptedHost::new();
    let mine = terminals(&host, &["T1"]);
    for _ in 0..10_000 {
        trace(&host, &mine).unwrap();
    }
    assert_eq!(puts(&host), 10);
}

#[test]
fn a_record_that_cannot_be_read_is_no_terminal() {
    let host = ScriptedHost::new().store("terminal/T1", "{}").store("terminal/T2", "?");
    assert_eq!(next(&host, &terminals(&host, &["T1", "T2"])), "the terminal id could not be taken or kept: bad_record");
    assert_eq!(next(&host, &terminals(&host, &["T1", "T2", "T3"])), "T3 000001");
    assert_eq!(next(&host, &terminals(&host, &[])), NONE);
}

#[test]
fn a_request_bears_its_numbers() {
    let host = ScriptedHost::new();
    let mine = terminals(&host, &["T0000001"]);
    trace(&host, &mine).unwrap();
    let mut message = crate::Message::new(crate::Mti::FINANCIAL);
    trace(&host, &mine).unwrap().apply(&mut message);
    let expected =
        r#"0200 {7: "1114221320", 11: "000002", 12: "221320", 13: "1114", 37: "331800000001", 41: "T0000001"}"#;
    assert_eq!(format!("{message:?}"), expected);
}

#[test]
fn terminal_ids() {
    let check = |given: &str, expected: Option<&[u8; 8]>| {
        assert_eq!(TerminalId::new(given).as_ref().map(TerminalId::as_bytes), expected, "{given:?}");
    };
    check("T1", Some(b"T1      "));
    check("12345678", Some(b"12345678"));
    check("123456789", None);
    check("", None);
    check("T 1", None);
    check("Tè", None);
}
