//! Numbers in words: recognised so that they are never passed over, and not read.

/// What number words are put together from, in English, Italian and French, folded.
const PARTS: &str = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred hundreds thousand \
    thousands million millions billion billions trillion dozen half couple twice double triple thrice quarter \
    due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette \
    diciotto diciannove venti vent trenta trent quaranta quarant cinquanta cinquant sessanta sessant settanta settant \
    ottanta ottant novanta novant cento mille mila milione milioni miliardo miliardi mezzo mezza dozzina doppio meta \
    deux trois quatre cinq sept huit neuf dix onze douze treize quatorze quinze seize vingt vingts trente quarante \
    cinquante soixante septante huitante octante nonante cent cents milliard milliards demi demie moitie douzaine";

/// What stands inside such words and is none alone.
const LINKS: [&str; 7] = ["one", "uno", "un", "une", "e", "et", "and"];

/// What multiplies a number in digits before it.
const SCALES: &str = "k m mn mln mio bn mrd md hundred hundreds thousand thousands million millions billion billions \
    trillion dozen grand lakh crore cento mila mille milione milioni miliardo miliardi cent milliard milliards \
    douzaine dozzina mil half mezzo demi";

/// Whether a folded word is a number: `twenty`, `venticinque`, `quatrevingts`. *One* and *un* are not: they are articles.
pub(super) fn is_number(word: &str) -> bool {
    // Longer than any number that somebody writes; it also bounds the search below.
    if word.len() > 60 || LINKS.contains(&word) {
        return false;
    }
    // The places that can be reached by laying parts end to end.
    let mut reached = vec![false; word.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for at in 0..word.len() {
        if reached.get(at) != Some(&true) {
            continue;
        }
        let rest = word.get(at..).unwrap_or("");
        for part in PARTS.split_ascii_whitespace().chain(LINKS) {
            if rest.starts_with(part)
                && let Some(end) = reached.get_mut(at + part.len())
            {
                *end = true;
            }
        }
    }
    !word.is_empty() && reached.last() == Some(&true)
}

/// Whether a folded word multiplies the number before it: `20 million`, `20 K`.
pub(super) fn is_scale(word: &str) -> bool {
    SCALES.split_ascii_whitespace().any(|scale| scale == word)
}
