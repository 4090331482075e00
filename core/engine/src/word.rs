//! What a plugin or a provider says of a note, before it is written down and shown.

/// The most characters that are kept of it.
const LEN_MAX: usize = 200;
/// As many digits in a row may be somebody's code: providers quote what they were given.
const CODE_LEN: usize = 6;

/// A stranger's word in one line that no terminal obeys, not too long, and without anything that could be a code.
pub(crate) fn word(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(LEN_MAX));
    let mut digits = String::new();
    for c in text.chars().take(LEN_MAX) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        close(&mut safe, &mut digits);
        safe.push(if is_visible(c) { c } else { ' ' });
    }
    close(&mut safe, &mut digits);
    if text.chars().nth(LEN_MAX).is_some() {
        safe.push('…');
    }
    safe
}

fn close(safe: &mut String, digits: &mut String) {
    safe.push_str(if digits.len() == CODE_LEN { "…" } else { digits });
    digits.clear();
}

/// Neither a control character nor one that turns the direction of what stands beside it.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_word_is_short_visible_and_holds_no_code() {
        let check = |text: &str, expected: &str| assert_eq!(word(text), expected);
        check("UNDELIV err:001", "UNDELIV err:001");
        check("blocked (551): 10/2018278", "blocked (551): 10/2018278");
        check("text:answer 123456, or cancel 123456", "text:answer …, or cancel …");
        check("123456", "…");
        check("a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e", "a [2Jb  c d e");
        check(&"x".repeat(201), &format!("{}…", "x".repeat(200)));
        check(&format!("{}123456", "x".repeat(194)), &format!("{}…", "x".repeat(194)));
        check(&format!("{}123456", "x".repeat(197)), &format!("{}123…", "x".repeat(197)));
    }
}
