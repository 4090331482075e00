//! However a process ends, it ends alone: the reason is told, what was in flight is answered, and everybody else goes on.

use std::time::{Duration, Instant};

use object::read::elf::ElfFile64;
use object::{NativeEndian, Object, ObjectSymbol};
use serde_json::json;
use sportello_host::{Confinement, Declared, OpenError, Reason, Sent, use_program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{attempt, escapes, escapes_spec, isolated, tight, try_to};
use crate::library::{file, order, spec};
use crate::world::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_alone_and_its_reason_is_told() {
    let good = escapes("paolo").await;
    let check = async |what: &str, expected: &str| {
        let running = escapes("anna").await;
        let gone = running.gone();
        let waiting = tokio::spawn({
            let running = running.clone();
            async move { attempt(&running, "wait").await }
        });
        until(|| running.stats().in_flight == 1).await;
        let error = attempt(&running, what).await.unwrap_err();
        // Nothing had left for either call, and that is the host's own fact.
        for error in [error, waiting.await.unwrap().unwrap_err()] {
            let Reason::Failed(failure) = &error.reason else { panic!("{what}: {error}") };
            assert_eq!((failure.code.as_str(), failure.retry_after_ms()), ("crashed", Some(1_000)), "{what}");
            assert_eq!(error.sent, Sent::Nothing, "{what}");
        }
        let why = gone.await;
        assert!(why.starts_with(expected), "{what}: {why}");
        // It stays so until it is opened again.
        assert_eq!(attempt(&running, "nothing").await.unwrap_err().failure().unwrap().code, "crashed");
        assert_eq!((running.life().unwrap().pid(), running.life().unwrap().resident_bytes()), (None, None));
        assert!(running.gone().await.starts_with(expected));
        let again = escapes("anna").await;
        assert_eq!(try_to(&again, "nothing").await.unwrap(), "done");
        assert_eq!(try_to(&good, "nothing").await.unwrap(), "done");
    };
    check("segfault", "SIGSEGV: ").await;
    check("stack", "SIG").await;
    check("abort", "SIGABRT: ").await;
    check("exit", "it exited with status 3").await;
    check("memory", "its memory bound of 64 MB was reached").await;
    check("loop", "it hung: it did not answer for 1000 ms").await;
    check("fork-bomb", "it hung").await;
    check("garbage", "it broke the framing of its socket: a message of no kind").await;
    check("close", "it exited with status 0").await;
}

/// What it is answered must not pile up in this process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_asks_and_does_not_read_is_ended() {
    let running = escapes("anna").await;
    let gone = running.gone();
    let flooding = tokio::spawn({
        let running = running.clone();
        async move { attempt(&running, "flood").await }
    });
    let why = tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    assert_eq!(why, "it does not read what it is answered");
    flooding.await.unwrap().unwrap_err();
    let again = escapes("anna").await;
    assert_eq!(try_to(&again, "nothing").await.unwrap(), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_bytes_had_left_is_known_of_a_call_whose_process_died() {
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", provider.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = provider.accept().await.unwrap();
        let mut request = [0; 1024];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let running = escapes("anna").await;
    let error = attempt(&running, &format!("http-then {url} segfault")).await.unwrap_err();
    assert_eq!((error.failure().unwrap().code.as_str(), error.sent), ("crashed", Sent::MaybeBytes));
    answering.await.unwrap();
}

#[tokio::test]
async fn a_killed_process_is_noticed_at_once() {
    let running = escapes("anna").await;
    let mut took = Vec::new();
    let pid = rustix::process::Pid::from_raw(i32::try_from(running.life().unwrap().pid().unwrap()).unwrap()).unwrap();
    let began = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let why = running.gone().await;
    took.push(began.elapsed());
    assert!(why.starts_with("SIGKILL: "), "{why}");
    // A millisecond, on a machine that has nothing else to do.
    assert!(took.iter().all(|took| *took < Duration::from_secs(1)), "{took:?}");
}

#[tokio::test]
async fn an_instance_that_is_closed_or_let_go_of_leaves_no_process() {
    let is_there = |pid: u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    let closed = escapes("anna").await;
    let pid = closed.life().unwrap().pid().unwrap();
    assert!(closed.life().unwrap().resident_bytes().unwrap() > 0);
    let gone = closed.gone();
    closed.start();
    until(|| closed.stats().in_flight == 1).await;
    closed.clone().drain(Duration::from_secs(5)).await.close().await.unwrap();
    until(|| !is_there(pid)).await;
    // That was no accident.
    assert!(tokio::time::timeout(Duration::from_millis(20), gone).await.is_err());
    let left = escapes("anna").await;
    let pid = left.life().unwrap().pid().unwrap();
    drop(left);
    until(|| !is_there(pid)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_at_the_start_is_told() {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    let loaded = isolated("hostile_escapes", tight());
    let open = async |in_open: &str| {
        let mut spec = escapes_spec("anna");
        spec.settings = json!({ "in_open": in_open });
        match loaded.open(spec).await {
            Err(OpenError::Failed { error, .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(open("segfault").await.contains("SIGSEGV"));
    assert!(open("loop").await.contains("it hung"));
    assert!(open("memory").await.contains("memory bound of 64 MB"));
    // `run`, too.
    let mut spec = escapes_spec("anna");
    spec.settings = json!({ "in_run": "segfault" });
    let running = loaded.open(spec).await.unwrap();
    running.start();
    assert!(running.gone().await.contains("SIGSEGV"));
}

/// The library with its constructors pointing into nowhere: well formed, and deadly.
fn deadly() -> Declared {
    begun_at("hello_rail", |_| 0x3fff_f000)
}

/// The library that closes its socket while it is loaded, and goes on.
fn hanging_up() -> Declared {
    begun_at("hostile_escapes", |library| {
        let library = ElfFile64::<NativeEndian>::parse(library).unwrap();
        library.dynamic_symbols().find(|symbol| symbol.name() == Ok("hang_up")).unwrap().address()
    })
}

/// A library whose first function is the one at this address.
fn begun_at(name: &str, begin: impl Fn(&[u8]) -> u64) -> Declared {
    let mut library = std::fs::read(file(name)).unwrap();
    let begin = begin(&library);
    let word = |library: &[u8], at: usize| u64::from_le_bytes(library[at..at + 8].try_into().unwrap());
    let at = |library: &[u8], at: usize| usize::try_from(word(library, at)).unwrap();
    let segments = at(&library, 32);
    let count = usize::from(u16::from_le_bytes([library[56], library[57]]));
    let dynamic = (0..count).map(|index| segments + 56 * index).find(|segment| library[*segment] == 2).unwrap();
    let (start, len) = (at(&library, dynamic + 8), at(&library, dynamic + 32));
    for entry in (start..start + len).step_by(16) {
        // DT_INIT.
        if word(&library, entry) == 12 {
            library[entry + 8..entry + 16].copy_from_slice(&begin.to_le_bytes());
        }
    }
    Declared::read_bytes("deadly.so", library.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_that_kills_whoever_loads_it_is_tried_out_elsewhere() {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    let error = deadly().load().unwrap_err().to_string();
    assert!(error.contains("it killed the process that it was tried out in: SIGSEGV"), "{error}");
    let isolated = deadly().isolate(Confinement::default()).unwrap();
    let error = isolated.open(spec(json!({}))).await.unwrap_err().to_string();
    assert!(error.contains("SIGSEGV"), "{error}");
    // And one that is sound is loaded after it.
    let sound = Declared::read(file("hello_rail")).unwrap();
    sound.rehearse().unwrap();
    let running = sound.load().unwrap().open(spec(json!({}))).await.unwrap();
    assert!(running.ask(sportello_host::Ask::new("submit", &order())).await.is_ok());
}

#[test]
fn a_library_that_closes_its_socket_and_goes_on_is_not_waited_for() {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    let (done, rehearsed) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(hanging_up().rehearse().map_err(|error| error.to_string())));
    let error = rehearsed.recv_timeout(Duration::from_secs(30)).unwrap().unwrap_err();
    assert!(error.contains("it was tried out, and closed its socket and went on"), "{error}");
}
