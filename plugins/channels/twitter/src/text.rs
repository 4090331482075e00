//! What people write, and whom the entities beside it say they meant.

use std::collections::{HashMap, HashSet};

use sportello_sdk::{Handle, Mention};

use crate::id::Id;

/// The scheme of this channel's handles, as the manifest declares it.
pub(crate) const SCHEME: &str = "twitter";

/// A mention as X recognised it: the name without `@`, where it starts and ends, and who bears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) id: Option<Id>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A text with its mentions, as X delivers it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Still escaped as HTML.
    pub(crate) raw: String,
    pub(crate) mentions: Vec<Entity>,
    /// Where the text begins that the person typed. What stands before it was put there by X, and is not shown: the
    /// names of everybody in the conversation that the post answers.
    pub(crate) typed_from: usize,
}

/// A text as the person typed it, with the mentions that can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) text: String,
    pub(crate) mentions: Vec<Entity>,
}

impl Written {
    /// Undoes X's escapes, drops the names that the person did not type, and every mention that does not stand in
    /// the text where it says it does: an id must never be pinned to a name that nobody wrote.
    pub(crate) fn typed(self) -> Typed {
        let text = unescape(&self.raw);
        let mut mentions = self.mentions;
        // X's pages count code points of the escaped text; emoji and escapes are known to shift that in some of its
        // versions, so the other ways to count are accepted too.
        let readings = [Places::of(&self.raw), Places::of(&text)];
        mentions.retain(|m| is_name(&m.name) && readings.iter().any(|places| places.hold(m)));
        mentions.sort_by_key(|m| m.start);
        let hidden = hidden_prefix(&text, &mentions, self.typed_from);
        let chars_hidden = text.get(..hidden).map_or(0, |prefix| prefix.chars().count());
        mentions.retain(|m| m.start >= chars_hidden);
        let text = text.get(hidden..).unwrap_or_default().to_owned();
        Typed { text, mentions }
    }
}

impl Typed {
    /// Whether the person wrote to the account of this id and name.
    pub(crate) fn addresses(&self, id: &Id, name: &str) -> bool {
        self.mentions.iter().any(|m| m.id.as_ref() == Some(id)) || names(&self.text, name)
    }

    /// Whether this is somebody else's text, passed on by hand: `RT @paolo: …` or `"@paolo: …"`. A command in it is
    /// not the writer's.
    pub(crate) fn is_passed_on(&self) -> bool {
        let text = self.text.trim_start();
        let retweeted = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("rt"))
            && text.get(2..).unwrap_or_default().trim_start_matches([' ', ':']).starts_with(['@', '＠']);
        let quoted = text
            .strip_prefix(['"', '“', '”', '«', '„'])
            .and_then(|rest| rest.trim_start().strip_prefix(['@', '＠']))
            .is_some_and(|rest| rest.trim_start_matches(is_name_char).trim_start().starts_with(':'));
        retweeted || quoted
    }

    /// The mentions, pinned to the ids of those who bore the names when they were written. A name that is said to be
    /// two people's is nobody's.
    pub(crate) fn pinned(&self) -> Vec<Mention> {
        let named: Vec<_> = (self.mentions.iter())
            .filter_map(|m| Some(Mention { name: name_handle(&m.name)?, handle: id_handle(m.id.as_ref()?)? }))
            .collect();
        let mut bearers: HashMap<&Handle, HashSet<&Handle>> = HashMap::new();
        for mention in &named {
            bearers.entry(&mention.name).or_default().insert(&mention.handle);
        }
        bearers.retain(|_, handles| handles.len() == 1);
        let mut pinned = named.clone();
        pinned.retain(|mention| bearers.remove(&mention.name).is_some());
        pinned
    }
}

/// `twitter:1234567`.
pub(crate) fn id_handle(id: &Id) -> Option<Handle> {
    Handle::new(SCHEME, id.as_str()).ok()
}

/// `twitter:@anna`; nothing for what cannot be a name there (X: letters, digits and `_`).
pub(crate) fn name_handle(name: &str) -> Option<Handle> {
    is_name(name).then(|| Handle::new(SCHEME, &format!("@{name}")).ok()).flatten()
}

/// Whether X would take this as a name. New ones have at most 15 characters; some older ones have 20.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=20).contains(&name.len()) && name.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// X escapes `&`, `<` and `>` and nothing else. One pass, so that `&amp;lt;` is `&lt;` as it was written.
pub(crate) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, from)) = rest.split_once('&') {
        text.push_str(before);
        let escapes = [("amp;", '&'), ("lt;", '<'), ("gt;", '>')];
        let found = escapes.iter().find_map(|(name, c)| from.strip_prefix(name).map(|after| (*c, after)));
        let (c, after) = found.unwrap_or(('&', from));
        text.push(c);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Where a text's characters begin, by either way to count them. Made once for all mentions: a long text full of them
/// must not be counted through for each.
struct Places<'t> {
    text: &'t str,
    by_code_points: Vec<usize>,
    by_utf16: Vec<usize>,
}

impl<'t> Places<'t> {
    fn of(text: &'t str) -> Self {
        // In the middle of a pair of UTF-16 nothing begins: that place is outside of the text.
        let units = |(at, c): (usize, char)| [at, usize::MAX].into_iter().take(c.len_utf16());
        Self {
            text,
            by_code_points: text.char_indices().map(|(at, _)| at).collect(),
            by_utf16: text.char_indices().flat_map(units).collect(),
        }
    }

    /// Whether the mention stands where it says.
    fn hold(&self, mention: &Entity) -> bool {
        let at = |places: &Vec<usize>| places.get(mention.start).and_then(|at| self.text.get(*at..));
        [&self.by_code_points, &self.by_utf16]
            .into_iter()
            .filter_map(at)
            .any(|rest| after_mention(rest, &mention.name).is_some())
    }
}

/// What follows `@name` at the start of `text`, if that is how it starts.
fn after_mention<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(['@', '＠'])?;
    let written = rest.get(..name.len())?;
    let after = rest.get(name.len()..)?;
    (written.eq_ignore_ascii_case(name) && !after.starts_with(is_name_char)).then_some(after)
}

/// Whether `@name` stands anywhere in `text` as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let mut before = None;
    text.char_indices().any(|(at, c)| {
        let is_glued = before.is_some_and(is_name_char);
        before = Some(c);
        !is_glued && text.get(at..).is_some_and(|rest| after_mention(rest, name).is_some())
    })
}

/// How many bytes at the start are names that X put there: the mentions that end before the typed text begins. The
/// index alone is not cut at, because X's own samples are off by one.
fn hidden_prefix(text: &str, mentions: &[Entity], typed_from: usize) -> usize {
    let mut rest = text;
    for mention in mentions.iter().filter(|m| m.end <= typed_from) {
        match after_mention(rest, &mention.name) {
            Some(after) => rest = after.trim_start(),
            None => break,
        }
    }
    text.len() - rest.len()
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
