//! How doubt about an order ends: by its status, by its account, or not at all.

mod bench;

use bench::{
    ANNA, Bench, CUT_OFF_MS, KEY, PAOLO, POST, STATUS, TRANSACTIONS, created, debit, error, json_answer, list, order,
    pain002,
};
use serde_json::{Value, json};
use sportello_sdk::HttpResponse;

/// An order that the bank took, and this answer to the question for its status.
fn check(status: HttpResponse, expected: &str) {
    let bench = Bench::new().answers("POST", POST, created("RCVD")).answers("GET", STATUS, status);
    assert_eq!(bench.submit(), "pending P1");
    let told = bench.inquire();
    assert!(told.starts_with(expected), "{told}, and not {expected}");
    // The same without what the store knows, and the same again once it is known for good.
    let told = bench.restarted().inquire_with(Some("P1"), 0);
    assert!(told.starts_with(expected), "{told}, and not {expected}");
    assert_eq!(bench.posts(), 1);
}

#[test]
fn a_status_is_read_in_either_form() {
    check(pain002(KEY, "ACSP", ""), "pending P1");
    check(pain002(KEY, "ACSC", ""), "settled Captured 20.00 EUR P1");
    check(pain002(KEY, "ACCC", ""), "settled Final 20.00 EUR P1");
    check(pain002(KEY, "RJCT", "AC04"), "declined AC04");
    check(pain002(KEY, "RJCT", "AM04"), "declined AM04 elsewhere");
    check(json_answer(200, json!({"transactionStatus": "ACSC"})), "settled Captured 20.00 EUR P1");
    check(json_answer(200, json!({"transactionStatus": "ACSP", "fundsAvailable": true})), "pending P1");
    let funds =
        json!({"transactionStatus": "RJCT", "tppMessages": [{"category": "WARNING", "code": "FUNDS_NOT_AVAILABLE"}]});
    check(json_answer(200, funds), "declined AM04 elsewhere");
    let bare =
        json!({"transactionStatus": "RJCT", "tppMessages": [{"category": "ERROR", "code": "ERROR", "text": "no"}]});
    check(json_answer(200, bare), "declined RJCT");
    let nobody_knows =
        json!({"transactionStatus": "RJCT", "tppMessages": [{"category": "ERROR", "code": "ZZ99", "text": "no"}]});
    check(json_answer(200, nobody_knows), "unknown");
}

#[test]
fn a_status_that_is_none_says_nothing() {
    check(pain002("somebody-elses-key", "ACSC", ""), "unknown: the report speaks of another payment");
    check(pain002(KEY, "ZZZZ", ""), "unknown");
    check(pain002(KEY, "PART", ""), "unknown");
    check(pain002(KEY, "RJCT", "DUPL"), "unknown");
    check(HttpResponse::new(200, "text/html", "<html>Please log in</html>"), "unknown");
    check(HttpResponse::new(200, "application/xml", "<html/>"), "unknown");
    check(HttpResponse::new(200, "application/json", "{"), "unknown");
    check(HttpResponse::new(200, "application/xml", "x".repeat(10_000_000)), "unknown");
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Document>&b;</Document>";
    check(HttpResponse::new(200, "application/xml", bomb), "unknown");
    check(HttpResponse::new(302, "text/html", "").with_header("location", "https://evil.example"), "unknown");
    check(HttpResponse::new(500, "text/plain", ""), "unknown");
    check(error(401, "TOKEN_EXPIRED"), "unknown: the bank answered with status 401 TOKEN_EXPIRED");
    check(error(404, "RESOURCE_UNKNOWN"), "unknown: the bank does not know the payment");
}

#[test]
fn a_rejection_in_doubt_ends_by_the_account() {
    for reason in ["ZZ99", "DUPL"] {
        let rejected = || {
            let bench = Bench::new().answers("POST", POST, created("RCVD"));
            assert_eq!(bench.submit(), "pending P1");
            bench.answers("GET", STATUS, pain002(KEY, "RJCT", reason)).shows(json!([]), json!([]))
        };
        let bench = rejected();
        let told = bench.inquire();
        assert!(told.starts_with("unknown: the bank rejected") && told.contains(reason), "{told}");
        let bench = bench.shows(json!([debit("T1", KEY, "-20.00")]), json!([]));
        assert_eq!(bench.inquire(), "settled Captured 20.00 EUR P1");
        let bench = rejected();
        bench.host.advance(CUT_OFF_MS - bench.host.clock_ms());
        assert_eq!(bench.inquire(), "declined ABSENT elsewhere");
    }
}

