//! Reading a pain.001 as strictly as a bank does: its schema first (names, order, occurrence, lengths), then the SEPA
//! usage rules (EPC132-08 and EPC115-06): euros, one transfer, IBANs, the Latin character set.

use roxmltree::{Document, Node};

use super::{amount, iban};
use crate::clock;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";

/// What a pain.001 orders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    /// `pain.001.001.03` or `pain.001.001.09`.
    pub(crate) version: String,
    pub(crate) message_id: String,
    pub(crate) created_at: String,
    pub(crate) payment_information_id: String,
    pub(crate) instruction_id: Option<String>,
    pub(crate) end_to_end_id: String,
    pub(crate) cents: i64,
    pub(crate) debtor_name: String,
    pub(crate) debtor_iban: String,
    pub(crate) creditor_name: String,
    pub(crate) creditor_iban: String,
    pub(crate) remittance: Option<String>,
    /// The day on which it is to be carried out.
    pub(crate) date: String,
}

/// Reads `xml`; `instant` says which product it was sent to.
///
/// # Errors
/// A sentence with the path of the first element that is wrong.
pub(crate) fn read(xml: &str, instant: bool) -> Result<Order, String> {
    let document = Document::parse(xml).map_err(|error| format!("not well-formed XML: {error}"))?;
    let root = document.root_element();
    let version = root
        .tag_name()
        .namespace()
        .and_then(|namespace| namespace.strip_prefix(NAMESPACE))
        .filter(|version| matches!(*version, "pain.001.001.03" | "pain.001.001.09"))
        .filter(|_| root.tag_name().name() == "Document")
        .ok_or("the root must be a Document of pain.001.001.09 or pain.001.001.03")?;
    let foreign = root
        .descendants()
        .filter(Node::is_element)
        .find(|node| node.tag_name().namespace() != root.tag_name().namespace());
    if let Some(node) = foreign {
        return Err(format!("{}: not in the namespace of the document", node.tag_name().name()));
    }
    latin(root)?;

    let document = Part::open(root, "Document", &["CstmrCdtTrfInitn!"])?;
    let message = document.part("CstmrCdtTrfInitn", &["GrpHdr!", "PmtInf!"])?;
    let header = message.part("GrpHdr", &["MsgId!", "CreDtTm!", "NbOfTxs!", "CtrlSum", "InitgPty!"])?;
    let information = message.part(
        "PmtInf",
        &[
            "PmtInfId!",
            "PmtMtd!",
            "BtchBookg",
            "NbOfTxs",
            "CtrlSum",
            "PmtTpInf",
            "ReqdExctnDt!",
            "Dbtr!",
            "DbtrAcct!",
            "DbtrAgt!",
            "UltmtDbtr",
            "ChrgBr",
            "CdtTrfTxInf!",
        ],
    )?;
    let transfer = information.part(
        "CdtTrfTxInf",
        &[
            "PmtId!",
            "PmtTpInf",
            "Amt!",
            "ChrgBr",
            "UltmtDbtr",
            "CdtrAgt",
            "Cdtr!",
            "CdtrAcct!",
            "UltmtCdtr",
            "Purp",
            "RgltryRptg",
            "RmtInf",
        ],
    )?;
    let ids = transfer.part("PmtId", &["InstrId", "EndToEndId!", "UETR"])?;
    let cents = instructed(&transfer)?;

    let created_at = header.text("CreDtTm")?;
    if !clock::is_date(&created_at.chars().take(10).collect::<String>()) || created_at.chars().nth(10) != Some('T') {
        return Err(header.wrong("CreDtTm", "must be a date and a time"));
    }
    header.sums(cents)?;
    information.sums(cents)?;
    information.one_of("PmtMtd", &["TRF"])?;
    information.service(instant)?;
    transfer.service(instant)?;
    information.one_of("ChrgBr", &["SLEV"])?;
    transfer.one_of("ChrgBr", &["SLEV"])?;
    information.agent("DbtrAgt", version)?;
    transfer.agent("CdtrAgt", version)?;

    Ok(Order {
        version: version.to_owned(),
        message_id: header.id("MsgId")?,
        created_at,
        payment_information_id: information.id("PmtInfId")?,
        instruction_id: ids.child("InstrId").map(|_| ids.id("InstrId")).transpose()?,
        end_to_end_id: ids.id("EndToEndId")?,
        cents,
        debtor_name: information.name("Dbtr")?,
        debtor_iban: information.iban("DbtrAcct")?,
        creditor_name: transfer.name("Cdtr")?,
        creditor_iban: transfer.iban("CdtrAcct")?,
        remittance: remittance(&transfer)?,
        date: information.date(version)?,
    })
}

