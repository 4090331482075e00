//! From text to tokens with their places: words, numbers, people, hashtags, quotes, signs.
//!
//! One pass, no backtracking: every reader in here consumes what it looks at, or looks ahead by a bounded distance.

use crate::{Handle, is_invisible};

use super::numeral::{self, is_sign};
use super::person;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends, in bytes.
    pub(super) end: usize,
    /// Whether it touches the token before.
    pub(super) glued: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters (and digits behind them), folded.
    Word(String),
    /// Digits in groups, as far as they have the shape of a number; as written.
    Number(String),
    /// Digits that are no number: `20th`, `20-30`, `20%`, `-20`, `٣`.
    Odd,
    /// Somebody: a mention, a telephone number, an account, a full handle. Nothing where it only looks like one.
    Person(Option<Handle>),
    /// A hashtag, folded, without its `#`.
    Tag(String),
    /// Everything between two quotation marks, and those.
    Quoted,
    /// A web or mail address.
    Address,
    /// A currency's sign.
    Sign(char),
    /// Anything else that can be seen, and the end of a line.
    Mark(char),
    /// A character that shows nothing and may turn the writing direction.
    Hidden,
}

/// Lower case without accents, and one kind of apostrophe: the form that words are looked up in.
pub(super) fn fold(word: &str) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'))
        .map(|c| match c {
            'à' | 'á' | 'â' | 'ä' => 'a',
            'ç' => 'c',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ò' | 'ó' | 'ô' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            '’' => '\'',
            other => other,
        })
        .collect()
}

/// The tokens of `text`, whose mentions are names under `scheme`.
pub(super) fn tokens(text: &str, scheme: &str) -> Vec<Token> {
    let mut reader = Reader { text, scheme, at: 0, before: None, tokens: Vec::new(), unclosed: Vec::new() };
    while let Some(c) = reader.rest().chars().next() {
        reader.step(c);
    }
    reader.tokens
}

