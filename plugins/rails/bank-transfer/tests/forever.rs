//! Whatever happens, and in whatever order: an order is posted once at most, and what is said of it is true.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly, and so may its bank")]

mod bench;

use std::sync::{Arc, Mutex};

use bench::{Bench, KEY, POST, STATUS, TRANSACTIONS, created, debit, error, json_answer, list};
use proptest::prelude::*;
use serde_json::json;
use sportello_sdk::{Failure, HttpResponse, Source};

/// What becomes of a posting.
#[derive(Debug, Clone, Copy)]
enum Posting {
    /// The bank works on it, and its answer comes.
    Answered,
    /// The bank works on it, and something else comes.
    Spoilt(Spoilt),
    /// The bank does nothing, and something else comes.
    Ignored(Spoilt),
    /// The bank refuses it in its own words.
    Refused,
    /// The bank takes it, and rejects it.
    Rejected,
}

/// What comes in place of an answer.
#[derive(Debug, Clone, Copy)]
enum Spoilt {
    Nothing,
    Status(u16),
    Redirect,
    Page,
    Half,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    Submit,
    Inquire,
    Restart,
    /// From now on the bank's answers to questions are these; `None` is the truth.
    Questions(Option<Spoilt>),
    /// From now on the account shows what happened, or not yet.
    Books(bool),
    /// The store refuses this, or works again.
    Store(Option<&'static str>),
    Hours(u64),
}

fn spoilt() -> impl Strategy<Value = Spoilt> {
    // Not 401 and 415, which prove that nothing was done.
    let statuses = vec![400, 403, 404, 405, 406, 408, 409, 422, 429, 500, 502, 503, 504];
    prop_oneof![
        Just(Spoilt::Nothing),
        proptest::sample::select(statuses).prop_map(Spoilt::Status),
        Just(Spoilt::Redirect),
        Just(Spoilt::Page),
        Just(Spoilt::Half),
    ]
}

fn posting() -> impl Strategy<Value = Posting> {
    prop_oneof![
        1 => Just(Posting::Answered),
        4 => spoilt().prop_map(Posting::Spoilt),
        2 => spoilt().prop_map(Posting::Ignored),
        1 => Just(Posting::Refused),
        1 => Just(Posting::Rejected),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Submit),
        4 => Just(Event::Inquire),
        1 => Just(Event::Restart),
        2 => proptest::option::of(spoilt()).prop_map(Event::Questions),
        1 => any::<bool>().prop_map(Event::Books),
        2 => proptest::option::of(proptest::sample::select(&["store.get", "store.put"][..])).prop_map(Event::Store),
        2 => prop_oneof![Just(1), Just(30), Just(300)].prop_map(Event::Hours),
    ]
}

impl Spoilt {
    fn answer(self, good: &HttpResponse) -> Result<HttpResponse, Failure> {
        Ok(match self {
            Self::Nothing => return Err(Failure::provider("unreachable", "the connection was cut")),
            Self::Status(status) => HttpResponse::new(status, "text/html", "<html>no</html>"),
            Self::Redirect => HttpResponse::new(307, "text/html", "").with_header("location", POST),
            Self::Page => HttpResponse::new(200, "text/html", "<html>Please log in</html>"),
            Self::Half => {
                let half = good.body.slice(..good.body.len() / 2);
                HttpResponse::new(good.status(), "application/json", half)
            }
        })
    }
}

/// The bank as it is, whatever it says.
#[derive(Default)]
struct Truth {
    debits: u32,
    rejected: bool,
    questions: Option<Spoilt>,
    shows_nothing: bool,
}

fn bank(posting: Posting, truth: &Arc<Mutex<Truth>>) -> Bench {
    let of = |truth: &Arc<Mutex<Truth>>| Arc::clone(truth);
    let (posted, asked, read) = (of(truth), of(truth), of(truth));
    Bench::new()
        .on("POST", POST, move |_| {
            let mut truth = posted.lock().unwrap();
            match posting {
                Posting::Answered => {
                    truth.debits += 1;
                    Ok(created("RCVD"))
                }
                Posting::Spoilt(spoilt) => {
                    truth.debits += 1;
                    spoilt.answer(&created("RCVD"))
                }
                Posting::Ignored(spoilt) => spoilt.answer(&created("RCVD")),
                Posting::Refused => Ok(error(400, "FORMAT_ERROR")),
                Posting::Rejected => {
                    truth.rejected = true;
                    Ok(created("RJCT"))
                }
            }
        })
        .on("GET", STATUS, move |_| {
            let truth = asked.lock().unwrap();
            let status = if truth.rejected { "RJCT" } else { "ACSC" };
            let good = json_answer(200, json!({ "transactionStatus": status }));
            truth.questions.map_or(Ok(good.clone()), |spoilt| spoilt.answer(&good))
        })
        .on("GET", TRANSACTIONS, move |_| {
            let truth = read.lock().unwrap();
            let shown = if truth.shows_nothing { 0 } else { truth.debits };
            let debits: Vec<_> = (0..shown).map(|number| debit(&format!("T{number}"), KEY, "-20.00")).collect();
            let good = list(json!(debits), json!([]), None);
            truth.questions.map_or(Ok(good.clone()), |spoilt| spoilt.answer(&good))
        })
}

fn check(posting: Posting, events: &[Event]) {
    let truth = Arc::default();
    let mut bench = bank(posting, &truth);
    let mut hours = 0;
    for (at, event) in events.iter().enumerate() {
        let told = match event {
            Event::Submit => bench.submit(),
            Event::Inquire => bench.inquire(),
            Event::Restart => {
                bench = bench.restarted();
                continue;
            }
            Event::Questions(spoilt) => {
                truth.lock().unwrap().questions = *spoilt;
                continue;
            }
            Event::Books(shows) => {
                // A bank may be late with its books, and not as late as its cut-off.
                truth.lock().unwrap().shows_nothing = !shows && hours < 24;
                continue;
            }
            Event::Store(broken) => {
                let _ = bench.host.clone().works_again("store.get").works_again("store.put");
                if let Some(method) = broken {
                    let _ = bench.host.clone().fails(method, Failure::new(Source::Host, "store", "…"));
                }
                continue;
            }
            Event::Hours(more) => {
                hours += more;
                truth.lock().unwrap().shows_nothing &= hours < 24;
                bench.host.advance(more * 3_600_000);
                continue;
            }
        };
        let happened = format!("{told} at {at} of {events:?}");
        let truth = truth.lock().unwrap();
        assert!(bench.posts() <= 1, "posted again: {happened}");
        if told.starts_with("settled") {
            assert_eq!(truth.debits, 1, "settled, and nothing moved: {happened}");
        }
        if told.starts_with("declined") {
            assert_eq!(truth.debits, 0, "declined, and the money moved: {happened}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_posts_twice_or_tells_a_lie(
        posting in posting(), events in proptest::collection::vec(event(), 1..24),
    ) {
        check(posting, &events);
    }
}
