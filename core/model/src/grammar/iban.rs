//! IBANs in a text: where they end, and whether they are sound (ISO 13616, checked by ISO 7064 MOD 97-10).

/// How long an IBAN is, by country (the registry that SWIFT keeps for ISO 13616). Needed to know where one ends that is
/// written in groups: `… 0123 456 20 €`.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 \
    EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 \
    LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 \
    SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// Reads what has the shape of an IBAN: its length in the text, and the IBAN in capitals without spaces if it is sound.
pub(super) fn read(text: &str) -> Option<(usize, Option<String>)> {
    let head = text.get(..4)?;
    let has_shape =
        head.bytes().take(2).all(|b| b.is_ascii_alphabetic()) && head.bytes().skip(2).all(|b| b.is_ascii_digit());
    let solid = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    // Small letters are believed only without spaces: "to99 is my nick" is no account.
    if !has_shape || solid < 15 && (solid != 4 || !head.bytes().take(2).all(|b| b.is_ascii_uppercase())) {
        return None;
    }
    let expected = LENGTHS
        .split_ascii_whitespace()
        .find(|entry| entry.get(..2) == head.get(..2).map(str::to_ascii_uppercase).as_deref());
    let expected: Option<usize> = expected.and_then(|entry| entry.get(2..)?.parse().ok());
    let (len, compact) = if solid >= 15 { (solid, text.get(..solid)?.to_owned()) } else { grouped(text, expected?)? };
    let compact = compact.to_ascii_uppercase();
    let glued = text.get(len..).and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_sound = !glued && expected.is_none_or(|expected| expected == compact.len()) && checks(&compact);
    Some((len, is_sound.then_some(compact)))
}

/// Groups of four, parted by one space each, until `expected` characters are there or the groups end.
fn grouped(text: &str, expected: usize) -> Option<(usize, String)> {
    let mut compact = String::new();
    let mut len = 0;
    let mut from = 0;
    loop {
        let group = text.get(from..)?.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let wanted = (expected - compact.len()).min(4);
        if group != wanted {
            break;
        }
        compact.push_str(text.get(from..from + group)?);
        len = from + group;
        let gap = text.get(len..)?.chars().next().filter(|c| matches!(c, ' ' | '\u{a0}' | '\u{202f}'));
        match gap {
            Some(gap) if compact.len() < expected => from = len + gap.len_utf8(),
            _ => break,
        }
    }
    // One group alone is a word; two or more that stop short are an account that is wrong.
    (compact.len() > 4).then_some((len, compact))
}

fn checks(iban: &str) -> bool {
    let rest = iban.bytes().skip(4).chain(iban.bytes().take(4)).fold(0u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b.saturating_sub(b'A')) + 10) % 97,
    });
    (15..=34).contains(&iban.len()) && rest == 1
}
