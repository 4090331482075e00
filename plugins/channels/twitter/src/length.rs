//! How long a post is, as X counts, and where to cut it (twitter-text configuration v3).

use pest::Parser;
use pest::iterators::Pair;
use twitter_text_config::{Configuration, config_v3};
use twitter_text_parser::twitter_text::full_pest::{Rule, TwitterTextFullPestParser};
use unicode_normalization::UnicodeNormalization;

/// How long a post may be.
pub(crate) const POST_LENGTH_MAX: usize = 280;

/// The weighted length: most scripts weigh 1 for each code point, the others 2, an emoji 2 however many code points
/// it is made of, and a URL 23 however long it is, because X replaces it. The text is normalized first (NFC).
pub(crate) fn weighted_length(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let config = config_v3();
    let all = weight_of(&text, config);
    let Ok(tweet) = TwitterTextFullPestParser::parse(Rule::tweet, &text) else {
        return scaled(all, config);
    };
    let replaced = tweet.flatten().filter_map(|pair| {
        let weight = match pair.as_rule() {
            Rule::url | Rule::url_without_protocol if !has_valid_host(&pair) => return None,
            Rule::url | Rule::url_without_protocol => config.transformed_url_length * config.scale,
            Rule::emoji => config.default_weight,
            _ => return None,
        };
        Some(i64::from(weight) - weight_of(pair.as_str(), config))
    });
    scaled(all + replaced.sum::<i64>(), config)
}

/// `text` as it fits into a post: as it is, or cut behind a word and ended with `…`.
pub(crate) fn fitted(text: &str) -> String {
    // Nothing near this long fits, whatever emoji and URLs it is made of, and the grammar need not read it.
    let end = text.char_indices().nth(POST_LENGTH_MAX * 16);
    let start = end.and_then(|(at, _)| text.get(..at)).unwrap_or(text);
    if start.len() == text.len() && !is_surely_too_long(text) && weighted_length(text) <= POST_LENGTH_MAX {
        return text.to_owned();
    }
    let cut = |at: usize| format!("{}…", start.get(..at).unwrap_or_default().trim_end());
    let fits = |at: usize| weighted_length(&cut(at)) <= POST_LENGTH_MAX;
    // A longer text weighs more, but for a cut in an emoji or a URL: halving finds a cut that fits, if not the last. The
    // grammar takes its time with long texts, so that it begins with short ones.
    let ends: Vec<(usize, char)> = start.char_indices().collect();
    let mut most = POST_LENGTH_MAX;
    while ends.get(most).is_some_and(|(at, _)| fits(*at)) {
        most *= 2;
    }
    let near = ends.get(..most).unwrap_or(&ends);
    let fitting = near.get(..near.partition_point(|(at, _)| fits(*at))).unwrap_or_default();
    let is_word_end = |(at, c): &&(usize, char)| *at > 0 && c.is_whitespace() && fits(*at);
    // One endless word is cut in its middle.
    let last = fitting.iter().rev().find(is_word_end).or(fitting.last());
    cut(last.map_or(0, |(at, _)| *at))
}

/// Whether a text does not fit whatever else stands in it, which needs no grammar: a letter weighs 1 at least, but in a URL,
/// and there is no URL without a dot. The grammar takes seconds for one endless word.
fn is_surely_too_long(text: &str) -> bool {
    let text: String = text.nfc().collect();
    let words = text.split_whitespace().filter(|word| !word.contains(['.', '。', '．']));
    words.flat_map(str::chars).filter(|c| c.is_alphabetic()).count() > POST_LENGTH_MAX
}

/// Whether the domain could be one (RFC 1035, 2.3.4): X leaves alone what only looks like a URL.
fn has_valid_host(url: &Pair<'_, Rule>) -> bool {
    let is_host = |pair: &Pair<'_, Rule>| matches!(pair.as_rule(), Rule::host | Rule::tco_domain | Rule::uwp_domain);
    let ascii_len = |label: &str| match label.is_ascii() {
        true => Some(label.len()),
        false => Some(idna::punycode::encode_str(label)?.len() + "xn--".len()),
    };
    url.clone().into_inner().find(is_host).is_some_and(|host| {
        let labels = || host.as_str().split('.').map(ascii_len);
        let whole: Option<usize> = labels().map(|len| Some(len? + 1)).sum();
        labels().all(|len| len.is_some_and(|len| (1..=63).contains(&len))) && whole.is_some_and(|len| len <= 254)
    })
}

fn weight_of(text: &str, config: &Configuration) -> i64 {
    let weigh = |c: char| {
        let code_point = i32::try_from(u32::from(c)).unwrap_or(i32::MAX);
        let range = config.ranges.iter().find(|range| range.contains(code_point));
        i64::from(range.map_or(config.default_weight, |range| range.weight))
    };
    text.chars().map(weigh).sum()
}

fn scaled(weight: i64, config: &Configuration) -> usize {
    usize::try_from(weight / i64::from(config.scale)).unwrap_or(0)
}

#[cfg(test)]
#[path = "length_tests.rs"]
mod tests;
