//! What to answer to a message that is not clear: what was understood, what is missing, and one example.

use crate::command::{Because, Unclear, Understood};

use super::Language;

/// One command that works, in `language`.
///
/// ```
/// use sportello_model::grammar::{Language, example};
/// assert_eq!(example(Language::It), "paga @anna 20 EUR per la pizza");
/// ```
pub fn example(language: Language) -> &'static str {
    match language {
        Language::En => "pay @anna 20 EUR for the pizza",
        Language::It => "paga @anna 20 EUR per la pizza",
        Language::Fr => "paie @anna 20 EUR pour la pizza",
    }
}

/// The private answer to a message that is not clear. `own_name` is how people call the gateway in public, as
/// `@sportello`; empty where it has no name.
///
/// Whatever reads this answer must not act on it, the gateway itself included: it begins by denying (which the grammar
/// takes for everything that follows), and examples and the writer's own words stand between quotation marks.
pub fn explain(unclear: &Unclear, language: Language, own_name: &str) -> String {
    let opening = match language {
        Language::En => "I have not done anything.",
        Language::It => "Non ho fatto nulla.",
        Language::Fr => "Je n'ai rien fait.",
    };
    let mut sentences = vec![opening.to_owned()];
    sentences.extend(understood(&unclear.understood, language));
    sentences.push(reason(unclear.because, language).to_owned());
    sentences.push(with_example(unclear, language, own_name));
    sentences.join(" ")
}

fn understood(understood: &Understood, language: Language) -> Option<String> {
    let mut parts: Vec<String> = understood.verb.iter().map(|verb| verb_name(verb, language).to_owned()).collect();
    // A name is shown as people write it; the channel's scheme says nothing to them.
    parts.extend(
        understood
            .people
            .iter()
            .map(|handle| if handle.is_name() { handle.rest() } else { handle.as_str() }.to_owned()),
    );
    parts.extend(understood.amounts.iter().map(ToString::to_string));
    parts.extend(understood.memo.iter().map(|memo| format!("“{}”", memo.replace(['“', '”', '„', '"', '«', '»'], "'"))));
    let said = match language {
        Language::En => "I understood: ",
        Language::It => "Ho capito: ",
        Language::Fr => "J'ai compris : ",
    };
    (!parts.is_empty()).then(|| format!("{said}{}.", parts.join(", ")))
}

fn verb_name(verb: &str, language: Language) -> &str {
    match (verb, language) {
        (verb, Language::En) => verb,
        ("pay", Language::It) => "pagare",
        ("pay", Language::Fr) => "payer",
        ("request", Language::It) => "richiedere",
        ("request", Language::Fr) => "demander",
        ("buy", Language::It) => "comprare",
        ("buy", Language::Fr) => "acheter",
        ("cart", Language::It) => "carrello",
        ("cart", Language::Fr) => "panier",
        ("confirm", Language::It) => "confermare",
        ("confirm", Language::Fr) => "confirmer",
        ("cancel", Language::It) => "annullare",
        ("cancel", Language::Fr) => "annuler",
        ("refund", Language::It) => "rimborsare",
        ("refund", Language::Fr) => "rembourser",
        ("status", Language::It) => "stato",
        ("status", Language::Fr) => "statut",
        (verb, _) => verb,
    }
}

fn with_example(unclear: &Unclear, language: Language, own_name: &str) -> String {
    let one = match (unclear.understood.verb.as_deref(), language) {
        (Some("request"), Language::En) => "request 20 EUR from @anna for the pizza",
        (Some("request"), Language::It) => "chiedi 20 EUR a @anna per la pizza",
        (Some("request"), Language::Fr) => "demande 20 EUR à @anna pour la pizza",
        (Some("buy" | "cart"), Language::En) => "buy 2 pizzas from @anna",
        (Some("buy" | "cart"), Language::It) => "compra 2 pizze da @anna",
        (Some("buy" | "cart"), Language::Fr) => "achète 2 pizzas chez @anna",
        (Some("confirm"), Language::En) => "confirm 123456",
        (Some("confirm"), Language::It) => "conferma 123456",
        (Some("confirm"), Language::Fr) => "confirme 123456",
        (Some("cancel"), Language::En) => "cancel 1a2b3c4d",
        (Some("cancel"), Language::It) => "annulla 1a2b3c4d",
        (Some("cancel"), Language::Fr) => "annule 1a2b3c4d",
        (Some("refund"), Language::En) => "refund 1a2b3c4d 5 EUR",
        (Some("refund"), Language::It) => "rimborsa 1a2b3c4d 5 EUR",
        (Some("refund"), Language::Fr) => "rembourse 1a2b3c4d 5 EUR",
        (_, language) => example(language),
    };
    match (language, own_name) {
        (Language::En, "") => format!("For example: “{one}”."),
        (Language::It, "") => format!("Per esempio: “{one}”."),
        (Language::Fr, "") => format!("Par exemple : “{one}”."),
        (Language::En, name) => format!("For example: “{one}”; in public, with {name} in front."),
        (Language::It, name) => format!("Per esempio: “{one}”; in pubblico, con {name} davanti."),
        (Language::Fr, name) => format!("Par exemple : “{one}” ; en public, avec {name} devant."),
    }
}

