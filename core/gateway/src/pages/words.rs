//! What the pages say, in the languages that people are written to in.

/// The sentences of one language.
pub(super) struct Words {
    pub(super) lang: &'static str,
    pub(super) pay_title: &'static str,
    pub(super) be_paid_title: &'static str,
    pub(super) to: &'static str,
    pub(super) from: &'static str,
    pub(super) choose: &'static str,
    pub(super) card: &'static str,
    pub(super) card_number: &'static str,
    pub(super) expiry: &'static str,
    pub(super) expiry_hint: &'static str,
    pub(super) holder: &'static str,
    pub(super) keep: &'static str,
    pub(super) use_card: &'static str,
    pub(super) safe: &'static str,
    pub(super) account: &'static str,
    pub(super) iban: &'static str,
    pub(super) use_account: &'static str,
    pub(super) number_wrong: &'static str,
    pub(super) expiry_wrong: &'static str,
    pub(super) expired: &'static str,
    pub(super) holder_wrong: &'static str,
    pub(super) account_wrong: &'static str,
    pub(super) not_accepted: &'static str,
    pub(super) thanks: &'static str,
    pub(super) thanks_payer: &'static str,
    pub(super) thanks_payee: &'static str,
    pub(super) no_link: &'static str,
    pub(super) no_link_why: &'static str,
    pub(super) used: &'static str,
    pub(super) ended: &'static str,
    pub(super) over: &'static str,
    pub(super) nothing_to_do: &'static str,
    pub(super) not_now: &'static str,
    pub(super) not_now_why: &'static str,
    pub(super) too_often: &'static str,
}

const EN: Words = Words {
    lang: "en",
    pay_title: "How would you like to pay?",
    be_paid_title: "Where shall the money go?",
    to: "to",
    from: "from",
    choose: "or",
    card: "Card",
    card_number: "Card number",
    expiry: "Expiry date",
    expiry_hint: "MM/YY",
    holder: "Name on the card (optional)",
    keep: "Keep this card for my next payments",
    use_card: "Use this card",
    safe: "Your card is stored encrypted. Nothing is paid before you answer with the code that we send you.",
    account: "Bank account",
    iban: "IBAN",
    use_account: "Use this account",
    number_wrong: "This is no card number: check its digits.",
    expiry_wrong: "Write month and year as on the card, like 09/30.",
    expired: "This card has expired.",
    holder_wrong: "Write at most 60 letters.",
    account_wrong: "This is no IBAN: check its letters and digits.",
    not_accepted: "This payment cannot use that. Please choose something else.",
    thanks: "Thank you",
    thanks_payer: "We have written to you where you asked for this payment. If there is a code, answer with it. You may close \
                   this page.",
    thanks_payee: "The money goes to this account once the payment is confirmed. You may close this page.",
    no_link: "This link does not work",
    no_link_why: "Open the link from our message once more, as it is written there.",
    used: "This has been done already. There is nothing left to do here.",
    ended: "The time for this is over. Write to us again to start anew.",
    over: "This payment has ended. There is nothing left to do here.",
    nothing_to_do: "There is nothing left to do here. We write to you about how the payment goes on.",
    not_now: "This does not work just now",
    not_now_why: "Nothing was paid. Please try again in a moment.",
    too_often: "That was too often. Please try again in a minute.",
};

