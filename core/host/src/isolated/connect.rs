//! An instance in a process of its own, on the host's side: its link, its pulse, its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Abortable, BoxFuture};
use sportello_sdk::frames::{LogLine, Peer, Reply, host_method};
use sportello_sdk::{Failure, Level, Source};
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::ear::{Ear, Near};
use super::keeper::Keeper;
use super::nursery::bear;
use super::process::Process;
use super::verdict::verdict;
use super::{Library, last_words};
use crate::confine::Confinement;
use crate::life::Connected;
use crate::link::{Asker, Breach, Incoming, Kind, Outbox, Outgoing, Room, Served, SocketOutbox};
use crate::link::{answer, busy};

/// What is done at once for a plugin: each of its calls may have several of its own.
const ROOM: Room = Room { calls: 4096, bytes: 64 << 20 };

/// How long a child may take from its start to its first word. A loaded machine takes its time.
const UP_WITHIN: Duration = Duration::from_secs(10);

/// How often a child that says nothing is asked whether it is there.
const PULSE: Duration = Duration::from_secs(1);

/// How long what a child has left behind is waited for: it is there already, or never comes.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(200);

/// Starts a child that is an instance of `library`, whose host is `host`. A call that is made before it is up waits for it;
/// where it does not come up, that is what every call is answered with.
pub(super) fn connect(library: &Arc<Library>, confinement: Confinement, host: Arc<dyn Peer>) -> Connected {
    match begin(library, confinement, host) {
        Ok(connected) => connected,
        Err(error) => {
            let why = format!("the plugin's process cannot be started: {error}");
            Connected::in_process(Arc::new(Stillborn(Failure::new(Source::Host, "not_started", why))))
        }
    }
}

fn begin(library: &Library, confinement: Confinement, host: Arc<dyn Peer>) -> std::io::Result<Connected> {
    let runtime = Handle::try_current().map_err(std::io::Error::other)?;
    let (born, birth) = oneshot::channel();
    let keeper = Arc::new(Keeper::new());
    let (entered, keeping) = (runtime.clone(), Arc::clone(&keeper));
    let ours = bear(library, confinement, move |child| {
        let _entered = entered.enter();
        let child = child.and_then(Process::new);
        if let Ok(child) = &child {
            // Before it has said a word: whoever has heard one knows whose it is.
            keeping.born(child.id(), child.handle());
        }
        drop(born.send(child));
    })?;
    ours.set_nonblocking(true)?;
    // Watched for what comes alone, as the reading end of a pipe is: `SocketOutbox` says why.
    let hear = pipe::Receiver::from_owned_fd_unchecked(ours.try_clone()?.into())?;
    let asker = Arc::new(Asker::new(SocketOutbox::new(ours)));
    let link = Arc::new(Link {
        asker,
        ear: Ear::new(hear),
        served: Served::new(ROOM),
        host,
        keeper: Arc::clone(&keeper),
        runtime: runtime.clone(),
        is_heard: AtomicBool::new(false),
        is_up: AtomicBool::new(false),
        answered: Notify::new(),
    });
    runtime.spawn(keep(Arc::clone(&link), birth, confinement));
    Ok(Connected { peer: Arc::new(Near(link)), life: Some(keeper) })
}

/// All that belongs to one child.
pub(super) struct Link {
    pub(super) asker: Arc<Asker<SocketOutbox>>,
    pub(super) ear: Ear,
    served: Served,
    host: Arc<dyn Peer>,
    keeper: Arc<Keeper>,
    runtime: Handle,
    /// Whether anything was heard since it was last looked at.
    pub(super) is_heard: AtomicBool,
    is_up: AtomicBool,
    /// It came up, or answered that it is there.
    answered: Notify,
}

/// What ended the listening.
pub(super) enum Silence {
    /// The child is gone, or closed its socket.
    Closed,
    /// It must go.
    Must(String),
    /// It could not load its library.
    NotLoaded(String),
}

