//! Who is named, and who only seems to be.

use super::{check, check_private};

#[test]
fn payees() {
    check("pay +39 333 1234567 20 €", "pay tel:+393331234567 20.00 EUR");
    check("pay 20 € to +393331234567 for lunch", "pay tel:+393331234567 20.00 EUR memo=lunch");
    check("paie +33 6 12 34 56 78 20€", "pay tel:+33612345678 20.00 EUR");
    check("pay +39-333-1234567 20.50 €", "pay tel:+393331234567 20.50 EUR");
    check("pay +39 333 1234567 100 €", "pay tel:+393331234567 100.00 EUR");
    check("pay +393331234567 1 234 €", "pay tel:+393331234567 1234.00 EUR");
    check("pay +39 333 1234567 1 234 €", "unclear bad_payee");
    check("pay tel:+393331234567 20€", "pay tel:+393331234567 20.00 EUR");
    check("pay IT60X0542811101000000123456 20 €", "pay iban:IT60X0542811101000000123456 20.00 EUR");
    check("pay IT60 X054 2811 1010 0000 0123 456 20 €", "pay iban:IT60X0542811101000000123456 20.00 EUR");
    check("pay 20 € to DE89 3704 0044 0532 0130 00", "pay iban:DE89370400440532013000 20.00 EUR");
    check("pay be68 5390 0754 7034 20 €", "unclear bad_payee");
    check("pay BE68 5390 0754 7034 20 €", "pay iban:BE68539007547034 20.00 EUR");
    check("pay iban:DE89370400440532013000 20 €", "pay iban:DE89370400440532013000 20.00 EUR");
    check("pay twitter:@anna 20€", "pay twitter:@anna 20.00 EUR");
    check("pay twitter:1234567 20€", "pay twitter:1234567 20.00 EUR");
    check("pay messenger:PAGE1/PSID2 20€", "pay messenger:PAGE1/PSID2 20.00 EUR");
    check("pay @anna_rossi99, 20€", "pay twitter:@anna_rossi99 20.00 EUR");
    check("pay (@anna) 20€", "pay twitter:@anna 20.00 EUR");
    check("pay ＠anna 20€", "pay twitter:@anna 20.00 EUR");
    check("pay @anna🍕 20€", "pay twitter:@anna 20.00 EUR");
    check("pay @anna❤️ 20€", "pay twitter:@anna 20.00 EUR");
    check("pay 20€to @anna", "pay twitter:@anna 20.00 EUR");
    check_private("send +393331234567 20", "pay tel:+393331234567 20.00 EUR");
    check("pay @anna 20€ to @Anna", "pay twitter:@anna 20.00 EUR");
    check("to @anna pay 20€", "pay twitter:@anna 20.00 EUR");
}

#[test]
fn nobody() {
    check("pay 20€", "unclear no_payee");
    check("@sportello pay 20€", "unclear no_payee");
    check("pay @sportello 20€", "unclear no_payee");
    check("@anna @sportello pay 20€", "unclear no_payee");
    check("pay @SPORTELLO 20€ @anna", "pay twitter:@anna 20.00 EUR");
    check("pay 3331234567 20€", "unclear no_payee");
    check("pay 20€ for @anna's birthday", "unclear no_payee");
    check("pay 20€ for lunch with @anna", "unclear no_payee");
}

#[test]
fn too_many() {
    check("pay @anna @luca 20€", "unclear two_payees");
    check("pay @anna and @luca 20€", "unclear two_payees");
    check("pay @anna, @luca 20€", "unclear two_payees");
    check("paga 20€ a @anna e @luca", "unclear two_payees");
    check("paie 20€ à @anna et à @luca", "unclear two_payees");
    check("pay @anna 20€ @luca", "unclear two_payees");
    check("pay @anna 20€ pizza with @luca", "unclear two_payees");
    check("pay @anna or +393331234567 20€", "unclear two_payees");
    check("pay @anna @аnna 20€", "unclear two_payees");
    check("pay @anna 20€ for the pizza and @luca too", "unclear two_payees");
    check("pay @anna 20€ for the pizza, also @luca", "unclear two_payees");
    check("pay @anna 20€ for the pizza, @luca 10 for the beer", "unclear two_payees");
    check("pay @anna 20€ for lunch and to @luca", "unclear two_payees");
    check("paga @anna 20€ per la pizza e anche @luca", "unclear two_payees");
    check("paie @anna 20€ pour la pizza et @luca aussi", "unclear two_payees");
}

#[test]
fn villains() {
    check("pay @аnna 20€", "unclear bad_payee");
    check("pay @annа 20€", "unclear bad_payee");
    check("pay @an\u{200b}na 20€", "unclear bad_payee");
    check("pay @anna\u{200b} 20€", "unclear bad_payee");
    check("pay \u{202e}@anna 20€", "unclear bad_payee");
    check("pay @\u{202e}anna 20€", "unclear bad_payee");
    check("pay @anna\u{200f} 20€", "unclear bad_payee");
    check("pay @anna \u{202e} 20 €", "unclear bad_payee");
    check("\u{202e}pay @anna 20 €", "unclear bad_payee");
    check("pay @anna\u{301} 20€", "unclear bad_payee");
    check("pay @anna🅰 20€", "unclear bad_payee");
    check("pay 20€ to @ann…", "unclear bad_payee");
    check("pay 20€ to @ann...", "unclear bad_payee");
    check("ask me 20€ @anna", "unclear bad_payee");
    check("pay @anna.rossi 20€", "unclear bad_payee");
    check("pay @anna-maria 20€", "unclear bad_payee");
    check("pay @anna@example.com 20€", "unclear bad_payee");
    check("pay anna@example.com 20€", "unclear bad_payee");
    check("pay @anna's 20€", "unclear bad_payee");
    check("pay @𝐚nna 20€", "unclear bad_payee");
    check("pay anna 20€", "unclear bad_payee");
    check("pay 20€ to anna", "unclear bad_payee");
    check("pay 20€ to anna @luca", "unclear bad_payee");
    check("pay @anna and luca 20€", "unclear bad_payee");
    check("pay 20€ to @anna and luca", "unclear bad_payee");
    check("pay everyone but @anna 20€", "unclear bad_payee");
    check("pay 20€ via @anna", "unclear bad_payee");
    check("pay 20€ from @anna", "unclear bad_payee");
    check("pay me 20€", "unclear bad_payee");
    check("pay IT61X0542811101000000123456 20 €", "unclear bad_payee");
    check("pay DE8937040044053201300 20 €", "unclear bad_payee");
    check("pay iban:DE00370400440532013000 20 €", "unclear bad_payee");
    check("pay +39333 20 €", "unclear no_payee");
    check("pay +1234567890123456 20 €", "unclear bad_payee");
    check("paga +39 333 1234567 2 volte 30€", "unclear bad_payee");
    check("pay +33 6 12 34 56 78 100 €", "unclear bad_payee");
    check("pay +39 333 1234567 20", "unclear bad_payee");
    check("pay twitter:@аnna 20€", "unclear bad_payee");
}
