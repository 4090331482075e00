//! What people type in, checked field by field.

use sportello_model::Handle;
use sportello_sdk::Card;
use zeroize::Zeroizing;

/// The longest name on a card, in characters.
const HOLDER_LEN_MAX: usize = 60;

/// A form as a browser posts it.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    Number,
    Expiry,
    Expired,
    Holder,
    Account,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`: of anything there is a form, if not a sensible one.
    pub(super) fn read(body: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(body).take(20);
        Self(pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect())
    }

    /// The value of a field, without what is around it; empty where it is not there.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.trim())
    }

    /// The card that was typed in, if it can be one.
    pub(super) fn card(&self, now_ms: u64) -> Result<Card, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let written = self.field("number").chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.'));
        let pan: Zeroizing<String> = Zeroizing::new(written.collect());
        let is_number = pan.bytes().all(|b| b.is_ascii_digit()) && crate::pan::LEN.contains(&pan.len());
        if !is_number || !crate::pan::luhn(&pan) {
            mistakes.push(Mistake::Number);
        }
        let expiry = expiry(self.field("expiry"), now_ms);
        if let Err(mistake) = expiry {
            mistakes.push(mistake);
        }
        let holder = self.field("holder");
        if holder.chars().count() > HOLDER_LEN_MAX || holder.chars().any(char::is_control) {
            mistakes.push(Mistake::Holder);
        }
        match expiry {
            Ok((expiry_year, expiry_month)) if mistakes.is_empty() => {
                let holder = Some(holder.to_owned()).filter(|holder| !holder.is_empty());
                Ok(Card { pan: pan.to_string(), expiry_year, expiry_month, holder })
            }
            _ => Err(mistakes),
        }
    }

    /// The account of this scheme that was typed in, if it can be one.
    pub(super) fn account(&self, scheme: &str) -> Result<Handle, Mistake> {
        let written: String = self.field("account").chars().filter(|c| !c.is_whitespace()).collect();
        let rest = if scheme == "iban" { written.to_ascii_uppercase() } else { written };
        if scheme == "iban" && !crate::iban::is_valid(&rest) {
            return Err(Mistake::Account);
        }
        Handle::new(scheme, &rest).ok().filter(|account| !account.is_name()).ok_or(Mistake::Account)
    }
}

/// Month and year as on the card, `09/30`: the card is good until that month ends.
fn expiry(written: &str, now_ms: u64) -> Result<(u16, u8), Mistake> {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let is_written = written.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | ' ' | '.'));
    let (month, year) = match (is_written, digits.len()) {
        (true, 4) => digits.split_at(2),
        (true, 6) => digits.split_at(2),
        _ => return Err(Mistake::Expiry),
    };
    let month: u8 = month.parse().map_err(|_| Mistake::Expiry)?;
    let short: u16 = year.parse().map_err(|_| Mistake::Expiry)?;
    let year = if digits.len() == 4 { 2_000 + short } else { short };
    let (this_year, this_month) = crate::instant::month(now_ms);
    if !(1..=12).contains(&month) || u64::from(year) > this_year + 50 {
        return Err(Mistake::Expiry);
    }
    if (u64::from(year), u64::from(month)) < (this_year, this_month) {
        return Err(Mistake::Expired);
    }
    Ok((year, month))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14.
    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn cards() {
        let check = |body: &str, expected: Result<(&str, u16, u8, Option<&str>), &[Mistake]>| {
            let found = Form::read(body.as_bytes()).card(NOW);
            let found = found.as_ref().map(|c| (c.pan.as_str(), c.expiry_year, c.expiry_month, c.holder.as_deref()));
            assert_eq!(found.map_err(Vec::as_slice), expected, "{body}");
        };
        let visa = "4111111111111111";
        check("number=4111+1111+1111+1111&expiry=12%2F30", Ok((visa, 2030, 12, None)));
        check("number=4111-1111-1111-1111&expiry=1230&holder=+Anna+", Ok((visa, 2030, 12, Some("Anna"))));
        check("number=4111111111111111&expiry=12+%2F+2030", Ok((visa, 2030, 12, None)));
        // It is good until the end of its month.
        check("number=4111111111111111&expiry=11/23", Ok((visa, 2023, 11, None)));
        check("number=4111111111111111&expiry=10/23", Err(&[Mistake::Expired]));
        check("number=4111111111111112&expiry=12/30", Err(&[Mistake::Number]));
        check("number=41111111111&expiry=12/30", Err(&[Mistake::Number]));
        check("number=411111111111111x&expiry=13/30", Err(&[Mistake::Number, Mistake::Expiry]));
        check("number=&expiry=", Err(&[Mistake::Number, Mistake::Expiry]));
        check("", Err(&[Mistake::Number, Mistake::Expiry]));
        check("number=4111111111111111&expiry=00/30", Err(&[Mistake::Expiry]));
        check("number=4111111111111111&expiry=12/99", Err(&[Mistake::Expiry]));
        check("number=4111111111111111&expiry=December", Err(&[Mistake::Expiry]));
        let long = format!("number={visa}&expiry=12/30&holder={}", "a".repeat(61));
        check(&long, Err(&[Mistake::Holder]));
        check("number=4111111111111111&expiry=12/30&holder=a%00b", Err(&[Mistake::Holder]));
        check("number=%D9%A4111111111111111&expiry=12/30", Err(&[Mistake::Number]));
    }

    #[test]
    fn accounts() {
        let check = |scheme: &str, body: &str, expected: Option<&str>| {
            let found = Form::read(body.as_bytes()).account(scheme).ok();
            assert_eq!(found.as_ref().map(Handle::as_str), expected, "{body}");
        };
        check("iban", "account=it60+x054+2811+1010+0000+0123+456", Some("iban:IT60X0542811101000000123456"));
        check("iban", "account=IT61X0542811101000000123456", None);
        check("iban", "account=", None);
        check("wallet", "account=123", Some("wallet:123"));
        check("wallet", "account=@anna", None);
        check("wallet", "", None);
    }
}
