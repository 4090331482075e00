//! The process that an instance lives in: started, read, and seen off.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::{Failure, Level, Source};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use super::Program;
use super::copy::Copy;
use super::link::{Far, Link};
use super::message::LINE_LEN_MAX;
use crate::blocking::blocking;
use crate::life::{Connected, Life};
use crate::resident::resident_bytes;

/// How long a process that has closed its standard output, or was killed, may take to be gone.
const END_WITHIN: Duration = Duration::from_secs(1);

/// How often a program is tried that somebody has open to write, and the pause in between.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// How many threads a process may have, and how often they are counted.
const THREADS_MAX: u64 = 256;
const THREADS_EVERY: Duration = Duration::from_secs(1);

/// The longest line that is copied out of what was read, in bytes.
const LINE_COPIED_MAX: usize = 64 << 10;

/// How long is waited after a whole piece of standard error.
const ERRORS_PAUSE: Duration = Duration::from_millis(2);

/// The longest line of standard error that is logged, in bytes. What is longer is cut.
const ERROR_LINE_LEN_MAX: usize = 2_000;

/// What all conversations live on: one thread, that lasts as long as this program. The kernel kills a process when the thread
/// that started it ends, and whoever asks may have no runtime.
fn runtime() -> Result<&'static Handle, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let build = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("sportello-exec").enable_all().build()
    };
    let built = RUNTIME.get_or_init(|| build().map_err(|error| format!("no thread to talk to it can be had: {error}")));
    built.as_ref().map(Runtime::handle).map_err(Clone::clone)
}

/// A new instance, in a process of its own.
pub(super) fn connect(program: &Arc<Program>, host: Arc<dyn Peer>) -> Connected {
    match start(program, host) {
        Ok((link, process)) => Connected { peer: Arc::new(Far(link)), life: Some(process) },
        Err(why) => {
            let failure = Failure::new(Source::Host, "not_started", format!("the process cannot be started: {why}"));
            Connected { peer: Arc::new(NotStarted(failure.retry_after(1_000))), life: None }
        }
    }
}

/// An instance that could not be made.
struct NotStarted(Failure);

impl Peer for NotStarted {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        Box::pin(std::future::ready(Reply::failure(&self.0)))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// A process, from start to end.
struct Process {
    pid: u32,
    link: Arc<Link>,
    ended: watch::Receiver<Option<String>>,
}

impl Life for Process {
    fn kill(&self) {
        self.link.doom.seal("it was ended by the gateway");
    }

    fn ended(&self) -> BoxFuture<'static, String> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            let why = ended.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
            why.unwrap_or_else(|| "the gateway is going away".to_owned())
        })
    }

    fn pid(&self) -> Option<u32> {
        Some(self.pid)
    }

    fn resident_bytes(&self) -> Option<u64> {
        if self.ended.borrow().is_some() {
            return None;
        }
        resident_bytes(self.pid)
    }
}

fn start(program: &Arc<Program>, host: Arc<dyn Peer>) -> Result<(Arc<Link>, Arc<Process>), String> {
    let runtime = runtime()?;
    let (sender, started) = std::sync::mpsc::channel();
    let program = Arc::clone(program);
    // Here, and not on the thread on which all conversations live: it may be large.
    let copy = blocking(|| Copy::new(&program.file, &program.bytes));
    let copy = copy.map_err(|error| format!("no copy of it can be made: {error}"))?;
    // On that thread, which must be the one that starts it. Whoever asks waits for as long as a start takes.
    runtime.spawn(async move {
        // Who asked waits for this.
        let _ = sender.send(spawn(&program, copy, host));
    });
    blocking(|| started.recv()).map_err(|_| "its starter is gone".to_owned())?
}

fn spawn(program: &Program, copy: Copy, host: Arc<dyn Peer>) -> Result<(Arc<Link>, Arc<Process>), String> {
    let (executable, arguments) = program.command(&copy);
    let mut command = Command::new(&executable);
    command.args(arguments).current_dir(copy.path()).env_clear().env("LANG", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // What is pressed in the gateway's terminal is for the gateway, which then closes its instances one after the other.
    command.process_group(0);
    super::walls::raise_around(&mut command, program, &copy)?;
    let mut child = spawned(&mut command).map_err(|error| format!("{}: {error}", executable.display()))?;
    let gone = || "its standard streams are gone".to_owned();
    let (stdin, stdout) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
    let stderr = child.stderr.take().ok_or_else(gone)?;
    let pid = child.id().ok_or_else(gone)?;
    let link = Link::new(host, Handle::current(), program.patience.ping);
    let (sender, ended) = watch::channel(None);
    tokio::spawn(attend(child, stdin, stdout, stderr, Arc::clone(&link), sender, copy));
    Ok((Arc::clone(&link), Arc::new(Process { pid, link, ended })))
}

/// A file that was just written cannot be executed while anybody still has it open to write: another process of ours that is
/// just being started has, up to the moment at which it becomes another program.
fn spawned(command: &mut Command) -> std::io::Result<Child> {
    for _ in 0..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::sleep(BUSY_PAUSE),
            done => return done,
        }
    }
    command.spawn()
}