#[test]
fn no_answer_leaves_the_order_as_it_was() {
    let bench = Bench::new().answers("POST", POST, created("RCVD")).cuts("GET", STATUS);
    assert_eq!(bench.submit(), "pending P1");
    assert_eq!(bench.inquire(), "failure unreachable");
    // But an order that comes again gets no error: the host would judge it by this call alone.
    assert!(bench.submit().starts_with("unknown"));
}

#[test]
fn an_authorisation_is_asked_for_until_its_end() {
    let redirect = json!({"transactionStatus": "RCVD", "paymentId": "P1", "_links": {"scaRedirect": {"href": "https://b.example/sca"}}});
    let bench =
        Bench::new().answers("POST", POST, json_answer(201, redirect)).answers("GET", STATUS, pain002(KEY, "RCVD", ""));
    let action = "action https://b.example/sca P1";
    assert_eq!(bench.submit(), action);
    assert_eq!(bench.inquire(), action);
    assert_eq!(bench.restarted().submit(), action);
    bench.host.advance(15 * 60_000);
    assert_eq!(bench.inquire(), "pending P1");
    let bench = bench.answers("GET", STATUS, pain002(KEY, "ACSC", ""));
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR P1");
}

#[test]
fn what_is_known_for_good_is_not_asked_again() {
    let bench = Bench::new().answers("POST", POST, created("ACSC"));
    assert_eq!(bench.submit(), "settled Captured 20.00 EUR P1");
    let asked = bench.host.requests().len();
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR P1");
    assert_eq!(bench.restarted().submit(), "settled Captured 20.00 EUR P1");
    assert_eq!(bench.host.requests().len(), asked);
}

#[test]
fn a_bank_whose_last_status_is_in_process_shows_the_debit() {
    let bench = Bench::new()
        .answers("POST", POST, created("ACSP"))
        .answers("GET", STATUS, pain002(KEY, "ACSP", ""))
        .shows(json!([debit("T1", KEY, "-20.00")]), json!([]));
    assert_eq!(bench.submit(), "pending P1");
    assert_eq!(bench.inquire_with(Some("P1"), 2), "pending P1");
    assert_eq!(bench.inquire_with(Some("P1"), 3), "settled Captured 20.00 EUR P1");

    let bench = Bench::new()
        .answers("POST", POST, created("ACSP"))
        .answers("GET", STATUS, pain002(KEY, "ACSP", ""))
        .shows(json!([debit("T1", KEY, "-20.01")]), json!([]));
    assert_eq!(bench.submit(), "pending P1");
    let told = bench.inquire_with(Some("P1"), 3);
    assert_eq!(told, "unknown: the account shows the payment with another amount");
}

/// An order whose answer was lost, and these transactions.
fn lost() -> Bench {
    let bench = Bench::new().cuts("POST", POST);
    assert_eq!(bench.submit(), "failure unreachable");
    bench
}

#[test]
fn a_lost_payment_is_found_in_the_account() {
    let check = |booked: Value, pending: Value, expected: &str| {
        let bench = lost().shows(booked, pending);
        let told = bench.inquire();
        assert!(told.starts_with(expected), "{told}, and not {expected}");
        assert!(bench.submit().starts_with(expected));
        assert_eq!(bench.posts(), 1);
    };
    let ours = || debit("T1", KEY, "-20.00");
    let with = |name: &str, value: Value| {
        let mut made = ours();
        made[name] = value;
        made
    };
    let amount = |amount: Value| with("transactionAmount", json!({"currency": "EUR", "amount": amount}));
    check(json!([ours()]), json!([]), "settled Captured 20.00 EUR T1");
    check(json!([amount(json!("20.00"))]), json!([]), "settled Captured 20.00 EUR T1");
    check(json!([debit("T0", "other", "-20.00"), ours(), ours()]), json!([ours()]), "settled Captured 20.00 EUR T1");
    check(json!([]), json!([ours()]), "pending -");
    check(json!([]), json!([]), "unknown: the account does not show the payment yet");
    check(json!([debit("T1", "other", "-20.00")]), json!([]), "unknown");
    check(json!([amount(json!("-20.01"))]), json!([]), "unknown: the account shows the payment with another amount");
    check(json!([amount(json!(-20.0))]), json!([]), "unknown");
    check(json!([with("creditorAccount", json!({"iban": PAOLO}))]), json!([]), "unknown");
    check(json!([with("creditorAccount", json!({"iban": "NL91ABNA0417164300"}))]), json!([]), "unknown");
    let back = json!({"transactionId": "T2", "endToEndId": KEY, "debtorAccount": {"iban": ANNA}, "transactionAmount": {"currency": "EUR", "amount": "20.00"}});
    check(json!([ours(), back]), json!([]), "unknown: the account shows that the money was debited and came back");
}

