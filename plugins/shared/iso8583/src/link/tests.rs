mod answered;
mod kept;
mod unanswered;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_util::future::{BoxFuture, Either, select};
use sportello_sdk::frames::{Peer, Reply, host_method};
use sportello_sdk::testing::{ScriptedHost, StreamAnswer};
use sportello_sdk::{Bytes, Host, async_trait};

use super::*;
use crate::Mti;
use crate::frame::Frames;

const ADDRESS: &str = "tls://acquirer.example:8583";

/// Longer than any of these tests lets pass.
const HOUR_MS: u64 = 3_600_000;

/// The messages in these octets, which must be whole frames.
fn messages(octets: &[u8]) -> Vec<Message> {
    let mut frames = Frames::new(MESSAGE_LEN_MAX);
    frames.push(octets);
    let mut all = Vec::new();
    while let Some(octets) = frames.next_message().unwrap() {
        all.push(crate::decode(&octets, &Dialect::default()).unwrap());
    }
    let lens: usize = all.iter().map(|message| framed(message).len()).sum();
    assert_eq!(lens, octets.len(), "a write holds whole messages");
    all
}

fn framed(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(message, &Dialect::default(), &mut out).unwrap();
    out
}

/// What a well-behaved acquirer answers.
fn answer(request: &Message) -> Message {
    let mut answer = request.clone();
    answer.set_mti(request.mti().answer());
    answer.set(Field::RESPONSE, "00");
    answer.remove(Field::PAN);
    if !request.mti().is_network() {
        answer.set(Field::AUTHORIZATION, "A00001");
    }
    answer
}

/// A host with an acquirer that says this to each message, all that came in one write in one read.
fn acquirer(says: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> ScriptedHost {
    acquirer_that(move |message| StreamAnswer::Says(says(message)))
}

fn acquirer_that(does: impl Fn(&Message) -> StreamAnswer + Send + Sync + 'static) -> ScriptedHost {
    ScriptedHost::new().on_stream(ADDRESS, move |octets| match &messages(octets)[..] {
        [message] => does(message),
        all => {
            let says = all.iter().map(|message| match does(message) {
                StreamAnswer::Says(said) => said,
                other => panic!("{other:?} to one of many"),
            });
            StreamAnswer::Says(says.collect::<Vec<_>>().concat())
        }
    })
}

/// An acquirer that manages the network well, and says this to everything else.
fn busy(says: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> ScriptedHost {
    acquirer(move |message| if message.mti().is_network() { framed(&answer(message)) } else { says(message) })
}

/// A purchase of this number.
fn purchase(number: u64) -> Message {
    Message::new(Mti::FINANCIAL)
        .with(Field::PAN, "4111111111111111")
        .with(Field::AMOUNT, "2000")
        .with(Field::TRANSMITTED_AT, "1124190500")
        .with(Field::STAN, number.to_string())
        .with(Field::ACQUIRER, "123456")
        .with(Field::RRN, format!("{number:012}"))
        .with(Field::TERMINAL, "T1")
        .with(Field::MERCHANT, "MERCHANT1")
        .with(Field::CURRENCY, "978")
}

/// Keeps what comes late.
#[derive(Default)]
struct Kept(Mutex<Vec<Message>>);

#[async_trait]
impl Late for Kept {
    async fn late(&self, answer: Message, _: &Host) {
        self.0.lock().unwrap().push(answer);
    }
}

impl Kept {
    /// The STANs of what came late.
    fn stans(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|answer| answer.number(Field::STAN).unwrap()).collect()
    }
}

fn link() -> Link {
    Link::new(LinkOptions::new(ADDRESS))
}

/// Lets `run` go on while `meanwhile` does its work.
fn running<T>(host: &ScriptedHost, link: &Link, late: &Kept, meanwhile: impl Future<Output = T>) -> T {
    let call = host.call();
    host.block_on(async {
        let run = pin!(link.run(late, &call));
        match select(run, pin!(meanwhile)).await {
            Either::Left((ended, _)) => panic!("`run` ended first: {ended:?}"),
            Either::Right((done, _)) => done,
        }
    })
}

/// Lets `run` go on for so long, to its end.
fn run_for(host: &ScriptedHost, link: &Link, for_ms: u64) {
    let host = host.clone().ends_at_ms(host.clock_ms() + for_ms);
    let ended = host.block_on(link.run(&Kept::default(), &host.call()));
    assert_eq!(ended.unwrap_err().code, "closing");
}

/// Asks in a call of its own, with an hour to wait.
async fn ask(host: &ScriptedHost, link: &Link, request: &Message) -> Result<Message, AskError> {
    ask_for(host, link, request, HOUR_MS).await
}

async fn ask_for(host: &ScriptedHost, link: &Link, request: &Message, for_ms: u64) -> Result<Message, AskError> {
    let call = host.call();
    link.ask(request, call.now_ms() + for_ms, &call).await
}

/// Waits, turn by turn, until something is so.
async fn until(so: impl Fn() -> bool) {
    let mut turns = 0;
    std::future::poll_fn(|context| {
        turns += 1;
        assert!(turns < 20_000, "it never came to be");
        context.waker().wake_by_ref();
        if so() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Lets everybody else have so many turns.
async fn turns(count: usize) {
    let left = std::cell::Cell::new(count);
    until(|| left.replace(left.get().saturating_sub(1)) == 0).await;
}

async fn up(link: &Link) {
    until(|| link.is_up()).await;
}

fn logged(host: &ScriptedHost, line: &str) -> usize {
    host.logs().iter().filter(|log| log.message.contains(line)).count()
}

/// What was written to a stream, of one type and network code.
fn written(host: &ScriptedHost, stream: u64, mti: Mti, code: Option<&str>) -> Vec<Message> {
    let is_so = |message: &Message| message.mti() == mti && message.text(Field::NETWORK_CODE) == code;
    messages(&host.stream_written(stream)).into_iter().filter(is_so).collect()
}

/// Nobody finds in a log what is on a card, or who it was.
fn nothing_is_told(host: &ScriptedHost) {
    for log in host.logs() {
        assert!(!["411111", "000000000001"].iter().any(|word| log.message.contains(word)), "{}", log.message);
    }
}

fn lost() -> AskError {
    Unanswered::LinkLost.into()
}

fn timed_out() -> AskError {
    Unanswered::TimedOut.into()
}

/// A host that keeps for which call each write was.
struct Recorded {
    peer: Arc<dyn Peer>,
    writes: Mutex<Vec<(u64, Bytes)>>,
}

impl Peer for Recorded {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        if method == host_method::STREAM_WRITE {
            self.writes.lock().unwrap().push((parent, body.clone()));
        }
        self.peer.call(parent, method, frame, body)
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.peer.notify(method, frame);
    }
}
