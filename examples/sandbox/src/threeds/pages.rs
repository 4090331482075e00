//! The ACS's pages.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{acs, erro::Erro, transactions::Transaction};
use crate::{
    acquirer::{last4, money},
    html::escape,
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:8vh auto;padding:0 1rem;color:#1b2733}\
    h1{font-size:1.1rem;color:#1a4fb4}p.amount{font-size:2rem;margin:.2rem 0}dl{margin:1rem 0}dt{color:#678}\
    dd{margin:0 0 .5rem}label{display:block;margin-bottom:.3rem}\
    input.code{font:inherit;font-size:1.3rem;letter-spacing:.3em;width:9ch;padding:.4rem .6rem;\
    border:1px solid #9ab;border-radius:.5rem}p.wrong{color:#b3261e;margin:.5rem 0}div.do{margin-top:1rem}\
    button{font:inherit;padding:.6rem 1.2rem;border-radius:.5rem;border:1px solid #9ab;background:#fff;cursor:pointer}\
    button.yes{background:#1a4fb4;border-color:#1a4fb4;color:#fff}";

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>Sandbox Card Issuer</h1>{body}</html>",
        title = escape(title),
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")];
    (status, headers, Html(page)).into_response()
}

/// Nobody is there.
pub(super) fn down() -> Response {
    html(StatusCode::SERVICE_UNAVAILABLE, "Not available", "<p>This service is not available at present.</p>")
}

/// What the browser brought is refused. Only the names of what was wrong are told.
pub(super) fn refused(erro: &Erro) -> Response {
    let body = format!("<p>This page cannot be shown.</p><pre>{}</pre>", escape(&erro.body().to_string()));
    html(erro.status(), "Error", &body)
}

/// Asks for the code; `left`: how often it may still be wrong, after it was.
pub(super) fn challenge(transaction: &Transaction, left: Option<u32>) -> Response {
    let Some((purchase, _)) = &transaction.purchase else { return down() };
    let amount = match money::currency(&purchase.currency) {
        Some(currency) => money::written(purchase.amount, currency),
        None => format!("{} ({})", purchase.amount, purchase.currency),
    };
    let wrong = match left {
        None => String::new(),
        Some(1) => "<p class=\"wrong\" role=\"alert\">That code is wrong. You have one more try.</p>".to_owned(),
        Some(left) => format!("<p class=\"wrong\" role=\"alert\">That code is wrong. You have {left} more tries.</p>"),
    };
    let body = format!(
        "<p>Confirm that it is you who pays</p><p class=\"amount\">{amount}</p>\
         <dl><dt>to</dt><dd>{merchant}</dd><dt>with your card</dt><dd>•••• {card}</dd></dl>\
         <form method=\"post\" action=\"/acs/answer\"><input type=\"hidden\" name=\"acsTransID\" value=\"{id}\">\
         <label for=\"code\">The code that we sent you (in this sandbox: 123456)</label>\
         <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
         maxlength=\"6\" autofocus>{wrong}<div class=\"do\"><button class=\"yes\">Confirm</button> \
         <button name=\"cancel\" value=\"1\">Cancel</button></div></form>",
        amount = escape(&amount),
        merchant = escape(&purchase.merchant),
        card = last4(&transaction.pan),
        id = escape(&transaction.acs_trans_id),
    );
    html(StatusCode::OK, "Confirm your payment", &body)
}

/// Sends the browser back with the CRes.
pub(super) fn back(transaction: &Transaction) -> Response {
    let Some((purchase, _)) = &transaction.purchase else { return down() };
    let cres = acs::cres(transaction);
    let session_data = transaction.challenge.as_ref().and_then(|challenge| challenge.session_data.as_deref());
    let mut fields = vec![("cres", cres.as_str())];
    fields.extend(session_data.map(|data| ("threeDSSessionData", data)));
    posting(&purchase.notification_url, &fields)
}

/// A page that posts a form by itself, or with a button where there is no JavaScript.
pub(super) fn posting(url: &str, fields: &[(&str, &str)]) -> Response {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)))
        .collect();
    let body = format!(
        "<form method=\"post\" action=\"{url}\">{inputs}<noscript><button class=\"yes\">Continue</button></noscript>\
         </form><script>document.forms[0].submit()</script>",
        url = escape(url),
    );
    html(StatusCode::OK, "Back to the shop", &body)
}
