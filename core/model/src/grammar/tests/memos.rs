//! What for, and who may see it.

use super::{check, line, public};

#[test]
fn memos() {
    check("pay @anna 20€ for 2 pizzas", "pay twitter:@anna 20.00 EUR memo=2 pizzas");
    check("pay @anna 20€ 2 pizzas", "pay twitter:@anna 20.00 EUR memo=2 pizzas");
    check("pay 20€ for lunch to @anna", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("pay 20€ for 2 pizzas to @anna!", "pay twitter:@anna 20.00 EUR memo=2 pizzas");
    check("pay @anna for lunch 20 €", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("pay for lunch 20€ to @anna", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("pay for lunch 20€ @anna", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("pay for lunch to @anna 20€", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("pay @anna 20€ for @luca's birthday", "pay twitter:@anna 20.00 EUR memo=@luca's birthday");
    for memo in [
        "lunch with @luca",
        "lunch with @luca and @paolo",
        "lunch for @luca",
        "@luca's and @paolo's lunch",
        "@coffeebar lunch",
        "2 pizzas",
        "table 5",
        "30 years of friendship",
        "lunch, sorry for the delay",
        "lunch, sorry I was 5 minutes late",
        "table 5, sorry for the delay",
        "table 5 sorry for the delay",
        "my better half",
        "actually good pizza",
        "the tickets she already paid",
        "the wait at table 5",
        "what I cannot forget",
    ] {
        check(&format!("pay @anna 20 € for {memo}"), &format!("pay twitter:@anna 20.00 EUR memo={memo}"));
    }
    check("pay @anna 20 € sorry for the delay", "pay twitter:@anna 20.00 EUR memo=sorry for the delay");
    check("pay @anna, sorry, 20 €", "pay twitter:@anna 20.00 EUR memo=sorry");
    check("paga @anna 20 € per i biglietti già pagati", "pay twitter:@anna 20.00 EUR memo=i biglietti già pagati");
    check(
        "paga @anna 20 € per la cena, scusa il ritardo",
        "pay twitter:@anna 20.00 EUR memo=la cena, scusa il ritardo",
    );
    check("paie @anna 20 € pour le livre oublié", "pay twitter:@anna 20.00 EUR memo=le livre oublié");
    check("paie @anna 20 € pour le billet déjà payé", "pay twitter:@anna 20.00 EUR memo=le billet déjà payé");
    check("pay @anna 20€ for the ride with @luca", "pay twitter:@anna 20.00 EUR memo=the ride with @luca");
    check(
        "pay @anna 20€ for 15/11 at 20:30, room 12, tel 333 1234567",
        "pay twitter:@anna 20.00 EUR memo=15/11 at 20:30, room 12, tel 333 1234567",
    );
    check("paga @anna 20€ per la cena del 20", "pay twitter:@anna 20.00 EUR memo=la cena del 20");
    // What is left out, or taken off, of the thing and not of the amount.
    check("paga @anna 20€ pizza senza glutine", "pay twitter:@anna 20.00 EUR memo=pizza senza glutine");
    check("pay @anna pizza without cheese 20€", "pay twitter:@anna 20.00 EUR memo=pizza without cheese");
    check("pay @anna 20€ without fees", "pay twitter:@anna 20.00 EUR memo=without fees");
    check("pay @anna 20€ for the day off", "pay twitter:@anna 20.00 EUR memo=the day off");
    check("pay @anna for the book about dogs 20€", "pay twitter:@anna 20.00 EUR memo=the book about dogs");
    check("pay @anna 20€ - pizza", "pay twitter:@anna 20.00 EUR memo=pizza");
    check("pay @anna 20€ — pizza", "pay twitter:@anna 20.00 EUR memo=pizza");
    check("pay @anna 20€: pizza", "pay twitter:@anna 20.00 EUR memo=pizza");
    check("pay @anna 20€ \"the pizza\"", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("pay @anna “the pizza” 20€", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("paie @anna 20€ pour « la pizza »", "pay twitter:@anna 20.00 EUR memo=la pizza");
    check(
        "pay @anna 20€ \"30€ shirt of @luca, don't pay\"",
        "pay twitter:@anna 20.00 EUR memo=30€ shirt of @luca, don't pay",
    );
    check("paga @anna 20€ causale affitto", "pay twitter:@anna 20.00 EUR memo=affitto");
    check("paie @anna 20€ motif : loyer", "pay twitter:@anna 20.00 EUR memo=loyer");
    check(
        "pay @anna 20€ for https://example.com/a?b=20€",
        "pay twitter:@anna 20.00 EUR memo=https://example.com/a?b=20€",
    );
    check("pay @anna 20€ for the\npizza\u{200b} and\u{7} beer", "pay twitter:@anna 20.00 EUR memo=the pizza and beer");
    check("pay @anna 20€ for the pizza @sportello", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("pay @anna 20€ for the pizza, please", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("pay @anna 20€ !!!", "pay twitter:@anna 20.00 EUR");
    check("pay @anna 20€ for no reason", "pay twitter:@anna 20.00 EUR memo=no reason");
    check("pay @anna 20€ for the help", "pay twitter:@anna 20.00 EUR memo=the help");
    check("pay @anna 20€ for a gift and a card", "pay twitter:@anna 20.00 EUR memo=a gift and a card");
    check("pay @anna 20€ and thanks", "pay twitter:@anna 20.00 EUR memo=and thanks");
    check("pay @anna #12 100 €", "pay twitter:@anna 100.00 EUR memo=#12");
    check("pay @anna 20€ (pizza)", "pay twitter:@anna 20.00 EUR memo=(pizza)");
    check("pay @anna 20€ *pizza*", "pay twitter:@anna 20.00 EUR memo=*pizza*");
    check("pay @anna 20€for pizza", "pay twitter:@anna 20.00 EUR memo=pizza");
    check("pay @anna 20€…", "pay twitter:@anna 20.00 EUR");
    check("pay @anna 20€ invoice no. 12", "pay twitter:@anna 20.00 EUR memo=invoice no. 12");
    check("pay @anna 20€ for not being late", "pay twitter:@anna 20.00 EUR memo=not being late");
    check("pay @anna 20€ for friday", "pay twitter:@anna 20.00 EUR memo=friday");
    check("pay @anna 20€ friday drinks", "pay twitter:@anna 20.00 EUR memo=friday drinks");
    check("paga @anna 500€ per il mese di maggio", "pay twitter:@anna 500.00 EUR memo=il mese di maggio");
    check("pay @anna 20€ two beers", "pay twitter:@anna 20.00 EUR memo=two beers");
    check(
        "pay @anna 20€ for pizza with @luca and @marco",
        "pay twitter:@anna 20.00 EUR memo=pizza with @luca and @marco",
    );
}

#[test]
fn visibility() {
    check("pay @anna 20€ #private for the pizza", "pay twitter:@anna 20.00 EUR memo=the pizza private");
    check("pay @anna 20€ for the #public pizza", "pay twitter:@anna 20.00 EUR memo=the pizza public");
    check("#private pay @anna 20€ for the pizza", "pay twitter:@anna 20.00 EUR memo=the pizza private");
    check("paga @anna 20€ per la pizza #Pubblico", "pay twitter:@anna 20.00 EUR memo=la pizza public");
    check("paie @anna 20€ #public #privé", "pay twitter:@anna 20.00 EUR private");
}

#[test]
fn a_memo_has_an_end() {
    let said = line(&public(&format!("pay @anna 20€ for {}", "é".repeat(1000))));
    assert_eq!(said.chars().filter(|c| *c == 'é').count(), crate::grammar::MEMO_CHARS_MAX);
}
