//! The bank's own page, on which the payer approves or refuses a payment (the redirect approach).

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};

use super::{Bank, amount::written, ledger::State as Stage};
use crate::html::escape;

pub(crate) fn router() -> Router<Arc<Bank>> {
    Router::new().route("/sca/{key}", get(ask)).route("/sca/{key}/{decision}", post(decide))
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1b2733}\
    h1{font-size:1.1rem;color:#0b5}p.amount{font-size:2rem;margin:.2rem 0}form{display:inline}\
    button{font:inherit;padding:.6rem 1.2rem;border-radius:.5rem;border:1px solid #9ab;background:#fff;cursor:pointer}\
    button.yes{background:#0b5;border-color:#0b5;color:#fff}dt{color:#678}dd{margin:0 0 .5rem}";

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>Sandbox Bank</h1>{body}</html>",
        title = escape(title),
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// Shows what is to be approved. It changes nothing: link previews come here too.
async fn ask(State(bank): State<Arc<Bank>>, Path(key): Path<String>) -> Response {
    let ledger = bank.ledger();
    let Some(payment) = ledger.payments.iter().find(|payment| payment.approval.id == key) else {
        return html(StatusCode::NOT_FOUND, "Nothing to approve", "<p>There is nothing to approve here.</p>");
    };
    if payment.state != Stage::AwaitingApproval {
        return html(StatusCode::OK, "Decided", "<p>This payment has been decided on.</p>");
    }
    let order = &payment.order;
    let body = format!(
        "<p>You are asked to approve a payment of</p><p class=\"amount\">{amount} EUR</p>\
         <dl><dt>from</dt><dd>{from}</dd><dt>to</dt><dd>{name}<br>{to}</dd><dt>for</dt><dd>{memo}</dd></dl>\
         <form method=\"post\" action=\"/sca/{key}/approve\"><button class=\"yes\">Approve</button></form> \
         <form method=\"post\" action=\"/sca/{key}/refuse\"><button>Refuse</button></form>",
        amount = written(order.cents),
        from = escape(&order.debtor_iban),
        name = escape(&order.creditor_name),
        to = escape(&order.creditor_iban),
        memo = escape(order.remittance.as_deref().unwrap_or("-")),
        key = escape(&key),
    );
    html(StatusCode::OK, "Approve a payment", &body)
}

async fn decide(State(bank): State<Arc<Bank>>, Path((key, decision)): Path<(String, String)>) -> Response {
    let approved = match decision.as_str() {
        "approve" => true,
        "refuse" => false,
        _ => return html(StatusCode::NOT_FOUND, "Not found", "<p>Approve or refuse.</p>"),
    };
    let Some(payment) = bank.ledger().decide(&key, approved) else {
        return html(StatusCode::CONFLICT, "Decided", "<p>There is nothing to approve here, or not any more.</p>");
    };
    let approval = payment.approval;
    let back = if approved { approval.back } else { approval.back_refused.or(approval.back) };
    let web = |uri: &String| uri.starts_with("https://") || uri.starts_with("http://");
    match back.filter(web) {
        Some(uri) => Redirect::to(&uri).into_response(),
        None if approved => html(StatusCode::OK, "Approved", "<p>Approved. You may close this page.</p>"),
        None => html(StatusCode::OK, "Refused", "<p>Refused. Nothing was paid.</p>"),
    }
}
