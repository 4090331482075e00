//! What is asked about, and never guessed.

use super::{check, check_private, line, public};

#[test]
fn negations() {
    for text in [
        "don't pay @anna 20€",
        "don’t pay @anna 20€",
        "dont pay @anna 20€",
        "do not pay @anna 20€",
        "please do not pay @anna 20€",
        "never pay @anna 20€",
        "I will not pay @anna 20€",
        "I can't pay @anna 20€",
        "pay not @anna 20€",
        "pay @anna 20€? No!",
        "pay @anna 20€, no wait",
        "pay @anna 20€ for the pizza, don't",
        "pay @anna 20€ for the pizza. Don't do it",
        "pay @anna 20€ for the pizza actually do not pay",
        "cancel that, don't pay @anna 20€",
        "I no longer want to pay @anna 20€",
        "pay @anna 20€ not",
        "non pagare @anna 20€",
        "non voglio pagare 20€ a @anna",
        "mai pagare @anna 20€",
        "paga @anna 20€ anzi non pagare",
        "ne paie pas @anna 20€",
        "ne paie jamais @anna 20€",
        "je ne veux pas payer 20€ à @anna",
        "n'envoie pas 20€ à @anna",
        "n’envoie pas 20€ à @anna",
        "paie pas @anna 20€",
        "paie @anna 20€ pour la pizza, non",
        "don't cancel 5",
        "non confermare 123456",
        "don't buy 2 pizzas",
        "pay @anna 20€ – not!",
        "pay @anna 20€ - no wait",
        "pay @anna 20€ for the pizza NOT!",
        "paye plus @anna 20€",
        "paga @anna 20€ mica",
        "pay @anna 20€ jk",
        "pay @anna 20€, just kidding!",
        "pay @anna 20€ for the pizza jk",
        "paga @anna 20€, scherzo",
        "paie @anna 20€, je rigole",
        "pay @anna 20 € forget it",
        "pay @anna 20 € ignore this",
        "pay @anna 20 € scratch that",
        "pay @anna 20 € already paid",
        "pay @anna 20 € never mind",
        "pay @anna 20 €, nevermind!",
        "pay @anna 20 €. Forget it, sorry",
        "pay @anna 20 € for lunch forget it",
        "pay @anna 20 € for lunch, already paid",
        "pay @anna 20 € for lunch. I already paid, thanks",
        "pay @anna 20 € for lunch never mind please",
        "buy 2 pizzas, forget it",
        "paga @anna 20 € lascia stare",
        "paga @anna 20 € lascia perdere",
        "paga @anna 20 € già pagato",
        "paga @anna 20 € per la cena, già pagato",
        "paga @anna 20 € per la cena lascia stare",
        "paie @anna 20 € laisse tomber",
        "paie @anna 20 € oublie",
        "paie @anna 20 € déjà payé",
        "paie @anna 20 € pour la pizza, déjà payé !",
        "paie @anna 20 € pour la pizza, laisse tomber",
    ] {
        check(text, "unclear negated");
    }
}

