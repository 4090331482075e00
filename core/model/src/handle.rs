//! A handle: somebody on a channel, or an account, as a URI.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest handle, in bytes.
pub const HANDLE_LEN_MAX: usize = 200;

/// Somebody on a channel, or an account, as `scheme:rest`.
///
/// What follows the scheme is an immutable id (`tel:+393331234567`, `messenger:PAGE/PSID`, a numeric user id) or, after
/// an `@`, a *name*: a label that changes hands, good enough to be looked up and never to be paid. Names compare
/// without case, and are kept in lower case.
///
/// ```
/// use sportello_model::Handle;
/// let written: Handle = "twitter:@Anna".parse()?;
/// assert!(written.is_name());
/// assert_eq!(written.to_string(), "twitter:@anna");
/// assert!("twitter:@an\u{200b}na".parse::<Handle>().is_err());
/// # Ok::<(), sportello_model::HandleError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(Box<str>);

/// Why a text is no handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// There is no `scheme:` of small letters, digits, `+`, `-` or `.` in front.
    #[error("a handle is written as scheme:name")]
    Scheme,
    /// Nothing follows the scheme.
    #[error("a handle has something after its scheme")]
    Empty,
    /// Longer than [`HANDLE_LEN_MAX`].
    #[error("a handle has at most {HANDLE_LEN_MAX} bytes")]
    TooLong,
    /// A space, a control character, or one that shows nothing or turns the writing direction: such a handle would
    /// read as another one.
    #[error("the handle holds a character that cannot be seen (U+{0:04X})")]
    Invisible(u32),
}

impl Handle {
    /// `scheme:rest`.
    ///
    /// # Errors
    /// As [`HandleError`] has it.
    pub fn new(scheme: &str, rest: &str) -> Result<Self, HandleError> {
        let scheme_is_valid = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
        if !scheme_is_valid {
            return Err(HandleError::Scheme);
        }
        if rest.is_empty() || rest == "@" {
            return Err(HandleError::Empty);
        }
        if scheme.len() + 1 + rest.len() > HANDLE_LEN_MAX {
            return Err(HandleError::TooLong);
        }
        // Most are plain ASCII, where every visible character is a graphic one: this is on the path of every order.
        if !rest.bytes().all(|b| b.is_ascii_graphic())
            && let Some(c) = rest.chars().find(|c| is_invisible(*c))
        {
            return Err(HandleError::Invisible(c.into()));
        }
        let rest: Cow<str> = if rest.starts_with('@') { rest.to_lowercase().into() } else { rest.into() };
        Ok(Self([scheme, ":", &rest].concat().into()))
    }

    /// What stands before the colon.
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// What stands behind the colon.
    pub fn rest(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, rest)| rest)
    }

    /// Whether this is a name (`@anna`), which must be pinned to an id before money goes there.
    pub fn is_name(&self) -> bool {
        self.rest().starts_with('@')
    }

    /// The whole, as `scheme:rest`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `c` shows nothing of itself: white space, control and format characters, zero-width ones, direction marks,
/// variation selectors, tags and the fillers that fonts draw as blank.
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl FromStr for Handle {
    type Err = HandleError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or(HandleError::Scheme)?;
        Self::new(scheme, rest)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

impl Serialize for Handle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read in place: an order has two handles, and nothing is kept of the text itself.
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Handle;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a handle, as scheme:name")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Handle, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Handle {
    fn schema_name() -> Cow<'static, str> {
        "Handle".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9+.-]*:.+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles() {
        let check = |text: &str, expected: Result<&str, HandleError>| {
            assert_eq!(text.parse::<Handle>().map(|h| h.to_string()), expected.map(str::to_owned), "{text:?}");
        };
        check("tel:+393331234567", Ok("tel:+393331234567"));
        check("twitter:@Anna", Ok("twitter:@anna"));
        check("messenger:PAGE/PSID", Ok("messenger:PAGE/PSID"));
        check("anna", Err(HandleError::Scheme));
        check(":anna", Err(HandleError::Scheme));
        check("Twitter:anna", Err(HandleError::Scheme));
        check("twitter:", Err(HandleError::Empty));
        check("twitter:@", Err(HandleError::Empty));
        check("twitter:@an na", Err(HandleError::Invisible(0x20)));
        check("twitter:@a\u{202e}nna", Err(HandleError::Invisible(0x202e)));
        check("twitter:@a\u{200d}nna", Err(HandleError::Invisible(0x200d)));
        check(&format!("x:{}", "a".repeat(300)), Err(HandleError::TooLong));
    }
}
