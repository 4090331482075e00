//! What asks somebody for an account.

use sportello_model::Payment;
use sportello_model::payment::Audience;

use super::Said;

/// What asks one of the two people for an account, with the link to where they give it.
pub(crate) fn enrol(payment: &Payment, audience: Audience, url: &str) -> String {
    let intent = &payment.intent;
    let (amount, payer, payee) = (intent.amount, &intent.payer.name, &intent.payee.name);
    let memo = intent.memo.as_deref().map(|memo| format!(" ({memo})")).unwrap_or_default();
    if audience == Audience::Payee {
        let said = said!(
            "{payer} wants to send you {amount}{memo}. Say on which account, on this page of ours, which is for you alone: {url}",
            "{payer} vuole inviarti {amount}{memo}. Indica su quale conto, in questa nostra pagina, che è solo per te: {url}",
            "{payer} veut t'envoyer {amount}{memo}. Indique sur quel compte, sur cette page à nous, qui n'est que pour toi : {url}"
        );
        return said.in_language(&intent.payee.language);
    }
    said!(
        "To pay {amount} to {payee}{memo}, say what to pay with, on this page of ours, which is for you alone: {url}",
        "Per pagare {amount} a {payee}{memo}, indica con che cosa, in questa nostra pagina, che è solo per te: {url}",
        "Pour payer {amount} à {payee}{memo}, indique avec quoi, sur cette page à nous, qui n'est que pour toi : {url}"
    )
    .in_language(&intent.payer.language)
}