/// SEPA's character set (EPC217-08): Latin letters, digits and a few signs; nothing else, in any text.
fn latin(root: Node<'_, '_>) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-?:().,'+ \r\n\t".contains(c);
    for node in root.descendants().filter(Node::is_text) {
        if let Some(c) = node.text().unwrap_or_default().chars().find(|c| !allowed(*c)) {
            let element = node.parent().map_or("", |parent| parent.tag_name().name());
            return Err(format!("{element}: the character `{}` is not in the SEPA character set", c.escape_default()));
        }
    }
    Ok(())
}

fn instructed(transfer: &Part<'_, '_>) -> Result<i64, String> {
    let part = transfer.part("Amt", &["InstdAmt!"])?;
    let node = part.child("InstdAmt").ok_or_else(|| part.wrong("InstdAmt", "is missing"))?;
    if node.attribute("Ccy") != Some("EUR") {
        return Err(part.wrong("InstdAmt", "must be in EUR"));
    }
    amount::parse(&part.text("InstdAmt")?)
        .ok_or_else(|| part.wrong("InstdAmt", "must lie between 0.01 and 999999999.99, with two decimals at most"))
}

fn remittance(transfer: &Part<'_, '_>) -> Result<Option<String>, String> {
    if transfer.child("RmtInf").is_none() {
        return Ok(None);
    }
    let part = transfer.part("RmtInf", &["Ustrd", "Strd"])?;
    match (part.child("Ustrd"), part.child("Strd")) {
        (Some(_), Some(_)) => Err(part.wrong("Strd", "cannot stand beside Ustrd")),
        (None, _) => Ok(None),
        (Some(_), None) => {
            let text = part.text("Ustrd")?;
            if text.chars().count() > 140 {
                return Err(part.wrong("Ustrd", "holds at most 140 characters"));
            }
            Ok(Some(text))
        }
    }
}

/// An element whose children have been checked for names, order and occurrence.
struct Part<'a, 'input> {
    node: Node<'a, 'input>,
    path: String,
}

