//! The ids of pages and of people, and handles made of them.

use std::fmt;

use sportello_sdk::Handle;

/// The scheme of this channel's handles, as the manifest declares it.
pub(crate) const SCHEME: &str = "messenger";

/// A page's id, or a person's page-scoped one: digits alone, so that it can stand in a URL and in a handle as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// The id that `text` writes, if it writes one: at most 32 digits, without leading zeros. Meta's have 17 or so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (is_number && !text.starts_with('0')).then(|| Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `messenger:PAGE/PERSON`: a person's id holds for one page alone.
pub(crate) fn handle(page: &Id, person: &Id) -> Option<Handle> {
    Handle::new(SCHEME, &format!("{page}/{person}")).ok()
}

/// The page and the person of a handle of this channel.
pub(crate) fn page_and_person(handle: &Handle) -> Option<(Id, Id)> {
    let (page, person) = handle.rest().split_once('/').filter(|_| handle.scheme() == SCHEME)?;
    Some((Id::parse(page)?, Id::parse(person)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_read_back() {
        let check = |text: &str, is_read: bool| {
            let read: Handle = text.parse().unwrap();
            let again = page_and_person(&read).and_then(|(page, person)| handle(&page, &person));
            assert_eq!(again.map(|h| h.to_string()), is_read.then(|| text.to_owned()), "{text}");
        };
        check("messenger:1/2", true);
        check("messenger:102938475610293/7234567890123456", true);
        check("messenger:1", false);
        check("messenger:1/", false);
        check("messenger:/2", false);
        check("messenger:1/2/3", false);
        check("messenger:1/@anna", false);
        check("messenger:@anna", false);
        check("messenger:01/2", false);
        check("messenger:1/٣", false);
        check("twitter:1/2", false);
        check(&format!("messenger:1/{}", "2".repeat(33)), false);
    }
}
