//! Reads an account's transactions as a bank reports them in ISO 20022: camt.052, camt.053 and camt.054, versions 2 to 8.

use sportello_sdk::Money;

use crate::account::electronic;
use crate::charset::sepa;
use crate::search::{Booking, Direction, Entry, Search};
use crate::verdict::euros;
use crate::xml::{BadDocument, Step, walk};

/// Where each message keeps its entries.
const REPORTS: [(&str, &str); 3] = [
    ("camt.052.001.", "Document/BkToCstmrAcctRpt/Rpt/"),
    ("camt.053.001.", "Document/BkToCstmrStmt/Stmt/"),
    ("camt.054.001.", "Document/BkToCstmrDbtCdtNtfctn/Ntfctn/"),
];

/// From which day to which day a report covers the account, as `2026-11-23`, where it says so and is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub from: String,
    pub to: String,
}

/// Feeds the entries of `document` to `search`, and returns what the document covers: `None` where it need not be all.
///
/// # Errors
/// A sentence for a log: it cannot be read, or speaks of another account.
pub(crate) fn read(document: &[u8], search: &mut Search<'_>) -> Result<Option<Coverage>, BadDocument> {
    let iban = electronic(search.order().debtor.account.rest());
    let mut report = Report {
        search,
        iban,
        accounts: 0,
        other_accounts: 0,
        has_more_pages: false,
        from: None,
        to: None,
        entry: Draft::default(),
        details: Vec::new(),
        detail: Draft::default(),
    };
    let message = walk(document, |step| {
        report.step(step);
        Ok(())
    })?;
    let Some((kind, _)) = REPORTS.iter().find(|(kind, _)| message.starts_with(kind)) else {
        return Err(format!("the document is a {} and no report of an account", sepa(&message, 40)));
    };
    if report.other_accounts > 0 || report.accounts == 0 {
        return Err("the report is of another account".to_owned());
    }
    // A notification (camt.054) tells of some entries only, and several reports in one document leave gaps.
    let is_whole = !kind.starts_with("camt.054") && report.accounts == 1 && !report.has_more_pages;
    Ok(match (is_whole, report.from, report.to) {
        (true, Some(from), Some(to)) => Some(Coverage { from, to }),
        _ => None,
    })
}

/// What is known of the entry or the transaction that is being read.
#[derive(Debug, Default, Clone)]
struct Draft {
    amount: Option<Money>,
    direction: Option<Direction>,
    booking: Option<Booking>,
    end_to_end_id: Option<String>,
    creditor: Option<String>,
    id: Option<String>,
    /// Whether it takes an earlier entry back.
    is_reversal: bool,
    /// How many transactions the bank says it is made of.
    transactions: u64,
}

struct Report<'s, 'o> {
    search: &'s mut Search<'o>,
    /// The account that is looked at.
    iban: String,
    accounts: u32,
    other_accounts: u32,
    has_more_pages: bool,
    from: Option<String>,
    to: Option<String>,
    entry: Draft,
    details: Vec<Draft>,
    detail: Draft,
}

impl Report<'_, '_> {
    fn step(&mut self, step: Step<'_>) {
        let path = match &step {
            Step::Open(path) | Step::Close { path, .. } => *path,
        };
        let Some(inside) = REPORTS.iter().find_map(|(_, prefix)| path.strip_prefix(prefix)) else {
            if let Step::Close { path, text, .. } = step
                && path.ends_with("/GrpHdr/MsgPgntn/LastPgInd")
            {
                self.has_more_pages |= text != "true";
            }
            return;
        };
        match step {
            Step::Open(_) if inside == "Ntry" => {
                self.entry = Draft::default();
                self.details.clear();
            }
            Step::Open(_) if inside == "Ntry/NtryDtls/TxDtls" => self.detail = Draft::default(),
            Step::Open(_) => {}
            Step::Close { text, currency, .. } => self.close(inside, text, currency),
        }
    }