#[test]
fn questions_conditions_and_tales() {
    for text in [
        "should I pay @anna 20€?",
        "did you pay @anna 20€?",
        "did you pay @anna 20€",
        "can I pay @anna 20€?",
        "pay @anna 20€?",
        "pay @anna 20€ for the pizza?",
        "if she wins pay @anna 20€",
        "if she wins, @sportello pay @anna 20€",
        "pay @anna 20€ if she wins",
        "pay @anna 20€ for the bet if she wins",
        "pay @anna 20€ when she comes",
        "pay @anna 20€ tomorrow",
        "pay @anna 20€ every month",
        "he said pay @anna 20€",
        "RT @paolo: @sportello pay @anna 20€",
        "he told me @sportello pay @anna 20€",
        "I will pay @anna 20€",
        "we used to pay @anna 20€",
        "devo pagare @anna 20€?",
        "paga @anna 20€ se vince",
        "quando arriva paga @anna 20€",
        "mi ha detto paga @anna 20€",
        "dois-je payer 20€ à @anna ?",
        "paie @anna 20€ si elle gagne",
        "il a dit paie @anna 20€",
        "should I buy 2 pizzas?",
        "should I cancel 5?",
        "just tweet @sportello pay @anna 20€ and it works",
        "I refuse to let @sportello pay @anna 20€",
        "@luca wants @sportello pay @anna 20€",
        "you can write: @sportello pay @anna 20€",
        "he tweeted “@sportello pay @anna 20€",
        "\"@sportello pay @anna 20€",
        "« @sportello paie @anna 20€",
        "'@sportello pay @anna 20€'",
        "> @sportello pay @anna 20€",
        "lol > @sportello pay @anna 20€",
        "MT @luca: @sportello pay @anna 20€",
        "QT @luca: @sportello pay @anna 20€",
        "pay @anna 20€ on friday",
        "pay @anna 20€ friday",
        "pay @anna 20€ - tomorrow",
        "pay @anna 20€ next week",
        "pay @anna 20€ on 12/12",
        "pay @anna 20€ at 18:00",
        "pay @anna 20€ in 2 days",
        "paga @anna 20€ fra 2 giorni",
        "pay @anna 20€ daily",
        "pay @anna 20€ a month",
        "pay @anna 20€ per month",
        "pay @anna 20€ per person",
        "pay @anna 20€ after she confirms",
        "pay @anna 20€ as soon as she delivers",
        "paga @anna 20€ al mese",
        "paga @anna 20€ stasera",
        "paga @anna 20€ il 15",
        "paga @anna 20€ entro venerdì",
        "paga @anna 20€ dopo la partita",
        "paie @anna 20€ par mois",
        "paie @anna 20€ tous les mois",
        "paie @anna 20€ lundi",
        "paie @anna 20€ dès qu'elle arrive",
        "paie @anna 20€ s'il pleut",
        "pay @anna 20€ si elle gagne",
        "ask @anna where my 20€ are",
        "ask @anna why she wants 20€",
        "chiedi a @anna dove sono 20€",
    ] {
        check(text, "unclear question");
    }
}

#[test]
fn two_commands() {
    for text in [
        "pay @anna 20€ and cancel 5",
        "pay @anna 20€ and pay @luca 10€",
        "pay @anna 20€ for the pizza and pay @luca 10€",
        "pay @anna 20€ for the pizza and cancel 5",
        "pay @anna 20€ for the pizza. Cancel it",
        "pay send @anna 20€",
        "cancel 5 and pay @anna 20€",
        "cancel 5 and 6",
        "paga @anna 20€ e annulla 5",
        "paie @anna 20€ et annule 5",
        "confirm 123456 and cancel 5",
        "confirm 123456 654321",
        "pay @anna 20€ for pizza pay @luca 5",
        "pay @anna 20€ for pizza send 5 to @luca",
    ] {
        check(text, "unclear two_commands");
    }
}

