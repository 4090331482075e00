//! What the gateway says to people, in their language.
//!
//! Three kinds of sentence never meet: [`private`] ones may hold amounts, names and codes; [`discreet`] ones, for a handle
//! that may be somebody else's by now, hold none of these; and [`public`] ones hold nothing of a payment at all.

use sportello_model::Payment;
use sportello_model::payment::{About, Audience, CancelledBy};

/// A sentence in each language that is spoken.
struct Said {
    en: String,
    it: String,
    fr: String,
}

impl Said {
    fn in_language(self, language: &str) -> String {
        match language {
            "it" => self.it,
            "fr" => self.fr,
            _ => self.en,
        }
    }
}

macro_rules! said {
    ($en:literal, $it:literal, $fr:literal) => {
        Said { en: format!($en), it: format!($it), fr: format!($fr) }
    };
}

mod asked;
mod discreet;
mod enrol;

pub(crate) use asked::{Ask, Code, ask_for_proof, challenge, choices};
pub(crate) use discreet::discreet;
pub(crate) use enrol::enrol;

/// What is said to one of the two people, in private. Nothing where there is nothing to say to them; a challenge says
/// [`challenge`], and what asks for an account [`enrol`].
pub(crate) fn private(payment: &Payment, audience: Audience, about: &About) -> Option<String> {
    let intent = &payment.intent;
    let amount = intent.amount;
    let (payer, payee) = (&intent.payer.name, &intent.payee.name);
    let memo = intent.memo.as_deref().map(|memo| format!(" ({memo})")).unwrap_or_default();
    if audience == Audience::Payee {
        let About::Completed = about else { return None };
        let said = said!(
            "{payer} has sent you {amount}{memo}. It is on your account.",
            "{payer} ti ha inviato {amount}{memo}. Sono sul tuo conto.",
            "{payer} t'a envoyé {amount}{memo}. C'est sur ton compte."
        );
        return Some(said.in_language(&intent.payee.language));
    }
    let said = match about {
        About::Challenge { .. } | About::Enrol => return None,
        About::WrongCode { tries_left } => return Some(wrong_code(*tries_left, &intent.payer.language)),
        About::Completed => said!(
            "Done: {payee} has your {amount}{memo}.",
            "Fatto: {payee} ha ricevuto i tuoi {amount}{memo}.",
            "C'est fait : {payee} a reçu {amount}{memo}."
        ),
        About::Declined { reason } => said!(
            "Your payment of {amount} to {payee} did not go through, and no money moved: {reason}.",
            "Il tuo pagamento di {amount} a {payee} non è riuscito e nulla è stato addebitato: {reason}.",
            "Ton paiement de {amount} à {payee} n'a pas abouti et rien n'a été débité : {reason}."
        ),
        About::Cancelled { by: CancelledBy::WrongCodes } => said!(
            "Too many wrong codes: your payment of {amount} to {payee} is off. Nothing has moved.",
            "Troppi codici errati: il pagamento di {amount} a {payee} è annullato. Nulla è stato addebitato.",
            "Trop de codes faux : le paiement de {amount} à {payee} est annulé. Rien n'a été débité."
        ),
        About::Cancelled { by: CancelledBy::Edit } => said!(
            "You edited your message: the payment of {amount} to {payee} is off.",
            "Hai modificato il messaggio: il pagamento di {amount} a {payee} è annullato.",
            "Tu as modifié ton message : le paiement de {amount} à {payee} est annulé."
        ),
        About::Cancelled { .. } => said!(
            "Your payment of {amount} to {payee} is off. Nothing has moved.",
            "Il tuo pagamento di {amount} a {payee} è annullato. Nulla è stato addebitato.",
            "Ton paiement de {amount} à {payee} est annulé. Rien n'a été débité."
        ),
        About::Expired if payment.challenge.is_none() => said!(
            "Your payment of {amount} to {payee} is off: what was missing did not come in time. Nothing has moved.",
            "Il tuo pagamento di {amount} a {payee} è annullato: quello che mancava non è arrivato in tempo. Nulla è stato addebitato.",
            "Ton paiement de {amount} à {payee} est annulé : ce qui manquait n'est pas arrivé à temps. Rien n'a été débité."
        ),
        About::Expired => said!(
            "The code for your payment of {amount} to {payee} has expired. Nothing has moved.",
            "Il codice per il pagamento di {amount} a {payee} è scaduto. Nulla è stato addebitato.",
            "Le code pour ton paiement de {amount} à {payee} a expiré. Rien n'a été débité."
        ),
        About::Pending => said!(
            "Your {amount} to {payee} are on the way: the bank takes its time. I will tell you.",
            "I tuoi {amount} per {payee} sono in viaggio: la banca si prende il suo tempo. Ti farò sapere.",
            "Tes {amount} pour {payee} sont en route : la banque prend son temps. Je te dirai."
        ),
        About::ActionRequired { url } => said!(
            "Your bank wants you to approve {amount} to {payee}: {url}",
            "La tua banca ti chiede di approvare {amount} a {payee}: {url}",
            "Ta banque te demande d'approuver {amount} à {payee} : {url}"
        ),
        About::Returned => said!(
            "{payee} could not be paid: your {amount} are on their way back to you.",
            "Non è stato possibile pagare {payee}: i tuoi {amount} tornano da te.",
            "{payee} n'a pas pu être payé : tes {amount} te reviennent."
        ),
        About::InReview => said!(
            "Something is not right with your payment of {amount} to {payee}: somebody is looking at it.",
            "Qualcosa non va con il pagamento di {amount} a {payee}: qualcuno sta controllando.",
            "Il y a un souci avec ton paiement de {amount} à {payee} : quelqu'un s'en occupe."
        ),
    };
    Some(said.in_language(&intent.payer.language))
}

