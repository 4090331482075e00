//! A browser's request for a page of a rail's own: handed to the plugin, and what it answers looked at before anybody is
//! shown it.

use sportello_sdk::frames::plugin_method;
use sportello_sdk::{PageReply, PageReplyFrame, PageRequest};

use crate::call::{Answer, Ask, CallError, Reason};
use crate::running::{Running, Way};
use crate::vaulted::VAULTED_LEN_MAX;

/// The largest page, in bytes.
pub const PAGE_LEN_MAX: usize = 1 << 20;

impl Running {
    /// Asks the plugin for a page. `about` is what it is about: see [`Ask::about`].
    ///
    /// # Errors
    /// As for [`Running::ask`]; and [`Reason::Broken`] where the page is none that a browser should be shown, or a `GET` is
    /// said to have handed something over.
    pub async fn page(&self, about: u128, request: PageRequest) -> Result<PageReply, CallError> {
        let PageRequest { head, body } = request;
        let ask = Ask::of(plugin_method::PAGE, &head)?.body(body).about(about);
        // A person waits for it: it has the room of what comes in, and does not hear that the provider is down.
        let answer = self.0.call(Way::Incoming, ask).await?;
        let reply: PageReplyFrame = answer.decode()?;
        match defect(&head.method, &reply, &answer) {
            Some(why) => Err(CallError { reason: Reason::Broken(why), sent: answer.sent }),
            None => Ok(PageReply { head: reply, body: answer.body }),
        }
    }
}

fn defect(method: &str, reply: &PageReplyFrame, answer: &Answer) -> Option<String> {
    let len = answer.body.len();
    match &reply.handed_over {
        Some(_) if method != "POST" => Some("only a POST hands something over".to_owned()),
        Some(_) if len == 0 || len > VAULTED_LEN_MAX => Some(format!("what is handed over has {len} bytes")),
        Some(handed) if handed.label.is_empty() || handed.label.chars().count() > LABEL_LEN_MAX => {
            Some(format!("the label of what is handed over has 1 to {LABEL_LEN_MAX} characters"))
        }
        Some(_) => None,
        None if len > PAGE_LEN_MAX => Some(format!("the page has {len} bytes, and {PAGE_LEN_MAX} at most")),
        None => Some(reply.defects().join("; ")).filter(|defects| !defects.is_empty()),
    }
}

/// The longest label of what was handed over, in characters.
const LABEL_LEN_MAX: usize = 60;
