//! Reads what the bank says of the order: pain.002.001.03 and pain.002.001.10.
//!
//! A status stands on one of three levels: the message, the payment information, the transaction. The one that is deepest
//! and ours counts; what speaks of somebody else's payment is an error, and so says nothing.

use crate::charset::sepa;
use crate::verdict::Said;
use crate::xml::{BadDocument, Step, walk};

const REPORT: &str = "Document/CstmrPmtStsRpt/";
/// More reasons and words than any rejection needs; the rest is left unread.
const LIST_LEN_MAX: usize = 16;

/// A status on one level.
#[derive(Debug, Default)]
struct Level {
    /// `OrgnlMsgId`, `OrgnlPmtInfId` or `OrgnlEndToEndId`.
    id: Option<String>,
    status: Option<String>,
    reasons: Vec<String>,
    words: Vec<String>,
    amount: Option<(String, String)>,
}

#[derive(Debug, Default)]
struct Report {
    group: Level,
    payment: Level,
    transaction: Level,
    /// What stands above and below, of each transaction and each payment information that is ours.
    ours: Vec<Said>,
    /// How many payment informations and transactions there are at all.
    payments: u32,
    transactions: u32,
    /// The transactions of the payment information that is being read.
    within: u32,
}

/// Reads what `document` says of the payment whose end-to-end id, payment information id and message id are `key`.
///
/// # Errors
/// A sentence for a log: it cannot be read, contradicts itself, or speaks of another payment.
pub(crate) fn read(document: &[u8], key: &str) -> Result<Said, BadDocument> {
    let mut report = Report::default();
    let message = walk(document, |step| match step {
        Step::Open(path) => {
            report.open(path);
            Ok(())
        }
        Step::Close { path, text, currency } => match path.strip_prefix(REPORT) {
            Some(path) => report.close(path, text, currency, key),
            None => Ok(()),
        },
    })?;
    if !matches!(&*message, "pain.002.001.03" | "pain.002.001.10") {
        return Err(format!("the document is a {} and no status report of a known version", sepa(&message, 40)));
    }
    report.end(key)
}

/// Whether `id` is ours. Our keys are in small letters: a bank that writes capitals means the same.
pub(crate) fn is_ours(id: &str, key: &str) -> bool {
    id.trim().eq_ignore_ascii_case(key)
}

impl Report {
    fn open(&mut self, path: &str) {
        match path.strip_prefix(REPORT) {
            Some("OrgnlPmtInfAndSts") => {
                self.payment = Level::default();
                self.within = 0;
            }
            Some("OrgnlPmtInfAndSts/TxInfAndSts") => self.transaction = Level::default(),
            _ => {}
        }
    }

    fn close(&mut self, path: &str, text: &str, currency: Option<&str>, key: &str) -> Result<(), BadDocument> {
        if let Some(name) = path.strip_prefix("OrgnlGrpInfAndSts/") {
            return self.group.take(name, "OrgnlMsgId", "GrpSts", text, currency);
        }
        if let Some(name) = path.strip_prefix("OrgnlPmtInfAndSts/TxInfAndSts/") {
            return self.transaction.take(name, "OrgnlEndToEndId", "TxSts", text, currency);
        }
        match path {
            "OrgnlPmtInfAndSts/TxInfAndSts" => {
                self.transactions += 1;
                self.within += 1;
                let transaction = std::mem::take(&mut self.transaction);
                if transaction.id.as_deref().is_some_and(|id| is_ours(id, key)) {
                    self.ours.push(combine(&[&transaction, &self.payment, &self.group])?);
                }
            }
            "OrgnlPmtInfAndSts" => {
                self.payments += 1;
                let is_ours = self.payment.id.as_deref().is_some_and(|id| is_ours(id, key));
                if is_ours && self.within == 0 {
                    self.ours.push(combine(&[&self.payment, &self.group])?);
                }
            }
            _ => {
                if let Some(name) = path.strip_prefix("OrgnlPmtInfAndSts/") {
                    return self.payment.take(name, "OrgnlPmtInfId", "PmtInfSts", text, currency);
                }
            }
        }
        Ok(())
    }

