//! What the tests of this crate share.

use sportello_sdk::{Currency, Money, Order, OrderKind, Party, PaymentId};

/// The key of the order in all tests.
pub(crate) const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
/// When it was made: Tuesday 14 November 2023, 22:13:20 UTC.
pub(crate) const MADE_AT_MS: u64 = 1_700_000_000_000;
/// Anna's account.
pub(crate) const ANNA: &str = "IT60X0542811101000000123456";
/// Paolo's account.
pub(crate) const PAOLO: &str = "DE89370400440532013000";

/// Paolo pays Anna 20 euros.
pub(crate) fn order() -> Order {
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind: OrderKind::Transfer,
        amount: Money::new(2000, Currency::EUR).unwrap(),
        debtor: party("Paolo", PAOLO),
        creditor: party("Anna", ANNA),
        memo: Some("the pizza".to_owned()),
        refers_to: None,
        made_at_ms: MADE_AT_MS,
    }
}

fn party(name: &str, iban: &str) -> Party {
    Party { name: name.to_owned(), account: format!("iban:{iban}").parse().unwrap(), country: None }
}

/// A status report on the order's transaction.
pub(crate) fn pain002(status: &str, reasons: &[&str]) -> String {
    let reasons: String =
        reasons.iter().map(|code| format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>")).collect();
    pain002_of(
        "",
        &format!(
            "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{KEY}</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>{KEY}</OrgnlEndToEndId>\
             <TxSts>{status}</TxSts>{reasons}</TxInfAndSts></OrgnlPmtInfAndSts>"
        ),
    )
}

/// A status report with this in its group and these payment informations.
pub(crate) fn pain002_of(group: &str, payments: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\
         <CstmrPmtStsRpt><GrpHdr><MsgId>B1</MsgId><CreDtTm>2023-11-14T22:13:22Z</CreDtTm></GrpHdr><OrgnlGrpInfAndSts>\
         <OrgnlMsgId>{KEY}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>{payments}\
         </CstmrPmtStsRpt></Document>"
    )
}

/// A file among the fixtures beside the repository; says aloud where it is not there.
pub(crate) fn fixture(path: &str) -> Option<Vec<u8>> {
    let read = std::fs::read(fixture_path(path)).ok();
    if read.is_none() {
        skip(&format!("no fixture {path}"));
    }
    read
}

/// Where a fixture stands, or would.
pub(crate) fn fixture_path(path: &str) -> String {
    format!("{}/../../../../shared/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Says that a test proves nothing here.
#[allow(clippy::print_stdout)]
pub(crate) fn skip(because: &str) {
    println!("skipped: {because}");
}

/// A report of this kind (`052`, `053`, `054`) on Paolo's account.
pub(crate) fn camt(kind: &str, entries: &str) -> String {
    let (message, report) = match kind {
        "052" => ("BkToCstmrAcctRpt", "Rpt"),
        "053" => ("BkToCstmrStmt", "Stmt"),
        _ => ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08\"><{message}><GrpHdr><MsgId>1</MsgId>\
         <CreDtTm>2023-11-20T00:00:00Z</CreDtTm></GrpHdr><{report}><Id>1</Id><FrToDt><FrDtTm>2023-11-13T00:00:00Z</FrDtTm>\
         <ToDtTm>2023-11-20T00:00:00Z</ToDtTm></FrToDt><Acct><Id><IBAN>{PAOLO}</IBAN></Id></Acct>{entries}</{report}>\
         </{message}></Document>"
    )
}

/// An entry of a report: a debit to Anna.
pub(crate) fn camt_entry(end_to_end_id: &str, amount: &str, status: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>\
         <AcctSvcrRef>B-1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs><RltdPties>\
         <CdtrAcct><Id><IBAN>{ANNA}</IBAN></Id></CdtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>"
    )
}
