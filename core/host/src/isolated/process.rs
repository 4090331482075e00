//! A child, as its link waits for it.

use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::unix::pipe;

/// A child that was started, and what it can be waited for and killed by, which never is another process.
pub(super) struct Process {
    child: Child,
    /// Can be read once it has ended (pidfd_open(2)): watched as the reading end of a pipe is.
    ended: pipe::Receiver,
}

impl Process {
    /// To be called within a runtime.
    ///
    /// # Errors
    /// Why it cannot be waited for: it ends when its socket is closed.
    pub(super) fn new(child: Child) -> std::io::Result<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("it has no process id"))?;
        let ended = pipe::Receiver::from_owned_fd_unchecked(pidfd_open(pid, PidfdFlags::empty())?)?;
        Ok(Self { child, ended })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it can be killed by.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// What it writes on its standard error; nothing the second time.
    pub(super) fn stderr(&mut self) -> Option<pipe::Receiver> {
        pipe::Receiver::from_owned_fd(OwnedFd::from(self.child.stderr.take()?)).ok()
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        loop {
            self.ended.readable().await?;
            let child = &mut self.child;
            let ended = self.ended.try_io(|| child.try_wait()?.ok_or_else(|| ErrorKind::WouldBlock.into()));
            match ended {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                ended => return ended,
            }
        }
    }
}
