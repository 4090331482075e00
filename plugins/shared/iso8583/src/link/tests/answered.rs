use futures_util::future::{join, join_all};

use super::*;

fn stan(answered: &Result<Message, AskError>) -> Result<u64, AskError> {
    answered.as_ref().map(|answer| answer.number(Field::STAN).unwrap()).map_err(Clone::clone)
}

/// The host attests for an order's own call that bytes left, and for no other: money would go out twice.
#[test]
fn a_request_is_written_in_the_orders_own_call() {
    let host = busy(|message| framed(&answer(message)));
    let peer = Arc::new(Recorded { peer: host.clone().into_peer(), writes: Mutex::default() });
    let (link, late) = (link(), Kept::default());
    let [of_run, of_order, of_other] = [(); 3].map(|()| host.frame(()));
    let calls = [&of_run, &of_order, &of_other].map(|frame| Host::new(peer.clone(), frame));
    let answers = host.block_on(async {
        let run = pin!(link.run(&late, &calls[0]));
        let (first, second) = (purchase(1), purchase(2));
        let asked = pin!(async {
            up(&link).await;
            let deadline_ms = host.clock_ms() + HOUR_MS;
            join(link.ask(&first, deadline_ms, &calls[1]), link.ask(&second, deadline_ms, &calls[2])).await
        });
        match select(run, asked).await {
            Either::Left(_) => panic!("`run` ended first"),
            Either::Right((answers, _)) => answers,
        }
    });
    assert_eq!((stan(&answers.0), stan(&answers.1)), (Ok(1), Ok(2)));
    for (call, octets) in peer.writes.lock().unwrap().iter() {
        for message in messages(octets) {
            let expected = match message.number(Field::STAN) {
                _ if message.mti().is_network() => of_run.call,
                Some(1) => of_order.call,
                _ => of_other.call,
            };
            assert_eq!(*call, expected, "{message:?}");
        }
    }
}

#[test]
fn an_answer_is_its_requests_own() {
    let host = busy(|message| framed(&answer(message)));
    let (link, late) = (link(), Kept::default());
    let answered = running(&host, &link, &late, async {
        up(&link).await;
        ask(&host, &link, &purchase(1)).await.unwrap()
    });
    assert_eq!(answered.mti(), Mti::FINANCIAL_ANSWER);
    assert_eq!((answered.text(Field::RESPONSE), answered.text(Field::TERMINAL)), (Some("00"), Some("T1")));
    assert!(late.stans().is_empty());
    nothing_is_told(&host);
}

#[test]
fn one_answer_in_two_reads_and_three_in_one() {
    // The first half of it comes at once.
    let host = busy(|message| framed(&answer(message))[..20].to_vec());
    let (link, late) = (link(), Kept::default());
    let answered = running(&host, &link, &late, async {
        up(&link).await;
        let rest = async {
            until(|| written(&host, 1, Mti::FINANCIAL, None).len() == 1).await;
            // One, in which it is read.
            turns(1).await;
            let request = &written(&host, 1, Mti::FINANCIAL, None)[0];
            host.stream_says(1, &framed(&answer(request))[20..]);
        };
        join(ask(&host, &link, &purchase(1)), rest).await.0
    });
    assert_eq!(stan(&answered), Ok(1));
    // The third request brings the answers to all, the last first; between them stands a sign of life.
    let asked = Mutex::new(Vec::new());
    let host = busy(move |message| {
        let mut asked = asked.lock().unwrap();
        asked.push(framed(&answer(message)));
        if asked.len() < 3 {
            return Vec::new();
        }
        asked.reverse();
        asked.join(&[0, 0][..])
    });
    let (link, late) = (self::link(), Kept::default());
    let requests: Vec<Message> = (1..=3).map(purchase).collect();
    let answered = running(&host, &link, &late, async {
        up(&link).await;
        join_all(requests.iter().map(|request| ask(&host, &link, request))).await
    });
    assert_eq!(answered.iter().map(stan).collect::<Vec<_>>(), [Ok(1), Ok(2), Ok(3)]);
    assert!(late.stans().is_empty());
}

