//! Notes to people.
//!
//! A note is taken when the SMSC has taken all its parts. What SMPP cannot tell: whether a part that was written and not
//! answered before its link ended arrived. Such a note fails with `unanswered`, which is worth another try: the person
//! may get it twice, which is better than not at all, since no money hangs on a note. The same holds for the parts that
//! were taken before another was refused.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use sportello_sdk::{Failure, Host, Note, Sent, Source};

use crate::compose::compose;
use crate::number::{Numbers, SCHEME};
use crate::pdu::{self, Address};
use crate::queue::{Job, Put, Queue, Verdict};
use crate::receipt;
use crate::settings::{Alphabet, ReceiptIds};
use crate::status::{Class, class, name};

/// How much of a call's time is left for the answer: whoever waits for it should hear what is known.
const MARGIN_MS: u64 = 500;

/// How long until a link may be there, or the SMSC be better, in milliseconds.
const AGAIN_AFTER_MS: u64 = 5_000;

/// The way out.
pub(crate) struct Outbox {
    pub(crate) numbers: Numbers,
    pub(crate) sender: Address,
    pub(crate) alphabet: Alphabet,
    pub(crate) parts_max: u8,
    /// Whether a receipt is asked for, and how its id will be written.
    pub(crate) receipts: Option<ReceiptIds>,
}

impl Outbox {
    /// Delivers a note. `reference` tells its parts from those of other notes to the same person.
    ///
    /// # Errors
    /// `not_public`, `foreign_handle`, `bad_number`, `too_long`; the name of a status of the SMSC's; `no_link`, `busy`
    /// and `unanswered`, which are worth another try.
    pub(crate) async fn send(&self, note: &Note, reference: u8, queue: &Queue, host: &Host) -> Result<Sent, Failure> {
        let bodies = self.bodies(note, reference)?;
        let total = bodies.len();
        let left_ms = host.deadline_ms().saturating_sub(host.now_ms());
        let deadline_ms = host.deadline_ms().saturating_sub(MARGIN_MS.min(left_ms / 2));
        let verdicts = join_all(bodies.into_iter().map(|body| submitted(body, deadline_ms, queue, host))).await;
        let taken = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accepted(_))).count();
        // The worst of them: a part that will never be taken makes the others useless.
        let worst =
            verdicts.iter().filter_map(|verdict| failure(verdict, taken, total)).min_by_key(Failure::is_retryable);
        if let Some(failure) = worst {
            return Err(failure);
        }
        let id = verdicts.into_iter().next_back().and_then(|verdict| match verdict {
            Verdict::Accepted(id) => id,
            Verdict::Rejected(_) | Verdict::Unanswered | Verdict::NoLink | Verdict::Late => None,
        });
        let id = id.map(|id| receipt::id_of_answer(&id, self.receipts.unwrap_or_default()));
        Ok(Sent { id, fell_back: false })
    }

    /// The submits that a note takes.
    fn bodies(&self, note: &Note, reference: u8) -> Result<Vec<Bytes>, Failure> {
        if !note.private {
            let what = "the note is public, and there is no public on this channel";
            return Err(Failure::input("not_public", what));
        }
        if note.to.scheme() != SCHEME {
            return Err(Failure::input("foreign_handle", "the note is for somebody on another channel"));
        }
        let bad_number =
            || Failure::input("bad_number", "the note is for no number with its country's code, as `tel:+39…`");
        let to = self.numbers.address(&note.to).ok_or_else(bad_number)?;
        let composed = compose(&note.text, self.alphabet, reference, self.parts_max).ok_or_else(|| {
            Failure::input("too_long", format!("the note takes more than {} short messages", self.parts_max))
        })?;
        let (coding, has_header, last) = (composed.coding, composed.has_headers(), composed.parts.len());
        let bodies = composed.parts.into_iter().zip(1..).map(|(octets, at)| {
            // The last part's receipt speaks for the note.
            let wants_receipt = self.receipts.is_some() && at == last;
            pdu::submit_sm(&self.sender, &to, (coding, octets, has_header), wants_receipt).ok_or_else(bad_number)
        });
        bodies.collect()
    }
}

/// Puts one short message into the queue, and waits. Where there is no link it waits for one.
async fn submitted(body: Bytes, deadline_ms: u64, queue: &Queue, host: &Host) -> Verdict {
    loop {
        let left_ms = deadline_ms.saturating_sub(host.now_ms());
        let (job, verdict) = Job::new(body.clone(), deadline_ms);
        let told = match queue.put(job, host.now_ms()) {
            None => return Verdict::Late,
            // A link minds the time by itself.
            Some(Put::Taken) => verdict.await,
            Some(Put::Waits) => match select(verdict, pin!(host.sleep(left_ms))).await {
                Either::Left((told, _)) => told,
                Either::Right(_) => return Verdict::NoLink,
            },
        };
        match told {
            Ok(Verdict::NoLink) if deadline_ms > host.now_ms() => {}
            Ok(verdict) => return verdict,
            // Whoever had it is gone without a word.
            Err(_) => return Verdict::Unanswered,
        }
    }
}

/// Why a part was not taken, for a note of `total` parts of which `taken` were.
fn failure(verdict: &Verdict, taken: usize, total: usize) -> Option<Failure> {
    let of_parts = if total > 1 { format!(" ({taken} of its {total} parts were)") } else { String::new() };
    Some(match verdict {
        Verdict::Accepted(_) => return None,
        Verdict::Rejected(status) => {
            let refused = Failure::provider(name(*status), format!("the note was not taken by the SMSC{of_parts}"));
            match class(*status) {
                Class::Lasting => refused,
                Class::Fine | Class::Passing | Class::TooMuch => refused.retry_after(AGAIN_AFTER_MS),
            }
        }
        Verdict::Unanswered => {
            let what = format!("the link ended before the note was answered for{of_parts}: it may have arrived");
            Failure::provider("unanswered", what).retry_after(AGAIN_AFTER_MS)
        }
        Verdict::NoLink => Failure::provider("no_link", "there is no link to the SMSC").retry_after(AGAIN_AFTER_MS),
        Verdict::Late => {
            let what = format!("more notes wait than the links take{of_parts}");
            Failure::new(Source::Plugin, "busy", what).retry_after(AGAIN_AFTER_MS)
        }
    })
}