/// The same to whoever it is said: it holds nothing of the payment.
fn wrong_code(tries_left: u8, language: &str) -> String {
    said!(
        "That is not the code. Tries left: {tries_left}.",
        "Il codice non è giusto. Tentativi rimasti: {tries_left}.",
        "Ce n'est pas le bon code. Essais restants : {tries_left}."
    )
    .in_language(language)
}

/// What is said where everybody can read it, when a payment is done. Not who, not how much, not what for.
pub(crate) fn public_done(language: &str) -> String {
    said!("Done ✓", "Fatto ✓", "C'est fait ✓").in_language(language)
}

/// What may be said in public to a person who cannot be reached in private: only where to look.
pub(crate) fn public_where_to_look(language: &str) -> String {
    said!(
        "I cannot reach you in private: write me a direct message, or open yours to me.",
        "Non riesco a scriverti in privato: mandami un messaggio diretto, o apri i tuoi.",
        "Je ne peux pas t'écrire en privé : envoie-moi un message direct, ou ouvre les tiens."
    )
    .in_language(language)
}

/// What is answered to a message that asks for no payment, in private.
pub(crate) enum Answer<'a> {
    /// What can be said here.
    Help {
        /// The gateway's own name, to write an example with.
        own_name: &'a str,
    },
    /// The writer is not known.
    NotEnrolled,
    /// Nobody is known under that name.
    UnknownPerson { name: &'a str },
    /// What they gave to pay with, or to be paid on, is forgotten.
    AskedAnew,
    /// Payer and payee are one.
    Yourself,
    /// There is nothing to confirm.
    NothingToConfirm,
    /// A code is needed.
    CodeNeeded,
    /// A code was written where everybody can read it.
    CodeInPublic,
    /// A code was wrong, and belonged to no payment.
    WrongCode { tries_left: u8 },
    /// A handle was proven, and nothing waited for it.
    Proven,
    /// There is nothing to call off.
    NothingToCancel,
    /// The sender could be anybody: it takes the code to call something off.
    CancelNeedsCode,
    /// Too much waits for a code.
    TooManyOpen,
    /// Somebody was asked for codes too often who did not answer them.
    AskedTooOften,
    /// More than one payment could be meant.
    WhichOne { list: &'a str },
    /// How the writer's payments stand.
    Status { list: &'a str },
    /// There is nothing to tell about.
    NoPayments,
    /// It is understood, and not offered here.
    NotOffered { what: &'a str },
}

pub(crate) fn answer(answer: &Answer<'_>, language: &str) -> String {
    let said = match answer {
        Answer::Help { own_name } => said!(
            "I send money for you. Write for example: {own_name} pay @anna 20 € for the pizza. I then ask you for a code in private. I also understand: request, cancel, status.",
            "Invio denaro per te. Scrivi per esempio: {own_name} paga @anna 20 € per la pizza. Poi ti chiedo un codice in privato. Capisco anche: richiedi, annulla, stato.",
            "J'envoie de l'argent pour toi. Écris par exemple : {own_name} paie @anna 20 € pour la pizza. Je te demande ensuite un code en privé. Je comprends aussi : demande, annule, statut."
        ),
        Answer::NotEnrolled => said!(
            "I do not know you yet: ask whoever runs this service to enrol you.",
            "Non ti conosco ancora: chiedi a chi gestisce questo servizio di iscriverti.",
            "Je ne te connais pas encore : demande à qui gère ce service de t'inscrire."
        ),
        Answer::UnknownPerson { name } => said!(
            "I cannot tell who {name} is, or where to pay them. Nothing has moved.",
            "Non so chi sia {name}, né dove pagare. Nulla è stato addebitato.",
            "Je ne sais pas qui est {name}, ni où le payer. Rien n'a été débité."
        ),
        Answer::AskedAnew => said!(
            "Forgotten: with your next payment I ask you again what to pay with, or where to be paid.",
            "Dimenticato: al tuo prossimo pagamento ti chiedo di nuovo con che cosa pagare, o dove essere pagato.",
            "Oublié : à ton prochain paiement je te demande de nouveau avec quoi payer, ou où être payé."
        ),
        Answer::Yourself => said!(
            "Payer and payee are the same: there is nothing to do.",
            "Chi paga e chi riceve sono la stessa persona: non c'è nulla da fare.",
            "Le payeur et le bénéficiaire sont les mêmes : il n'y a rien à faire."
        ),
        Answer::NothingToConfirm => said!(
            "There is nothing that waits for a code of yours.",
            "Non c'è nulla che aspetti un tuo codice.",
            "Rien n'attend un code de ta part."
        ),
        Answer::CodeNeeded => said!(
            "To confirm, answer with the code that I sent you.",
            "Per confermare, rispondi con il codice che ti ho mandato.",
            "Pour confirmer, réponds avec le code que je t'ai envoyé."
        ),
        Answer::CodeInPublic => said!(
            "Codes are for direct messages only: write it to me here.",
            "I codici vanno scritti solo in privato: scrivimelo qui.",
            "Les codes ne s'écrivent qu'en privé : écris-le-moi ici."
        ),
        Answer::WrongCode { tries_left } => return wrong_code(*tries_left, language),
        Answer::Proven => said!(
            "Thank you: now I know that this is you.",
            "Grazie: ora so che sei tu.",
            "Merci : maintenant je sais que c'est toi."
        ),
        Answer::CancelNeedsCode => said!(
            "To call a payment off from here, answer with its code: cancel 123456, with the digits that I sent you.",
            "Per annullare un pagamento da qui, rispondi con il suo codice: annulla 123456, con le cifre che ti ho mandato.",
            "Pour annuler un paiement d'ici, réponds avec son code : annule 123456, avec les chiffres que je t'ai envoyés."
        ),
        Answer::TooManyOpen => said!(
            "Too many payments wait for a code already: answer those first, or let them expire.",
            "Troppi pagamenti aspettano già un codice: rispondi prima a quelli, o lasciali scadere.",
            "Trop de paiements attendent déjà un code : réponds d'abord à ceux-là, ou laisse-les expirer."
        ),
        Answer::AskedTooOften => said!(
            "Too many codes were asked for and not answered: try again tomorrow, or on another channel.",
            "Sono stati chiesti troppi codici rimasti senza risposta: riprova domani, o su un altro canale.",
            "Trop de codes ont été demandés et sont restés sans réponse : réessaie demain, ou sur un autre canal."
        ),
        Answer::NothingToCancel => said!(
            "There is nothing that can still be called off.",
            "Non c'è nulla che si possa ancora annullare.",
            "Il n'y a rien qui puisse encore être annulé."
        ),
        Answer::WhichOne { list } => said!(
            "Which one? Name its number. {list}",
            "Quale? Scrivi il suo numero. {list}",
            "Lequel ? Écris son numéro. {list}"
        ),
        Answer::Status { list } => said!("{list}", "{list}", "{list}"),
        Answer::NoPayments => said!(
            "You have no payments among the latest here.",
            "Non hai pagamenti tra gli ultimi qui.",
            "Tu n'as pas de paiements parmi les derniers ici."
        ),
        Answer::NotOffered { what } => said!(
            "I understand, but I cannot do that here yet ({what}).",
            "Ho capito, ma qui non posso ancora farlo ({what}).",
            "J'ai compris, mais je ne peux pas encore le faire ici ({what})."
        ),
    };
    said.in_language(language)
}
