//! Letting others have their turn.

use std::future::poll_fn;
use std::task::Poll;

/// Lets everybody else on this thread have a turn. What waits in a loop does so each time: where the host answers at once,
/// and a scripted one's waits end at once, it would keep the thread for itself.
pub(crate) async fn turn() {
    let mut had_it = false;
    poll_fn(|context| {
        if std::mem::replace(&mut had_it, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
