//! What may be said to a handle that may be somebody else's by now: that there is something, and never how much, with
//! whom, or what for.

use sportello_model::Payment;
use sportello_model::payment::{About, Audience};

use super::{Said, wrong_code};

/// What is said of a payment to a handle that is not proven. Nothing where there is nothing to say; what has to be answered
/// is kept back until it is proven.
pub(crate) fn discreet(payment: &Payment, audience: Audience, about: &About) -> Option<String> {
    let intent = &payment.intent;
    if audience == Audience::Payee {
        let About::Completed = about else { return None };
        let said = said!(
            "A payment has arrived for you.",
            "È arrivato un pagamento per te.",
            "Un paiement est arrivé pour toi."
        );
        return Some(said.in_language(&intent.payee.language));
    }
    let said = match about {
        About::Challenge { .. } | About::ActionRequired { .. } | About::Enrol => return None,
        About::WrongCode { tries_left } => return Some(wrong_code(*tries_left, &intent.payer.language)),
        About::Completed => {
            said!("A payment of yours is done.", "Un tuo pagamento è stato eseguito.", "Un de tes paiements est fait.")
        }
        About::Declined { .. } => said!(
            "A payment of yours did not go through, and no money moved.",
            "Un tuo pagamento non è riuscito e nulla è stato addebitato.",
            "Un de tes paiements n'a pas abouti et rien n'a été débité."
        ),
        About::Cancelled { .. } | About::Expired => said!(
            "A payment of yours is off. Nothing has moved.",
            "Un tuo pagamento è annullato. Nulla è stato addebitato.",
            "Un de tes paiements est annulé. Rien n'a été débité."
        ),
        About::Pending => said!(
            "A payment of yours is on the way. I will tell you.",
            "Un tuo pagamento è in viaggio. Ti farò sapere.",
            "Un de tes paiements est en route. Je te dirai."
        ),
        About::Returned => said!(
            "The money of a payment of yours is on its way back to you.",
            "I soldi di un tuo pagamento tornano da te.",
            "L'argent d'un de tes paiements te revient."
        ),
        About::InReview => said!(
            "Something is not right with a payment of yours: somebody is looking at it.",
            "Qualcosa non va con un tuo pagamento: qualcuno sta controllando.",
            "Il y a un souci avec un de tes paiements : quelqu'un s'en occupe."
        ),
    };
    Some(said.in_language(&intent.payer.language))
}
