use futures_util::future::join_all;
use sportello_sdk::Failure;
use sportello_sdk::testing::poll_once;

use super::*;

#[test]
fn an_answer_after_the_time_out_is_handed_on() {
    let host = busy(|_| Vec::new());
    let (link, late) = (link(), Kept::default());
    running(&host, &link, &late, async {
        up(&link).await;
        let asked_ms = host.clock_ms();
        assert_eq!(ask_for(&host, &link, &purchase(1), 10_000).await, Err(timed_out()));
        // By the time that this is seen, the link waits for silence already.
        assert!((10_000..=40_000).contains(&(host.clock_ms() - asked_ms)));
        host.stream_says(1, &framed(&answer(&purchase(1))));
        until(|| late.stans() == [1]).await;
        // The link is as good as before.
        assert_eq!((host.streams(), link.is_up()), (1, true));
    });
}

#[test]
fn an_answer_to_whoever_was_given_up_is_handed_on() {
    let host = busy(|_| Vec::new());
    let (link, late) = (link(), Kept::default());
    running(&host, &link, &late, async {
        up(&link).await;
        let call = host.call();
        let request = purchase(1);
        let mut asked = Box::pin(link.ask(&request, call.now_ms() + HOUR_MS, &call));
        assert!(poll_once(asked.as_mut()).is_pending());
        // The answer has come to it, and it does not get to see it.
        host.stream_says(1, &framed(&answer(&request)));
        turns(3).await;
        assert!(late.stans().is_empty());
        drop(asked);
        until(|| late.stans() == [1]).await;
        // Or it comes afterwards.
        let mut asked = Box::pin(link.ask(&request, call.now_ms() + HOUR_MS, &call));
        assert!(poll_once(asked.as_mut()).is_pending());
        drop(asked);
        host.stream_says(1, &framed(&answer(&request)));
        until(|| late.stans() == [1, 1]).await;
        assert_eq!(link.inner().flight.len(), 0);
    });
}

#[test]
fn a_link_that_drops_in_mid_flight_leaves_all_that_was_sent_in_doubt() {
    // Two are taken without a word; with the third the connection breaks, and the fourth finds it broken.
    let host = acquirer_that(|message| match message.number(Field::STAN) {
        _ if message.mti().is_network() => StreamAnswer::Says(framed(&answer(message))),
        Some(3) => StreamAnswer::Breaks,
        _ => StreamAnswer::Says(Vec::new()),
    });
    let (link, late) = (link(), Kept::default());
    let requests: Vec<Message> = (1..=4).map(purchase).collect();
    let refused = AskError::NotSent(NotSent::Refused("unreachable".to_owned()));
    running(&host, &link, &late, async {
        up(&link).await;
        let answers = join_all(requests.iter().map(|request| ask(&host, &link, request))).await;
        assert_eq!(answers, [Err(lost()), Err(lost()), Err(lost()), Err(refused)]);
        // It comes back, and what is answered there to what was asked here is handed on.
        up(&link).await;
        host.stream_says(2, &framed(&answer(&requests[0])));
        until(|| late.stans() == [1]).await;
    });
    assert_eq!(logged(&host, "broke"), 1);
    nothing_is_told(&host);
}

#[test]
fn a_run_that_is_given_up_leaves_nobody_waiting() {
    let host = busy(|_| Vec::new());
    let (link, call) = (link(), host.call());
    let request = purchase(1);
    let mut asked = Box::pin(link.ask(&request, call.now_ms() + HOUR_MS, &call));
    running(&host, &link, &Kept::default(), async {
        up(&link).await;
        assert!(poll_once(asked.as_mut()).is_pending());
    });
    assert_eq!(host.block_on(asked), Err(lost()));
    assert!(!link.is_up());
}

/// With the link in this state, a request fails so, and no byte of it left.
#[track_caller]
fn not_sent(host: &ScriptedHost, link: &Link, request: &Message, for_ms: u64, expected: NotSent) {
    running(host, link, &Kept::default(), async {
        up(link).await;
        assert_eq!(ask_for(host, link, request, for_ms).await, Err(expected.into()));
        assert_eq!(written(host, 1, request.mti(), None), []);
    });
}