const IT: Words = Words {
    lang: "it",
    pay_title: "Come vuoi pagare?",
    be_paid_title: "Dove vuoi ricevere il denaro?",
    to: "a",
    from: "da",
    choose: "oppure",
    card: "Carta",
    card_number: "Numero della carta",
    expiry: "Scadenza",
    expiry_hint: "MM/AA",
    holder: "Nome sulla carta (facoltativo)",
    keep: "Conserva questa carta per i prossimi pagamenti",
    use_card: "Usa questa carta",
    safe: "La carta è conservata cifrata. Nulla viene pagato prima che tu risponda con il codice che ti inviamo.",
    account: "Conto bancario",
    iban: "IBAN",
    use_account: "Usa questo conto",
    number_wrong: "Non è un numero di carta: controlla le cifre.",
    expiry_wrong: "Scrivi mese e anno come sulla carta, ad esempio 09/30.",
    expired: "Questa carta è scaduta.",
    holder_wrong: "Scrivi al massimo 60 lettere.",
    account_wrong: "Non è un IBAN: controlla lettere e cifre.",
    not_accepted: "Questo pagamento non può usarlo. Scegli qualcos'altro.",
    thanks: "Grazie",
    thanks_payer: "Ti abbiamo scritto dove hai chiesto il pagamento. Se c'è un codice, rispondi con quello. Puoi chiudere \
                   questa pagina.",
    thanks_payee: "Il denaro arriva su questo conto appena il pagamento è confermato. Puoi chiudere questa pagina.",
    no_link: "Questo link non funziona",
    no_link_why: "Apri di nuovo il link dal nostro messaggio, così come è scritto.",
    used: "È già stato fatto. Qui non resta nulla da fare.",
    ended: "Il tempo è scaduto. Scrivici di nuovo per ricominciare.",
    over: "Questo pagamento è terminato. Qui non resta nulla da fare.",
    nothing_to_do: "Qui non resta nulla da fare. Ti scriviamo come prosegue il pagamento.",
    not_now: "In questo momento non funziona",
    not_now_why: "Nulla è stato pagato. Riprova tra un momento.",
    too_often: "Troppi tentativi. Riprova tra un minuto.",
};

const FR: Words = Words {
    lang: "fr",
    pay_title: "Comment voulez-vous payer ?",
    be_paid_title: "Où voulez-vous recevoir l'argent ?",
    to: "à",
    from: "de",
    choose: "ou",
    card: "Carte",
    card_number: "Numéro de carte",
    expiry: "Date d'expiration",
    expiry_hint: "MM/AA",
    holder: "Nom sur la carte (facultatif)",
    keep: "Garder cette carte pour mes prochains paiements",
    use_card: "Utiliser cette carte",
    safe: "Votre carte est conservée chiffrée. Rien n'est payé avant que vous répondiez avec le code que nous vous envoyons.",
    account: "Compte bancaire",
    iban: "IBAN",
    use_account: "Utiliser ce compte",
    number_wrong: "Ce n'est pas un numéro de carte : vérifiez les chiffres.",
    expiry_wrong: "Écrivez le mois et l'année comme sur la carte, par exemple 09/30.",
    expired: "Cette carte a expiré.",
    holder_wrong: "Écrivez 60 lettres au plus.",
    account_wrong: "Ce n'est pas un IBAN : vérifiez les lettres et les chiffres.",
    not_accepted: "Ce paiement ne peut pas l'utiliser. Choisissez autre chose.",
    thanks: "Merci",
    thanks_payer: "Nous vous avons écrit là où vous avez demandé ce paiement. S'il y a un code, répondez avec celui-ci. Vous \
                   pouvez fermer cette page.",
    thanks_payee: "L'argent va sur ce compte dès que le paiement est confirmé. Vous pouvez fermer cette page.",
    no_link: "Ce lien ne fonctionne pas",
    no_link_why: "Ouvrez à nouveau le lien de notre message, tel qu'il y est écrit.",
    used: "C'est déjà fait. Il n'y a plus rien à faire ici.",
    ended: "Le délai est écoulé. Écrivez-nous à nouveau pour recommencer.",
    over: "Ce paiement est terminé. Il n'y a plus rien à faire ici.",
    nothing_to_do: "Il n'y a plus rien à faire ici. Nous vous écrivons comment le paiement se poursuit.",
    not_now: "Cela ne fonctionne pas pour le moment",
    not_now_why: "Rien n'a été payé. Réessayez dans un instant.",
    too_often: "Trop de tentatives. Réessayez dans une minute.",
};

/// The words of this language; of English where it is another.
pub(super) fn in_language(code: &str) -> &'static Words {
    match code {
        "it" => &IT,
        "fr" => &FR,
        _ => &EN,
    }
}

/// The language that a browser prefers among ours (RFC 9110, section 12.5.4, without the weights: whoever writes them
/// writes them in their order).
pub(super) fn preferred(accept_language: &str) -> &'static Words {
    let codes = accept_language.split(',').map(|range| range.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    let known = codes.into_iter().find(|code| matches!(code.as_str(), "en" | "it" | "fr"));
    in_language(known.as_deref().unwrap_or("en"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let check = |header: &str, expected: &str| assert_eq!(preferred(header).lang, expected, "{header}");
        check("it-IT,it;q=0.9,en;q=0.8", "it");
        check("de-DE, FR;q=0.5", "fr");
        check("de", "en");
        check("", "en");
        check("é", "en");
    }
}