    fn end(mut self, key: &str) -> Result<Said, BadDocument> {
        let is_group_ours = self.group.id.as_deref().is_some_and(|id| is_ours(id, key));
        if self.payments == 0 && self.transactions == 0 && is_group_ours {
            self.ours.push(combine(&[&self.group])?);
        }
        let Some(said) = self.ours.pop() else {
            return Err("the report speaks of another payment".to_owned());
        };
        if self.ours.iter().any(|other| other.status != said.status) {
            return Err("the report says two things of one payment".to_owned());
        }
        Ok(said)
    }
}

impl Level {
    fn take(
        &mut self,
        name: &str,
        id: &str,
        status: &str,
        text: &str,
        currency: Option<&str>,
    ) -> Result<(), BadDocument> {
        let once = |slot: &mut Option<String>| match slot.replace(text.to_owned()) {
            Some(_) => Err("the report says a thing twice".to_owned()),
            None => Ok(()),
        };
        match name {
            name if name == id => once(&mut self.id)?,
            name if name == status => once(&mut self.status)?,
            "StsRsnInf/Rsn/Cd" | "StsRsnInf/Rsn/Prtry" if self.reasons.len() < LIST_LEN_MAX => {
                self.reasons.push(text.to_owned());
            }
            "StsRsnInf/AddtlInf" if self.words.len() < LIST_LEN_MAX => self.words.push(text.to_owned()),
            "OrgnlTxRef/Amt/InstdAmt" => {
                self.amount = Some((text.to_owned(), currency.unwrap_or("").to_owned()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The deepest level's status, with the reasons of the deepest level that gives some for the same status.
fn combine(levels: &[&Level]) -> Result<Said, BadDocument> {
    let Some(status) = levels.iter().find_map(|level| level.status.as_deref()) else {
        return Err("the report gives no status".to_owned());
    };
    // A whole that is rejected has no part that is not, and a whole that is settled no part that is rejected.
    for above in levels.iter().filter_map(|level| level.status.as_deref()) {
        let contradicts = (above == "RJCT" && status != "RJCT")
            || (matches!(above, "ACSC" | "ACCC") && matches!(status, "RJCT" | "CANC"));
        if contradicts {
            return Err("the report says one thing of the whole and another of this payment".to_owned());
        }
    }
    let told = |level: &&&Level| {
        level.status.as_deref().is_none_or(|of| of == status) && !(level.reasons.is_empty() && level.words.is_empty())
    };
    let telling = levels.iter().find(told);
    Ok(Said {
        status: status.to_owned(),
        reasons: telling.map(|level| level.reasons.clone()).unwrap_or_default(),
        words: telling.map(|level| level.words.join(" ")).filter(|words| !words.is_empty()),
        amount: levels.iter().find_map(|level| level.amount.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{KEY, fixture, pain002, pain002_of};

    fn told(document: &str) -> String {
        match read(document.as_bytes(), KEY) {
            Ok(said) => format!("{} {}", said.status, said.reasons.join(",")).trim().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn the_deepest_status_that_is_ours_counts() {
        let check = |document: &str, expected: &str| assert_eq!(told(document), expected, "{document}");
        let transaction = |id: &str, inside: &str| {
            format!("<TxInfAndSts><OrgnlEndToEndId>{id}</OrgnlEndToEndId>{inside}</TxInfAndSts>")
        };
        let payment = |id: &str, inside: &str| {
            format!("<OrgnlPmtInfAndSts><OrgnlPmtInfId>{id}</OrgnlPmtInfId>{inside}</OrgnlPmtInfAndSts>")
        };
        let reason = |code: &str| format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>");

        check(&pain002("ACSC", &[]), "ACSC");
        check(&pain002("RJCT", &["AC04"]), "RJCT AC04");
        let both =
            format!("{}{}", transaction("other", "<TxSts>RJCT</TxSts>"), transaction(KEY, "<TxSts>ACSP</TxSts>"));
        check(
            &pain002_of("<GrpSts>PART</GrpSts>", &payment("x", &format!("<PmtInfSts>PART</PmtInfSts>{both}"))),
            "ACSP",
        );
        // The status of what is above, where the transaction has none.
        let inside = format!("<PmtInfSts>RJCT</PmtInfSts>{}{}", reason("AM04"), transaction(KEY, ""));
        check(&pain002_of("", &payment("x", &inside)), "RJCT AM04");
        check(&pain002_of("", &payment(KEY, &format!("<PmtInfSts>RJCT</PmtInfSts>{}", reason("RC01")))), "RJCT RC01");
        check(&pain002_of(&format!("<GrpSts>RJCT</GrpSts>{}", reason("FF01")), ""), "RJCT FF01");
        let shouted = transaction(&KEY.to_uppercase(), "<TxSts>ACSC</TxSts>");
        check(&pain002_of("", &payment("x", &shouted)), "ACSC");
        check(&pain002("ACSC", &[]).replace(".10", ".03"), "ACSC");
    }

    #[test]
    fn what_is_not_ours_or_not_whole_says_nothing() {
        let check = |document: &str, expected: &str| {
            let told = told(document);
            assert!(told.starts_with("error") && told.contains(expected), "{told}: {document}");
        };
        let good = pain002("ACSC", &[]);
        check(&good.replace(KEY, "s-somebody-else"), "another payment");
        check(&good.replace("pain.002.001.10", "pain.002.001.99"), "no status report");
        check(&good.replace("pain.002.001.10", "camt.052.001.08"), "no status report");
        check(&good.replace("<TxSts>ACSC</TxSts>", ""), "no status");
        check(&good.replace("<TxSts>ACSC</TxSts>", "<TxSts>ACSC</TxSts><TxSts>RJCT</TxSts>"), "twice");
        check(&good.replace("<OrgnlPmtInfAndSts>", "<OrgnlPmtInfAndSts><PmtInfSts>RJCT</PmtInfSts>"), "of the whole");
        check(
            &pain002("RJCT", &[]).replace("</OrgnlGrpInfAndSts>", "<GrpSts>ACSC</GrpSts></OrgnlGrpInfAndSts>"),
            "of the whole",
        );
        let transaction =
            format!("<TxInfAndSts><OrgnlEndToEndId>{KEY}</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>");
        check(&good.replace("</OrgnlPmtInfAndSts>", &format!("{transaction}</OrgnlPmtInfAndSts>")), "two things");
        for cut in 1..good.len() {
            if let Some(part) = good.get(..cut) {
                check(part, "");
            }
        }
        check(
            &good.replace("<Document", "<!DOCTYPE x [<!ENTITY lol \"lol\"><!ENTITY l \"&lol;&lol;\">]><Document"),
            "document type",
        );
    }

    #[test]
    fn samples_of_others_are_read() {
        let check = |name: &str, key: &str, expected: &str| {
            let Some(document) = fixture(&format!("iso20022/samples/{name}")) else {
                return;
            };
            let said = read(&document, key).map(|said| format!("{} {}", said.status, said.reasons.join(",")));
            assert_eq!(said.as_deref().map_err(|_| "error"), Ok(expected), "{name}");
            assert!(read(&document, KEY).is_err(), "{name}");
        };
        check("py_pain001__test_fixtures__pain002_sample.xml", "PaymentID6789", "RJCT AC04");
        check("iso20022js__goldman_sachs__pain_002_v3_group_accepted.xml", "CLIENT NAME_2023-09-06:04", "ACTC ");
        check("iso20022js__goldman_sachs__pain_002_v3_payment_accepted.xml", "xxx001220315B000XXXX", "ACCP NARR");
    }
}
