//! The name of a plugin that is to be: it is also that of a crate, a library and a type.

use std::str::FromStr;

use sportello_sdk::Manifest;

/// A name that can be all of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

/// What the SDK calls something, and what the compiler or cargo keep for themselves, among what is otherwise a good name.
const TAKEN: &str = "rail channel host order option result settings outcome note sent failure message money currency party \
    secret level report receipt page source finality string vec \
    abstract alloc as async await become box break build const continue core crate deps do dyn else enum \
    examples extern false final fn for if impl in incremental let loop macro match mod move mut override \
    priv proc-macro pub ref return self sportello-sdk static std struct super test trait true try type \
    typeof unsafe unsized use virtual where while yield";

impl Name {
    /// As `plugin = "…"` has it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a library's file has it.
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// As a type has it.
    pub(super) fn camel(&self) -> String {
        let word = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        };
        self.0.split('-').map(word).collect()
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let is_good = text.len() <= Manifest::NAME_LEN_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.split('-').all(is_word);
        if !is_good {
            let max = Manifest::NAME_LEN_MAX;
            return Err(format!("write small letters, digits and single dashes, a letter first, at most {max}"));
        }
        if TAKEN.split(' ').any(|taken| taken == text) {
            return Err("this name has another meaning in Rust, or in the SDK: add a word, as in my-bank".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let name = text.parse::<Name>().ok();
            let got = name.map(|name| (name.snake(), name.camel()));
            assert_eq!(got, expected.map(|(snake, camel)| (snake.to_owned(), camel.to_owned())), "{text}");
        };
        check("my-bank", Some(("my_bank", "MyBank")));
        check("bank2", Some(("bank2", "Bank2")));
        for wrong in ["", "-", "a-", "-a", "a--b", "My-Bank", "my_bank", "2bank", "b\u{e4}nk", "../x", "std", "fn"] {
            check(wrong, None);
        }
        check(&"a".repeat(65), None);
    }
}