/// From a child's birth to its end.
async fn keep(link: Arc<Link>, birth: oneshot::Receiver<std::io::Result<Process>>, confinement: Confinement) {
    let not_started = |why: String| Failure::new(Source::Host, "not_started", why);
    let mut child = match birth.await {
        Ok(Ok(born)) => born,
        Ok(Err(error)) => {
            let why = format!("the plugin's process cannot be started: {error}");
            return link.end(not_started(why.clone()), why);
        }
        Err(_) => return link.end(not_started("the nursery is closed".to_owned()), "it was never started".to_owned()),
    };
    let draining = link.runtime.spawn({
        let asker = Arc::clone(&link.asker);
        async move { asker.outbox().drain().await }
    });
    let saying = child.stderr().map(|stderr| link.runtime.spawn(last_words::listen(stderr, Arc::clone(&link.host))));
    let mut listening = link.runtime.spawn(Arc::clone(&link).listen());
    let pulse = link.runtime.spawn(Arc::clone(&link).feel(confinement.hang_grace));

    let silence = tokio::select! {
        _ = child.wait() => None,
        silence = &mut listening => Some(silence.unwrap_or(Silence::Closed)),
    };
    let silence = match silence {
        Some(silence) => silence,
        // What it said before it ended is in the socket still.
        None => in_time(&mut listening).await.unwrap_or(Silence::Closed),
    };
    match &silence {
        Silence::Must(why) => link.keeper.doom(why.clone()),
        // It ends by itself; or else it is helped.
        Silence::Closed | Silence::NotLoaded(_) => {}
    }
    let status = match tokio::time::timeout(LAST_WORDS_WITHIN, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => {
            link.keeper.doom("it closed its socket");
            child.wait().await.ok()
        }
    };
    pulse.abort();
    draining.abort();
    listening.abort();
    let said = match saying {
        Some(mut saying) => in_time(&mut saying).await.unwrap_or_default(),
        None => String::new(),
    };
    match silence {
        Silence::NotLoaded(why) => link.end(Failure::new(Source::Plugin, "not_loaded", why.clone()), why),
        Silence::Closed | Silence::Must(_) => {
            let doomed = link.keeper.doomed();
            let why = doomed.unwrap_or_else(|| verdict(status, &said, confinement.memory_mb));
            let crashed = Failure::new(Source::Plugin, "crashed", format!("the plugin's own process has ended: {why}"));
            link.end(crashed.retry_after(1_000), why);
        }
    }
}

/// What a task comes to, if it does soon.
async fn in_time<T>(task: &mut JoinHandle<T>) -> Option<T> {
    tokio::time::timeout(LAST_WORDS_WITHIN, task).await.ok()?.ok()
}

impl Link {
    /// Answers what is waited for, gives up what is done for the child, and tells its end.
    fn end(&self, failure: Failure, why: String) {
        self.asker.end(failure);
        self.served.end_all();
        self.keeper.over(why);
    }

    pub(super) fn take(self: &Arc<Self>, message: Incoming) -> Result<(), Silence> {
        let breach = |breach: Breach| Silence::Must(breach.to_string());
        if !self.is_up.load(Ordering::Relaxed) {
            return match message.kind {
                Kind::Hello if message.ok => {
                    self.is_up.store(true, Ordering::Relaxed);
                    self.answered.notify_one();
                    Ok(())
                }
                Kind::Hello => Err(Silence::NotLoaded(String::from_utf8_lossy(&message.frame).into_owned())),
                _ => Err(breach(Breach("something was said before it was up"))),
            };
        }
        match message.kind {
            Kind::Hello => return Err(breach(Breach("it said a second time that it is up"))),
            Kind::Call => self.serve(message).map_err(breach)?,
            Kind::Reply => {
                if !self.asker.answered(message.id, message.reply()) {
                    self.warn("it answers what nobody waits for, or waits for any more");
                }
            }
            Kind::Notify => message.tell(&*self.host),
            Kind::Cancel => self.served.cancel(message.id),
            Kind::Ping => self.asker.outbox().send(&Outgoing::bare(Kind::Pong, 0), false),
            Kind::Pong => self.answered.notify_one(),
        }
        Ok(())
    }

    /// Has the operator told of it, in its instance's name.
    fn warn(&self, message: &str) {
        let line = LogLine { level: Level::Warn, message: message.to_owned() };
        if let Ok(frame) = serde_json::to_vec(&line) {
            self.host.notify(host_method::LOG, frame.into());
        }
    }

    /// Does what the child asks for, in a task of its own.
    fn serve(self: &Arc<Self>, message: Incoming) -> Result<(), Breach> {
        let id = message.id;
        let Some(registration) = self.served.begin(id, message.frame.len() + message.body.len())? else {
            answer(self.asker.outbox(), id, &busy(), false);
            return Ok(());
        };
        let doing = message.call(&*self.host);
        let link = Arc::clone(self);
        self.runtime.spawn(async move {
            let done = Abortable::new(doing, registration).await;
            let alone = link.served.end(id);
            // One that was given up is not answered.
            if let Ok(reply) = done {
                let outbox = link.asker.outbox();
                let reply = if outbox.is_full() { busy() } else { reply };
                answer(outbox, id, &reply, alone);
            }
        });
        Ok(())
    }

    /// Ends a child that does not come up, or is not there any more: one that computes for ever reads nothing.
    async fn feel(self: Arc<Self>, hang_grace: Duration) {
        if tokio::time::timeout(UP_WITHIN, self.answered.notified()).await.is_err() {
            return self.keeper.doom(format!("it did not come up within {} s", UP_WITHIN.as_secs()));
        }
        loop {
            tokio::time::sleep(PULSE.min(hang_grace)).await;
            if self.is_heard.swap(false, Ordering::Relaxed) {
                continue;
            }
            self.asker.outbox().send(&Outgoing::bare(Kind::Ping, 0), true);
            let is_late = tokio::time::timeout(hang_grace, self.answered.notified()).await.is_err();
            if is_late && !self.is_heard.load(Ordering::Relaxed) {
                return self.keeper.doom(format!("it hung: it did not answer for {} ms", hang_grace.as_millis()));
            }
        }
    }
}

/// An instance whose process could not be started.
struct Stillborn(Failure);

impl Peer for Stillborn {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        Box::pin(std::future::ready(Reply::failure(&self.0)))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}
