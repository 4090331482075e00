//! What asks for a code, and the answers that it offers.

use sportello_model::{Choice, Payment};

use super::Said;

/// A payment's code, and what goes with it.
pub(crate) struct Code<'a> {
    /// The code.
    pub(crate) digits: &'a str,
    /// What the payment is called off by without its code; nothing where whoever answers could be anybody.
    pub(crate) reference: Option<&'a str>,
    /// How long before this the same was asked for, in milliseconds, where it is asked whether it is wanted again.
    pub(crate) again_after_ms: Option<u64>,
}

/// Why a handle is to be proven.
pub(crate) enum Ask<'a> {
    /// Somebody wrote from there; to that very handle.
    Wrote,
    /// Something waits to be answered; to that very handle.
    Awaited,
    /// Somebody wrote from there, or something waits there; to another handle of the same person.
    Elsewhere { handle: &'a str },
}

/// What asks the payer for a code.
pub(crate) fn challenge(payment: &Payment, code: &Code<'_>) -> String {
    let intent = &payment.intent;
    let (amount, payee) = (intent.amount, &intent.payee.name);
    let memo = intent.memo.as_deref().map(|memo| format!(" ({memo})")).unwrap_or_default();
    let Code { digits, reference, again_after_ms } = code;
    // Where anybody could have written "cancel", it takes the code.
    let to_cancel = if reference.is_some() { String::new() } else { format!(" {digits}") };
    let said = match again_after_ms {
        None => said!(
            "To pay {amount} to {payee}{memo}, answer with this code: {digits}. To call it off, answer: cancel{to_cancel}.",
            "Per pagare {amount} a {payee}{memo}, rispondi con questo codice: {digits}. Per annullare, rispondi: annulla{to_cancel}.",
            "Pour payer {amount} à {payee}{memo}, réponds avec ce code : {digits}. Pour annuler, réponds : annule{to_cancel}."
        ),
        Some(after_ms) => {
            let Said { en, it, fr } = ago(after_ms / 60_000);
            said!(
                "Again? The same was asked for {en}: {amount} to {payee}. To pay {amount} to {payee}{memo} once more, answer with this code: {digits}. To call it off, answer: cancel{to_cancel}.",
                "Di nuovo? Lo stesso è stato chiesto {it}: {amount} a {payee}. Per pagare {amount} a {payee}{memo} un'altra volta, rispondi con questo codice: {digits}. Per annullare, rispondi: annulla{to_cancel}.",
                "Encore ? La même chose a été demandée {fr} : {amount} à {payee}. Pour payer {amount} à {payee}{memo} une fois de plus, réponds avec ce code : {digits}. Pour annuler, réponds : annule{to_cancel}."
            )
        }
    };
    said.in_language(&intent.payer.language)
}

fn ago(minutes: u64) -> Said {
    match minutes {
        0 => said!("a moment ago", "un attimo fa", "il y a un instant"),
        1 => said!("1 minute ago", "1 minuto fa", "il y a 1 minute"),
        2..120 => said!("{minutes} minutes ago", "{minutes} minuti fa", "il y a {minutes} minutes"),
        _ => {
            let hours = minutes / 60;
            said!("{hours} hours ago", "{hours} ore fa", "il y a {hours} heures")
        }
    }
}

/// The answers that a challenge offers, as the payer would write them.
pub(crate) fn choices(code: &Code<'_>, language: &str) -> Vec<Choice> {
    let (digits, reference) = (code.digits, code.reference.unwrap_or(code.digits));
    let choice =
        |label: Said, says: Said| Choice { label: label.in_language(language), says: says.in_language(language) };
    vec![
        choice(
            said!("Confirm", "Conferma", "Confirmer"),
            said!("confirm {digits}", "conferma {digits}", "confirme {digits}"),
        ),
        choice(
            said!("Cancel", "Annulla", "Annuler"),
            said!("cancel {reference}", "annulla {reference}", "annule {reference}"),
        ),
    ]
}

/// What asks for the proof of a handle. Whoever reads it may be a stranger: no amount, and nobody's name.
pub(crate) fn ask_for_proof(ask: &Ask<'_>, code: &str, language: &str) -> String {
    let said = match ask {
        Ask::Wrote => said!(
            "Somebody wrote to us from this number. If it was you, answer with this code: {code}",
            "Qualcuno ci ha scritto da questo numero. Se eri tu, rispondi con questo codice: {code}",
            "Quelqu'un nous a écrit de ce numéro. Si c'était toi, réponds avec ce code : {code}"
        ),
        Ask::Awaited => said!(
            "Somebody asks something of you. To see what, prove that this number is yours: answer with this code: {code}",
            "Qualcuno ti chiede qualcosa. Per vedere cosa, dimostra che questo numero è tuo: rispondi con questo codice: {code}",
            "Quelqu'un te demande quelque chose. Pour voir quoi, prouve que ce numéro est à toi : réponds avec ce code : {code}"
        ),
        Ask::Elsewhere { handle } => said!(
            "Somebody wrote to us from {handle}. If it was you, answer from there with this code: {code}",
            "Qualcuno ci ha scritto da {handle}. Se eri tu, rispondi da lì con questo codice: {code}",
            "Quelqu'un nous a écrit de {handle}. Si c'était toi, réponds de là avec ce code : {code}"
        ),
    };
    said.in_language(language)
}
