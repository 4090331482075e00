//! `/enrol/{token}`: where somebody gives what to pay with, or an account to be paid on.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use sportello_engine::{Enrolment, EnrolmentError, EnrolmentWay, Side};
use sportello_model::Handle;
use sportello_sdk::{HandOver, PagePurpose, PageReply};
use zeroize::Zeroize;

use super::form::{Form, Mistake};
use super::html::{self, Again, name_of};
use super::words::{self, Words};
use super::{At, Pages, Visit, no_link, not_now, notice, of_rail, own_page, to_the_end};
use crate::vault::{CARD, HandedOver, VaultError};

/// Our own page.
pub(super) async fn own(
    State(pages): State<Arc<Pages>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let (visit, enrolment) = match open(&pages, &token, request).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let words = words::in_language(&enrolment.language);
    if visit.method != "POST" {
        return own_page(StatusCode::OK, html::enrolment(words, &format!("/enrol/{token}"), &enrolment, None));
    }
    to_the_end(words, async move { post(&pages, &token, &visit, &enrolment, words).await }).await
}

async fn post(pages: &Pages, token: &str, visit: &Visit, enrolment: &Enrolment, words: &Words) -> Response {
    let Ok(_inside) = pages.app.taking() else { return not_now(words) };
    let form = Form::read(&visit.body);
    let way = form.field("way").to_owned();
    let mut again = Again { form: &form, way, mistakes: Vec::new(), is_refused: false };
    let refused = match take(pages, token, enrolment, &again).await {
        Ok(()) => return thanks(words, enrolment.side),
        Err(refused) => refused,
    };
    match refused {
        Refused::Mistakes(mistakes) => again.mistakes = mistakes,
        Refused::Link(EnrolmentError::NotAccepted) => again.is_refused = true,
        Refused::Link(error) => return closed(words, &error),
        Refused::Vault(error) => return unavailable(words, &error),
    }
    let page = html::enrolment(words, &format!("/enrol/{token}"), enrolment, Some(&again));
    own_page(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// A rail's page.
pub(super) async fn with(
    State(pages): State<Arc<Pages>>,
    parts: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let (token, instance) = parts.map(|Path(parts)| parts).unwrap_or_default();
    hand_over(pages, token, instance, String::new(), request).await
}

/// What follows it.
pub(super) async fn with_below(
    State(pages): State<Arc<Pages>>,
    parts: Result<Path<(String, String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let (token, instance, path) = parts.map(|Path(parts)| parts).unwrap_or_default();
    hand_over(pages, token, instance, format!("/{path}"), request).await
}

/// Why an account was not taken.
enum Refused {
    Mistakes(Vec<Mistake>),
    Link(EnrolmentError),
    Vault(VaultError),
}

impl From<EnrolmentError> for Refused {
    fn from(error: EnrolmentError) -> Self {
        Self::Link(error)
    }
}

/// Lets a request in whose link can be used, with the ways that this gateway can go; or answers it.
async fn open(pages: &Pages, token: &str, request: Request) -> Result<(Visit, Enrolment), Response> {
    let visit = pages.admit(token, request).await?;
    let mut enrolment = pages.engine.enrolment(token).await.map_err(|error| closed(visit.words(), &error))?;
    enrolment.ways.retain(|way| match way {
        EnrolmentWay::HandOver { .. } => pages.vault.is_some(),
        // Whoever typed a card number there would find it in the journal.
        // And what anybody can type in is nobody's to pay from: only to be paid on.
        EnrolmentWay::Account { scheme, .. } => enrolment.side == Side::Payee && scheme != CARD,
    });
    if enrolment.ways.is_empty() {
        return Err(not_now(visit.words()));
    }
    Ok((visit, enrolment))
}

/// Takes what was typed in.
async fn take(pages: &Pages, token: &str, enrolment: &Enrolment, sent: &Again<'_>) -> Result<(), Refused> {
    let way = enrolment.ways.iter().find(|way| name_of(way) == sent.way);
    match (way.ok_or(EnrolmentError::NotAccepted)?, &pages.vault) {
        (EnrolmentWay::Account { scheme, .. }, _) => {
            let account = sent.form.account(scheme).map_err(|mistake| Refused::Mistakes(vec![mistake]))?;
            let label = label_of(&account);
            Ok(pages.engine.enrol(token, account, label, true).await?)
        }
        (EnrolmentWay::HandOver { hand_over: HandOver::Card, .. }, Some(vault)) => {
            let now_ms = pages.now_ms();
            let mut card = sent.form.card(now_ms).map_err(Refused::Mistakes)?;
            let keep = !sent.form.field("keep").is_empty();
            let once = (!keep).then_some(enrolment.payment);
            let label = crate::pan::label(&card.pan);
            let kept = vault.keep_card(&enrolment.person, &card, once, now_ms).await;
            card.pan.zeroize();
            let account = kept.map_err(Refused::Vault)?;
            Ok(enrol_or_forget(pages, token, account, label, keep).await?)
        }
        _ => Err(EnrolmentError::NotAccepted.into()),
    }
}

/// Gives the engine what is in the vault; where it is not taken, it is destroyed again.
async fn enrol_or_forget(
    pages: &Pages,
    token: &str,
    account: Handle,
    label: String,
    keep: bool,
) -> Result<(), EnrolmentError> {
    let taken = pages.engine.enrol(token, account.clone(), label, keep).await;
    // Where the store failed it may have been taken after all.
    if matches!(&taken, Err(error) if !matches!(error, EnrolmentError::Store(_)))
        && let Some(vault) = &pages.vault
        && let Err(error) = vault.forget(&account).await
    {
        tracing::error!(%error, "what came to nothing is still in the vault");
    }
    taken
}

/// How a person recognises an account: by its last four characters.
fn label_of(account: &Handle) -> String {
    let rest = account.rest();
    let last = rest.char_indices().rev().nth(3).and_then(|(at, _)| rest.get(at..)).unwrap_or_default();
    format!("{} ••{last}", account.scheme().to_uppercase())
}

async fn hand_over(pages: Arc<Pages>, token: String, instance: String, path: String, request: Request) -> Response {
    let (visit, enrolment) = match open(&pages, &token, request).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let words = words::in_language(&enrolment.language);
    let at = At { link: format!("/enrol/{token}/with/{instance}"), path, words };
    to_the_end(words, async move { take_over(&pages, &token, &instance, visit, &enrolment, at).await }).await
}

async fn take_over(
    pages: &Pages,
    token: &str,
    instance: &str,
    visit: Visit,
    enrolment: &Enrolment,
    at: At<'static>,
) -> Response {
    let words = at.words;
    let found = enrolment.ways.iter().find_map(|way| match way {
        EnrolmentWay::HandOver { rails, hand_over: HandOver::Page { .. }, scheme } => {
            rails.iter().any(|rail| rail == instance).then_some(scheme.as_str())
        }
        _ => None,
    });
    let (Some(scheme), Some(vault)) = (found, &pages.vault) else { return no_link(words) };
    let Ok(_inside) = pages.app.taking() else { return not_now(words) };
    let purpose = PagePurpose::HandOver {
        payment: enrolment.payment,
        amount: enrolment.amount,
        payee: enrolment.other.clone(),
        payer: enrolment.person.clone(),
    };
    let Some(reply) = pages.ask(instance, enrolment.payment.0, purpose, visit, at).await else { return not_now(words) };
    let Some(handed) = &reply.head.handed_over else { return of_rail(reply) };
    let label = crate::redact::hide_cards(&handed.label).into_owned();
    let PageReply { body: secret, .. } = reply;
    let what =
        HandedOver { scheme, instance, payment: enrolment.payment, owner: &enrolment.person, label: &label, secret };
    let account = match vault.keep_handed_over(what, pages.now_ms()).await {
        Ok(account) => account,
        Err(error) => return unavailable(words, &error),
    };
    match enrol_or_forget(pages, token, account, label, false).await {
        Ok(()) => thanks(words, enrolment.side),
        Err(EnrolmentError::NotAccepted) => {
            notice(StatusCode::UNPROCESSABLE_ENTITY, words, words.not_now, words.not_accepted)
        }
        Err(error) => closed(words, &error),
    }
}

fn thanks(words: &Words, side: Side) -> Response {
    let text = match side {
        Side::Payer => words.thanks_payer,
        Side::Payee => words.thanks_payee,
    };
    notice(StatusCode::OK, words, words.thanks, text)
}

/// What whoever holds a link is told that cannot be used.
fn closed(words: &Words, error: &EnrolmentError) -> Response {
    match error {
        EnrolmentError::Unknown | EnrolmentError::NotAccepted => no_link(words),
        EnrolmentError::Used => notice(StatusCode::GONE, words, words.thanks, words.used),
        EnrolmentError::Expired => notice(StatusCode::GONE, words, words.no_link, words.ended),
        EnrolmentError::Over => notice(StatusCode::GONE, words, words.no_link, words.over),
        EnrolmentError::Store(error) => unavailable(words, error),
    }
}

fn unavailable(words: &Words, error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "an account could not be taken");
    not_now(words)
}