/// The acquirer says this of a request, once or more often, each time changed so.
#[track_caller]
fn check(changes: &[(Field, &str)], mtis: &[Mti], is_answered: bool, late: &[u64]) {
    let (changes_said, mtis_said) = (changes.to_vec(), mtis.to_vec());
    let changes_said: Vec<(Field, String)> = changes_said.into_iter().map(|(f, v)| (f, v.to_owned())).collect();
    let host = busy(move |message| {
        let mut answer = answer(message);
        for (field, value) in &changes_said {
            answer.set(*field, value);
        }
        let said = mtis_said.iter().map(|mti| {
            answer.set_mti(*mti);
            framed(&answer)
        });
        said.collect::<Vec<_>>().concat()
    });
    let (link, kept) = (link(), Kept::default());
    let answered = running(&host, &link, &kept, async {
        up(&link).await;
        let answered = ask_for(&host, &link, &purchase(1), 10_000).await;
        turns(5).await;
        answered
    });
    assert_eq!((answered.is_ok(), &kept.stans()[..]), (is_answered, late), "{changes:?} {mtis:?}");
    if !is_answered {
        assert_eq!(answered.unwrap_err(), timed_out());
    }
    nothing_is_told(&host);
}

#[test]
fn an_answer_that_fits_nobody_is_handed_on() {
    let once = [Mti::FINANCIAL_ANSWER];
    check(&[], &once, true, &[]);
    // Twice, and three times.
    check(&[], &[Mti::FINANCIAL_ANSWER; 2], true, &[1]);
    check(&[], &[Mti::FINANCIAL_ANSWER; 3], true, &[1, 1]);
    // To another request: by its type, or one of the five fields.
    check(&[], &[Mti::AUTHORIZATION_ANSWER], false, &[1]);
    check(&[(Field::TRANSMITTED_AT, "1124190501")], &once, false, &[1]);
    check(&[(Field::STAN, "2")], &once, false, &[2]);
    check(&[(Field::ACQUIRER, "123457")], &once, false, &[1]);
    check(&[(Field::RRN, "2")], &once, false, &[1]);
    check(&[(Field::TERMINAL, "T2")], &once, false, &[1]);
    // What an answer may change.
    check(&[(Field::AMOUNT, "1000"), (Field::RESPONSE, "10"), (Field::MERCHANT, "M2")], &once, true, &[]);
    // A request is no answer, whatever its numbers.
    check(&[], &[Mti::FINANCIAL], false, &[]);
    check(&[], &[Mti::NETWORK_ANSWER], false, &[]);
}

#[test]
fn what_cannot_be_read_costs_itself_alone() {
    // An answer without its last octet, one with a letter for a digit, and noise; then the answer itself.
    let host = busy(|message| {
        let good = framed(&answer(message));
        let mut short = good[2..good.len() - 1].to_vec();
        let mut lettered = good.clone();
        lettered[20] = b'x';
        let len = u16::try_from(short.len()).unwrap();
        short.splice(0..0, len.to_be_bytes());
        let answers_itself = message.number(Field::STAN) == Some(2);
        [short, lettered, b"\0\x03...".to_vec(), if answers_itself { good } else { Vec::new() }].concat()
    });
    let (link, late) = (link(), Kept::default());
    let (first, second) = (purchase(1), purchase(2));
    let answered = running(&host, &link, &late, async {
        up(&link).await;
        join(ask_for(&host, &link, &first, 10_000), ask(&host, &link, &second)).await
    });
    assert_eq!((stan(&answered.0), stan(&answered.1)), (Err(timed_out()), Ok(2)));
    assert_eq!((logged(&host, "what is no message"), host.streams(), late.stans()), (6, 1, vec![]));
    nothing_is_told(&host);
}
