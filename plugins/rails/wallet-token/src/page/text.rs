//! What the page says.

/// The sentences of the page in one language.
pub(super) struct Text {
    pub(super) title: &'static str,
    pub(super) to: &'static str,
    pub(super) refused: &'static str,
    pub(super) no_wallet: &'static str,
    pub(super) paste: &'static str,
    pub(super) hand_over: &'static str,
}

const EN: Text = Text {
    title: "Pay with your wallet",
    to: "to",
    refused: "The wallet's payment was not accepted. Nothing was charged.",
    no_wallet: "This browser has no wallet that can be used here.",
    paste: "A wallet's token",
    hand_over: "Hand over",
};

const IT: Text = Text {
    title: "Paga con il tuo wallet",
    to: "a",
    refused: "Il pagamento del wallet non è stato accettato. Non è stato addebitato nulla.",
    no_wallet: "Questo browser non ha un wallet che si possa usare qui.",
    paste: "Il token di un wallet",
    hand_over: "Consegna",
};

const FR: Text = Text {
    title: "Payer avec votre portefeuille",
    to: "à",
    refused: "Le paiement du portefeuille n’a pas été accepté. Rien n’a été débité.",
    no_wallet: "Ce navigateur n’a pas de portefeuille utilisable ici.",
    paste: "Le jeton d’un portefeuille",
    hand_over: "Remettre",
};

/// The text of a language; English where there is none.
pub(super) fn text(language: &str) -> &'static Text {
    match language.get(..2) {
        Some("it") => &IT,
        Some("fr") => &FR,
        _ => &EN,
    }
}
