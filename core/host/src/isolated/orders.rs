//! What a child is told to be, over the socket that it was born with: before all else, and together with its library.

use std::io::{Error, IoSlice, IoSliceMut, Read, Result, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

/// What the gateway has a child do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The plugin, for whoever looks at the list of processes.
    pub(super) name: String,
    pub(super) memory_mb: u32,
    pub(super) open_files: u32,
    /// The system's libraries that its own one needs.
    pub(super) needs: Vec<String>,
}

impl Orders {
    /// Gives them, with the library.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn give(&self, socket: &UnixStream, library: impl AsFd) -> Result<()> {
        let told = serde_json::to_vec(self)?;
        let len = u32::try_from(told.len()).map_err(Error::other)?.to_le_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let library = [library.as_fd()];
        beside.push(SendAncillaryMessage::ScmRights(&library));
        // A socket that nothing was sent over has room for these few bytes.
        let sent = sendmsg(socket, &[IoSlice::new(&len)], &mut beside, SendFlags::NOSIGNAL)?;
        if sent != len.len() {
            return Err(Error::other("the orders were cut"));
        }
        (&mut &*socket).write_all(&told)
    }

    /// Waits for them, and reads no byte more. Nothing where nobody will give any.
    ///
    /// # Errors
    /// Those of the socket; and what is no orders.
    pub(super) fn receive(socket: &UnixStream) -> Result<Option<(Self, OwnedFd)>> {
        let mut len = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            match recvmsg(socket, &mut [IoSliceMut::new(&mut len)], &mut beside, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                got => break got?.bytes,
            }
        };
        if got == 0 {
            return Ok(None);
        }
        if got != len.len() {
            return Err(Error::other("the orders were cut"));
        }
        let library = beside.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        let library = library.ok_or_else(|| Error::other("there is no library with the orders"))?;
        let mut told = vec![0; usize::try_from(u32::from_le_bytes(len)).map_err(Error::other)?];
        (&mut &*socket).read_exact(&mut told)?;
        Ok(Some((serde_json::from_slice(&told)?, library)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_received_and_what_comes_after_it_stays() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let orders = Orders {
            name: "hello-rail".to_owned(),
            memory_mb: 256,
            open_files: 32,
            needs: vec!["libc.so.6".to_owned(), "libm.so.6".to_owned()],
        };
        let mut library = tempfile::tempfile().unwrap();
        library.write_all(b"a library").unwrap();
        std::io::Seek::rewind(&mut library).unwrap();
        orders.give(&ours, &library).unwrap();
        (&ours).write_all(b"a call").unwrap();
        let (received, file) = Orders::receive(&theirs).unwrap().unwrap();
        let mut read = String::new();
        std::fs::File::from(file).read_to_string(&mut read).unwrap();
        assert_eq!((received, read.as_str()), (orders, "a library"));
        drop(ours);
        let mut after = String::new();
        theirs.read_to_string(&mut after).unwrap();
        assert_eq!(after, "a call");
        assert!(Orders::receive(&theirs).unwrap().is_none());
    }
}
