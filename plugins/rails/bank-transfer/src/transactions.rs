//! Reads an account's transactions as NextGenPSD2 lists them in JSON (1.3.11, schemas `accountReport`, `transactions`).

use serde::Deserialize;
use serde_json::Value;
use sportello_sdk::Order;

use crate::account::electronic;
use crate::search::{Booking, Direction, Entry, Search};
use crate::verdict::euros;

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    account: Option<Reference>,
    transactions: Report,
    #[serde(default, rename = "_links")]
    links: Value,
}

#[derive(Deserialize)]
struct Report {
    // Required, since the question is for booked and pending ones: an answer without the list is no list.
    booked: Vec<Transaction>,
    #[serde(default)]
    pending: Vec<Transaction>,
    #[serde(default, rename = "_links")]
    links: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    #[serde(default)]
    transaction_id: Option<String>,
    #[serde(default)]
    entry_reference: Option<String>,
    #[serde(default)]
    end_to_end_id: Option<String>,
    #[serde(default)]
    batch_indicator: bool,
    #[serde(default)]
    batch_number_of_transactions: u64,
    /// The transactions of a batch, where the bank shows them.
    #[serde(default)]
    entry_details: Vec<Transaction>,
    // Not typed further: one amount that is no text must not hide the other transactions.
    #[serde(default)]
    transaction_amount: Value,
    #[serde(default)]
    creditor_name: Option<String>,
    #[serde(default)]
    creditor_account: Option<Reference>,
    #[serde(default)]
    debtor_name: Option<String>,
    #[serde(default)]
    debtor_account: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    iban: Option<String>,
}

/// What a page says besides its transactions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The link to what it does not show. Empty where it cannot be followed.
    pub next: Option<String>,
    /// Whether it says that it is of the payer's account.
    pub names_account: bool,
}

/// Feeds one page to `search`.
///
/// # Errors
/// A sentence for a log: it cannot be read, or is of another account.
pub(crate) fn read(page: &[u8], search: &mut Search<'_>) -> Result<Page, String> {
    // Where, and not what: the error would name what stands there, which may be a person.
    let page: Response = serde_json::from_slice(page)
        .map_err(|e| format!("the list of transactions cannot be read (line {}, column {})", e.line(), e.column()))?;
    let order = search.order();
    let debtor = electronic(order.debtor.account.rest());
    let account = page.account.and_then(|account| account.iban);
    let names_account = account.is_some();
    if account.is_some_and(|iban| electronic(&iban) != debtor) {
        return Err("the list of transactions is of another account".to_owned());
    }
    for transaction in page.transactions.booked {
        transaction.show(order, Booking::Booked, search);
    }
    for transaction in page.transactions.pending {
        transaction.show(order, Booking::Pending, search);
    }
    // The report has the links by the schema; some banks put them beside it.
    let next = more(&page.transactions.links).or_else(|| more(&page.links));
    Ok(Page { next, names_account })
}

/// The link to what a page does not show: the next page, or a file (`_linksDownload`), which is not fetched.
fn more(links: &Value) -> Option<String> {
    let is_there = |name: &str| links.get(name).is_some_and(|link| !link.is_null());
    if is_there("next") {
        return Some(link(links, "next").unwrap_or_default());
    }
    is_there("download").then(String::new)
}

/// The link of this name, written as an object with `href`, or as a bare text.
pub(crate) fn link(links: &Value, name: &str) -> Option<String> {
    let link = links.get(name)?;
    let href = link.get("href").unwrap_or(link).as_str()?;
    Some(href.to_owned())
}

impl Transaction {
    /// Shows the transaction to `search`, or those that a batch consists of, and the batch for those that it does not show.
    fn show(mut self, order: &Order, booking: Booking, search: &mut Search<'_>) {
        let details = std::mem::take(&mut self.entry_details);
        let shown = u64::try_from(details.len()).unwrap_or(u64::MAX);
        let is_all_in_details = shown > 0 && shown >= self.batch_number_of_transactions && self.end_to_end_id.is_none();
        let whole = self.entry(order, booking);
        for detail in details {
            let mut entry = detail.entry(order, booking);
            // The details of a debit may have no sign of their own.
            if entry.direction != Direction::Debit {
                entry.direction = whole.direction;
            }
            entry.id = entry.id.or_else(|| whole.id.clone());
            search.see(entry);
        }
        if !is_all_in_details {
            search.see(whole);
        }
    }