struct Reader<'a> {
    text: &'a str,
    scheme: &'a str,
    at: usize,
    /// The character before `at`.
    before: Option<char>,
    tokens: Vec<Token>,
    /// Closing quotation marks that are known not to come any more: so that they are looked for once.
    unclosed: Vec<char>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, len: usize, kind: Kind) {
        let glued = self.tokens.last().is_some_and(|token| token.end == self.at);
        let start = self.at;
        self.skip(len);
        self.tokens.push(Token { kind, start, end: self.at, glued });
    }

    fn skip(&mut self, len: usize) {
        let taken = self.rest().get(..len).unwrap_or("");
        self.before = taken.chars().next_back().or(self.before);
        // A length that is no boundary would stand still for ever: leave the text instead.
        self.at = if taken.is_empty() { self.text.len() } else { self.at + len };
    }

    fn step(&mut self, c: char) {
        let rest = self.rest();
        let width = c.len_utf8();
        let next = rest.chars().nth(1);
        let open = self.before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            return self.take(width, Kind::Mark('\n'));
        }
        if c.is_whitespace() {
            return self.skip(width);
        }
        if is_invisible(c) {
            return self.hidden(c, next);
        }
        if matches!(c, '@' | '＠') {
            return self.mention(open);
        }
        if open && let Some((len, person)) = person::read(rest, self.scheme) {
            return self.take(len, Kind::Person(person));
        }
        if c == '#' && open && next.is_some_and(|c| c.is_alphanumeric()) {
            let len = width + word_len(rest.get(width..).unwrap_or(""));
            let name = fold(rest.get(width..len).unwrap_or(""));
            return self.take(len, Kind::Tag(name));
        }
        if c.is_numeric() || numeral::begins_signed(rest, self.before) {
            let (len, is_number) = numeral::read(rest);
            let written = rest.get(..len).unwrap_or("").to_owned();
            return self.take(len, if is_number { Kind::Number(written) } else { Kind::Odd });
        }
        if let Some(len) = address_len(rest) {
            return self.take(len, Kind::Address);
        }
        if c.is_alphabetic() {
            let len = word_len(rest);
            let word = fold(rest.get(..len).unwrap_or(""));
            return self.take(len, Kind::Word(word));
        }
        if let Some(len) = self.quoted_len(c, open) {
            return self.take(len, Kind::Quoted);
        }
        self.take(width, if is_sign(c) { Kind::Sign(c) } else { Kind::Mark(c) });
    }

    /// A variation selector or joiner behind a pictogram belongs to it. Whatever else hides spoils what it touches.
    fn hidden(&mut self, c: char, next: Option<char>) {
        let width = c.len_utf8();
        let is_joiner = matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}');
        let behind_pictogram = self.before.is_some_and(|b| !b.is_ascii() && !b.is_alphanumeric() && !b.is_whitespace());
        if is_joiner && behind_pictogram || c == '\u{feff}' && self.at == 0 {
            let before = self.before;
            self.skip(width);
            self.before = before;
            return;
        }
        let rest = self.rest().get(width..).unwrap_or("");
        match next {
            Some('@' | '＠') => self.take(width + chunk_len(rest), Kind::Person(None)),
            Some(d) if d.is_numeric() => self.take(width + numeral::read(rest).0, Kind::Odd),
            _ => self.take(width, Kind::Hidden),
        }
    }

    fn mention(&mut self, open: bool) {
        let rest = self.rest();
        if !open {
            // anna@example.com: an address, of which the first half was read as a word.
            return self.take(chunk_len(rest), Kind::Address);
        }
        match person::mention(rest, self.scheme) {
            Some((len, person)) => self.take(len, Kind::Person(person)),
            None => self.take(rest.chars().next().map_or(1, char::len_utf8), Kind::Mark('@')),
        }
    }

    fn quoted_len(&mut self, c: char, open: bool) -> Option<usize> {
        let close = match c {
            '"' if open => '"',
            '“' | '„' => '”',
            '«' => '»',
            _ => return None,
        };
        if self.unclosed.contains(&close) {
            return None;
        }
        let inside = self.rest().get(c.len_utf8()..)?;
        match inside.find(close) {
            Some(len) => Some(c.len_utf8() + len + close.len_utf8()),
            None => {
                self.unclosed.push(close);
                None
            }
        }
    }
}

/// How far the text goes without white space.
pub(super) fn chunk_len(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// How far a word goes: letters, digits, an apostrophe between letters. French elisions (`n'`, `j'`, `s'`, `d'`) are
/// words of their own; a currency's code is parted from the digits that touch it (`EUR20`).
fn word_len(text: &str) -> usize {
    let mut len = 0;
    let mut letters_only = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_apostrophe = matches!(c, '\'' | '’');
        let goes_on = c.is_alphanumeric() || c == '_' || matches!(c, '\u{300}'..='\u{36f}');
        if is_apostrophe {
            if len == 0 || !chars.peek().is_some_and(|(_, next)| next.is_alphabetic()) {
                break;
            }
            let head = text.get(..at).unwrap_or("");
            let is_elision = head.len() == 1
                && head.contains(['n', 'j', 's', 'd', 'l', 'm', 't', 'c', 'N', 'J', 'S', 'D', 'L', 'M', 'T', 'C']);
            if is_elision || head.eq_ignore_ascii_case("qu") {
                return at + c.len_utf8();
            }
        } else if !goes_on {
            break;
        }
        if letters_only && c.is_ascii_digit() && super::currency::is_code(text.get(..at).unwrap_or("")) {
            return at;
        }
        letters_only &= c.is_alphabetic();
        len = at + c.len_utf8();
    }
    len
}

fn address_len(text: &str) -> Option<usize> {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    ["http://", "https://", "www."].iter().any(|prefix| starts(prefix)).then(|| chunk_len(text))
}
