//! Notes to people: in public as a reply to what they wrote, in private as a direct message.
//!
//! X takes replies through its API only under posts that mention the account, and so does this: a note that answers no
//! post goes by direct message.

use sportello_sdk::{Failure, Host, Level, Note, Sent};

use crate::api::Api;
use crate::id::{Id, MessageId};
use crate::length::fitted;
use crate::outbox::{Slot, Stage};
use crate::problem::{Kind, Refusal};
use crate::text::SCHEME;

/// The longest direct message that X takes, in code points.
const DM_LENGTH_MAX: usize = 10_000;

/// The longest wait inside one call, in milliseconds: for longer the gateway asks again.
const WAIT_MS_MAX: u64 = 2000;

/// What may be said in public. Made from a public note's text or from a fallback, and from nothing else: a private
/// text cannot become one.
struct PublicText(String);

impl PublicText {
    fn of(note: &Note) -> Option<Self> {
        (!note.private).then(|| Self(fitted(&note.text)))
    }

    /// Nothing where the fallback repeats what is private: a mistake of whoever wrote it, which stays between us.
    fn fallback(note: &Note) -> Option<Self> {
        let text = note.fallback.as_deref()?;
        (!note.private || !repeats(text, &note.text)).then(|| Self(fitted(text)))
    }

    /// The same, told apart from an older one by what it answers. X refuses a text that it has had lately, and
    /// "look into your messages" is said to many people.
    fn varied(&self, post: &Id) -> Self {
        let digits = post.as_str();
        let last = digits.get(digits.len().saturating_sub(6)..);
        let mark = format!(" (re {})", last.unwrap_or(digits));
        // Room for the mark is made by cutting the text, never the mark.
        let whole = format!("{}{mark}", self.0);
        if fitted(&whole) == whole {
            return Self(whole);
        }
        let short: String = self.0.chars().take(self.0.chars().count() / 2).collect();
        Self(fitted(&format!("{}…{mark}", short.trim_end())))
    }
}

/// Whether `public` says what `private` says, or an amount or a code that stands in it.
fn repeats(public: &str, private: &str) -> bool {
    let has_digit = |word: &&str| word.bytes().any(|b| b.is_ascii_digit());
    let said: Vec<&str> = words(public).filter(has_digit).collect();
    public.contains(private.trim()) || words(private).any(|word| said.contains(&word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ',')).map(|word| word.trim_matches(['.', ',']))
}

/// Delivers a note.
///
/// # Errors
/// As [`crate::problem`] has them; `not_pinned`, where the note is for a name and not for an id; `too_long`.
pub(crate) async fn send(api: &Api, note: &Note, host: &Host) -> Result<Sent, Failure> {
    let person = person(note)?;
    let post = match note.reply_to.as_deref().and_then(MessageId::parse) {
        Some(MessageId::Post(id)) => Some(id),
        Some(MessageId::Dm(_)) | None => None,
    };
    let refused = match (&post, PublicText::of(note)) {
        (Some(post), Some(text)) => match publish(api, note, post, &text, host).await {
            Ok(id) => return Ok(sent(id.map(MessageId::Post), false)),
            // What all may read, the person may read alone.
            Err(refusal) if refusal.kind == Kind::OutOfReach => Some(refusal),
            Err(refusal) => return Err(refusal.failure),
        },
        _ => None,
    };
    let closed = match whisper(api, &person, &note.text, host).await {
        Ok(id) => return Ok(sent(id.map(MessageId::Dm), false)),
        Err(refusal) if refusal.kind == Kind::OutOfReach => refusal,
        Err(refusal) => return Err(refusal.failure),
    };
    let Some((post, text)) = post.zip(PublicText::fallback(note)) else {
        return Err(closed.failure);
    };
    if refused.is_some() {
        return Err(closed.failure);
    }
    host.log(Level::Info, "a person takes no direct messages: answered in public where to look");
    let id = publish(api, note, &post, &text, host).await;
    id.map(|id| sent(id.map(MessageId::Post), true)).map_err(|refusal| refusal.failure)
}

