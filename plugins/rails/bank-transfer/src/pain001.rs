//! Writes the order to the bank: pain.001.001.09, one payment with one transaction.
//!
//! Elements and their order are those of the schema; which of the optional ones are used, and their values, is the EPC's
//! customer-to-bank guideline (EPC132-08 for SCT, EPC121-16 for SCT Inst). Every text is already in the SEPA character set
//! (see [`Transfer`]), and is escaped all the same.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::calendar::{Date, date_time};
use crate::settings::Product;
use crate::transfer::Transfer;

/// The content type of an order.
pub(crate) const CONTENT_TYPE: &str = "application/xml";
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

type Xml = Writer<Vec<u8>>;

/// The document for `transfer`, made at `now_ms` and to be executed on that day.
///
/// Not on the day of the order: an order may wait, and banks turn down a date that has passed (DT01), and wait for one that
/// has not come. So the day is that of the payer's bank.
///
/// # Errors
/// None that can happen: writing to memory does not fail.
pub(crate) fn write(transfer: &Transfer, product: Product, bic: Option<&str>, now_ms: u64) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new(Vec::with_capacity(2_048));
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("Document").with_attribute(("xmlns", NAMESPACE)).write_inner_content(|xml| {
        within(xml, "CstmrCdtTrfInitn", |xml| {
            within(xml, "GrpHdr", |xml| {
                text(xml, "MsgId", &transfer.key)?;
                text(xml, "CreDtTm", &date_time(now_ms))?;
                sums(xml, transfer)?;
                within(xml, "InitgPty", |xml| text(xml, "Nm", &transfer.debtor_name))
            })?;
            within(xml, "PmtInf", |xml| payment(xml, transfer, product, bic, now_ms))
        })
    })?;
    Ok(xml.into_inner())
}

fn payment(xml: &mut Xml, transfer: &Transfer, product: Product, bic: Option<&str>, now_ms: u64) -> io::Result<()> {
    text(xml, "PmtInfId", &transfer.key)?;
    text(xml, "PmtMtd", "TRF")?;
    // Booked one by one, so that the account's transactions show this one with its end-to-end id.
    text(xml, "BtchBookg", "false")?;
    sums(xml, transfer)?;
    within(xml, "PmtTpInf", |xml| {
        within(xml, "SvcLvl", |xml| text(xml, "Cd", "SEPA"))?;
        match product {
            Product::Instant => within(xml, "LclInstrm", |xml| text(xml, "Cd", "INST")),
            Product::CreditTransfer => Ok(()),
        }
    })?;
    within(xml, "ReqdExctnDt", |xml| {
        text(xml, "Dt", &Date::at_banks_of(transfer.debtor.country(), now_ms).to_string())
    })?;
    within(xml, "Dbtr", |xml| text(xml, "Nm", &transfer.debtor_name))?;
    within(xml, "DbtrAcct", |xml| within(xml, "Id", |xml| text(xml, "IBAN", transfer.debtor.iban())))?;
    within(xml, "DbtrAgt", |xml| {
        within(xml, "FinInstnId", |xml| match bic {
            Some(bic) => text(xml, "BICFI", bic),
            None => within(xml, "Othr", |xml| text(xml, "Id", "NOTPROVIDED")),
        })
    })?;
    text(xml, "ChrgBr", "SLEV")?;
    within(xml, "CdtTrfTxInf", |xml| transaction(xml, transfer))
}

fn transaction(xml: &mut Xml, transfer: &Transfer) -> io::Result<()> {
    within(xml, "PmtId", |xml| {
        text(xml, "InstrId", &transfer.key)?;
        text(xml, "EndToEndId", &transfer.key)
    })?;
    within(xml, "Amt", |xml| {
        xml.create_element("InstdAmt")
            .with_attribute(("Ccy", "EUR"))
            .write_text_content(BytesText::new(&transfer.amount))?;
        Ok(())
    })?;
    // No CdtrAgt: the payee's bank follows from the IBAN (regulation 260/2012, article 5(7)).
    within(xml, "Cdtr", |xml| text(xml, "Nm", &transfer.creditor_name))?;
    within(xml, "CdtrAcct", |xml| within(xml, "Id", |xml| text(xml, "IBAN", transfer.creditor.iban())))?;
    match &transfer.remittance {
        Some(remittance) => within(xml, "RmtInf", |xml| text(xml, "Ustrd", remittance)),
        None => Ok(()),
    }
}

fn sums(xml: &mut Xml, transfer: &Transfer) -> io::Result<()> {
    text(xml, "NbOfTxs", "1")?;
    text(xml, "CtrlSum", &transfer.amount)
}

fn within(xml: &mut Xml, name: &str, write: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    xml.create_element(name).write_inner_content(write)?;
    Ok(())
}

fn text(xml: &mut Xml, name: &str, value: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(value))?;
    Ok(())
}

#[cfg(test)]
mod tests;
