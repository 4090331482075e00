//! The languages that the grammar reads and answers in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TEXT_CHARS_MAX;
use super::lexicon::verb;
use super::token::{Kind, tokens};

/// A language to read and to answer in, by its ISO 639-1 code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Italian.
    It,
    /// French.
    Fr,
}

impl Language {
    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::It => "it",
            Self::Fr => "fr",
        }
    }

    /// From the ISO 639-1 code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::En, Self::It, Self::Fr].into_iter().find(|language| language.code() == code)
    }
}

/// The language of a message, told by its first verb; nothing where no verb of ours stands in it. What is longer than
/// [`TEXT_CHARS_MAX`] is not read to its end.
///
/// ```
/// use sportello_model::grammar::{Language, language_of};
/// assert_eq!(language_of("paga @anna 20 €"), Some(Language::It));
/// assert_eq!(language_of("🍕"), None);
/// ```
pub fn language_of(text: &str) -> Option<Language> {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    tokens(text.get(..end).unwrap_or(""), "x").iter().find_map(|token| match &token.kind {
        Kind::Word(word) | Kind::Tag(word) => verb(word).map(|(_, language)| language),
        _ => None,
    })
}
