//! All commands but paying and requesting.

use super::{check, check_private};

#[test]
fn about_a_payment() {
    check("confirm 123456", "confirm 123456");
    check("Confirm: 123 456", "confirm 123456");
    check("confirm code 012345 please", "confirm 012345");
    check("I confirm 123456", "confirm 123456");
    check("conferma 123456", "confirm 123456");
    check("confermo", "confirm");
    check("je confirme 123-456", "confirm 123456");
    check("confirm", "confirm");
    check("confirm 20 €", "unclear no_command");
    check("confirm that anna is nice", "unclear no_command");
    check("@sportello cancel", "cancel");
    check("cancel 5", "cancel 5");
    check("cancel payment 1a2b3c4d", "cancel 1a2b3c4d");
    check("cancel #12", "cancel 12");
    check("cancel 123456", "cancel 123456");
    check("cancel 012345.", "cancel 012345");
    check("annulla 123456", "cancel 123456");
    check("annule 123456", "cancel 123456");
    check("confirme 123456", "confirm 123456");
    check("annulla il pagamento 1a2b3c4d.", "cancel 1a2b3c4d");
    check("annule le paiement 0190aa7c-22", "cancel 0190aa7c-22");
    check("cancel my magazine", "unclear no_command");
    check("refund 1a2b3c4d", "refund 1a2b3c4d");
    check("refund 1a2b3c4d 5 €", "refund 1a2b3c4d 5.00 EUR");
    check("refund 5€ of 1a2b3c4d", "refund 1a2b3c4d 5.00 EUR");
    check("rimborsa 1a2b3c4d", "refund 1a2b3c4d");
    check("rembourse 5,50 €", "refund 5.50 EUR");
    check("refund 1a2b3c4d 1.000 €", "unclear ambiguous_amount");
    check("refund @anna 5€", "unclear no_command");
    check("status", "status");
    check("status 1a2b3c4d", "status 1a2b3c4d");
    check("what's the status of my payment 1a2b3c4d?", "unclear no_command");
    check("stato del pagamento 1a2b3c4d", "status 1a2b3c4d");
    check("statut ?", "status");
    check("#status", "status");
}

#[test]
fn enrol_and_help() {
    check("enrol", "enrol");
    check("@sportello enroll me please", "enrol");
    check("register", "enrol");
    check("sign me up", "enrol");
    check("sign up", "enrol");
    check("iscrivimi", "enrol");
    check("je m'inscris", "enrol");
    check("je veux m'inscrire", "enrol");
    check("inscris-moi", "enrol");
    check("help", "help");
    check("@sportello help!", "help");
    check("?", "help");
    check("@sportello ?", "help");
    check("aiuto", "help");
    check("aide-moi stp", "help");
    check("can you help me?", "help");
}

#[test]
fn answers_in_private() {
    check_private("123456", "confirm 123456");
    check_private("123 456", "confirm 123456");
    check_private(" 012345 ", "confirm 012345");
    check_private("ok 123456", "confirm 123456");
    check_private("123456, grazie!", "confirm 123456");
    check_private("yes thanks", "confirm");
    check_private("no, cancel", "cancel");
    check_private("cancel 123456", "cancel 123456");
    check_private("Annulla 123456", "cancel 123456");
    check_private("annuler 123456", "cancel 123456");
    check_private("123456 👍", "confirm 123456");
    check_private("123456 thank you so much 🙏🏻", "confirm 123456");
    check_private("123456 grazie mille", "confirm 123456");
    check_private("123456 merci beaucoup", "confirm 123456");
    check_private("my code: 123456", "confirm 123456");
    check_private("the code is 123456", "confirm 123456");
    check_private("il codice è 123456", "confirm 123456");
    check_private("c'est 123456", "confirm 123456");
    check_private("yes please 👍", "confirm");
    check_private("no thank you", "cancel");
    check_private("ok?", "unclear no_command");
    check_private("123456?", "unclear no_command");
    check_private("yes no", "unclear no_command");
    check_private("no 123456", "unclear no_command");
    check_private("not 123456", "unclear no_command");
    check_private("123456 654321", "unclear no_command");
    check_private("please", "unclear no_command");
    check_private("12345", "unclear no_command");
    check_private("yes", "confirm");
    check_private("Sì!", "confirm");
    check_private("oui", "confirm");
    check_private("ok", "confirm");
    check_private("no", "cancel");
    check_private("yes pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check_private("yes 123456 or not", "unclear no_command");
}

#[test]
fn purchases() {
    check("buy", "buy 1");
    check("@sportello buy this", "buy 1");
    check("#buy", "buy 1");
    check("buy 2 pizzas from @shop", "buy 2 pizzas from twitter:@shop");
    check("buy the blue shirt", "buy 1 the blue shirt");
    check("buy 2 x pizza", "buy 2 pizza");
    check("buy 2x pizza", "buy 2 pizza");
    check("buy 3", "buy 3");
    check("compra 2 pizze da @bottega", "buy 2 pizze from twitter:@bottega");
    check("compra", "buy 1");
    check("achète 2 pizzas chez @bottega", "buy 2 pizzas from twitter:@bottega");
    check("#cart", "cart 1");
    check("#addtocart", "cart 1");
    check("add to cart", "cart 1");
    check("add this to my cart", "cart 1");
    check("add 2 pizzas to cart", "cart 2 pizzas");
    check("aggiungi 2 pizze al carrello", "cart 2 pizze");
    check("metti nel carrello", "cart 1");
    check("ajoute au panier", "cart 1");
    check("mets 2 pizzas dans le panier", "cart 2 pizzas");
    check("carrello 2 pizze", "cart 2 pizze");
    check("panier", "cart 1");
    check("buy two pizzas", "unclear bad_amount");
    check("compra venti pizze", "unclear bad_amount");
    check("buy 1.5 pizzas", "unclear bad_amount");
    check("buy -2 pizzas", "unclear bad_amount");
    check("buy 0 pizzas", "unclear zero_amount");
    check("buy 99999999999 pizzas", "unclear amount_too_large");
    check("buy 2 pizzas from @shop or @bottega", "unclear two_payees");
}