#[test]
fn a_second_debit_is_shouted_about() {
    let bench = lost().shows(json!([debit("T1", KEY, "-20.00"), debit("T2", KEY, "-20.00")]), json!([]));
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR T1");
    assert!(bench.host.logs().iter().any(|line| line.message.contains("more than once")));
}

#[test]
fn absence_is_proven_by_the_cut_off_and_all_of_the_account() {
    let check = |answer: HttpResponse, expected: &str| {
        let bench = lost().answers("GET", TRANSACTIONS, answer);
        assert!(bench.inquire().starts_with("unknown"));
        bench.host.advance(CUT_OFF_MS - bench.host.clock_ms() - 1);
        assert!(bench.inquire().starts_with("unknown"));
        bench.host.advance(1);
        let told = bench.inquire();
        assert!(told.starts_with(expected), "{told}, and not {expected}");
        // What was declared absent is never posted, and never found otherwise.
        assert!(bench.restarted().submit().starts_with(expected));
        assert_eq!(bench.posts(), 1);
    };
    let mut nameless = debit("T1", KEY, "-20.00");
    nameless["endToEndId"] = Value::Null;
    let mut other = debit("T1", KEY, "-30.00");
    other["endToEndId"] = Value::Null;
    check(list(json!([]), json!([]), None), "declined ABSENT elsewhere");
    check(list(json!([debit("T1", "other", "-20.00"), other]), json!([]), None), "declined ABSENT elsewhere");
    check(list(json!([nameless]), json!([]), None), "unknown: the account shows an entry that may be this payment");
    // The rest is elsewhere, or in a circle.
    check(list(json!([]), json!([]), Some("https://evil.example/v1/more")), "unknown");
    check(list(json!([]), json!([]), Some("//evil.example/v1/more")), "unknown");
    check(list(json!([]), json!([]), Some("/v1/../admin")), "unknown");
    check(list(json!([]), json!([]), Some("/v1/accounts/A1/transactions?page=2")), "unknown");
    check(HttpResponse::new(200, "text/html", "<html>"), "unknown");
    check(json_answer(200, json!({})), "unknown");
    check(HttpResponse::new(500, "text/plain", ""), "unknown");
    check(error(401, "CONSENT_EXPIRED"), "unknown");
    check(error(404, "RESOURCE_UNKNOWN"), "unknown");
    let somebody = list(json!([]), json!([]), None);
    let somebody = String::from_utf8(somebody.body.to_vec()).unwrap().replace(PAOLO, ANNA);
    check(HttpResponse::new(200, "application/json", somebody), "unknown");
}

#[test]
fn absence_is_proven_by_what_was_read_after_the_cut_off() {
    // The reading begins before the cut-off and ends after it.
    let bench = lost();
    let clock = bench.host.clone();
    let bench = bench.on("GET", TRANSACTIONS, move |_| {
        clock.advance(60_000);
        Ok(list(json!([]), json!([]), None))
    });
    bench.host.advance(CUT_OFF_MS - bench.host.clock_ms() - 1);
    assert!(bench.inquire().starts_with("unknown"));
    assert_eq!(bench.inquire(), "declined ABSENT elsewhere");
}

#[test]
fn what_was_found_meanwhile_is_not_declared_absent() {
    let bench = lost().shows(json!([]), json!([]));
    bench.host.advance(CUT_OFF_MS);
    let other = bench.restarted();
    let told = bench.inquire_while("store.put", move || {
        let other = other.shows(json!([debit("T1", KEY, "-20.00")]), json!([]));
        assert!(other.inquire().starts_with("settled"));
    });
    assert!(told.starts_with("unknown"), "{told}");
    assert!(bench.inquire().starts_with("settled"));
}

#[test]
fn a_record_that_cannot_be_read_was_posted_as_late_as_can_be() {
    let bench = Bench::new().shows(json!([]), json!([]));
    let _ = bench.host.clone().store(&format!("order/{KEY}"), "{".to_owned());
    bench.host.advance(CUT_OFF_MS - bench.host.clock_ms());
    assert!(bench.inquire().starts_with("unknown"));
    bench.host.advance(24 * 3_600_000);
    assert_eq!(bench.inquire(), "declined ABSENT elsewhere");
}

