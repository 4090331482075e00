//! Whole sentences, in three languages.

use super::{check, check_private};

#[test]
fn english() {
    check("@sportello pay @anna 20 € for the pizza", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("@Sportello Pay @Anna 20€", "pay twitter:@anna 20.00 EUR");
    check("@sportello please pay 20 € to @anna", "pay twitter:@anna 20.00 EUR");
    check("@sportello send @anna €20 please", "pay twitter:@anna 20.00 EUR");
    check("@sportello can you send 20 EUR to @anna for lunch?", "pay twitter:@anna 20.00 EUR memo=lunch");
    check("Hi @sportello, could you please transfer 12.50 USD to @anna? ", "pay twitter:@anna 12.50 USD");
    check("@sportello I want to give @anna £5", "pay twitter:@anna 5.00 GBP");
    check("I'd like to send @anna 20€ @sportello", "pay twitter:@anna 20.00 EUR");
    check("@sportello #pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("#pay 20€ @anna #sportello", "pay twitter:@anna 20.00 EUR memo=#sportello");
    check("pay @anna back 20€", "pay twitter:@anna 20.00 EUR");
    check("pay my friend @anna the sum of 20€", "pay twitter:@anna 20.00 EUR");
    check("send a payment of 20€ to @anna", "pay twitter:@anna 20.00 EUR");
    check("pay: @anna, 20€", "pay twitter:@anna 20.00 EUR");
    check("PAY @ANNA 20 EUR FOR LUNCH", "pay twitter:@anna 20.00 EUR memo=LUNCH");
    check("pay @anna 20€ pizza", "pay twitter:@anna 20.00 EUR memo=pizza");
    check("pay 20 € rent to @anna", "pay twitter:@anna 20.00 EUR memo=rent");
    check("pay @anna\n20 €\nfor the pizza", "pay twitter:@anna 20.00 EUR memo=the pizza");
    check("What a night! @sportello pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("Great dinner 🍕 @sportello pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("Great dinner, @sportello pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("@sportello -> pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("@sportello also pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check_private("pay @anna 20 now", "pay twitter:@anna 20.00 EUR");
    check_private("pay @anna 20 thanks", "pay twitter:@anna 20.00 EUR memo=thanks");
    check("@paolo @luca @sportello pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("@sportello @paolo pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check(".@sportello pay @anna 20€ 🍕", "pay twitter:@anna 20.00 EUR memo=🍕");
    check("@sportello 💸 pay @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("request 20€ from @anna for the pizza", "request twitter:@anna 20.00 EUR memo=the pizza");
    check("ask @anna for 20€ for the pizza", "request twitter:@anna 20.00 EUR memo=the pizza");
    check("ask @anna to pay 20€", "request twitter:@anna 20.00 EUR");
    check("ask @anna to pay me 20€ for lunch", "request twitter:@anna 20.00 EUR memo=lunch");
    check("charge @anna 20€", "request twitter:@anna 20.00 EUR");
    check_private("pay @anna 20", "pay twitter:@anna 20.00 EUR");
    check_private("pay @anna 20 for 2 pizzas", "pay twitter:@anna 20.00 EUR memo=2 pizzas");
    check_private("pay @anna 20 please", "pay twitter:@anna 20.00 EUR");
}

#[test]
fn italian() {
    check("@sportello paga @anna 20 € per la pizza", "pay twitter:@anna 20.00 EUR memo=la pizza");
    check("@sportello paga 20 euro a @anna per la cena", "pay twitter:@anna 20.00 EUR memo=la cena");
    check("@sportello per favore manda 20,50 € ad @anna", "pay twitter:@anna 20.50 EUR");
    check("@sportello per favore manda 20,50 € a @anna", "pay twitter:@anna 20.50 EUR");
    check("Ciao @sportello, puoi pagare 20€ ad Anna?", "unclear bad_payee");
    check("Ciao @sportello, puoi pagare 20€ a @anna?", "pay twitter:@anna 20.00 EUR");
    check("vorrei inviare 1.234,56 € alla @anna", "pay twitter:@anna 1234.56 EUR");
    check("manda un bonifico di 20 € a @anna", "pay twitter:@anna 20.00 EUR");
    check("invia a @anna euro 20 per il regalo", "pay twitter:@anna 20.00 EUR memo=il regalo");
    check("dai 20€ a @anna", "pay twitter:@anna 20.00 EUR");
    check("dai, paga 20€ a @anna", "pay twitter:@anna 20.00 EUR");
    check("#paga @anna 20€ #privato", "pay twitter:@anna 20.00 EUR private");
    check("paga @anna 20€ pizza di ieri", "pay twitter:@anna 20.00 EUR memo=pizza di ieri");
    check("paga 20 EUR all'amico @anna", "unclear bad_payee");
    check("bonifica 100 EUR al mio amico @paolo", "unclear bad_payee");
    check("chiedi 20€ a @anna per la pizza", "request twitter:@anna 20.00 EUR memo=la pizza");
    check("richiedi 20€ da @anna", "request twitter:@anna 20.00 EUR");
    check("chiedi a @anna di pagare 20€", "request twitter:@anna 20.00 EUR");
    check("paga @anna 20 € per favore per la pizza", "pay twitter:@anna 20.00 EUR memo=la pizza");
    check("paga @anna 20 € per la pizza, per favore", "pay twitter:@anna 20.00 EUR memo=la pizza");
}

#[test]
fn french() {
    check("@SmoneyFR #envoyer 10€ @paul", "pay twitter:@paul 10.00 EUR");
    check("@smoneyfr #envoyer 10€ @paul pour le café", "pay twitter:@paul 10.00 EUR memo=le café");
    check("@sportello envoie 10€ à @paul pour le café", "pay twitter:@paul 10.00 EUR memo=le café");
    check("@sportello paie @anna 20,50 euros s'il te plaît", "pay twitter:@anna 20.50 EUR");
    check("@sportello s’il te plaît, paie 20 € à @anna", "pay twitter:@anna 20.00 EUR");
    check("Bonjour @sportello, peux-tu envoyer 10€ à @paul ?", "pay twitter:@paul 10.00 EUR");
    check("je voudrais payer 1 234,56 € à @anna", "pay twitter:@anna 1234.56 EUR");
    check("j'envoie 20€ à @anna", "pay twitter:@anna 20.00 EUR");
    check("je paie @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("payez @anna 20€ svp", "pay twitter:@anna 20.00 EUR");
    check("merci d'envoyer 20€ à @anna", "pay twitter:@anna 20.00 EUR");
    check("donne 5€50 à @anna", "pay twitter:@anna 5.50 EUR");
    check("envoie un virement de 20€ à @anna", "pay twitter:@anna 20.00 EUR");
    check("verse 20 € au @club", "pay twitter:@club 20.00 EUR");
    check("veuillez transférer 20 € à @anna", "pay twitter:@anna 20.00 EUR");
    check("demande 20€ à @anna pour la pizza", "request twitter:@anna 20.00 EUR memo=la pizza");
    check("demande à @anna de payer 20€", "request twitter:@anna 20.00 EUR");
    check("envoie 20€ à @anna #privé", "pay twitter:@anna 20.00 EUR private");
    check("paye\u{301} @anna 20€", "pay twitter:@anna 20.00 EUR");
    check("paie @anna 20€ loyer mai", "pay twitter:@anna 20.00 EUR memo=loyer mai");
}
