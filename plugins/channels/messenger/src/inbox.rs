//! From the messages of a delivery to durable ones.

use std::collections::HashSet;

use sportello_sdk::{Failure, Host, Level, Message, Source};

/// Hands the messages to the gateway, and says whether all that it may take are durable.
///
/// One that is not durable holds back those after it of the same person, so that their order stays, and those of nobody
/// else. When the delivery comes again, what is durable already is known by its id.
pub(crate) async fn take(messages: &[Message], host: &Host) -> bool {
    let mut held = HashSet::new();
    let mut why = None;
    for message in messages {
        if held.contains(&message.from) {
            continue;
        }
        match host.message(message).await {
            Ok(_) => {}
            // The gateway will refuse it as often as it comes: it must not hold up what comes after it.
            Err(failure) if is_for_ever(&failure) => {
                host.log(Level::Warn, format!("a message is refused by the gateway: {}", failure.code));
            }
            Err(failure) => {
                held.insert(&message.from);
                why = Some(failure.code);
            }
        }
    }
    let Some(code) = why else { return true };
    host.log(Level::Warn, format!("a delivery is not durable, for {} people: {code}", held.len()));
    false
}

fn is_for_ever(failure: &Failure) -> bool {
    failure.source == Source::Input && !failure.is_retryable()
}
