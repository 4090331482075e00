//! One connection of the acquirer's port.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, tcp::OwnedReadHalf},
};

use super::Acquirer;
use crate::outbox::Outbox;

/// Serves one connection to its end.
pub(crate) async fn serve(acquirer: Arc<Acquirer>, stream: TcpStream) {
    let (reader, writer) = stream.into_split();
    let outbox = Arc::new(Outbox::default());
    let Some(id) = acquirer.host().open(Arc::clone(&outbox)) else { return };
    tokio::select! {
        () = read(&acquirer, id, &outbox, reader) => {}
        () = outbox.write(writer) => {}
    }
    acquirer.host().ended(id);
}

async fn read(acquirer: &Acquirer, id: u64, outbox: &Outbox, mut reader: OwnedReadHalf) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(16_384);
        match reader.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let taken = acquirer.host().arrived(id, &buffer);
        buffer.advance(taken);
        outbox.room().await;
    }
}
