//! Work that calls plugins of this process: with no task for a call that is over at once, and none the worse for one that
//! keeps its thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use sportello_host::{Answer, Ask, CallError, Reason, Running, Sent, Spec, spawn};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::Id;

use crate::world::{ok, open, spec, until};

/// Does `work` as an errand, and answers what it comes to.
async fn errand<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (tell, told) = oneshot::channel();
    spawn(async move { drop(tell.send(work.await)) });
    told.await.unwrap()
}

/// Keeps threads until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    held: AtomicUsize,
}

impl Gate {
    fn hold(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        self.held.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Answers at once, waits for a timer, for its own task's next turn or for ever, or keeps its thread until the gate opens, as
/// its method says.
async fn several(gate: &Arc<Gate>) -> Running {
    several_as(gate, spec()).await
}

async fn several_as(gate: &Arc<Gate>, spec: Spec) -> Running {
    let gate = Arc::clone(gate);
    open(spec, move |asked| {
        let gate = Arc::clone(&gate);
        async move {
            match asked.method.as_str() {
                "keeps" => gate.hold(),
                "waits" => tokio::time::sleep(Duration::from_millis(1)).await,
                "yields" => tokio::task::yield_now().await,
                "never" => std::future::pending().await,
                "panics" => panic!("as it was told to"),
                _ => {}
            }
            ok(json!(asked.frame.params))
        }
    })
    .await
}

fn number(result: Result<Answer, CallError>) -> u64 {
    result.unwrap().decode().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_over_at_once_needs_no_task_of_its_own() {
    let tasks: Arc<Mutex<Vec<Option<Id>>>> = Arc::default();
    let seen = Arc::clone(&tasks);
    let running = open(spec(), move |_| {
        let seen = Arc::clone(&seen);
        async move {
            seen.lock().unwrap().push(tokio::task::try_id());
            ok(json!(1))
        }
    })
    .await;
    let asking = running.clone();
    let of_work = errand(async move {
        let mut of_work = Vec::new();
        for _ in 0..50 {
            of_work.push(tokio::task::try_id());
            number(asking.ask(Ask::new("submit", b"")).await);
        }
        of_work
    })
    .await;
    let seen = std::mem::take(&mut *tasks.lock().unwrap());
    assert_eq!(seen.len(), 50);
    // But where this machine had the thread wait within a call, for so long that its work was taken away.
    let beside = seen.iter().zip(&of_work).filter(|(call, work)| call == work).count();
    assert!(beside >= 25, "{beside} of 50");
    // Elsewhere it has one.
    let plain = tokio::spawn(async move {
        number(running.ask(Ask::new("submit", b"")).await);
        tokio::task::try_id()
    });
    let plain = plain.await.unwrap();
    assert_ne!(tasks.lock().unwrap().pop(), Some(plain));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_waited_for_and_what_panics_is_told() {
    let running = several(&Arc::default()).await;
    errand(async move {
        let check = async |method, within_ms, expected: Result<u64, Reason>| {
            let ask = Ask::new(method, b"7").within(Duration::from_millis(within_ms));
            let got = running.ask(ask).await.map(|answer| answer.decode::<u64>().unwrap());
            assert_eq!(got.map_err(|error| error.reason), expected, "{method}");
        };
        check("answers", 10_000, Ok(7)).await;
        check("waits", 10_000, Ok(7)).await;
        check("yields", 10_000, Ok(7)).await;
        check("panics", 10_000, Err(Reason::Panicked)).await;
        check("never", 0, Err(Reason::Timeout { within_ms: 0 })).await;
        check("answers", 10_000, Ok(7)).await;
        until(|| running.stats().in_flight == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_keeps_its_thread_keeps_nothing_else() {
    let gate = Arc::<Gate>::default();
    let mut impatient = spec();
    impatient.hang_grace = Duration::from_millis(20);
    let (bad, good) = (several_as(&gate, impatient).await, several(&gate).await);
    let asking = bad.clone();
    let got = errand(async move {
        let kept = asking.ask(Ask::new("keeps", b"1").within(Duration::from_millis(300))).await;
        // The work goes on, on another thread, and calls others there.
        (kept, number(good.ask(Ask::new("answers", b"2")).await), number(good.ask(Ask::new("waits", b"3")).await))
    });
    let (kept, two, three) = got.await;
    assert_eq!(kept.unwrap_err(), CallError { reason: Reason::Timeout { within_ms: 300 }, sent: Sent::Nothing });
    assert_eq!((two, three), (2, 3));
    until(|| bad.stats().quarantined).await;
    assert_eq!(gate.held.load(Ordering::SeqCst), 1);
    // What it says in the end is heard by nobody.
    gate.open();
    until(|| bad.stats().in_flight == 0).await;
    assert_eq!((bad.stats().timeouts, bad.stats().calls), (1, 1));
}

/// As the engine does: it writes down that an order leaves, lets go of the payment, and gives the order to its rail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_woken_before_the_call_goes_on() {
    let gate = Arc::<Gate>::default();
    let running = several(&gate).await;
    let payment = Arc::new(tokio::sync::Mutex::new(()));
    let (asking, holding) = (running.clone(), Arc::clone(&payment));
    let (wanted, is_wanted) = oneshot::channel::<()>();
    let (held, is_held) = oneshot::channel();
    let (tell, told) = oneshot::channel();
    spawn(async move {
        let guard = holding.lock().await;
        held.send(()).unwrap();
        is_wanted.await.unwrap();
        drop(guard);
        let _ = tell.send(asking.ask(Ask::new("keeps", b"1")).await);
    });
    is_held.await.unwrap();
    let looking = tokio::spawn(async move {
        let mut lock = std::pin::pin!(payment.lock());
        let mut wanted = Some(wanted);
        std::future::poll_fn(|context| {
            let locked = lock.as_mut().poll(context).map(drop);
            // It waits for the payment: now that is let go of.
            wanted.take().map(|wanted| wanted.send(()));
            locked
        })
        .await;
    });
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("it is kept with the thread").unwrap();
    until(|| gate.held.load(Ordering::SeqCst) == 1).await;
    gate.open();
    assert_eq!(number(told.await.unwrap()), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_keeps_its_thread_for_a_while_is_heard_on_another() {
    let gate = Arc::<Gate>::default();
    let running = several(&gate).await;
    let asking = running.clone();
    let got = tokio::spawn(errand(async move {
        let (kept, other) = tokio::join!(asking.ask(Ask::new("keeps", b"1")), asking.ask(Ask::new("answers", b"2")));
        (number(kept), number(other))
    }));
    // The second call is behind the first, and is made all the same.
    until(|| gate.held.load(Ordering::SeqCst) == 1 && running.stats().in_flight == 1).await;
    gate.open();
    assert_eq!(got.await.unwrap(), (1, 2));
    assert!(!running.stats().quarantined);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_may_be_made_and_given_up_in_any_way_that_futures_are() {
    let running = several(&Arc::default()).await;
    errand(async move {
        // Each woken by itself.
        let ask = async |method, n: u64| number(running.ask(Ask::new(method, n.to_string().as_bytes())).await);
        let methods = ["answers", "waits", "yields"];
        let all: FuturesUnordered<_> = methods.iter().cycle().zip(0..60).map(|(method, n)| ask(method, n)).collect();
        let mut all: Vec<u64> = all.collect().await;
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
        // Given up before it began, and while it waits.
        for method in methods {
            tokio::select! {
                biased;
                _ = ask(method, 1) => panic!("it began"),
                () = std::future::ready(()) => {}
            }
            let given_up = tokio::time::timeout(Duration::from_millis(1), ask("never", 1)).await;
            assert!(given_up.is_err());
        }
        until(|| running.stats().in_flight == 0).await;
        assert!(!running.stats().quarantined);
    })
    .await;
}

#[tokio::test]
async fn work_without_an_end_lets_others_have_a_turn() {
    let running = several(&Arc::default()).await;
    let calls = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&calls);
    spawn(async move {
        loop {
            number(running.ask(Ask::new("answers", b"1")).await);
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    // On one thread: this goes on only where the other stops.
    until(|| calls.load(Ordering::SeqCst) > 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn work_that_panics_leaves_its_thread_as_it_was() {
    let running = several(&Arc::default()).await;
    let (tell, told) = oneshot::channel::<()>();
    let asking = running.clone();
    spawn(async move {
        let _tell = tell;
        number(asking.ask(Ask::new("answers", b"1")).await);
        panic!("a defect of the gateway");
    });
    assert!(told.await.is_err());
    // A plain task on that thread, which is the only one: a call of it is nobody else's to make.
    let got = tokio::spawn(async move { number(running.ask(Ask::new("answers", b"2")).await) });
    assert_eq!(got.await.unwrap(), 2);
}

/// Many at once, on few threads, with one in fifty that keeps a thread: each is answered with its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once() {
    let running = open(
        {
            let mut spec = spec();
            spec.limits.in_flight = 2_000;
            spec
        },
        |asked| async move {
            let n = asked.frame.params.as_u64().unwrap();
            match n % 50 {
                // Longer than it takes to be found out, in a way that needs nobody else to end.
                0 => {
                    let until = std::time::Instant::now() + Duration::from_millis(15);
                    while std::time::Instant::now() < until {
                        std::hint::spin_loop();
                    }
                }
                1..=9 => tokio::task::yield_now().await,
                10..=19 => tokio::time::sleep(Duration::from_micros(n)).await,
                _ => {}
            }
            ok(json!(n))
        },
    )
    .await;
    let (done, all) = (Arc::new(Semaphore::new(0)), 1_000);
    for n in 0..all {
        let (running, done) = (running.clone(), Arc::clone(&done));
        spawn(async move {
            for n in [n, n + 1, n + 2] {
                assert_eq!(number(running.ask(Ask::new("submit", n.to_string().as_bytes())).await), n);
            }
            done.add_permits(1);
        });
    }
    let done = tokio::time::timeout(Duration::from_secs(60), done.acquire_many(u32::try_from(all).unwrap())).await;
    drop(done.unwrap());
    assert_eq!((running.stats().calls, running.stats().errors, running.stats().in_flight), (3 * all, 0, 0));
}
