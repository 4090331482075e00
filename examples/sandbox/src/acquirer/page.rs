//! The page at `/`: the cards, what each has paid, and every message about it.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
};

use super::{
    card,
    control::{self, Desk},
    faults::Way,
    money::{Account, Operation, last4, written},
};
use crate::html::escape;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b2733}\
    h1{font-size:1.2rem}section{border:1px solid #d5dde5;border-radius:.6rem;margin:1rem 0;padding:.8rem 1rem}\
    section.idle{opacity:.6}h2{font-size:1rem;margin:0;display:flex;gap:1rem;flex-wrap:wrap;align-items:baseline}\
    h2 code{font-size:1rem}h2 .name{color:#678;font-weight:400}h2 .sum{margin-left:auto}\
    table{border-collapse:collapse;width:100%;margin-top:.6rem;font-size:.85rem}\
    th{text-align:left;color:#678;font-weight:400}td,th{padding:.15rem .6rem .15rem 0;white-space:nowrap}\
    td.n,th.n{text-align:right;padding-right:1.2rem}.good{color:#087443}.bad{color:#b3261e}.odd{color:#9a5b00}";

/// Everything as it is now; it asks again by itself every few seconds.
pub(super) async fn show(State(desk): State<Arc<Desk>>) -> Response {
    let cards = {
        let host = desk.acquirer.host();
        let mut accounts = control::accounts(&host.ledger);
        // Those that something was said about come first.
        accounts.sort_by_key(|(_, account)| account.operations.is_empty());
        accounts.iter().map(|(pan, account)| of_card(pan, account)).collect::<String>()
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"refresh\" content=\"5\"><title>Sandbox acquirer</title><style>{STYLE}</style>\
         <h1>Sandbox acquirer: what each card was charged</h1>{cards}</html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

fn of_card(pan: &str, account: &Account) -> String {
    let name = card::find(pan).map_or("not a card that exists", |card| card.name);
    let idle = if account.operations.is_empty() { " class=\"idle\"" } else { "" };
    let mut text = format!(
        "<section{idle}><h2><code>•••• {}</code><span class=\"name\">{}</span>",
        escape(last4(pan)),
        escape(name)
    );
    let mut sums: Vec<String> =
        account.money.iter().map(|(currency, money)| format!("paid {}", written(money.taken, currency))).collect();
    let is_held = account.money.iter().filter(|(_, money)| money.held > 0);
    sums.extend(is_held.map(|(currency, money)| format!("held {}", written(money.held, currency))));
    let _infallible = write!(text, "<span class=\"sum\">{}</span></h2>", sums.join(" · "));
    if !account.operations.is_empty() {
        text.push_str(
            "<table><tr><th>time<th>message<th class=\"n\">amount<th>code<th>approval<th>STAN<th>reference<th>answer",
        );
        account.operations.iter().rev().for_each(|operation| text.push_str(&row(operation)));
        text.push_str("</table>");
    }
    text.push_str("</section>");
    text
}

fn row(operation: &Operation) -> String {
    let color = match operation.code.as_str() {
        "00" | "10" => "good",
        "25" | "94" | "1A" | "65" => "odd",
        _ => "bad",
    };
    let amount = match operation.code.as_str() {
        "10" => format!(
            "{} of {}",
            written(operation.approved_minor, &operation.currency),
            written(operation.amount_minor, &operation.currency)
        ),
        _ => written(operation.amount_minor, &operation.currency),
    };
    let answer = match operation.answer {
        Way::Sent => "sent".to_owned(),
        Way::Lost => "<b class=\"bad\">lost</b>".to_owned(),
        Way::LinkDropped => "<b class=\"bad\">link dropped</b>".to_owned(),
        Way::Garbage => "<b class=\"bad\">garbage</b>".to_owned(),
        Way::WrongStan => "<b class=\"odd\">wrong STAN</b>".to_owned(),
        Way::Twice => "<b class=\"odd\">twice</b>".to_owned(),
        Way::Held => "<b class=\"odd\">held</b>".to_owned(),
        Way::Late(ms) => format!("<b class=\"odd\">{ms} ms late</b>"),
    };
    format!(
        "<tr><td>{time}<td>{mti} {kind}<td class=\"n\">{amount}<td class=\"{color}\">{code} {note}<td>{approval}\
         <td>{stan}<td>{rrn}<td>{answer}",
        time = escape(operation.at.get(11..23).unwrap_or_default()),
        mti = operation.mti,
        kind = operation.kind,
        amount = escape(&amount),
        code = escape(&operation.code),
        note = escape(operation.note.as_deref().unwrap_or_default()),
        approval = escape(operation.approval.as_deref().unwrap_or("-")),
        stan = escape(&operation.stan),
        rrn = escape(&operation.rrn),
    )
}
