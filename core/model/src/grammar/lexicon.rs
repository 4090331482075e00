//! The words: verbs, and what stands around them, in English, Italian and French. All folded (no capitals, no accents).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::Language;

/// What a verb asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pay,
    Request,
    Buy,
    Cart,
    /// *Add*, *put*: into the cart, where the message names it; else no verb of ours.
    Add,
    Confirm,
    Cancel,
    Refund,
    Status,
    Enrol,
    Help,
}

impl Action {
    /// The command's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Request => "request",
            Self::Buy => "buy",
            Self::Cart | Self::Add => "cart",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Status => "status",
            Self::Enrol => "enrol",
            Self::Help => "help",
        }
    }
}

/// The verbs, a line for each action and language.
const VERBS: [(Action, Language, &str); 31] = [
    (Action::Pay, Language::En, "pay send give transfer wire"),
    (
        Action::Pay,
        Language::It,
        "paga pagare pagate pago pagagli pagale manda mandare mandate mando invia inviare inviate invio dai versa versare \
         trasferisci trasferire bonifica",
    ),
    (
        Action::Pay,
        Language::Fr,
        "paie paye payer payez envoie envoyer envoyez envoye verse verser versez donne donner donnez transfere transferer \
         transferez vire virer virez",
    ),
    (Action::Request, Language::En, "request ask charge"),
    (Action::Request, Language::It, "richiedi richiedere richiedo chiedi chiedere chiedo"),
    (Action::Request, Language::Fr, "demande demander demandez reclame reclamer"),
    (Action::Buy, Language::En, "buy purchase"),
    (Action::Buy, Language::It, "compra comprare compro acquista acquistare acquisto"),
    (Action::Buy, Language::Fr, "achete acheter achetez"),
    (Action::Cart, Language::En, "cart addtocart"),
    (Action::Cart, Language::It, "carrello"),
    (Action::Cart, Language::Fr, "panier"),
    (Action::Add, Language::En, "add put"),
    (Action::Add, Language::It, "aggiungi aggiungere metti mettere"),
    (Action::Add, Language::Fr, "ajoute ajouter ajoutez mets mettez"),
    (Action::Confirm, Language::En, "confirm"),
    (Action::Confirm, Language::It, "conferma confermo confermare"),
    (Action::Confirm, Language::Fr, "confirme confirmer confirmez"),
    (Action::Cancel, Language::En, "cancel"),
    (Action::Cancel, Language::It, "annulla annullo annullare"),
    (Action::Cancel, Language::Fr, "annule annuler annulez"),
    (Action::Refund, Language::En, "refund"),
    (Action::Refund, Language::It, "rimborsa rimborsare rimborso"),
    (Action::Refund, Language::Fr, "rembourse rembourser remboursez"),
    (Action::Status, Language::En, "status"),
    (Action::Status, Language::It, "stato"),
    (Action::Status, Language::Fr, "statut etat"),
    (Action::Enrol, Language::En, "enrol enroll register signup sign join"),
    (Action::Enrol, Language::It, "iscrivi iscrivimi iscrivere iscrivermi registra registrami registrarmi"),
    (Action::Enrol, Language::Fr, "inscris inscrire inscrivez"),
    (Action::Help, Language::En, "help"),
];

const HELP: [(Language, &str); 2] = [(Language::It, "aiuto aiutami"), (Language::Fr, "aide aidez")];

/// The verb that a folded word is.
pub(super) fn verb(word: &str) -> Option<(Action, Language)> {
    static BY_WORD: OnceLock<HashMap<&str, (Action, Language)>> = OnceLock::new();
    let by_word = BY_WORD.get_or_init(|| {
        let helps = HELP.iter().map(|(language, words)| (Action::Help, *language, *words));
        let mut by_word = HashMap::new();
        for (action, language, words) in VERBS.iter().copied().chain(helps) {
            for word in words.split_ascii_whitespace() {
                // Of two that are written the same, the first counts.
                by_word.entry(word).or_insert((action, language));
            }
        }
        by_word
    });
    by_word.get(word).copied()
}