impl<'a, 'input> Part<'a, 'input> {
    /// Opens `node`; `children` are the names it may hold, in order, each once at most, with `!` where it must.
    fn open(node: Node<'a, 'input>, path: &str, children: &[&str]) -> Result<Self, String> {
        let mut expected = children.iter();
        for child in node.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            loop {
                match expected.next() {
                    None => return Err(format!("{path}/{name}: not expected here")),
                    Some(next) if next.trim_end_matches('!') == name => break,
                    Some(next) if next.ends_with('!') => {
                        return Err(format!("{path}/{name}: {} is expected first", next.trim_end_matches('!')));
                    }
                    Some(_) => {}
                }
            }
        }
        match expected.find(|next| next.ends_with('!')) {
            Some(next) => Err(format!("{path}/{}: is missing", next.trim_end_matches('!'))),
            None => Ok(Self { node, path: path.to_owned() }),
        }
    }

    fn child(&self, name: &str) -> Option<Node<'a, 'input>> {
        self.node.children().find(|child| child.is_element() && child.tag_name().name() == name)
    }

    fn part(&self, name: &str, children: &[&str]) -> Result<Self, String> {
        let node = self.child(name).ok_or_else(|| self.wrong(name, "is missing"))?;
        Part::open(node, &format!("{}/{name}", self.path), children)
    }

    fn wrong(&self, name: &str, what: &str) -> String {
        format!("{}/{name}: {what}", self.path)
    }

    /// The child's text, which may not be empty.
    fn text(&self, name: &str) -> Result<String, String> {
        let node = self.child(name).ok_or_else(|| self.wrong(name, "is missing"))?;
        let simple = node.children().all(|child| !child.is_element());
        let text: String = node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect();
        if !simple || text.is_empty() {
            return Err(self.wrong(name, "must hold a text"));
        }
        Ok(text)
    }

    /// An identification: 35 characters at most, and no slash at either end or two together (EPC217-08).
    fn id(&self, name: &str) -> Result<String, String> {
        let text = self.text(name)?;
        if text.chars().count() > 35 {
            return Err(self.wrong(name, "holds at most 35 characters"));
        }
        if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
            return Err(self.wrong(name, "may not begin or end with a slash, nor hold two together"));
        }
        Ok(text)
    }

    fn name(&self, party: &str) -> Result<String, String> {
        let part = self.part(party, &["Nm!", "PstlAdr", "Id", "CtryOfRes", "CtctDtls"])?;
        let text = part.text("Nm")?;
        if text.chars().count() > 70 {
            return Err(part.wrong("Nm", "holds at most 70 characters"));
        }
        Ok(text)
    }

    fn iban(&self, account: &str) -> Result<String, String> {
        let id = self.part(account, &["Id!", "Tp", "Ccy", "Nm"])?.part("Id", &["IBAN!"])?;
        let text = id.text("IBAN")?;
        if !iban::is_valid(&text) {
            return Err(id.wrong("IBAN", "is not a valid IBAN"));
        }
        Ok(text)
    }

    fn one_of(&self, name: &str, values: &[&str]) -> Result<(), String> {
        if self.child(name).is_some() && !values.contains(&self.text(name)?.as_str()) {
            return Err(self.wrong(name, &format!("must be {}", values.join(" or "))));
        }
        Ok(())
    }

    /// The number and the sum of the transfers, each where it stands.
    fn sums(&self, cents: i64) -> Result<(), String> {
        self.one_of("NbOfTxs", &["1"])?;
        if self.child("CtrlSum").is_some() && amount::parse(&self.text("CtrlSum")?) != Some(cents) {
            return Err(self.wrong("CtrlSum", "is not the sum of the amounts"));
        }
        Ok(())
    }

    /// The service level SEPA, and the instrument INST nowhere but where the product is the instant one.
    fn service(&self, instant: bool) -> Result<(), String> {
        if self.child("PmtTpInf").is_none() {
            return Ok(());
        }
        let kind = self.part("PmtTpInf", &["InstrPrty", "SvcLvl", "LclInstrm", "CtgyPurp"])?;
        if kind.child("SvcLvl").is_some() {
            kind.part("SvcLvl", &["Cd!"])?.one_of("Cd", &["SEPA"])?;
        }
        match (kind.child("LclInstrm").is_some(), instant) {
            (true, true) => kind.part("LclInstrm", &["Cd!"])?.one_of("Cd", &["INST"]),
            (true, false) => Err(kind.wrong("LclInstrm", "does not fit this product")),
            (false, _) => Ok(()),
        }
    }

    fn agent(&self, name: &str, version: &str) -> Result<(), String> {
        if self.child(name).is_none() {
            return Ok(());
        }
        let bic = if version == "pain.001.001.03" { "BIC" } else { "BICFI" };
        let part = self.part(name, &["FinInstnId!"])?.part("FinInstnId", &[bic, "Nm", "PstlAdr", "Othr"])?;
        if part.child(bic).is_none() {
            return part.part("Othr", &["Id!"])?.one_of("Id", &["NOTPROVIDED"]);
        }
        let text = part.text(bic)?;
        let letters = text.chars().take(6).all(|c| c.is_ascii_uppercase());
        let rest = text.chars().skip(6).all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !matches!(text.len(), 8 | 11) || !letters || !rest {
            return Err(part.wrong(bic, "is not a BIC"));
        }
        Ok(())
    }

    fn date(&self, version: &str) -> Result<String, String> {
        let date = if version == "pain.001.001.03" {
            self.text("ReqdExctnDt")?
        } else {
            let choice = self.part("ReqdExctnDt", &["Dt", "DtTm"])?;
            let day = choice.text(if choice.child("Dt").is_some() { "Dt" } else { "DtTm" })?;
            if choice.child("Dt").is_some() { day } else { day.chars().take(10).collect() }
        };
        if !clock::is_date(&date) {
            return Err(self.wrong("ReqdExctnDt", "is not a date"));
        }
        Ok(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files written by others: a library for SEPA and one for ISO 20022 at large.
    #[test]
    #[allow(clippy::print_stdout, reason = "a test that skips says so")]
    fn files_of_other_programs_are_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/iso20022/samples");
        if !std::path::Path::new(folder).is_dir() {
            println!("skipped: the shared fixtures are not here");
            return;
        }
        let check = |file: &str, instant: bool, expected: Result<(&str, i64, &str), &str>| {
            let xml = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
            let read = read(&xml, instant).map(|order| (order.end_to_end_id, order.cents, order.creditor_iban));
            let expected = expected.map(|(id, cents, iban)| (id.to_owned(), cents, iban.to_owned()));
            assert_eq!(read, expected.map_err(str::to_owned), "{file}");
        };
        let usual = "py_pain001__sepa-credit-transfer__";
        check(
            "py_pain001__sepa-instant__de.sepa.sct-inst.pain.001.001.09.xml",
            true,
            Ok(("MSTR-INST-2026-0921-01", 45_000, "DE46910579234762349724")),
        );
        for version in ["03", "09"] {
            for file in [
                "be.sepa.sct-supplier",
                "cz.sepa.sct",
                "es.sepa.sct-single",
                "lu.sepa.sct-single",
                "nl.sepa.sct-supplier",
            ] {
                let file = format!("{usual}{file}.pain.001.001.{version}.xml");
                let xml = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
                assert!(super::read(&xml, false).is_ok(), "{file}");
            }
        }
        let two = "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf: not expected here";
        check("sepa_pain.001.001.09.xml", false, Err(two));
        check("sepa_pain.001.001.03.xml", false, Err(two));
        let urgent = "Document/CstmrCdtTrfInitn/PmtInf/PmtTpInf/SvcLvl/Cd: must be SEPA";
        check("py_pain001__urgent-euro__de.ccu.urgent.pain.001.001.09.xml", false, Err(urgent));
        let letter = "Nm: the character `\\u{e4}` is not in the SEPA character set";
        check("py_pain001__sepa-credit-transfer__ch.sepa.sct.pain.001.001.09.xml", false, Err(letter));
    }
}