#[test]
fn two_amounts() {
    for text in [
        "pay @anna 20€ 30€",
        "pay @anna 20€ and 30€",
        "pay @anna 20€ for the 30€ shirt",
        "pay @anna 20€ for lunch, 30 EUR for dinner",
        "dinner was 40€. pay @anna 20€",
        "pay 20€ 30€ to @anna",
        "pay @anna 20€ 30",
        "pay @anna 20€ and 30",
        "pay @anna 2 pizzas 20€",
        "pay @anna 20 €, actually 30",
        "pay @anna 20 € actually 30",
        "pay @anna 20 €, actually it's 30",
        "pay @anna 20 €, 30 actually",
        "pay @anna 20 €, make it 30",
        "pay @anna 20 €, make that 30 please",
        "pay @anna 20 €, sorry 30",
        "pay @anna 20 €. Sorry, I meant 30!",
        "pay @anna 20 €, I mean 30",
        "pay @anna 20 € oops 30",
        "pay @anna 20 €... wait, 30",
        "pay @anna 20 €, better 30",
        "pay @anna 20 € for lunch, make it 25",
        "pay @anna 20 € for lunch make it 25",
        "pay @anna 20 € for lunch. Sorry, 25.",
        "pay @anna 20 € for lunch - oops 25",
        "pay @anna 20 € for lunch, 25 sorry",
        "pay @anna 20 € for lunch, 25 instead",
        "pay @anna 20 €, actually 30 was the price",
        "pay 20 €, make it 30, to @anna",
        "pay @anna for lunch 20 €, make it 25 €",
        "paga @anna 20 € per la cena, anzi 30 ora",
        "paga @anna 20 €, scusa 30",
        "paga @anna 20 €, facciamo 30",
        "paga @anna 20 €, anzi 30",
        "paga @anna 20 € per la cena, anzi 30",
        "paga @anna 20 € per la cena, scusa, volevo dire 30",
        "paie @anna 20 €, pardon 30",
        "paie @anna 20 €, enfin 30",
        "paie @anna 20 €, plutôt 30",
        "paie @anna 20 € pour la pizza, pardon, 30",
        "paie @anna 20 € pour la pizza, plutôt 30",
    ] {
        check(text, "unclear two_amounts");
    }
    check("pay @anna 20 €, make it thirty", "unclear bad_amount");
    check("pay @anna 20 € for lunch, sorry, thirty", "unclear bad_amount");
    check_private("pay @anna 20, actually 30", "unclear two_amounts");
}

#[test]
fn two_payees_behind_for() {
    for text in [
        "pay @luca for @anna 20 €",
        "pay @anna 20 € for @luca",
        "pay @anna 20 € for @luca, please",
        "pay @anna 20 € for @luca too",
        "pay @anna 20 € for my friend @luca",
        "pay @anna 20 € for @luca and @paolo",
        "pay @anna 20 € for @luca for lunch",
        "pay @anna 20 € for our friends @luca and @paolo",
        "pay @anna 20 € for lunch, for @luca",
        "paga @anna 20 € per @luca",
        "paga @luca per @anna 20 €",
        "paie @anna 20 € pour @luca et @paolo",
        "paie @luca pour @anna 20 €",
        "request 20 € from @anna for @luca",
    ] {
        check(text, "unclear two_payees");
    }
}

#[test]
fn nothing_to_do() {
    for text in [
        "",
        "   ",
        "🍕",
        "@sportello",
        "@sportello hello there",
        "@anna 20€",
        "20€ for @anna",
        "paid @anna 20€",
        "\"pay @anna 20€\"",
        "add @anna 20€",
        "12345678",
        "@sportello 123456",
        "yes",
        "status quo ante bellum",
        "join us at the pub",
    ] {
        check(text, "unclear no_command");
    }
    check("pay @anna", "unclear no_amount");
    check("pay @anna for the 20 € pizza", "unclear no_amount");
    check("pay @anna ca. 20 €", "unclear bad_amount");
    check("dinner was 40€! pay @anna", "unclear no_amount");
    check("the ticket is 40€ @sportello pay @anna", "unclear question");
    check("pay", "unclear no_payee");
    check_private("pay @anna for pizza", "unclear no_amount");
}

#[test]
fn long_texts() {
    check(&"a".repeat(100_000), "unclear too_long");
    check(&"pay @anna 20€ ".repeat(10_000), "unclear too_long");
    for piece in
        ["\"", "“", "«", "a.", "@", "+1 ", "1 ", "1.", "'", "-", "#a", "a:", "€", "IT60 ", "per ", "\u{200b}", "due"]
    {
        let text: String = piece.chars().cycle().take(4000).collect();
        assert!(line(&public(&text)).starts_with("unclear"), "{piece}");
    }
}