/// A reason in words.
fn reason(because: Because, language: Language) -> &'static str {
    let [en, it, fr] = match because {
        Because::NoCommand => [
            "I found nothing in it that I can do.",
            "Non vi trovo nulla che io possa fare.",
            "Je n'y trouve rien que je puisse faire.",
        ],
        Because::TooLong => [
            "The message is too long to be read.",
            "Il messaggio è troppo lungo.",
            "Le message est trop long pour être lu.",
        ],
        Because::Negated => [
            "The message says what is not to be done; write what is to be done, alone.",
            "Il messaggio dice che cosa non va fatto; scrivi soltanto che cosa va fatto.",
            "Le message dit ce qu'il ne faut pas faire ; écrivez seulement ce qu'il faut faire.",
        ],
        Because::Question => [
            "It reads as a question, a condition or somebody else's words; write it as a plain wish, for now.",
            "Sembra una domanda, una condizione o le parole di un altro; scrivilo come semplice richiesta, per adesso.",
            "Cela se lit comme une question, une condition ou les mots d'un autre ; écrivez une demande simple, pour maintenant.",
        ],
        Because::TwoCommands => [
            "There is more than one thing to do; write one at a time.",
            "Le cose da fare sono più d'una; scrivine una alla volta.",
            "Il y a plus d'une chose à faire ; écrivez-en une à la fois.",
        ],
        Because::NoPayee => {
            ["I do not see who is meant.", "Non vedo di chi si tratta.", "Je ne vois pas de qui il s'agit."]
        }
        Because::TwoPayees => [
            "More than one person could be meant; name one.",
            "Le persone possibili sono più d'una; nominane una.",
            "Plus d'une personne peut être visée ; nommez-en une.",
        ],
        Because::BadPayee => [
            "I cannot tell who is meant; write a name with @ and plain letters, a phone number with + or an IBAN.",
            "Non capisco di chi si tratta; scrivi un nome con @ e lettere semplici, un numero con + o un IBAN.",
            "Je ne comprends pas de qui il s'agit ; écrivez un nom avec @ et des lettres simples, un numéro avec + ou un IBAN.",
        ],
        Because::NoAmount => ["I do not see how much.", "Non vedo quanto.", "Je ne vois pas combien."],
        Because::TwoAmounts => [
            "There is more than one amount; write one.",
            "Gli importi sono più d'uno; scrivine uno.",
            "Il y a plus d'un montant ; écrivez-en un seul.",
        ],
        Because::AmbiguousAmount => [
            "The amount can be read in two ways; write it as 1000 or as 1.00.",
            "L'importo si legge in due modi; scrivilo come 1000 o come 1,00.",
            "Le montant se lit de deux façons ; écrivez-le comme 1000 ou comme 1,00.",
        ],
        Because::BadAmount => [
            "I cannot read the amount; write it in digits, with as many decimals as its currency has.",
            "Non riesco a leggere l'importo; scrivilo in cifre, con i decimali della sua valuta.",
            "Je n'arrive pas à lire le montant ; écrivez-le en chiffres, avec les décimales de sa devise.",
        ],
        Because::NoCurrency => {
            ["The amount has no currency.", "All'importo manca la valuta.", "Il manque la devise du montant."]
        }
        Because::UnknownCurrency => [
            "I cannot tell which currency is meant; write its code, as EUR.",
            "Non capisco quale valuta sia; scrivine il codice, come EUR.",
            "Je ne comprends pas de quelle devise il s'agit ; écrivez son code, comme EUR.",
        ],
        Because::ZeroAmount => ["The amount is zero.", "L'importo è zero.", "Le montant est zéro."],
        Because::AmountTooLarge => {
            ["The amount is too large.", "L'importo è troppo grande.", "Le montant est trop grand."]
        }
    };
    match language {
        Language::En => en,
        Language::It => it,
        Language::Fr => fr,
    }
}
