//! What a payer's browser does at the ACS: the method page, the challenge, the way back.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, extract::State, response::Response, routing::post};
use bytes::Bytes;

use super::{ThreeDs, acs, erro::Erro, pages, transactions::Step};

/// The longest `threeDSSessionData`, in characters (table A.2).
const SESSION_DATA_LEN_MAX: usize = 1024;

pub(super) fn router() -> Router<Arc<ThreeDs>> {
    Router::new()
        .route("/acs/method", post(method))
        .route("/acs/challenge", post(challenge))
        .route("/acs/answer", post(answer))
}

type Form = HashMap<String, String>;

fn form(body: &[u8]) -> Form {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn field<'a>(form: &'a Form, name: &'static str) -> Result<&'a str, Erro> {
    form.get(name).map(String::as_str).ok_or_else(|| Erro::missing(&[name]))
}

/// The page that looks at the browser, in a frame that nobody sees, and reports that it did.
async fn method(State(threeds): State<Arc<ThreeDs>>, body: Bytes) -> Response {
    if threeds.faults.now().acs_down {
        return pages::down();
    }
    let reported = || {
        let form = form(&body);
        let (id, back) = acs::method(field(&form, "threeDSMethodData")?)?;
        let mut transactions = threeds.transactions();
        let transaction = transactions.find(&id).filter(|found| found.has_method && found.purchase.is_none());
        transaction.ok_or_else(|| Erro::unknown("threeDSServerTransID"))?.was_on_method = true;
        Ok(pages::posting(&back, &[("threeDSMethodData", &acs::method_done(&id))]))
    };
    reported().unwrap_or_else(|erro: Erro| pages::refused(&erro))
}

/// The first CReq: the page that asks for a code. It may be opened again.
async fn challenge(State(threeds): State<Arc<ThreeDs>>, body: Bytes) -> Response {
    if threeds.faults.now().acs_down {
        return pages::down();
    }
    let opened = || {
        let form = form(&body);
        let creq = acs::creq(field(&form, "creq")?)?;
        let session_data = form.get("threeDSSessionData").cloned();
        if session_data.as_ref().is_some_and(|data| data.len() > SESSION_DATA_LEN_MAX) {
            return Err(Erro::format(&["threeDSSessionData"]));
        }
        let mut transactions = threeds.transactions();
        let now_ms = transactions.now_ms();
        let found = transactions.find(&creq.id).filter(|found| found.acs_trans_id == creq.acs_trans_id);
        let transaction = found.ok_or_else(|| Erro::unknown("threeDSServerTransID, acsTransID"))?;
        let challenge = transaction.challenge.as_mut().ok_or_else(|| Erro::unknown("acsTransID"))?;
        if challenge.opened_ms.is_none() {
            challenge.opened_ms = Some(now_ms);
            challenge.session_data = session_data;
        }
        Ok(match transaction.result {
            None => pages::challenge(transaction, None),
            Some(_) => pages::back(transaction),
        })
    };
    opened().unwrap_or_else(|erro| pages::refused(&erro))
}

/// The payer sends a code, or cancels.
async fn answer(State(threeds): State<Arc<ThreeDs>>, body: Bytes) -> Response {
    let faults = threeds.faults.now().clone();
    if faults.acs_down {
        return pages::down();
    }
    let answered = || {
        let form = form(&body);
        let mut transactions = threeds.transactions();
        let now_ms = transactions.now_ms();
        let found = transactions.find_at_acs(field(&form, "acsTransID")?);
        let is_open = |opened_ms: Option<u64>| opened_ms.is_some();
        let found = found.filter(|found| found.challenge.as_ref().is_some_and(|it| is_open(it.opened_ms)));
        let transaction = found.ok_or_else(|| Erro::unknown("acsTransID"))?;
        let code = if form.contains_key("cancel") { None } else { Some(field(&form, "code")?.trim()) };
        Ok(match transaction.answer(code, &faults, &threeds.proofs, now_ms) {
            Step::Again(left) => pages::challenge(transaction, Some(left)),
            Step::Over => pages::back(transaction),
        })
    };
    answered().unwrap_or_else(|erro| pages::refused(&erro))
}
