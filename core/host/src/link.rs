//! The link between the host and a plugin's own process: the same two functions, over one socket.
//!
//! Both sides write into one buffer that is sent as a whole, so that many calls cost few system calls, and always read: a
//! side that is full answers that it is busy, and never stops listening. What comes from a plugin's process is believed no
//! more than a stranger's word: lengths are checked before anything is allocated, and whoever breaks the framing is ended.
//!
//! ```text
//!          host                                        plugin's process
//!  Loaded::open ─▶ Asker ──▶ call, cancel ──────────▶ its plugin
//!                        ◀── reply ◀───────────────── its plugin
//!   HostCalls ◀── Served ◀── call, notify, cancel ◀── Asker
//!                        ──▶ reply ──────────────────▶ Asker
//!      pulse             ──▶ ping, pong ◀───────────── (between two polls of the plugin, never within one)
//! ```

mod asker;
mod outbox;
mod served;
pub(crate) mod wire;

pub(crate) use asker::{Asker, Asking, Far};
pub(crate) use outbox::{Outbox, SocketOutbox};
pub(crate) use served::{Room, Served, answer, busy};
pub(crate) use wire::{Breach, Incoming, Kind, Outgoing, READ_LEN, Reader};
