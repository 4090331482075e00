//! What holds for every text.

use proptest::prelude::*;

use super::{eur, private, public};
use crate::grammar::{Language, explain};
use crate::{Command, Handle, Money};

/// Pieces that messages are made of, good ones and bad ones.
const PIECES: [&str; 52] = [
    "pay",
    "paga",
    "paie",
    "request",
    "cancel",
    "buy",
    "@anna",
    "@luca",
    "@sportello",
    "@аnna",
    "+393331234567",
    "20€",
    "€20",
    "20",
    "30 EUR",
    "1.000 €",
    "1,5",
    "-20 €",
    "€",
    "euros",
    "twenty",
    "million",
    "k",
    "for",
    "per",
    "pour",
    "to",
    "a",
    "à",
    "and",
    "e",
    "et",
    "don't",
    "non",
    "pas",
    "if",
    "?",
    ".",
    ",",
    ":",
    "-",
    "\"",
    "“",
    "”",
    "\n",
    "#private",
    "please",
    "the pizza",
    "\u{200b}",
    "\u{202e}",
    "5",
    "%",
];

fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        any::<String>(),
        proptest::collection::vec(
            (proptest::sample::select(&PIECES[..]), prop_oneof![3 => Just(" "), 1 => Just("")]),
            0..16
        )
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect()),
        disturbed_sentence(),
    ]
}

/// A sentence that is paid, with a few pieces between its words: much of it still is, so that something is tested.
fn disturbed_sentence() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec((proptest::sample::select(&PIECES[..]), 0usize..12), 0..3);
    (sentence(), pieces).prop_map(|((text, ..), pieces)| {
        let mut words: Vec<&str> = text.split(' ').collect();
        for (piece, at) in pieces {
            words.insert(at.min(words.len()), piece);
        }
        words.join(" ")
    })
}

fn amount() -> impl Strategy<Value = Money> {
    prop_oneof![1u64..100_000, 1u64..=crate::MINOR_MAX].prop_map(eur)
}

fn written(amount: Money, form: usize) -> String {
    let decimal = amount.decimal();
    let (whole, cents) = decimal.split_once('.').unwrap();
    let grouped = |separator: &str| {
        let groups: Vec<&str> =
            whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(separator)
    };
    match form % 7 {
        0 => format!("{decimal} €"),
        1 => format!("€{decimal}"),
        2 => format!("{whole},{cents}€"),
        3 => format!("{},{cents} EUR", grouped(".")),
        4 => format!("EUR {}.{cents}", grouped(",")),
        5 => format!("{},{cents} euros", grouped("\u{202f}")),
        _ => format!("{},{cents} €", grouped(" ")),
    }
}

const PAYEES: [&str; 4] = ["@anna", "@Paolo_99", "+393331234567", "IT60X0542811101000000123456"];
const MEMOS: [&str; 6] = ["the pizza", "2 pizzas", "la cena del 15/11", "le café 🍕", "rent", "l'affitto"];
/// Templates that a memo follows at the end, marked or not.
const TEMPLATES: [&str; 8] = [
    "@sportello pay PAYEE AMOUNT",
    "pay AMOUNT to PAYEE",
    "please send PAYEE AMOUNT",
    "@sportello paga AMOUNT a PAYEE",
    "per favore invia PAYEE AMOUNT",
    "@SmoneyFR #envoyer AMOUNT PAYEE",
    "envoie AMOUNT à PAYEE",
    "s'il te plaît paie PAYEE AMOUNT",
];
const MARKS: [&str; 5] = [" for ", " per ", " pour ", " - ", ": "];

fn sentence() -> impl Strategy<Value = (String, Handle, Money)> {
    (proptest::sample::select(&TEMPLATES[..]), proptest::sample::select(&PAYEES[..]), amount(), 0usize..7).prop_map(
        |(template, payee, amount, form)| {
            let text = template.replace("PAYEE", payee).replace("AMOUNT", &written(amount, form));
            (text, handle(payee), amount)
        },
    )
}

fn handle(payee: &str) -> Handle {
    match payee.as_bytes()[0] {
        b'@' => Handle::new("twitter", payee),
        b'+' => Handle::new("tel", payee),
        _ => Handle::new("iban", payee),
    }
    .unwrap()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(text in anything()) {
        for said in [public(&text), private(&text)] {
            if let Command::Unclear(unclear) = said {
                let answer = explain(&unclear, Language::En, "@sportello");
                prop_assert!(!matches!(private(&answer), Command::Pay { .. } | Command::Request { .. }), "{answer:?}");
            }
        }
    }

    #[test]
    fn what_is_paid_stands_in_the_text(text in anything()) {
        for said in [public(&text), private(&text)] {
            if let Command::Pay { payee, amount, .. } = said {
                let decimal = amount.decimal();
                let (whole, cents) = decimal.split_once('.').unwrap_or((&decimal, ""));
                let said = digits(&format!("{whole}{}", cents.trim_end_matches('0')));
                prop_assert!(digits(&text).contains(said.trim_start_matches('0')), "{text:?}: {amount}");
                prop_assert!(text.to_lowercase().contains(&payee.rest().to_lowercase()), "{text:?}: {payee}");
            }
        }
    }

    #[test]
    fn templates_are_read_exactly(
        (text, payee, amount) in sentence(),
        memo in proptest::sample::select(&MEMOS[..]),
        mark in proptest::sample::select(&MARKS[..]),
    ) {
        let plain = Command::Pay { payee: payee.clone(), amount, memo: None, visibility: None };
        prop_assert_eq!(public(&text), plain, "{}", text);
        let text = format!("{text}{mark}{memo}");
        let with_memo = Command::Pay { payee, amount, memo: Some(memo.to_owned()), visibility: None };
        prop_assert_eq!(public(&text), with_memo, "{}", text);
    }

    #[test]
    fn a_denial_is_never_paid((text, ..) in sentence(), no in proptest::sample::select(&["don't", "do not", "never", "non", "ne", "mai", "jamais", "not"][..]), at in 0usize..12, memo in proptest::bool::ANY) {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.insert(at.min(words.len()), no);
        let denied = if memo { format!("{} for lunch", words.join(" ")) } else { words.join(" ") };
        // French "ne" is Italian for "of it", and "mai" is a French month.
        let is_foreign = no == "ne" && (text.contains("paga") || text.contains("invia")) || no == "mai" && (text.contains("envo") || text.contains("paie"));
        prop_assert!(is_foreign || !matches!(public(&denied), Command::Pay { .. }), "{denied:?}");
    }

    #[test]
    fn a_second_payee_or_amount_is_never_paid(
        (text, payee, _) in sentence(),
        second in proptest::sample::select(&["@luca", "and @luca", "to @luca", ", @luca", "+33612345678", "e a @luca"][..]),
        more in amount(),
        form in 0usize..7,
    ) {
        prop_assume!(payee.as_str() != "twitter:@luca");
        let text_two_people = format!("{text} {second}");
        prop_assert!(!matches!(public(&text_two_people), Command::Pay { .. }), "{text_two_people:?}");
        for link in ["", "and ", "for lunch ", "for lunch and ", "+ ", "- "] {
            let text_two_amounts = format!("{text} {link}{}", written(more, form));
            prop_assert!(!matches!(public(&text_two_amounts), Command::Pay { .. }), "{text_two_amounts:?}");
        }
    }
}