    fn close(&mut self, path: &str, text: &str, currency: Option<&str>) {
        match path {
            "Acct/Id/IBAN" | "Acct/Id/Othr/Id" => {
                self.accounts += 1;
                self.other_accounts += u32::from(electronic(text) != self.iban);
            }
            "FrToDt/FrDtTm" => self.from = date(text),
            "FrToDt/ToDtTm" => self.to = date(text),
            "Ntry" => self.end_of_entry(),
            "Ntry/NtryDtls/TxDtls" => self.details.push(std::mem::take(&mut self.detail)),
            path if path.ends_with("Pgntn/LastPgInd") => self.has_more_pages |= text != "true",
            path => {
                if let Some(name) = path.strip_prefix("Ntry/NtryDtls/TxDtls/") {
                    self.detail.take(name, text, currency);
                } else if let Some(name) = path.strip_prefix("Ntry/") {
                    self.entry.take(name, text, currency);
                }
            }
        }
    }

    /// An entry is one transaction, or a batch whose transactions are shown, or one whose are not.
    fn end_of_entry(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        let details = std::mem::take(&mut self.details);
        if details.is_empty() {
            // The id of a batch stands in the entry; that of a single transaction would stand in its details. So without
            // details nobody knows what this is.
            self.search.see(entry.whole(true));
            return;
        }
        let shown = u64::try_from(details.len()).unwrap_or(u64::MAX);
        if entry.transactions > shown {
            self.search.see(entry.clone().whole(true));
        }
        let is_single = details.len() == 1;
        for mut detail in details {
            if is_single {
                detail.amount = detail.amount.or(entry.amount);
                detail.id = detail.id.or_else(|| entry.id.clone());
            }
            detail.direction = detail.direction.or(entry.direction);
            detail.booking = detail.booking.or(entry.booking);
            detail.is_reversal |= entry.is_reversal;
            self.search.see(detail.whole(false));
        }
    }
}

impl Draft {
    fn take(&mut self, name: &str, text: &str, currency: Option<&str>) {
        match name {
            // The amount of the transaction itself where the bank shows it: the entry's may have charges in it.
            "Amt" | "AmtDtls/TxAmt/Amt" => self.amount = euros(text, currency.unwrap_or("")),
            "CdtDbtInd" => {
                self.direction = Some(match text {
                    "DBIT" => Direction::Debit,
                    "CRDT" => Direction::Credit,
                    _ => Direction::Unclear,
                });
            }
            // A code since version 8, a bare word before.
            "Sts/Cd" | "Sts" if !text.is_empty() => {
                self.booking = Some(match text {
                    "BOOK" => Booking::Booked,
                    "PDNG" | "FUTR" => Booking::Pending,
                    _ => Booking::Other,
                });
            }
            "RvslInd" => self.is_reversal = matches!(text, "true" | "1"),
            "NtryDtls/Btch/NbOfTxs" => self.transactions = self.transactions.saturating_add(text.parse().unwrap_or(0)),
            "Refs/EndToEndId" => self.end_to_end_id = Some(text.to_owned()),
            "RltdPties/CdtrAcct/Id/IBAN" => self.creditor = Some(text.to_owned()),
            "AcctSvcrRef" | "Refs/AcctSvcrRef" => self.id = Some(text.to_owned()),
            _ => {}
        }
    }

    fn whole(self, is_batch: bool) -> Entry {
        let direction = match self.direction {
            // What is debited by taking a credit back is no payment.
            Some(Direction::Debit) if self.is_reversal => Direction::Unclear,
            direction => direction.unwrap_or(Direction::Unclear),
        };
        Entry {
            end_to_end_id: self.end_to_end_id,
            amount: self.amount,
            direction,
            booking: self.booking.unwrap_or(Booking::Other),
            creditor: self.creditor,
            id: self.id,
            is_batch,
        }
    }
}

