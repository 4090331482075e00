//! `/act/{token}`: a rail's own page for the payer of an order that waits for them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use sportello_sdk::PagePurpose;

use super::{At, Pages, Visit, no_link, not_now, notice, of_rail, to_the_end, words};

/// The link itself.
pub(super) async fn root(
    State(pages): State<Arc<Pages>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    serve(pages, token, String::new(), request).await
}

/// What follows it.
pub(super) async fn below(
    State(pages): State<Arc<Pages>>,
    parts: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let (token, path) = parts.map(|Path(parts)| parts).unwrap_or_default();
    serve(pages, token, format!("/{path}"), request).await
}

async fn serve(pages: Arc<Pages>, token: String, path: String, request: Request) -> Response {
    let visit = match pages.admit(&token, request).await {
        Ok(visit) => visit,
        Err(answer) => return answer,
    };
    to_the_end(visit.words(), async move { answer(&pages, &token, path, visit).await }).await
}

async fn answer(pages: &Pages, token: &str, path: String, visit: Visit) -> Response {
    let Some(act) = pages.links.read(token, pages.now_ms()) else { return no_link(visit.words()) };
    let Ok(_inside) = pages.app.taking() else { return not_now(visit.words()) };
    let (rail, order) = match pages.engine.order_of(&act.order).await {
        Ok(Some(found)) => found,
        Ok(None) => return nothing_to_do(visit.words()),
        Err(error) => {
            tracing::error!(%error, "the store failed");
            return not_now(visit.words());
        }
    };
    if rail != act.instance {
        return nothing_to_do(visit.words());
    }
    let about = order.payment;
    let payment = pages.engine.payment(about).await.ok().flatten();
    let words = payment.map_or(visit.words(), |payment| words::in_language(&payment.intent.payer.language));
    let at = At { link: format!("/act/{token}"), path, words };
    let purpose = PagePurpose::Act { order: Box::new(order) };
    match pages.ask(&rail, about.0, purpose, visit, at).await {
        // What the payer pays with is certain by now.
        Some(reply) if reply.head.handed_over.is_none() => of_rail(reply),
        _ => not_now(words),
    }
}

fn nothing_to_do(words: &words::Words) -> Response {
    notice(StatusCode::GONE, words, words.thanks, words.nothing_to_do)
}