#[test]
fn only_the_payer_s_own_account_proves_absence() {
    // An id from the settings, and a list that does not say of whom it is.
    let nameless = json_answer(200, json!({"transactions": {"booked": []}}));
    let check = |answer: HttpResponse, expected: &str| {
        let bench = Bench::with(json!({"account_id": "A1"})).cuts("POST", POST).answers("GET", TRANSACTIONS, answer);
        assert_eq!(bench.submit(), "failure unreachable");
        bench.host.advance(CUT_OFF_MS);
        assert!(bench.inquire().starts_with(expected));
    };
    check(nameless.clone(), "unknown");
    check(list(json!([]), json!([]), None), "declined ABSENT elsewhere");

    // Looked up by the IBAN: of its accounts, the one in euros.
    let check = |accounts: Value, expected: &str| {
        let accounts = json_answer(200, json!({ "accounts": accounts }));
        let bench = lost().answers("GET", "https://bank.example/v1/accounts", accounts);
        let bench = bench.answers("GET", TRANSACTIONS, nameless.clone());
        bench.host.advance(CUT_OFF_MS);
        let told = bench.inquire();
        assert!(told.starts_with(expected), "{told}, and not {expected}");
    };
    let account = |id: &str, currency: &str| json!({"resourceId": id, "iban": PAOLO, "currency": currency});
    check(json!([account("A1", "EUR")]), "declined ABSENT elsewhere");
    check(json!([account("A9", "USD"), account("A1", "EUR"), account("A7", "XXX")]), "declined ABSENT elsewhere");
    check(json!([account("A9", "USD"), account("A1", "XXX")]), "declined ABSENT elsewhere");
    check(json!([account("A9", "USD")]), "unknown: the bank shows no such account");
    check(json!([account("A1", "EUR"), account("A2", "EUR")]), "unknown: the bank shows several accounts");
}

#[test]
fn a_bank_that_shows_only_what_is_booked_proves_only_that() {
    let bench = lost().on("GET", TRANSACTIONS, |request| {
        Ok(match request.head.url.contains("bookingStatus=both") {
            true => error(400, "PARAMETER_NOT_SUPPORTED"),
            false => list(json!([debit("T1", KEY, "-20.00")]), json!([]), None),
        })
    });
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR T1");

    let bench = lost().on("GET", TRANSACTIONS, |request| {
        Ok(match request.head.url.contains("bookingStatus=both") {
            true => error(400, "PARAMETER_NOT_SUPPORTED"),
            false => list(json!([]), json!([]), None),
        })
    });
    bench.host.advance(CUT_OFF_MS);
    assert!(bench.inquire().starts_with("unknown: what the bank shows"));
    let bench = bench.answers("GET", TRANSACTIONS, error(400, "PARAMETER_NOT_SUPPORTED"));
    assert!(bench.inquire().starts_with("unknown"));
}

#[test]
fn an_operator_can_set_the_cut_off() {
    let bench = Bench::with(json!({"absence_proven_after_minutes": 10})).cuts("POST", POST).shows(json!([]), json!([]));
    assert_eq!(bench.submit(), "failure unreachable");
    bench.host.advance(9 * 60_000);
    assert!(bench.inquire().starts_with("unknown"));
    bench.host.advance(60_000);
    assert_eq!(bench.inquire(), "declined ABSENT elsewhere");
}

#[test]
fn a_payment_that_the_bank_made_is_never_absent() {
    let bench = Bench::new()
        .answers("POST", POST, created("RCVD"))
        .answers("GET", STATUS, error(404, "RESOURCE_UNKNOWN"))
        .shows(json!([]), json!([]));
    assert_eq!(bench.submit(), "pending P1");
    bench.host.advance(CUT_OFF_MS);
    assert!(bench.inquire().starts_with("unknown"));
    let bench = bench.shows(json!([debit("T1", KEY, "-20.00")]), json!([]));
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR P1");
}

#[test]
fn all_pages_are_read_and_no_more_than_fifty() {
    let bench = lost().on("GET", TRANSACTIONS, |request| {
        let page = request.head.url.rsplit_once("page=").map_or(1, |(_, page)| page.parse::<u32>().unwrap());
        let next = format!("https://bank.example/v1/accounts/A1/transactions?page={}", page + 1);
        Ok(match page {
            3 => list(json!([debit("T1", KEY, "-20.00")]), json!([]), None),
            _ => list(json!([]), json!([]), Some(&next)),
        })
    });
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR T1");

    let bench = lost().on("GET", TRANSACTIONS, |request| {
        let next = format!("{}&more", request.head.url);
        Ok(list(json!([]), json!([]), Some(&next)))
    });
    bench.host.advance(CUT_OFF_MS);
    let before = bench.host.requests().len();
    assert!(bench.inquire().starts_with("unknown"));
    assert_eq!(bench.host.requests().len() - before, 1 + 50);
}