fn sent(id: Option<MessageId>, fell_back: bool) -> Sent {
    let id = id.map(|id| id.to_string());
    Sent { id, fell_back }
}

fn person(note: &Note) -> Result<Id, Failure> {
    if note.to.scheme() != SCHEME {
        return Err(Failure::input("foreign_handle", "the note is for somebody on another channel"));
    }
    Id::parse(note.to.rest()).ok_or_else(|| {
        let what = "the note is for a name: names change hands, and only a numeric id can be written to";
        Failure::input("not_pinned", what)
    })
}

/// Writes to a person alone. Sent as it is or not at all: what is cut off might be the code. A message whose answer
/// was lost is sent again, and a code that comes twice does no harm.
async fn whisper(api: &Api, person: &Id, text: &str, host: &Host) -> Result<Option<Id>, Refusal> {
    if text.chars().count() > DM_LENGTH_MAX {
        let what = "the note is longer than X takes in a direct message";
        return Err(Failure::input("too_long", what).into());
    }
    let first = api.dm(person, text, host).await;
    if first.as_ref().err().is_some_and(|r| r.kind == Kind::Limited) && waited(&first, host).await? {
        return api.dm(person, text, host).await;
    }
    first
}

/// Answers a post, at most once per note.
///
/// A post that may or may not have been made is made again: X refuses a text that it has, and that refusal is then the
/// lost answer. Without such a doubt the same refusal means an older post that happened to say the same, and the text
/// is told apart from it.
async fn publish(api: &Api, note: &Note, post: &Id, text: &PublicText, host: &Host) -> Result<Option<Id>, Refusal> {
    let (mut slot, stage) = Slot::open(&note.key, host).await?;
    let (is_doubtful, mut is_varied) = match stage {
        Some(Stage::Posted { id }) => return Ok(id.as_deref().and_then(Id::parse)),
        Some(Stage::Trying) => (true, false),
        Some(Stage::TryingVaried) => (true, true),
        Some(Stage::Refused) | None => (false, false),
    };
    let mut may_wait = true;
    loop {
        if !is_doubtful {
            let stage = if is_varied { Stage::TryingVaried } else { Stage::Trying };
            slot.keep(stage, host).await?;
        }
        let said = if is_varied { &text.varied(post).0 } else { &text.0 };
        let result = api.reply(post, said, host).await;
        let refusal = match &result {
            Ok(id) => {
                // The post is made: that this cannot be kept must not make it look otherwise.
                if let Err(failure) = slot.keep(Stage::posted(id.as_ref()), host).await {
                    host.log(Level::Warn, format!("a post was made and could not be kept: {failure}"));
                }
                return result;
            }
            Err(refusal) => refusal,
        };
        if refusal.kind == Kind::Duplicate && is_doubtful {
            slot.keep(Stage::posted(None), host).await?;
            return Ok(None);
        }
        if refusal.kind == Kind::Duplicate && !is_varied {
            is_varied = true;
            continue;
        }
        if refusal.kind == Kind::Limited && may_wait && waited(&result, host).await? {
            may_wait = false;
            continue;
        }
        if refusal.is_definite && !is_doubtful {
            slot.keep(Stage::Refused, host).await?;
        }
        return result;
    }
}

/// Waits until X takes requests again, if that is soon enough for this call.
async fn waited<T>(result: &Result<T, Refusal>, host: &Host) -> Result<bool, Failure> {
    let failure = result.as_ref().err().map(|refusal| &refusal.failure);
    let wait_ms = failure.and_then(Failure::retry_after_ms);
    // Half of what is left must remain for the request itself.
    let left_ms = host.deadline_ms().saturating_sub(host.now_ms());
    let Some(wait_ms) = wait_ms.filter(|ms| *ms <= WAIT_MS_MAX.min(left_ms / 2)) else {
        return Ok(false);
    };
    host.sleep(wait_ms).await?;
    Ok(true)
}
