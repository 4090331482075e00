use super::*;

#[test]
fn lengths() {
    let check = |text: &str, expected: usize| assert_eq!(weighted_length(text), expected, "{text}");
    check("", 0);
    check("paid", 4);
    check("è pagato", 8);
    check("e\u{300}", 1);
    check("20 €", 5);
    check("支払い", 6);
    check("👨‍👩‍👧‍👦", 2);
    check("Hi http://test.co", 26);
    check("see example.com/a/very/long/path/that/counts/no/more", 27);
    check("http://no-tld", 13);
}

#[test]
fn what_is_too_long_is_cut_behind_a_word() {
    let check = |text: &str, expected: &str| {
        let cut = fitted(text);
        assert!(weighted_length(&cut) <= POST_LENGTH_MAX, "{cut}");
        assert_eq!(cut, expected);
    };
    check("", "");
    check(&"a".repeat(280), &"a".repeat(280));
    check(&"支".repeat(140), &"支".repeat(140));
    check(&"a".repeat(281), &format!("{}…", "a".repeat(278)));
    check(&"支".repeat(141), &format!("{}…", "支".repeat(139)));
    check(&format!("{} end", "a".repeat(277)), &format!("{}…", "a".repeat(277)));
    check(&"word ".repeat(100), &format!("{}…", "word ".repeat(55) + "word").replace("word word…", "word…"));
    check(&"x".repeat(100_000), &format!("{}…", "x".repeat(278)));
    let url = format!("https://example.com/{}", "a".repeat(500));
    check(&format!("{url} {}", "b".repeat(300)), &format!("{url}…"));
}

/// What is said without the grammar is what the grammar says.
#[test]
fn what_is_surely_too_long_is() {
    let check = |text: &str, expected: bool| {
        assert_eq!(is_surely_too_long(text), expected, "{text}");
        assert!(!expected || weighted_length(text) > POST_LENGTH_MAX, "{text}");
    };
    check("", false);
    check(&"a".repeat(280), false);
    check(&"a".repeat(281), true);
    check(&"ж ".repeat(281), true);
    // Three letters that become one, and weigh 2.
    check(&"\u{1112}\u{1161}\u{11ab}".repeat(140), false);
    check(&"👩🏽‍🍳".repeat(140), false);
    check(&format!("https://a.example/{}", "a".repeat(400)), false);
}

/// The conformance suite of twitter-text itself, read as far as it is needed here: `text` and `weightedLength`.
#[test]
fn conforms() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/fixtures/x/twitter-text-validate.yml");
    let Ok(suite) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let (mut text, mut checked, mut is_v2) = (String::new(), 0, false);
    for line in suite.lines() {
        if let Some(section) = line.strip_suffix(':').and_then(|l| l.strip_prefix("  ")).filter(|l| !l.starts_with(' '))
        {
            // This section is of the configuration before, which counts an emoji by its code points.
            is_v2 = section == "WeightedTweetsCounterTest";
        }
        let line = line.trim_start();
        if let Some(quoted) = line.strip_prefix("text: ") {
            text = unquoted(quoted);
        }
        if let Some(expected) = line.strip_prefix("weightedLength: ") {
            if is_v2 && text.chars().any(|c| c >= '\u{1f000}') {
                continue;
            }
            let expected: usize = expected.trim().parse().unwrap();
            assert_eq!(weighted_length(&text), expected, "{text}");
            checked += 1;
        }
    }
    assert!(checked > 35, "{checked}");
}

/// A double-quoted scalar of YAML.
fn unquoted(quoted: &str) -> String {
    let inner = quoted.trim().trim_start_matches('"').trim_end_matches('"');
    let mut chars = inner.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let digits = match chars.next().unwrap() {
            'u' => 4,
            'U' => 8,
            'n' => {
                text.push('\n');
                continue;
            }
            other => {
                text.push(other);
                continue;
            }
        };
        let code: String = chars.by_ref().take(digits).collect();
        text.extend(char::from_u32(u32::from_str_radix(&code, 16).unwrap()));
    }
    text
}
