use std::process::Command;

use proptest::prelude::*;
use sportello_sdk::{Currency, Money, Order};

use super::*;
use crate::charset::is_sepa;
use crate::testing::{ANNA, KEY, MADE_AT_MS, PAOLO, fixture, fixture_path, order, skip};

fn document(order: &Order, product: Product, bic: Option<&str>) -> String {
    let transfer = Transfer::of(order).unwrap();
    String::from_utf8(write(&transfer, product, bic, MADE_AT_MS).unwrap()).unwrap()
}

/// Takes a document apart without an XML parser: the path and text of each leaf. Panics where tags do not fit.
fn leaves(document: &str) -> Vec<(String, String)> {
    let mut open: Vec<&str> = Vec::new();
    let mut leaves = Vec::new();
    let mut text = "";
    let body = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    for piece in body.split('<').skip(1) {
        let (tag, behind) = piece.split_once('>').unwrap();
        assert!(!behind.contains('>'));
        if let Some(name) = tag.strip_prefix('/') {
            if !text.is_empty() {
                leaves.push((open.join("/"), text.to_owned()));
            }
            assert_eq!(open.pop(), Some(name));
            text = "";
        } else {
            open.push(tag.split(' ').next().unwrap());
            text = behind;
        }
    }
    assert!(open.is_empty());
    leaves
}

fn leaf(document: &str, path: &str) -> Option<String> {
    let of = |text: &str| text.replace("&apos;", "'").replace("&amp;", "&");
    let found: Vec<_> = leaves(document).into_iter().filter(|(at, _)| at.ends_with(path)).collect();
    assert!(found.len() < 2, "{path}");
    found.first().map(|(_, text)| of(text))
}

#[test]
fn the_order_stands_where_a_bank_looks_for_it() {
    let check = |path: &str, expected: Option<&str>| {
        let document = document(&order(), Product::Instant, None);
        assert_eq!(leaf(&document, path).as_deref(), expected, "{path}");
    };
    check("GrpHdr/MsgId", Some(KEY));
    check("GrpHdr/CreDtTm", Some("2023-11-14T22:13:20Z"));
    check("GrpHdr/NbOfTxs", Some("1"));
    check("GrpHdr/CtrlSum", Some("20.00"));
    check("PmtInf/PmtInfId", Some(KEY));
    check("PmtInf/NbOfTxs", Some("1"));
    check("PmtInf/CtrlSum", Some("20.00"));
    check("PmtTpInf/SvcLvl/Cd", Some("SEPA"));
    check("PmtTpInf/LclInstrm/Cd", Some("INST"));
    check("ReqdExctnDt/Dt", Some("2023-11-14"));
    check("Dbtr/Nm", Some("Paolo"));
    check("DbtrAcct/Id/IBAN", Some(PAOLO));
    check("DbtrAgt/FinInstnId/Othr/Id", Some("NOTPROVIDED"));
    check("PmtInf/ChrgBr", Some("SLEV"));
    check("PmtId/EndToEndId", Some(KEY));
    check("Amt/InstdAmt", Some("20.00"));
    check("Cdtr/Nm", Some("Anna"));
    check("CdtrAcct/Id/IBAN", Some(ANNA));
    check("RmtInf/Ustrd", Some("the pizza"));
}

#[test]
fn the_product_the_bic_and_the_memo_make_the_difference() {
    let plain = document(&order(), Product::CreditTransfer, Some("COBADEFFXXX"));
    assert_eq!(leaf(&plain, "LclInstrm/Cd"), None);
    assert_eq!(leaf(&plain, "DbtrAgt/FinInstnId/BICFI").as_deref(), Some("COBADEFFXXX"));
    let mut silent = order();
    silent.memo = Some("\u{200b}".to_owned());
    assert_eq!(leaf(&document(&silent, Product::Instant, None), "RmtInf/Ustrd"), None);
    let mut long = order();
    long.memo = Some("ß".repeat(100));
    long.creditor.name = "Ä".repeat(100);
    let long = document(&long, Product::Instant, None);
    assert_eq!(leaf(&long, "RmtInf/Ustrd"), Some("s".repeat(140)));
    assert_eq!(leaf(&long, "Cdtr/Nm"), Some("A".repeat(70)));
    let mut nameless = order();
    nameless.creditor.name = "\u{200b}".to_owned();
    let nameless = document(&nameless, Product::Instant, None);
    assert_eq!(leaf(&nameless, "Cdtr/Nm").as_deref(), Some("NOTPROVIDED"));
}

#[test]
fn the_day_is_that_of_the_payer_s_bank() {
    let check = |debtor: &str, ms: u64, expected: &str| {
        let mut order = order();
        order.debtor.account = format!("iban:{debtor}").parse().unwrap();
        let transfer = Transfer::of(&order).unwrap();
        let document = write(&transfer, Product::Instant, None, MADE_AT_MS + ms).unwrap();
        assert_eq!(
            leaf(&String::from_utf8(document).unwrap(), "ReqdExctnDt/Dt").as_deref(),
            Some(expected),
            "{debtor}"
        );
    };
    // It is 23:13:20 UTC: past midnight in Berlin, and not in Lisbon.
    check(PAOLO, 3_600_000, "2023-11-15");
    check("PT50000201231234567890154", 3_600_000, "2023-11-14");
}