#[test]
fn what_was_not_sent_says_so() {
    let host = || busy(|_| Vec::new());
    let fields = |leave_out: Field| {
        let mut request = purchase(1);
        request.remove(leave_out);
        request
    };
    not_sent(&host(), &link(), &fields(Field::STAN), HOUR_MS, NotSent::Missing(Field::STAN));
    not_sent(&host(), &link(), &fields(Field::TRANSMITTED_AT), HOUR_MS, NotSent::Missing(Field::TRANSMITTED_AT));
    let bad = purchase(1).with(Field::AMOUNT, "20.00");
    not_sent(&host(), &link(), &bad, HOUR_MS, NotSent::Encode(EncodeError::Format(Field::AMOUNT)));
    not_sent(&host(), &link(), &purchase(1), 0, NotSent::TooLate);
    for code in ["unreachable", "no_such_stream", "timeout", "call_over"] {
        let host = host();
        let link = link();
        running(&host, &link, &Kept::default(), async {
            up(&link).await;
            let host = host.clone().fails("stream.write", Failure::provider(code, "…"));
            assert_eq!(ask(&host, &link, &purchase(1)).await, Err(NotSent::Refused(code.to_owned()).into()));
        });
    }
}

/// What a host says that nobody knows here may mean that it was sent.
#[test]
fn a_write_that_failed_in_an_unknown_way_may_have_been_one() {
    let host = busy(|_| Vec::new());
    let link = link();
    running(&host, &link, &Kept::default(), async {
        up(&link).await;
        let host = host.clone().fails("stream.write", Failure::provider("bad_frame", "…"));
        assert_eq!(ask_for(&host, &link, &purchase(1), 10_000).await, Err(timed_out()));
    });
}

#[test]
fn a_window_is_kept_and_a_key_is_used_once_at_a_time() {
    let host = busy(|_| Vec::new());
    let link = Link::new(LinkOptions { window: 2, ..LinkOptions::new(ADDRESS) });
    let (first, second, third) = (purchase(1), purchase(2), purchase(3));
    running(&host, &link, &Kept::default(), async {
        up(&link).await;
        let call = host.call();
        let deadline_ms = call.now_ms() + HOUR_MS;
        let mut asked = [&first, &second].map(|request| Box::pin(link.ask(request, deadline_ms, &call)));
        assert!(poll_once(asked[0].as_mut()).is_pending());
        let again = first.clone().with(Field::AMOUNT, "1");
        assert_eq!(ask(&host, &link, &again).await, Err(NotSent::Twice.into()));
        assert!(poll_once(asked[1].as_mut()).is_pending());
        assert_eq!(ask(&host, &link, &third).await, Err(NotSent::WindowFull.into()));
        // An answer makes room.
        host.stream_says(1, &framed(&answer(&first)));
        until(|| link.inner().flight.len() == 1).await;
        assert_eq!(ask_for(&host, &link, &third, 10_000).await, Err(timed_out()));
    });
    assert_eq!(written(&host, 1, Mti::FINANCIAL, None).len(), 3);
}

#[test]
fn a_request_waits_a_while_for_a_link() {
    // There is none, and nobody who makes one.
    let (host, link) = (busy(|message| framed(&answer(message))), link());
    let asked_ms = host.clock_ms();
    assert_eq!(host.block_on(ask(&host, &link, &purchase(1))), Err(NotSent::NoLink.into()));
    assert_eq!(host.clock_ms() - asked_ms, 2_000);
    assert_eq!(host.block_on(ask_for(&host, &link, &purchase(1), 500)), Err(NotSent::NoLink.into()));
    assert_eq!(host.clock_ms() - asked_ms, 2_500);
    // One that is made just now, while the wait goes on.
    let waiting = Arc::new(Sleepless(host.clone().into_peer()));
    let calls = [(); 2].map(|()| Host::new(waiting.clone(), &host.frame(())));
    let requests = [purchase(1), purchase(2)];
    let asked = calls.iter().zip(&requests).map(|(call, request)| link.ask(request, call.now_ms() + HOUR_MS, call));
    let answered = running(&host, &link, &Kept::default(), join_all(asked));
    assert!(answered.iter().all(Result::is_ok), "{answered:?}");
}

/// A host whose waits have no end.
struct Sleepless(Arc<dyn Peer>);

impl Peer for Sleepless {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        if method == host_method::SLEEP {
            return Box::pin(std::future::pending());
        }
        self.0.call(parent, method, frame, body)
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.0.notify(method, frame);
    }
}
