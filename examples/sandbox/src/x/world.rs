//! What stands on X: people, posts and direct messages.

use std::collections::BTreeMap;

use super::{
    people::{ACCOUNT, Person, cast},
    text::{self, Mention},
};

/// A post.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) id: u64,
    /// The author's id.
    pub(crate) author: String,
    /// As written, unescaped, with the mention that X puts before a reply.
    pub(crate) text: String,
    /// How many code points of `text` X put before what was written.
    pub(crate) prefix: usize,
    pub(crate) reply_to: Option<u64>,
    pub(crate) quote_of: Option<u64>,
    pub(crate) repost_of: Option<u64>,
    /// Ids of every version up to this one, the first post's first.
    pub(crate) history: Vec<u64>,
    pub(crate) created_ms: u64,
    pub(crate) deleted: bool,
    /// Whether a later version exists.
    pub(crate) superseded: bool,
}

/// A direct message.
#[derive(Clone, Debug)]
pub(crate) struct Dm {
    pub(crate) id: u64,
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) text: String,
    pub(crate) created_ms: u64,
    /// Whether it came through the API, and so names the application.
    pub(crate) by_api: bool,
}

/// A post about to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) reply_to: Option<u64>,
    pub(crate) quote_of: Option<u64>,
    pub(crate) repost_of: Option<u64>,
}

/// All of X. Ids grow with time, so that the order of the maps is the order of events.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) posts: BTreeMap<u64, Post>,
    pub(crate) dms: BTreeMap<u64, Dm>,
}

impl Default for World {
    fn default() -> Self {
        Self { people: cast(), posts: BTreeMap::new(), dms: BTreeMap::new() }
    }
}

impl World {
    /// The person with that screen name, `@` and case aside.
    pub(crate) fn named(&self, name: &str) -> Option<&Person> {
        let name = name.trim_start_matches('@');
        self.people.iter().find(|person| person.screen_name.eq_ignore_ascii_case(name))
    }

    /// The person with that id.
    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The post, unless it is deleted.
    pub(crate) fn post(&self, id: u64) -> Option<&Post> {
        self.posts.get(&id).filter(|post| !post.deleted)
    }

    /// The people mentioned in `text` who exist, with where.
    pub(crate) fn mentioned<'a>(&'a self, text: &str) -> Vec<(Mention, &'a Person)> {
        text::mentions(text)
            .into_iter()
            .filter_map(|mention| self.named(&mention.name).map(|person| (mention, person)))
            .collect()
    }

    /// Whether `post` mentions the person, or quotes a post of theirs.
    pub(crate) fn addresses(&self, post: &Post, person: &str) -> bool {
        self.mentioned(&post.text).iter().any(|(_, mentioned)| mentioned.id == person)
            || self.author_of(post.quote_of) == Some(person)
    }

    /// Whether the account hears of `post` at all: it wrote it, is addressed by it or replied to,
    /// or it reposts one of those: a repost carries the mentions of its original.
    pub(crate) fn concerns_account(&self, post: &Post) -> bool {
        post.author == ACCOUNT
            || self.addresses(post, ACCOUNT)
            || self.author_of(post.reply_to) == Some(ACCOUNT)
            || post.repost_of.and_then(|id| self.posts.get(&id)).is_some_and(|original| self.concerns_account(original))
    }

    /// The author of a post, deleted or not.
    pub(crate) fn author_of(&self, post: Option<u64>) -> Option<&str> {
        post.and_then(|id| self.posts.get(&id)).map(|post| post.author.as_str())
    }

    /// Adds a post. A reply begins with a mention of whom it answers, put there by X where the writer did not.
    pub(crate) fn publish(&mut self, id: u64, now_ms: u64, author: &str, draft: Draft) -> Post {
        let answered = draft
            .reply_to
            .and_then(|replied| self.post(replied))
            .filter(|replied| replied.author != author)
            .and_then(|replied| self.person(&replied.author))
            .filter(|person| !self.mentioned(&draft.text).iter().any(|(_, mentioned)| mentioned.id == person.id));
        let (prefix, text) = match answered {
            Some(person) => (person.screen_name.len() + 2, format!("@{} {}", person.screen_name, draft.text)),
            None => (0, draft.text),
        };
        let post = Post {
            id,
            author: author.to_owned(),
            text,
            prefix,
            reply_to: draft.reply_to,
            quote_of: draft.quote_of,
            repost_of: draft.repost_of,
            history: vec![id],
            created_ms: now_ms,
            deleted: false,
            superseded: false,
        };
        self.posts.insert(id, post.clone());
        post
    }

    /// Adds a new version of a post, under a new id. `None` when there is no such post, or it is not the latest.
    pub(crate) fn edit(&mut self, id: u64, new: u64, now_ms: u64, text: &str) -> Option<Post> {
        let old = self.posts.get_mut(&id).filter(|post| !post.deleted && !post.superseded)?;
        old.superseded = true;
        let start: String = old.text.chars().take(old.prefix).collect();
        let text = text.strip_prefix(&start).unwrap_or(text);
        let mut history = old.history.clone();
        history.push(new);
        let post = Post {
            id: new,
            text: format!("{start}{text}"),
            history,
            created_ms: now_ms,
            superseded: false,
            ..old.clone()
        };
        self.posts.insert(new, post.clone());
        Some(post)
    }

    /// Deletes a post with all its versions, as X does, and returns them.
    pub(crate) fn delete(&mut self, id: u64) -> Vec<Post> {
        let Some(first) = self.post(id).and_then(|post| post.history.first().copied()) else { return Vec::new() };
        self.posts
            .values_mut()
            .filter(|post| post.history.first() == Some(&first) && !post.deleted)
            .map(|post| {
                post.deleted = true;
                post.clone()
            })
            .collect()
    }

    /// Adds a direct message.
    pub(crate) fn message(&mut self, dm: Dm) {
        self.dms.insert(dm.id, dm);
    }

    /// Whether `from` may write to `to`: their messages are open, or they wrote first.
    pub(crate) fn may_message(&self, from: &str, to: &Person, closed: &[String]) -> bool {
        let open = to.dms_open && !closed.iter().any(|name| name.eq_ignore_ascii_case(&to.screen_name));
        open || self.dms.values().any(|dm| dm.sender == to.id && dm.recipient == from)
    }
}
