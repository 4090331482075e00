//! X's ids: decimal numbers, written as strings or as numbers depending on the page of the documentation.

use std::cmp::Ordering;
use std::fmt;

use sportello_sdk::serde::de::{self, Deserialize, Deserializer};

/// A post's, message's or user's id. Digits alone, so that it can stand in a URL as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// The id that `text` writes, if it writes one: at most 20 digits (64 bits), without leading zeros.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (is_number && !text.starts_with('0')).then(|| Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Id {
    /// Ids grow with time (they are snowflakes), so this is the order of writing.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An id where one should be: whatever else stands there reads as none, and spoils nothing around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MaybeId(pub(crate) Option<Id>);

impl MaybeId {
    /// This id, or else the other.
    pub(crate) fn or(self, other: Self) -> Option<Id> {
        self.0.or(other.0)
    }
}

impl<'de> Deserialize<'de> for MaybeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = MaybeId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }
            fn visit_str<E>(self, text: &str) -> Result<MaybeId, E> {
                Ok(MaybeId(Id::parse(text)))
            }
            fn visit_u64<E>(self, number: u64) -> Result<MaybeId, E> {
                Ok(MaybeId(Id::parse(&number.to_string())))
            }
            fn visit_i64<E>(self, _: i64) -> Result<MaybeId, E> {
                Ok(MaybeId(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<MaybeId, E> {
                Ok(MaybeId(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<MaybeId, E> {
                Ok(MaybeId(None))
            }
            fn visit_unit<E>(self) -> Result<MaybeId, E> {
                Ok(MaybeId(None))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<MaybeId, A::Error> {
                while seq.next_element::<de::IgnoredAny>()?.is_some() {}
                Ok(MaybeId(None))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<MaybeId, A::Error> {
                while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                Ok(MaybeId(None))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The id of the first version of what has this id now: the oldest of all that are told of it.
pub(crate) fn first_of(id: &Id, versions: impl IntoIterator<Item = MaybeId>) -> Id {
    versions.into_iter().filter_map(|version| version.0).min().map_or(id.clone(), |first| first.min(id.clone()))
}

/// What stands there, or the default where `null` does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A message's id as the gateway knows it. Posts and direct messages are numbered apart, so each says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MessageId {
    /// A post.
    Post(Id),
    /// A direct message.
    Dm(Id),
}

impl MessageId {
    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("post", id) => Id::parse(id).map(Self::Post),
            ("dm", id) => Id::parse(id).map(Self::Dm),
            _ => None,
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post(id) => write!(f, "post:{id}"),
            Self::Dm(id) => write!(f, "dm:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_all_shapes() {
        let check = |json: &str, expected: Option<&str>| {
            let read: MaybeId = sportello_sdk::serde_json::from_str(json).unwrap();
            assert_eq!(read.0.as_ref().map(Id::as_str), expected, "{json}");
        };
        check(r#""2080765813578191303""#, Some("2080765813578191303"));
        check("2080765813578191303", Some("2080765813578191303"));
        check("18446744073709551615", Some("18446744073709551615"));
        check("-1", None);
        check("0", None);
        check("1.5", None);
        check("1e30", None);
        check("null", None);
        check("true", None);
        check(r#""""#, None);
        check(r#""12/../3""#, None);
        check(r#""1 2""#, None);
        check(r#""٣""#, None);
        check(r#"[1, {"a": 2}]"#, None);
        check(r#"{"a": [2]}"#, None);
    }

    #[test]
    fn message_ids_read_back() {
        let check = |text: &str, is_read: bool| {
            let read = MessageId::parse(text).map(|id| id.to_string());
            assert_eq!(read, is_read.then(|| text.to_owned()));
        };
        check("post:12", true);
        check("dm:12", true);
        check("12", false);
        check("post:", false);
        check("post:12:deleted", false);
        check("sms:12", false);
        assert!(Id::parse("9") < Id::parse("10"));
        assert!(Id::parse("9007199254740993") > Id::parse("9007199254740992"), "beyond 2^53 all digits count");
    }
}
