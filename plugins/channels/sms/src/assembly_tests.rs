use sportello_sdk::testing::{ScriptedHost, poll_once};

use super::*;
use crate::udh::{Part, Reference};

fn key(from: &str, total: u8) -> Key {
    Key::new(from, "40404", &Part { reference: Reference::Short(7), total, index: 1 })
}

fn piece(index: u8, text: &str) -> Piece {
    Piece { index, coding: 0, octets: text.as_bytes().to_vec() }
}

fn add(assembly: &Assembly, host: &ScriptedHost, part: (u8, &str)) -> Result<Assembled, String> {
    let added = host.block_on(assembly.add(&key("a", 3), piece(part.0, part.1), &host.call()));
    added.map_err(|failure| failure.code)
}

#[test]
fn a_part_is_durable_before_it_is_acknowledged_and_outlives_the_instance() {
    let host = ScriptedHost::new();
    assert_eq!(add(&Assembly::new(600_000), &host, (3, "c")), Ok(Assembled::Waits));
    assert_eq!(add(&Assembly::new(600_000), &host, (1, "a")), Ok(Assembled::Waits));
    // A part that is there already changes nothing.
    let before = host.asked().len();
    let restarted = Assembly::new(600_000);
    assert_eq!(add(&restarted, &host, (1, "a")), Ok(Assembled::Waits));
    assert_eq!(host.asked().split_off(before), ["store.get"]);
    let all = vec![piece(1, "a"), piece(2, "b"), piece(3, "c")];
    assert_eq!(add(&restarted, &host, (2, "b")), Ok(Assembled::Whole(all.clone())));
    // Until it is closed, the last part makes it whole again.
    assert_eq!(add(&restarted, &host, (2, "b")), Ok(Assembled::Whole(all)));
    host.block_on(restarted.close(&key("a", 3), &host.call())).unwrap();
    let name = format!("parts/{}", slot_of(&key("a", 3)));
    assert_eq!(host.stored(&name).unwrap(), "");
    assert_eq!(add(&restarted, &host, (2, "b")), Ok(Assembled::Waits));
}

#[test]
fn what_is_not_stored_is_not_acknowledged() {
    let full = Failure::new(sportello_sdk::Source::Host, "store", "the store is full").retry_after(1000);
    let host = ScriptedHost::new().fails("store.put", full);
    assert_eq!(add(&Assembly::new(600_000), &host, (1, "a")), Err("store".to_owned()));
    let host = host.works_again("store.put");
    assert_eq!(add(&Assembly::new(600_000), &host, (2, "b")), Ok(Assembled::Waits));
}

#[test]
fn two_instances_at_once_lose_no_part() {
    let host = ScriptedHost::new();
    let key = key("a", 4);
    let name = format!("parts/{}", slot_of(&key));
    let (old, new) = (Assembly::new(600_000), Assembly::new(600_000));
    assert_eq!(host.block_on(old.add(&key, piece(1, "a"), &host.call())), Ok(Assembled::Waits));
    // The old one stores another part between the new one's look and its own.
    let mut tries = 0;
    let added = host.block_on(new.change(slot_of(&key), &host.call(), |bucket, now_ms| {
        tries += 1;
        if tries == 1 {
            let mut theirs: Bucket = serde_json::from_slice(&host.stored(&name).unwrap()).unwrap();
            theirs.add(&key, piece(3, "c"), now_ms);
            let _ = host.clone().store(&name, serde_json::to_vec(&theirs).unwrap());
        }
        (Change { given_up: 0, is_changed: true }, bucket.add(&key, piece(2, "b"), now_ms))
    }));
    assert_eq!((added, tries), (Ok(Added::Stored { given_up: 0 }), 2));
    let all = ["a", "b", "c", "d"].iter().zip(1..).map(|(text, index)| piece(index, text)).collect();
    assert_eq!(host.block_on(old.add(&key, piece(4, "d"), &host.call())), Ok(Assembled::Whole(all)));
}

#[test]
fn what_is_left_is_found_after_a_restart_and_forgotten_in_time() {
    let host = ScriptedHost::new();
    add(&Assembly::new(600_000), &host, (1, "a secret")).unwrap();
    let name = format!("parts/{}", slot_of(&key("a", 3)));
    // It is given up where it waits for something to be stored, or for longer than the host is there.
    let sweep = |for_ms: u64| {
        let ends = host.clone().ends_at_ms(host.clock_ms() + for_ms);
        let (assembly, call) = (Assembly::new(600_000), ends.call());
        let _ = poll_once(std::pin::pin!(assembly.sweep(&call)));
    };
    sweep(1);
    assert_ne!(host.stored(&name).unwrap(), "");
    sweep(1_300_000);
    assert_eq!(host.stored(&name).unwrap(), "");
    let logs: Vec<String> = host.logs().into_iter().map(|line| line.message).collect();
    assert_eq!(logs, ["1 long messages are given up: parts never came, or differed"]);
    // A sweep looks into every bucket once, and then only where something was put.
    host.forget();
    sweep(10_000_000);
    assert_eq!(host.asked().iter().filter(|asked| *asked == "store.get").count(), BUCKETS);
}
