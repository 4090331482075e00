//! What somebody may have meant.

/// The candidate nearest to `written`, if one is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips_max = 1 + written.chars().count() / 4;
    candidates
        .into_iter()
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// The edits that turn one text into the other (Levenshtein 1965), row by row.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(to.chars()) {
            let here = (*cell + 1).min(left + 1).min(diagonal + usize::from(a != b));
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let check = |written: &str, expected: Option<&str>| {
            let keys = ["plugin", "deadline", "grants", "limits", "settings"];
            assert_eq!(nearest(written, keys), expected, "{written}");
        };
        check("deadlin", Some("deadline"));
        check("deadlien", Some("deadline"));
        check("grant", Some("grants"));
        check("setings", Some("settings"));
        check("colour", None);
        check("", None);
    }

    #[test]
    fn distances() {
        let check = |from, to, expected| assert_eq!(distance(from, to), expected);
        check("", "", 0);
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("flaw", "lawn", 2);
    }
}