#[test]
fn another_writer_puts_the_elements_in_the_same_order() {
    let Some(sample) = fixture("iso20022/samples/sepa_pain.001.001.09.xml") else {
        return;
    };
    // Up to the end of its first transaction; the other two are of the same kind.
    let sample = String::from_utf8(sample).unwrap();
    let paths = |document: &str| -> Vec<String> { leaves(document).into_iter().map(|(path, _)| path).collect() };
    let mut theirs = paths(&sample);
    theirs.dedup();
    let ours = paths(&document(&order(), Product::CreditTransfer, Some("COBADEFFXXX")));
    // Theirs names the payee's bank, which follows from the IBAN; ours names the instruction, for the bank's answer.
    let differs = |path: &String| path.ends_with("CdtrAgt/FinInstnId/BICFI") || path.ends_with("PmtId/InstrId");
    let theirs: Vec<_> = theirs.into_iter().filter(|path| !differs(path)).take(ours.len() - 1).collect();
    let ours: Vec<_> = ours.into_iter().filter(|path| !differs(path)).collect();
    assert_eq!(ours, theirs);
}

/// Judges documents by the official schema.
fn judge(documents: &[String]) {
    let schema = fixture_path("iso20022/xsd/pain.001.001.09.xsd");
    if !std::path::Path::new(&schema).exists() {
        return skip("no schema of pain.001.001.09");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--noout", "--nonet", "--schema", &schema]);
    for (number, document) in documents.iter().enumerate() {
        let file = folder.path().join(format!("{number}.xml"));
        std::fs::write(&file, document).unwrap();
        xmllint.arg(file);
    }
    match xmllint.output() {
        Err(_) => skip("no xmllint"),
        Ok(judged) => assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr)),
    }
}

#[test]
fn the_official_schema_takes_it() {
    let mut documents = Vec::new();
    for product in [Product::Instant, Product::CreditTransfer] {
        for bic in [None, Some("COBADEFF")] {
            for memo in [None, Some("<&>'\"]]>\u{0}\u{ffff}".to_owned()), Some("é".repeat(500))] {
                for (minor, name) in [(1, "\u{0}"), (99_999_999_999, "<Müller & Söhne>")] {
                    let mut order = order();
                    order.memo = memo.clone();
                    order.amount = Money::new(minor, Currency::EUR).unwrap();
                    order.debtor.name = name.to_owned();
                    documents.push(document(&order, product, bic));
                }
            }
        }
    }
    judge(&documents);
}

#[test]
fn whatever_people_are_called_every_bank_can_read_it() {
    let mut documents = Vec::new();
    let mut check = |text: &str, expected: &str, expected_memo: Option<&str>| {
        let mut order = order();
        (order.debtor.name, order.creditor.name, order.memo) =
            (text.to_owned(), text.to_owned(), Some(text.to_owned()));
        let document = document(&order, Product::Instant, None);
        for path in ["Dbtr/Nm", "Cdtr/Nm"] {
            assert_eq!(leaf(&document, path).as_deref(), Some(expected), "{text:?}");
        }
        assert_eq!(leaf(&document, "RmtInf/Ustrd").as_deref(), expected_memo, "{text:?}");
        documents.push(document);
    };
    let mut same = |text: &str, expected: &str| check(text, expected, Some(expected));
    same("Anna 🍕", "Anna pizza");
    same("Анна Петрова", "Anna Petrova");
    same("Ελένη Παπαδοπούλου", "Elene Papadopoulou");
    same("محمد", "mHmd");
    same("Zoe\u{308} Lo\u{301}pez", "Zoe Lopez");
    same("///Anna//Rossi///", "Anna/Rossi");
    same("Anna\u{0}\u{7}\r\nRossi\u{7f}", "Anna Rossi");
    same("&<>\"'&amp;]]>", "+...'+amp,)).");
    // Nothing is left of it: a name says so, a memo is left out.
    for nothing in ["", " ", "\u{200b}\u{202e}\u{feff}", "\u{0}", "////", " / / ", "\u{10ffff}\u{e000}"] {
        check(nothing, "NOTPROVIDED", None);
    }
    let long = "x".repeat(400);
    check(&long, &long[..70], Some(&long[..140]));
    // Cut before it is escaped, so that no escape is cut.
    let quotes = "'".repeat(400);
    check(&quotes, &quotes[..70], Some(&quotes[..140]));
    judge(&documents);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_write_the_amount_is_the_same(
        debtor in any::<String>(), creditor in any::<String>(), memo in proptest::option::of(any::<String>()),
        minor in 1u64..=99_999_999_999,
    ) {
        let mut order = order();
        order.debtor.name = debtor;
        order.creditor.name = creditor;
        order.memo = memo;
        order.amount = Money::new(minor, Currency::EUR).unwrap();
        let document = document(&order, Product::Instant, None);
        let expected = format!("{}.{:02}", minor / 100, minor % 100);
        for path in ["GrpHdr/CtrlSum", "PmtInf/CtrlSum", "Amt/InstdAmt"] {
            prop_assert_eq!(leaf(&document, path), Some(expected.clone()));
        }
        for (path, text) in leaves(&document) {
            let text = text.replace("&apos;", "'");
            prop_assert!(text.chars().all(is_sepa), "{}: {}", path, text);
        }
    }
}

proptest! {
    // One run of the judge for many documents: starting it is what costs.
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_write_the_schema_takes_it(texts in proptest::collection::vec(any::<String>(), 60)) {
        let documents: Vec<_> = texts.chunks(3).map(|texts| {
            let mut order = order();
            order.debtor.name = texts[0].clone();
            order.creditor.name = texts[1].clone();
            order.memo = Some(texts[2].clone());
            document(&order, Product::Instant, None)
        }).collect();
        judge(&documents);
    }
}
