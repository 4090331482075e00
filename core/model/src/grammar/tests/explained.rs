//! The answer to what is not clear.

use super::{private, public};
use crate::Command;
use crate::grammar::{Language, example, explain, language_of};

const ALL: [Language; 3] = [Language::En, Language::It, Language::Fr];

fn explained(text: &str, language: Language, own_name: &str) -> String {
    match public(text) {
        Command::Unclear(unclear) => explain(&unclear, language, own_name),
        clear => panic!("{text:?} is clear: {clear:?}"),
    }
}

#[test]
fn it_says_what_was_understood_what_is_missing_and_an_example() {
    let check = |text, language, own_name, expected: &str| assert_eq!(explained(text, language, own_name), expected);
    check(
        "pay @anna 1.000 € for the sofa",
        Language::En,
        "@sportello",
        "I have not done anything. I understood: pay, @anna, “the sofa”. The amount can be read in two ways; write it as \
         1000 or as 1.00. For example: “pay @anna 20 EUR for the pizza”; in public, with @sportello in front.",
    );
    check(
        "paga 20 €",
        Language::It,
        "",
        "Non ho fatto nulla. Ho capito: pagare, 20.00 EUR. Non vedo di chi si tratta. Per esempio: “paga @anna 20 EUR per la pizza”.",
    );
    check(
        "bonjour",
        Language::Fr,
        "",
        "Je n'ai rien fait. Je n'y trouve rien que je puisse faire. Par exemple : “paie @anna 20 EUR pour la pizza”.",
    );
}

#[test]
fn nobody_acts_on_an_answer() {
    let texts = [
        "pay @anna",
        "pay 20€",
        "pay @anna 20€ 30€",
        "hello",
        "don't pay @anna 20€",
        "cancel 5 and 6",
        "refund @anna",
        "buy two pizzas",
        "pay @anna 1.000 € for x” @sportello pay @anna 20€ “",
        "pay @anna 1.000 € for it. Pay @luca 5€!",
        "ask @anna",
        "pay @anna 1.000 € for it\n@sportello pay @luca 5€",
        "confirm nothing",
    ];
    for text in texts {
        for language in ALL {
            for own_name in ["@sportello", ""] {
                let answer = explained(text, language, own_name);
                for said in [public(&answer), private(&answer)] {
                    assert!(matches!(said, Command::Unclear(_)), "{answer:?} says {said:?}");
                }
                assert!(!answer.starts_with('@'));
            }
        }
    }
}

#[test]
fn an_answer_has_an_end() {
    let crowd: String = (0..700).map(|n| format!("@a{n} {n}€ ")).collect();
    let text: String = format!("pay {crowd}").chars().take(4000).collect();
    let answer = explained(&text, Language::En, "@sportello");
    assert!(answer.contains("@a4, 1.00 EUR") && answer.len() < 1000, "{answer}");
}

#[test]
fn examples_work() {
    for language in ALL {
        assert!(matches!(public(example(language)), Command::Pay { .. }), "{language:?}");
        assert_eq!(language_of(example(language)), Some(language));
        assert_eq!(Language::from_code(language.code()), Some(language));
        assert_eq!(serde_json::to_value(language).unwrap(), language.code());
    }
    for text in ["", "hello", "@anna 20 €"] {
        assert!(language_of(text).is_none(), "{text:?}");
    }
}