/// The day of a date and time of ISO 8601, as it is written.
fn date(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let is_day = day.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    is_day.then(|| day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Finding;
    use crate::testing::{ANNA, KEY, PAOLO, camt, camt_entry, fixture, order};

    fn found(document: &str) -> Result<(Finding, bool), BadDocument> {
        let order = order();
        let mut search = Search::new(&order);
        let coverage = read(document.as_bytes(), &mut search)?;
        Ok((search.finding(), coverage.is_some()))
    }

    #[test]
    fn entries_are_found() {
        let check = |document: &str, expected: Finding, is_whole: bool| {
            assert_eq!(found(document), Ok((expected, is_whole)), "{document}");
        };
        let booked = || Finding::Booked { id: Some("B-1".to_owned()), repeatedly: false };
        let good = camt("052", &camt_entry(KEY, "20.00", "BOOK"));
        check(&good, booked(), true);
        check(&camt("053", &camt_entry(KEY, "20", "BOOK")), booked(), true);
        check(&camt("054", &camt_entry(KEY, "20.00", "BOOK")), booked(), false);
        check(&good.replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>"), booked(), true);
        check(&camt("052", &camt_entry(KEY, "20.00", "PDNG")), Finding::Pending, true);
        check(&camt("052", &camt_entry("other", "20.00", "BOOK")), Finding::Absent, true);
        check(&camt("052", ""), Finding::Absent, true);
        // The transaction's own amount, where the entry has charges in it.
        let charged = good.replace("</Refs>", "</Refs><Amt Ccy=\"EUR\">20.00</Amt>").replacen(">20.00<", ">20.15<", 1);
        check(&charged, booked(), true);
        // Without details it could be anything.
        let bare = "<Ntry><Amt Ccy=\"EUR\">20.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts></Ntry>";
        check(&camt("052", bare), Finding::Indistinct, true);
        // A batch of which one transaction is not shown.
        let other = camt("052", &camt_entry("other", "20.00", "BOOK"));
        let batch = |count| other.replace("<NtryDtls>", &format!("<NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch>"));
        check(&batch(1), Finding::Absent, true);
        check(&batch(2), Finding::Indistinct, true);
        check(&good.replace("<FrToDt>", "<X>").replace("</FrToDt>", "</X>"), booked(), false);
        check(
            &good.replace("</GrpHdr>", "<MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn></GrpHdr>"),
            booked(),
            false,
        );
    }

    #[test]
    fn villains_are_not_believed() {
        let check = |document: &str| {
            let found = found(document);
            assert!(matches!(found, Err(_) | Ok((Finding::Contradiction(_), _))), "{document}: {found:?}");
        };
        let good = camt("052", &camt_entry(KEY, "20.00", "BOOK"));
        check(&camt("052", &camt_entry(KEY, "-20.00", "BOOK")));
        check(&camt("052", &camt_entry(KEY, "2e1", "BOOK")));
        check(&camt("052", &camt_entry(KEY, "20.01", "BOOK")));
        check(&camt("052", &camt_entry(KEY, "20.00", "INFO")));
        check(&good.replace("Ccy=\"EUR\"", "Ccy=\"USD\""));
        check(&good.replace("DBIT", "CRDT"));
        check(&good.replace("<Sts>", "<RvslInd>true</RvslInd><Sts>"));
        check(&good.replace("DBIT", "dbit"));
        check(&good.replace(ANNA, "NL91ABNA0417164300"));
        check(&good.replace(PAOLO, "NL91ABNA0417164300"));
        check(&good.replace("camt.052", "pain.002"));
        check("<html><body>Please log in</body></html>");
        check(good.get(..good.len() / 2).unwrap());
        let both =
            format!("{}{}", camt_entry(KEY, "20.00", "BOOK"), camt_entry(KEY, "20.00", "BOOK").replace("DBIT", "CRDT"));
        check(&camt("052", &both));
    }

    #[test]
    fn samples_of_others_are_walked_through() {
        for name in ["camt052.v8", "camt054.v8", "camt054.v8-with-UETR", "camt054.v8-with-financial-institution"] {
            let Some(document) = fixture(&format!("iso20022/samples/genkgo__{name}.xml")) else {
                return;
            };
            let order = order();
            let error = read(&document, &mut Search::new(&order)).unwrap_err();
            assert!(error.contains("another account"), "{name}: {error}");
        }
    }

    #[test]
    fn another_bank_s_sample_shows_its_transactions() {
        let Some(document) = fixture("iso20022/samples/genkgo__camt054.v8.xml") else {
            return;
        };
        // The sample's second transaction, turned into ours but for what its bank wrote around it.
        let document = String::from_utf8(document).unwrap();
        let id = "UXC06170000006PI00001EE00002";
        assert!(document.contains(id));
        let document = document.replace(id, KEY).replace("CH2801234000123456789", PAOLO);
        let (finding, _) = found(&document).unwrap();
        assert!(matches!(finding, Finding::Contradiction(_)), "{finding:?}");
    }
}