#[test]
fn the_account_is_asked_for_as_the_standard_has_it() {
    let bench = lost().shows(json!([]), json!([]));
    let _ = (bench.inquire(), bench.inquire());
    let urls: Vec<_> = bench.host.requests().into_iter().skip(1).map(|request| request.head.url).collect();
    let transactions = "https://bank.example/v1/accounts/A1/transactions?dateFrom=2023-11-13&bookingStatus=both";
    // The account's id is looked up once.
    assert_eq!(urls, ["https://bank.example/v1/accounts", transactions, transactions]);

    let bench =
        Bench::with(json!({"account_id": "A1", "consent_id": "C-1"})).cuts("POST", POST).shows(json!([]), json!([]));
    let _ = (bench.submit(), bench.inquire());
    let request = bench.host.requests().pop().unwrap();
    assert_eq!(request.head.url, transactions);
    assert!(request.head.headers.contains(&("Consent-ID".to_owned(), "C-1".to_owned())));
    // "If and only if this request was actively initiated by the PSU" (`PSU-IP-Address_conditionalForAis`).
    assert!(request.head.headers.iter().all(|(name, _)| name != "PSU-IP-Address"));
}

#[test]
fn a_camt_report_does_as_well() {
    let report = |kind: &str, id: &str, to: &str| {
        let (message, element) = match kind {
            "052" => ("BkToCstmrAcctRpt", "Rpt"),
            "053" => ("BkToCstmrStmt", "Stmt"),
            _ => ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        };
        HttpResponse::new(
            200,
            "application/xml",
            format!(
                "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08\"><{message}><{element}><FrToDt>\
             <FrDtTm>2023-11-13T00:00:00Z</FrDtTm><ToDtTm>{to}T00:00:00Z</ToDtTm></FrToDt><Acct><Id><IBAN>{PAOLO}</IBAN></Id>\
             </Acct><Ntry><Amt Ccy=\"EUR\">20.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><NtryDtls><TxDtls>\
             <Refs><AcctSvcrRef>B-1</AcctSvcrRef><EndToEndId>{id}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></{element}>\
             </{message}></Document>"
            ),
        )
    };
    let check = |answer: HttpResponse, expected: &str| {
        let bench =
            Bench::with(json!({"report_format": "camt"})).cuts("POST", POST).answers("GET", TRANSACTIONS, answer);
        assert_eq!(bench.submit(), "failure unreachable");
        bench.host.advance(CUT_OFF_MS - bench.host.clock_ms());
        let told = bench.inquire();
        assert!(told.starts_with(expected), "{told}, and not {expected}");
    };
    for kind in ["052", "053", "054"] {
        check(report(kind, KEY, "2023-11-24"), "settled Captured 20.00 EUR B-1");
    }
    check(report("052", "other", "2023-11-22"), "declined ABSENT elsewhere");
    check(report("053", "other", "2023-11-22"), "declined ABSENT elsewhere");
    // A notification is not all of the account, nor is a report that ends before the cut-off.
    check(report("054", "other", "2023-11-22"), "unknown");
    check(report("052", "other", "2023-11-21"), "unknown");
    check(HttpResponse::new(200, "application/xml", "<Document"), "unknown");
}

#[test]
fn an_order_that_no_record_knows_is_looked_for_and_not_guessed() {
    let bench = Bench::new().shows(json!([]), json!([]));
    assert!(bench.inquire().starts_with("unknown"));
    let bench = bench.shows(json!([debit("T1", KEY, "-20.00")]), json!([]));
    assert_eq!(bench.inquire(), "settled Captured 20.00 EUR T1");
    let bench = Bench::new().shows(json!([]), json!([])).answers("POST", POST, created("ACSC"));
    // It can have been posted within a day: the days count from its end.
    bench.host.advance(CUT_OFF_MS - bench.host.clock_ms());
    assert!(bench.inquire().starts_with("unknown"));
    bench.host.advance(24 * 3_600_000);
    assert_eq!(bench.inquire(), "declined ABSENT elsewhere");
    // The same order, which only now arrives.
    assert_eq!(bench.submit_this(order()), "declined ABSENT elsewhere");
    assert_eq!(bench.posts(), 0);
}
