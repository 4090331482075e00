//! Notes to people. All that is said here is private: there is nobody else in the conversation.

use sportello_sdk::{Failure, Host, Note, Sent};

use crate::graph::Graph;
use crate::id::{Id, SCHEME, page_and_person};
use crate::length::parts;
use crate::quick_reply::quick_replies;

/// In how many messages a note may be said. More would be a book, and not arrive within one call.
const PARTS_MAX: usize = 10;

/// Delivers a note, in several messages where it is longer than one may be. Its choices stand under the last.
///
/// # Errors
/// As [`crate::problem`] has them; `no_public`, `foreign_handle`, `not_pinned`, `empty`, `too_long`.
pub(crate) async fn send(graph: &Graph, page: &Id, note: &Note, host: &Host) -> Result<Sent, Failure> {
    if !note.private {
        return Err(Failure::input("no_public", "nothing can be said in public here"));
    }
    let person = person(note, page)?;
    let parts = parts(&note.text);
    if parts.len() > PARTS_MAX {
        return Err(Failure::input("too_long", format!("the note is longer than {PARTS_MAX} messages may be")));
    }
    let Some((last, before)) = parts.split_last() else {
        return Err(Failure::input("empty", "the note has no text"));
    };
    for part in before {
        graph.send(&person, part, &[], host).await?;
    }
    let id = graph.send(&person, last, &quick_replies(&note.choices), host).await?;
    Ok(Sent { id: Some(id), fell_back: false })
}

/// The person that a note is for. A page-scoped id of another page would be somebody else here, or nobody.
fn person(note: &Note, page: &Id) -> Result<Id, Failure> {
    if note.to.scheme() != SCHEME {
        return Err(Failure::input("foreign_handle", "the note is for somebody on another channel"));
    }
    match page_and_person(&note.to) {
        Some((of, person)) if of == *page => Ok(person),
        Some(_) => Err(Failure::input("foreign_handle", "the note is for somebody of another page")),
        None => Err(Failure::input("not_pinned", "only a page-scoped id can be written to: PAGE/PERSON")),
    }
}
