//! From an event to a durable message: the one way in, for webhooks and for what is caught up with.

use sportello_sdk::{Change, Failure, Host, Level, Message, Source};

use crate::event::Event;
use crate::settings::Account;

/// How many edits are remembered for their first id. X lets a post be edited for an hour.
const EDITS_MAX: u64 = 4096;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is a message that the gateway had not seen.
    Fresh,
    /// It is a message that the gateway knew.
    Known,
    /// It is none.
    Ignored,
}

/// Hands what of an event is a message to the gateway. It is durable when this returns.
///
/// # Errors
/// When it is not durable.
pub(crate) async fn take(event: Event, account: &Account, host: &Host) -> Result<Taken, Failure> {
    let id = event.id();
    let mut message = match event.into_message(account) {
        Ok(message) => message,
        Err(ignored) => {
            host.log(Level::Debug, format!("{id} is left aside: {}", ignored.reason()));
            return Ok(Taken::Ignored);
        }
    };
    match message.change {
        Change::Written => {}
        Change::Edited => remember_edit(&message, host).await?,
        Change::Deleted => find_first(&mut message, host).await?,
    }
    match host.message(&message).await {
        Ok(accepted) if accepted.fresh => Ok(Taken::Fresh),
        Ok(_) => Ok(Taken::Known),
        // The gateway will refuse it as often as it comes: it must not hold up what comes after it.
        Err(failure) if failure.source == Source::Input && !failure.is_retryable() => {
            host.log(Level::Warn, format!("{id} is refused by the gateway: {}", failure.code));
            Ok(Taken::Ignored)
        }
        Err(failure) => Err(failure),
    }
}

/// Keeps which post an edit belongs to: a deletion names one version, and every version goes with it.
async fn remember_edit(message: &Message, host: &Host) -> Result<(), Failure> {
    let (Some(id), Some(first_id)) = (&message.id, &message.first_id) else {
        return Ok(());
    };
    let slot = slot(id);
    let (version, value) = host.load(&slot).await?;
    let pair = format!("{id} {first_id}");
    if value != pair.as_bytes() {
        host.save(&slot, version, pair).await?;
    }
    Ok(())
}

/// Names the first version where the deletion names an edit of it.
async fn find_first(message: &mut Message, host: &Host) -> Result<(), Failure> {
    let Some(id) = &message.first_id else {
        return Ok(());
    };
    let (_, value) = host.load(&slot(id)).await?;
    let pair = std::str::from_utf8(&value).ok().and_then(|pair| pair.split_once(' '));
    if let Some((_, first_id)) = pair.filter(|(edit, _)| edit == id) {
        message.first_id = Some(first_id.to_owned());
    }
    Ok(())
}

fn slot(id: &str) -> String {
    let digits: u64 = id.trim_start_matches("post:").parse().unwrap_or(0);
    // The low bits of X's ids count within a millisecond and are mostly zero: mixed before they are cut off.
    format!("edit/{}", (digits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % EDITS_MAX)
}