/// Sees a process through to its end. With it goes the copy that runs.
async fn attend(
    mut child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    link: Arc<Link>,
    ended: watch::Sender<Option<String>>,
    _copy: Copy,
) {
    let writing = {
        let link = Arc::clone(&link);
        tokio::spawn(async move { link.outbox.write_to(stdin).await })
    };
    let mut complaining = tokio::spawn(read_errors(stderr, Arc::clone(&link)));
    tokio::select! {
        () = read_lines(stdout, &link) => {}
        () = count_threads(child.id(), &link) => {}
        _ = link.doom.sealed() => {}
    }
    if link.doom.why().is_none() && tokio::time::timeout(END_WITHIN, child.wait()).await.is_err() {
        link.doom.seal("it closed its standard output");
    }
    // Of one that has ended by itself there is nothing to kill.
    let _ = child.start_kill();
    let status = child.wait().await;
    // What it still said is in the log by then.
    let _ = tokio::time::timeout(END_WITHIN, &mut complaining).await;
    complaining.abort();
    writing.abort();
    let why = match link.doom.why() {
        Some(why) => why.to_owned(),
        None => by_itself(status),
    };
    link.end(&why);
    ended.send_replace(Some(why));
}

/// Looks now and then whether it has more threads than it can have use for. The kernel counts a user's, and not a process's.
async fn count_threads(pid: Option<u32>, link: &Link) {
    let Some(pid) = pid else { return std::future::pending().await };
    let mut looks = tokio::time::interval(THREADS_EVERY);
    loop {
        looks.tick().await;
        // Where there is no such file, it is not known.
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if field(&status, "Threads:").is_some_and(|threads| threads > THREADS_MAX) {
            return link.doom.seal(&format!("it has more than {THREADS_MAX} threads"));
        }
    }
}

/// The first number after `name` in a process's `status`, as proc(5) has it.
pub(super) fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// How it ended, and nothing of what it said: this becomes a payment's history, and what a program writes as it breaks down
/// is whatever it had at hand.
fn by_itself(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("it ended by itself with {status}"),
        Err(error) => format!("how it ended is not known: {error}"),
    }
}

/// The first `len` bytes, without the end of the line that follows them. What is kept of a line keeps no other: a short one is
/// copied, and a long one takes the memory along that it was read into.
fn split_off(buffer: &mut BytesMut, len: usize) -> Bytes {
    let mut line = buffer.split_to(len + 1);
    line.truncate(len);
    if len <= LINE_COPIED_MAX {
        return Bytes::copy_from_slice(&line);
    }
    *buffer = BytesMut::from(&**buffer);
    line.freeze()
}

/// Hears every line, to the end of the stream or to one that has none.
async fn read_lines(mut stdout: impl AsyncRead + Unpin, link: &Arc<Link>) {
    let mut buffer = BytesMut::with_capacity(64 << 10);
    // How much of it is known to have no end of a line.
    let mut searched = 0;
    loop {
        while let Some(at) = buffer.get(searched..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let len = searched + at;
            link.hear(&split_off(&mut buffer, len));
            searched = 0;
        }
        searched = buffer.len();
        if searched > LINE_LEN_MAX {
            return link.doom.seal("it wrote a line of more than 8 MiB, and nobody knows where the next one begins");
        }
        buffer.reserve(64 << 10);
        match stdout.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Logs every line, under the instance's name.
async fn read_errors(mut stderr: impl AsyncRead + Unpin, link: Arc<Link>) {
    let mut chunk = vec![0; 8 << 10];
    let mut line = Vec::new();
    let say = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        line.clear();
        if !text.is_empty() {
            link.log(Level::Info, &text);
        }
    };
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        for byte in chunk.get(..read).unwrap_or_default() {
            match byte {
                b'\n' => say(&mut line),
                // The rest of a longer one is let go of.
                byte if line.len() < ERROR_LINE_LEN_MAX => line.push(*byte),
                _ => {}
            }
        }
        if read == chunk.len() {
            // Beyond 4 MB a second it waits itself, and not those whose conversations share this thread.
            tokio::time::sleep(ERRORS_PAUSE).await;
        }
    }
    say(&mut line);
}

#[cfg(test)]
mod tests {
    use super::{LINE_COPIED_MAX, field, split_off};
    use bytes::BytesMut;

    #[test]
    fn a_short_line_does_not_keep_a_long_one() {
        let long = vec![b'x'; LINE_COPIED_MAX + 1];
        let mut buffer = BytesMut::with_capacity(4 * LINE_COPIED_MAX);
        for line in [long.as_slice(), b"short", b""] {
            buffer.extend_from_slice(line);
            buffer.extend_from_slice(b"\n");
        }
        buffer.extend_from_slice(b"rest");
        let first = split_off(&mut buffer, long.len());
        assert_eq!(first, long);
        // Nobody else has the memory of the long one, nor of what follows.
        assert!(first.is_unique());
        let second = split_off(&mut buffer, 5);
        assert_eq!((&second[..], second.is_unique()), (&b"short"[..], true));
        assert_eq!((&split_off(&mut buffer, 0)[..], &buffer[..]), (&b""[..], &b"rest"[..]));
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        let status = "Name:\tnode\nUid:\t65534\t0\t0\t0\nThreads:\t11\nSigQ:\t0/1\n";
        let check = |name: &str, expected: Option<u64>| assert_eq!(field(status, name), expected, "{name}");
        check("Uid:", Some(65_534));
        check("Threads:", Some(11));
        check("Name:", None);
        check("Nothing:", None);
    }
}