/// Whether a word stands in a list of words.
pub(super) fn has(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// Yes, in a private message that says nothing else.
pub(super) const YES: &str = "yes yep si oui ok okay";
/// What changes nothing of a *yes*, a *no* or a code.
pub(super) const POLITE: &str = "thanks thank thx ty you very much so a lot grazie mille molte tante merci beaucoup bien please pls plz \
    stp svp prego";
/// What people write around a code.
pub(super) const AROUND_A_CODE: &str =
    "the my your code pin is it it's here that's il mio codice e ecco lo le mon c' est voici voila this";
/// No, in a private message that says nothing else.
pub(super) const NO: &str = "no non nope";
/// Where things are put that are bought later.
pub(super) const CART: &str = "cart basket carrello panier";
/// To whom.
pub(super) const TO: &str = "to a ad al allo alla all ai agli alle au aux";
/// From whom.
pub(super) const FROM: &str = "from da dal dalla dallo de du chez of d'";
/// What for.
pub(super) const FOR: &str = "for per pour memo note causale motif";
/// What may stand between that and somebody's name.
pub(super) const BEFORE_A_NAME: &str = "our my both dear friend friends colleague colleagues i il la le les miei nostri mio mia \
    entrambi amico amica amici amiche mon ma mes nos ami amie amis amies";
/// One more.
pub(super) const AND: &str = "and e ed et or o oppure ou plus then poi puis also anche aussi";
/// What makes an amount less or more than it says.
pub(super) const VAGUE: &str = "about around roughly approximately approx almost nearly circa least most than less more minus up ca \
    max min maximum minimum quasi almeno massimo minimo meno piu excl excluded escluso esclusi invece instead rather anzi cioe lieu environ presque moins upto fino jusqu'a";
/// What stands before an amount and bounds it or leaves it out, and elsewhere is another word.
pub(super) const BOUND: &str = "over under above below beyond but within between besides salvo fuorche \
    sotto sopra oltre sui sous without senza sans outre";
/// What makes of the amount that it stands beside what is not paid, or paid more than once: *20 € off*, *sconto 20 €*.
pub(super) const OFF: &str = "off discount discounted sconto scontati ribasso remise reduction rabais ristourne short shy tops ish each \
    apiece hors ciascuno ciascuna cadauno chacun chacune";
/// What may stand between such a word and the amount.
pub(super) const BESIDE_AN_AMOUNT: &str =
    "than the of a di da de d' des du in en que che i gli le les il to at au al tout or o";
/// Of an amount, only a part is meant: *a third of*, *un quarto di*, *un tiers de*.
pub(super) const OF: &str = "of di del dei delle de des du d'";
/// What multiplies.
pub(super) const TIMES: &str = "times time volte volta fois x";
/// Thanks.
pub(super) const THANKS: &str = "thanks thank thx grazie merci";
/// What turns a wish around in any of the languages. *No* is added where a clause begins.
pub(super) const NOT: &str = "not dont cant wont doesnt didnt cannot never nor neither nope nah non pas jamais n' except excluding eccetto \
    tranne sauf hormis jk kidding joking scherzo scherzavo rigole plaisante";
/// What turns a wish around in one language, and is something else in another: French *mai* is a month.
pub(super) const NOT_IN_ITALIAN: &str = "mai mica";
/// What withdraws the whole wish where it ends the text.
static WITHDRAWN: Phrases = Phrases::new(
    "forget it|forget that|forget this|forget about it|forget about this|forget about that|ignore it|\
    ignore this|ignore that|ignore this message|ignore my message|disregard this|disregard that|scratch that|scratch this|\
    scratch it|never mind|nevermind|on second thought|on second thoughts|changed my mind|false alarm|lascia stare|\
    lasciamo stare|lasciate stare|lascia perdere|lasciamo perdere|lasciate perdere|come non detto|cambiato idea|\
    ignora questo|laisse tomber|laissez tomber|laissons tomber|oublie ca|oubliez ca|oublie cela|change d' avis",
);
/// What does so too, and is something else where it goes on from words of a memo: *for the tickets she already paid*.
static WITHDRAWN_APART: Phrases = Phrases::new(
    "already paid|paid already|already done|already did|already did it|already sent|forget|ignore|\
    disregard|gia pagato|gia pagata|gia pagati|gia fatto|gia saldato|dimentica|dimenticalo|ignora|deja paye|deja payee|\
    deja payes|deja fait|deja regle|oublie|oubliez|tant pis|ho gia pagato|l' ho gia pagato|l' ho gia pagata|\
    l'ho gia pagato|i already paid|i've already paid|i have already paid|i already did|it's already paid|j' ai deja paye|\
    c' est deja paye|c' est deja fait",
);
/// What corrects what was said, where a number follows it: *actually 30*, *make it 30*.
static CORRECTION: Phrases = Phrases::new(
    "actually|make it|make that|let's make it|let's say|let's do|sorry|so sorry|i mean|i meant|oops|ops|\
    whoops|woops|wait|hold on|hang on|better|correction|rather|instead|my bad|my mistake|should be|should have been|\
    change it to|change that to|change to|raise it to|typo|scusa|scusate|scusami|scusi|facciamo|facciamone|fai|fanne|\
    diciamo|anzi|cioe|meglio|volevo dire|intendevo|intendo|correggo|correzione|pardon|enfin|plutot|ou plutot|oups|\
    desole|desolee|disons|faisons|mieux|je veux dire|je voulais dire|excuse|excuse moi|excusez moi|attends|aspetta",
);
/// What may stand between such a word and its number.
pub(super) const BEHIND_A_CORRECTION: &str =
    "it it's that that's is was be should the i meant mean to at say sono erano era e c' est etait fai";
/// What is counted in a memo that only sounds like a correction: *sorry, 5 minutes late*.
pub(super) const MEASURES: &str = "min mins minute minutes minuto minuti hour hours ore heure heures day days giorno giorni \
    jour jours week weeks settimana settimane semaine semaines month months mese mesi mois year years anno anni an ans";
/// French *ne*; in Italian it means *of it*.
pub(super) const NOT_IN_FRENCH: &str = "ne";
/// What makes a wish depend on something, or puts it off: we act now or not at all.
pub(super) const CONDITION: &str = "if unless when whenever whether once until tomorrow later every weekly monthly se quando \
    qualora appena domani ogni dopodomani quand lorsque demain chaque";
/// Conditions that may stand in a memo's middle without being mistaken.
pub(super) const CONDITION_IN_MEMO: &str = "if unless";
/// What a question to somebody begins with, rather than a request for money.
pub(super) const ASKS: &str =
    "where what why who which how whether about dove cosa perche chi come quando ou quoi pourquoi qui comment";
/// What puts a wish off or repeats it, where it follows what is wished: in a memo it is only spoken of.
static LATER: Phrases = Phrases::new(
    "after|before|next|tonight|daily|yearly|provided|as soon|as long|dopo|prima di|prima che|prima del|\
    prima della|stasera|stanotte|prossimo|prossima|purche|non appena|a patto|a condizione|apres|avant|ce soir|des que|\
    des qu'|pourvu|a condition|per week|per month|per year|per day|per hour|per mese|per anno|per person|per head|a head|a testa|a persona|par personne|par tete|tous les|toutes les",
);
/// What leads such a time in, and may be followed by one more such word.
pub(super) const LEADS_A_TIME: &str =
    "on in at by until fra tra dans the a an this entro il la al alla alle le les par ce cette d' l'";
/// Leads a time in where a number follows: *at 18:00*, *il 15*.
pub(super) const LEADS_A_DATE: &str = "on in at by until entro il alle fra tra le dans";
/// Lengths of time.
pub(super) const TIMESPAN: &str =
    "hour day week month year giorno settimana mese anno heure jour semaine mois an annee";
/// The days of the week.
pub(super) const WEEKDAYS: &str = "monday tuesday wednesday thursday friday saturday sunday lunedi martedi mercoledi giovedi \
    venerdi sabato domenica lundi mardi mercredi jeudi vendredi samedi dimanche";
/// Somebody else's words.
pub(super) const REPORT: &str = "rt said says told tells wrote writes asked asks disse dice detto scritto chiesto dit ecrit \
    mt qt should shall did does do has have had devo dovrei dois devrais would posso can";
/// Words that a question or a wish to do something politely begins with, longest first.
static POLITE_QUESTIONS: Phrases = Phrases::new(
    "can you please|could you please|would you please|can you|could you|would you|will you|\
    puoi|potresti|potete|mi puoi|peux tu|tu peux|pourrais tu|tu pourrais|pouvez vous|vous pouvez|pourriez vous",
);
/// What may stand before a verb and changes nothing.
static OPENERS: Phrases = Phrases::new(
    "i would like to|i'd like to|i want to|i need to|i wanna|we want to|let's|let me|hi there|thank you|\
    je voudrais|je veux|je souhaite|je souhaiterais|j' aimerais|merci de|merci d'|also|then|anche|poi|aussi|puis|io|je veux m'|je voudrais m'|je m'|je|j'|vorrei|voglio|desidero|i|we|\
    veuillez|hi|hello|hey|yo|dear|ciao|salve|buongiorno|buonasera|bonjour|bonsoir|salut|coucou|now|just|kindly|ora|adesso|\
    subito|maintenant|ok|okay|yes|si|oui|thanks|grazie|merci|e|and|et|so|allora|alors|no",
);
/// What may stand anywhere and changes nothing.
static PLEASANTRIES: Phrases = Phrases::new(
    "per favore|per piacere|per cortesia|s' il te plait|s' il vous plait|stp|svp|please|pls|plz|kindly|\
    prego|right now|now|asap|subito|adesso|maintenant|tout de suite",
);
/// What may stand between a verb and what it needs.
static BETWEEN: Phrases = Phrases::new(
    "the sum of|the amount of|a sum of|la somma di|un importo di|l' importo di|l'importo di|la somme de|a payment of|payment of|a transfer of|a total of|an amount of|\
    un bonifico di|un pagamento di|la cifra di|un totale di|un virement de|un paiement de|un total de|\
    un montant de|my friend|il mio amico|la mia amica|mon ami|mon amie|money|soldi|de l' argent|an|un|the|back|over|out|\
    exactly|only|just|solo|esattamente|exactement|immediately|now|subito|maintenant",
);
/// What a command about a payment says besides its verb.
pub(super) const ABOUT_A_PAYMENT: &str = "the my this that it last payment transfer transaction code pin order request id number \
    is of for to with please me us up il lo la mio mia l' questo quello ultimo pagamento bonifico codice ordine richiesta numero \
    del dello della di con il per mi le ce ca mon ma cela dernier paiement virement commande du de numero avec moi m' nous \
    sign in want register account ti ci vous s' c' est what's what which";
/// Nothing in particular to buy: what the answered post offers.
pub(super) const THIS: &str = "this that it one questo questa quello quella lo la ceci cela ca le now ora maintenant the in into \
    to my nel al mio dans au mon";

/// Whether a folded word, written before a colon, is a word of the grammar rather than a handle's scheme.
pub(super) fn is_command_word(word: &str) -> bool {
    verb(word).is_some() || [TO, FROM, FOR, AND, NOT, ABOUT_A_PAYMENT].iter().any(|words| has(words, word))
}

/// Phrases of some words each, parted by `|`; looked up by their first words, since most words begin none.
struct Phrases {
    text: &'static str,
    by_first: OnceLock<HashMap<&'static str, Vec<Vec<&'static str>>>>,
}

impl Phrases {
    const fn new(text: &'static str) -> Self {
        Self { text, by_first: OnceLock::new() }
    }

    fn by_first(&self) -> &HashMap<&'static str, Vec<Vec<&'static str>>> {
        self.by_first.get_or_init(|| {
            let mut by_first: HashMap<_, Vec<Vec<_>>> = HashMap::new();
            for phrase in self.text.split('|') {
                let mut words = phrase.split_ascii_whitespace();
                if let Some(first) = words.next() {
                    by_first.entry(first).or_default().push(words.collect());
                }
            }
            by_first
        })
    }

    /// How many of `words` one of them takes up, the longest that fits.
    fn len(&self, words: &[&str]) -> usize {
        let Some((first, behind)) = words.split_first() else { return 0 };
        let phrases = self.by_first().get(first).map_or(&[][..], Vec::as_slice);
        let fitting = phrases.iter().filter(|rest| behind.starts_with(rest));
        fitting.map(|rest| rest.len() + 1).max().unwrap_or(0)
    }
}

/// How many words a polite question takes up.
pub(super) fn polite_question(words: &[&str]) -> usize {
    POLITE_QUESTIONS.len(words)
}

/// How many words an opening takes up.
pub(super) fn opener(words: &[&str]) -> usize {
    OPENERS.len(words).max(PLEASANTRIES.len(words))
}

/// How many words a pleasantry takes up.
pub(super) fn pleasantry(words: &[&str]) -> usize {
    PLEASANTRIES.len(words)
}

/// How many words correct what was said.
pub(super) fn correction(words: &[&str]) -> usize {
    CORRECTION.len(words)
}

/// How many words withdraw a wish. `is_apart` as where they go on from nothing.
pub(super) fn withdrawn(words: &[&str], is_apart: bool) -> usize {
    let apart = if is_apart { WITHDRAWN_APART.len(words) } else { 0 };
    WITHDRAWN.len(words).max(apart)
}

/// How many words put a wish off.
pub(super) fn later(words: &[&str]) -> usize {
    LATER.len(words)
}

/// How many words take up room between a verb and its arguments.
pub(super) fn between(words: &[&str]) -> usize {
    BETWEEN.len(words).max(PLEASANTRIES.len(words))
}
