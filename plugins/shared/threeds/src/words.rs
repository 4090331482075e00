//! What the payer reads, in three languages.

/// The sentences of a language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) title: &'static str,
    /// `{amount}` and `{payee}` stand for themselves.
    pub(crate) about: &'static str,
    pub(crate) begin: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) again: &'static str,
    pub(crate) wait: &'static str,
    pub(crate) done: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) not_yet: &'static str,
    pub(crate) nothing: &'static str,
    pub(crate) trouble: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Confirm your payment",
    about: "{amount} to {payee}. Your card's bank may ask you to confirm.",
    begin: "Continue to my bank",
    go_on: "Continue",
    again: "Try again",
    wait: "One moment…",
    done: "Done. You may close this page.",
    refused: "Your card's bank did not confirm the payment. You may close this page.",
    not_yet: "The payment is not confirmed yet.",
    nothing: "There is nothing to do here any more.",
    trouble: "That cannot be done just now.",
};

const ITALIAN: Words = Words {
    language: "it",
    title: "Conferma il pagamento",
    about: "{amount} a {payee}. La banca della tua carta può chiederti una conferma.",
    begin: "Continua con la mia banca",
    go_on: "Continua",
    again: "Riprova",
    wait: "Un momento…",
    done: "Fatto. Puoi chiudere questa pagina.",
    refused: "La banca della tua carta non ha confermato il pagamento. Puoi chiudere questa pagina.",
    not_yet: "Il pagamento non è ancora confermato.",
    nothing: "Qui non c'è più nulla da fare.",
    trouble: "In questo momento non è possibile.",
};

const FRENCH: Words = Words {
    language: "fr",
    title: "Confirmez votre paiement",
    about: "{amount} à {payee}. La banque de votre carte peut vous demander une confirmation.",
    begin: "Continuer vers ma banque",
    go_on: "Continuer",
    again: "Réessayer",
    wait: "Un instant…",
    done: "C'est fait. Vous pouvez fermer cette page.",
    refused: "La banque de votre carte n'a pas confirmé le paiement. Vous pouvez fermer cette page.",
    not_yet: "Le paiement n'est pas encore confirmé.",
    nothing: "Il n'y a plus rien à faire ici.",
    trouble: "Ce n'est pas possible pour le moment.",
};

impl Words {
    /// Those of a language, as `it`; English for one that nobody here speaks.
    pub(crate) fn of(language: &str) -> &'static Self {
        match language.get(..2) {
            Some("it") => &ITALIAN,
            Some("fr") => &FRENCH,
            _ => &ENGLISH,
        }
    }
}