    fn entry(self, order: &Order, booking: Booking) -> Entry {
        let text = |name: &str| self.transaction_amount.get(name).and_then(Value::as_str);
        let written = text("amount").unwrap_or("");
        let unsigned = written.strip_prefix('-');
        let direction = match unsigned {
            Some(_) => Direction::Debit,
            None => self.direction_by_parties(order),
        };
        Entry {
            amount: euros(unsigned.unwrap_or(written), text("currency").unwrap_or("")),
            direction,
            booking,
            creditor: self.creditor_account.and_then(|account| account.iban),
            id: self.transaction_id.or(self.entry_reference),
            end_to_end_id: self.end_to_end_id,
            is_batch: self.batch_indicator,
        }
    }

    /// Debits are negative by the standard (`amountValue`), and positive at some banks: there the parties tell.
    fn direction_by_parties(&self, order: &Order) -> Direction {
        let debtor = electronic(order.debtor.account.rest());
        let is_account = |reference: &Option<Reference>| {
            let iban = reference.as_ref().and_then(|account| account.iban.as_deref());
            iban.map(|iban| electronic(iban) == debtor)
        };
        match (is_account(&self.debtor_account), is_account(&self.creditor_account)) {
            (_, Some(true)) => Direction::Credit,
            (Some(true), _) => Direction::DebitByParties,
            // A report names the other side alone.
            (Some(false), None) => Direction::Credit,
            (None, Some(false)) => Direction::DebitByParties,
            (Some(false), Some(false)) => Direction::Unclear,
            (None, None) => match (&self.debtor_name, &self.creditor_name) {
                (None, Some(_)) => Direction::DebitByParties,
                (Some(_), None) => Direction::Credit,
                _ => Direction::Unclear,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Finding;
    use crate::testing::{ANNA, KEY, PAOLO, order};
    use serde_json::json;

    fn found(page: &str) -> Result<(Finding, Option<String>), String> {
        let order = order();
        let mut search = Search::new(&order);
        let page = read(page.as_bytes(), &mut search)?;
        Ok((search.finding(), page.next))
    }

    fn transaction(change: Value) -> Value {
        let mut made = json!({
            "transactionId": "T1", "endToEndId": KEY, "transactionAmount": {"currency": "EUR", "amount": "-20.00"},
            "creditorName": "Anna", "creditorAccount": {"iban": ANNA}
        });
        for (name, value) in change.as_object().unwrap() {
            made[name] = value.clone();
        }
        made
    }

    fn page(booked: Value, pending: Value) -> String {
        json!({"account": {"iban": PAOLO}, "transactions": {"booked": booked, "pending": pending, "_links": {"account": {"href": "/v1/accounts/1"}}}}).to_string()
    }

    #[test]
    fn transactions_are_found() {
        let check = |page: String, expected: Finding| {
            let finding = found(&page).map(|(finding, _)| match finding {
                Finding::Contradiction(_) => Finding::Contradiction(String::new()),
                finding => finding,
            });
            assert_eq!(finding, Ok(expected), "{page}");
        };
        let booked = || Finding::Booked { id: Some("T1".to_owned()), repeatedly: false };
        let contradiction = || Finding::Contradiction(String::new());
        let one = |change: Value| page(json!([transaction(change)]), json!([]));

        check(one(json!({})), booked());
        check(one(json!({"transactionAmount": {"currency": "EUR", "amount": "20"}})), booked());
        check(
            one(json!({"transactionAmount": {"currency": "EUR", "amount": "20"}, "creditorAccount": null})),
            booked(),
        );
        check(one(json!({"transactionId": null, "entryReference": "T1"})), booked());
        check(page(json!([]), json!([transaction(json!({}))])), Finding::Pending);
        check(page(json!([]), json!([])), Finding::Absent);
        check(one(json!({"transactionAmount": {"currency": "EUR", "amount": "-20.01"}})), contradiction());
        check(one(json!({"transactionAmount": {"currency": "USD", "amount": "-20.00"}})), contradiction());
        check(one(json!({"transactionAmount": {"currency": "EUR", "amount": -20.0}})), contradiction());
        check(one(json!({"transactionAmount": {"currency": "EUR", "amount": "--20.00"}})), contradiction());
        check(one(json!({"transactionAmount": null})), contradiction());
        check(one(json!({"creditorAccount": {"iban": "NL91ABNA0417164300"}})), contradiction());
        // It came back: a credit from somewhere, with our id.
        let credit = json!({"transactionId": "T2", "endToEndId": KEY, "transactionAmount": {"currency": "EUR", "amount": "20.00"}, "debtorName": "Anna", "debtorAccount": {"iban": ANNA}});
        check(page(json!([transaction(json!({})), credit]), json!([])), contradiction());
        // Somebody else's amount that cannot be read hides nothing of ours, but leaves doubt where ours is missing.
        let strange = json!({"transactionAmount": {"currency": "EUR", "amount": 3.5}, "creditorName": "Anna"});
        check(page(json!([strange.clone(), transaction(json!({}))]), json!([])), booked());
        check(page(json!([strange]), json!([])), Finding::Indistinct);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for page in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"transactions":null}"#,
            r#"{"transactions":{}}"#,
            r#"{"transactions":{"booked":{}}}"#,
            r#"{"_links":{"download":{"href":"/v1/x"}}}"#,
        ] {
            assert!(found(page).is_err(), "{page}");
        }
        let other = page(json!([]), json!([])).replace(PAOLO, ANNA);
        assert!(found(&other).is_err());
        let deep = format!("{{\"transactions\":{}", "[".repeat(100_000));
        assert!(found(&deep).is_err());
        let error = found(r#"{"transactions":{"booked":"Anna Rossi"}}"#).unwrap_err();
        assert!(!error.contains("Anna"), "{error}");
    }

    #[test]
    fn a_batch_is_the_transactions_that_it_consists_of() {
        let check = |change: Value, expected: Finding| {
            let mut batch =
                json!({"transactionId": "T1", "transactionAmount": {"currency": "EUR", "amount": "-50.00"}});
            for (name, value) in change.as_object().unwrap() {
                batch[name] = value.clone();
            }
            let page = page(json!([batch]), json!([]));
            assert_eq!(found(&page).map(|(finding, _)| finding), Ok(expected), "{page}");
        };
        let detail = |id: &str, amount: &str| json!({"endToEndId": id, "transactionAmount": {"currency": "EUR", "amount": amount}, "creditorAccount": {"iban": ANNA}});
        let booked = || Finding::Booked { id: Some("T1".to_owned()), repeatedly: false };
        let ours = json!([detail(KEY, "20.00"), detail("other", "30.00")]);
        check(json!({"entryDetails": ours}), booked());
        check(json!({"entryDetails": ours, "endToEndId": "batch"}), booked());
        check(json!({"entryDetails": [detail(KEY, "-20.00")], "batchIndicator": true}), booked());
        let others = json!([detail("another", "20.00"), detail("other", "30.00")]);
        check(json!({"entryDetails": others}), Finding::Absent);
        check(json!({"entryDetails": others, "batchIndicator": true, "batchNumberOfTransactions": 2}), Finding::Absent);
        // One that is not shown.
        check(
            json!({"entryDetails": others, "batchIndicator": true, "batchNumberOfTransactions": 3}),
            Finding::Indistinct,
        );
    }

    #[test]
    fn money_that_came_back_is_no_second_debit() {
        // As some banks write it: the first transfer's parties, and no minus.
        let back =
            transaction(json!({"transactionId": "T2", "transactionAmount": {"currency": "EUR", "amount": "20.00"}}));
        let (finding, _) = found(&page(json!([transaction(json!({})), back]), json!([]))).unwrap();
        assert!(matches!(finding, Finding::Contradiction(_)), "{finding:?}");
    }

    #[test]
    fn the_next_page_is_found_in_either_place() {
        let check = |page: Value, expected: Option<&str>| {
            assert_eq!(found(&page.to_string()).unwrap().1.as_deref(), expected);
        };
        check(json!({"transactions": {"booked": [], "_links": {"next": {"href": "/v1/n"}}}}), Some("/v1/n"));
        check(json!({"transactions": {"booked": []}, "_links": {"next": {"href": "/v1/n"}}}), Some("/v1/n"));
        check(json!({"transactions": {"booked": []}, "_links": {"next": "/v1/n"}}), Some("/v1/n"));
        check(json!({"transactions": {"booked": []}}), None);
        check(json!({"transactions": {"booked": [], "_links": {"next": null}}}), None);
        // There is more, and it cannot be had.
        check(json!({"transactions": {"booked": [], "_links": {"next": {"href": 7}}}}), Some(""));
        check(json!({"transactions": {"booked": []}, "_links": {"download": {"href": "/v1/d"}}}), Some(""));
    }
}
