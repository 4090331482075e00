//! Payments as the HTTP interface shows them: without account numbers, which nobody needs to follow a payment.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use sportello_engine::WaitingNote;
use sportello_model::command::Visibility;
use sportello_model::payment::{
    Attempt, AttemptState, Audience, Enrolling, Evidence, Incident, Leg, Payment, Side, State, Taker,
};
use sportello_model::{Money, PaymentId, Person};

use crate::redact::mask_accounts;

/// A payment.
#[derive(Serialize)]
pub struct PaymentView<'a> {
    id: PaymentId,
    state: State,
    payer: PersonView<'a>,
    payee: PersonView<'a>,
    amount: Money,
    memo: Option<&'a str>,
    visibility: Visibility,
    made_at_ms: u64,
    changed_at_ms: u64,
    reason: Option<&'a str>,
    enrolment: Option<EnrolmentView<'a>>,
    evidence: Option<&'a Evidence>,
    route: Option<&'a str>,
    attempts: Vec<AttemptView<'a>>,
    incidents: &'a [Incident],
    notes: Vec<NoteView>,
}

/// Who is asked for an account, and until when.
#[derive(Serialize)]
struct EnrolmentView<'a> {
    missing: &'a [Side],
    expires_at_ms: u64,
}

/// A note that could not be told yet. What it says is between the gateway and its person.
#[derive(Serialize)]
struct NoteView {
    to: Audience,
    about: &'static str,
    tries: u32,
    next_at_ms: u64,
    because: String,
}

#[derive(Serialize)]
struct PersonView<'a> {
    name: Cow<'a, str>,
    handle: Cow<'a, str>,
}

#[derive(Serialize)]
struct AttemptView<'a> {
    number: u32,
    leg: Leg,
    rail: &'a str,
    state: AttemptState,
    made_at_ms: u64,
    sent_at_ms: Option<u64>,
    /// The version of the plugin that was given the order.
    taken_by: Option<&'a Taker>,
    asked: u32,
    /// Since when its order is being undone, or was.
    reversing_since_ms: Option<u64>,
    reference: Option<&'a str>,
    word: Option<&'a str>,
}

impl<'a> PersonView<'a> {
    fn new(person: &'a Person) -> Self {
        let (name, handle) = (person.name.as_str(), person.handle.as_str());
        // Whoever is an account and nothing else has its number for a handle and a name.
        if person.account.as_ref() == Some(&person.handle) {
            return Self { name: mask_accounts(name), handle: mask_accounts(handle) };
        }
        Self { name: name.into(), handle: handle.into() }
    }
}

impl<'a> AttemptView<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        Self {
            number: attempt.number,
            leg: attempt.leg,
            rail: &attempt.rail,
            state: attempt.state,
            made_at_ms: attempt.made_at_ms,
            sent_at_ms: attempt.sent_at_ms,
            taken_by: attempt.taken_by.as_deref(),
            asked: attempt.asked,
            reversing_since_ms: attempt.reversal.map(|reversal| reversal.made_at_ms),
            reference: attempt.reference.as_deref(),
            word: attempt.word.as_deref(),
        }
    }
}

impl<'a> PaymentView<'a> {
    /// What is shown of this payment, and of its notes that could not be told yet.
    pub fn new(payment: &'a Payment, notes: Vec<WaitingNote>) -> Self {
        let note = |WaitingNote { audience: to, about, tries, next_at_ms, because }: WaitingNote| {
            let because = mask_accounts(&because).into_owned();
            NoteView { to, about: about.name(), tries, next_at_ms, because }
        };
        let intent = &*payment.intent;
        let enrolling = |enrolling: &'a Enrolling| EnrolmentView {
            missing: &enrolling.missing,
            expires_at_ms: enrolling.expires_at_ms,
        };
        Self {
            id: payment.id,
            state: payment.state,
            payer: PersonView::new(&intent.payer),
            payee: PersonView::new(&intent.payee),
            amount: intent.amount,
            memo: intent.memo.as_deref(),
            visibility: intent.visibility,
            made_at_ms: payment.made_at_ms,
            changed_at_ms: payment.changed_at_ms,
            reason: payment.reason.as_deref(),
            enrolment: payment.enrolment.as_ref().filter(|e| !e.missing.is_empty()).map(enrolling),
            evidence: payment.evidence.as_ref(),
            route: payment.plan.as_ref().map(|plan| &*plan.route),
            attempts: payment.attempts.iter().map(AttemptView::new).collect(),
            incidents: &payment.incidents,
            notes: notes.into_iter().map(note).collect(),
        }
    }
}

/// Masks account numbers in every text of `value`.
pub fn mask(value: &mut Value) {
    match value {
        Value::Object(table) => table.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => {
            if let Cow::Owned(masked) = mask_accounts(text) {
                *text = masked;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use sportello_model::payment::About;
    use sportello_model::{Currency, Intent, IntentKind, Origin};

    use super::*;

    #[test]
    fn what_waits_to_be_told_is_shown_without_what_it_says() {
        let person = |name: &str| Person {
            name: name.into(),
            handle: format!("chat:{name}").parse().unwrap(),
            account: Some("iban:FR1420041010050500013M02606".parse().unwrap()),
            country: None,
            language: "en".into(),
        };
        let intent = Intent {
            kind: IntentKind::Pay,
            payer: person("paolo"),
            payee: person("anna"),
            amount: Money::new(2000, Currency::EUR).unwrap(),
            memo: None,
            visibility: Visibility::Private,
            origin: Origin {
                source: "chat".into(),
                by: "chat:paolo".parse().unwrap(),
                message: None,
                first: None,
                public: false,
            },
        };
        let payment = Payment::received(PaymentId(7), intent, 1_000);
        let note = WaitingNote {
            audience: Audience::Payer,
            about: About::ActionRequired { url: "https://bank.example/secret".into() },
            tries: 3,
            next_at_ms: 9_000,
            because: "no answer (iban:FR1420041010050500013M02606)".into(),
        };
        let shown = serde_json::to_value(PaymentView::new(&payment, vec![note])).unwrap();
        assert_eq!(
            shown["notes"],
            json!([{"to": "payer", "about": "action_required", "tries": 3, "next_at_ms": 9000,
                "because": "no answer (iban:…2606)"}])
        );
        assert_eq!(serde_json::to_value(PaymentView::new(&payment, Vec::new())).unwrap()["notes"], json!([]));
    }

    #[test]
    fn account_numbers_are_masked_wherever_they_stand() {
        let mut value = json!({"intent": {"payer": {"account": "iban:FR1420041010050500013M02606", "name": "Anna"}},
            "postings": [{"account": "person:twitter:1001"}, {"account": "clearing:sepa"}, {"account": "held"}]});
        mask(&mut value);
        assert_eq!(
            value,
            json!({"intent": {"payer": {"account": "iban:…2606", "name": "Anna"}},
                "postings": [{"account": "person:twitter:1001"}, {"account": "clearing:sepa"}, {"account": "held"}]})
        );
    }
}
