//! The pages of this rail: which request is which step.

use sportello_sdk::{Failure, Host, Level, Order, PagePurpose, PageReply, PageRequest};

use crate::CardRail;
use crate::browser::{Browser, form};
use crate::flow::Next;
use crate::html;
use crate::state::Kept;
use crate::words::Words;

/// Answers a payer's browser.
///
/// # Errors
/// When the request is for no page of this rail.
pub(crate) async fn answer(rail: &CardRail, request: &PageRequest, host: &Host) -> Result<PageReply, Failure> {
    let PagePurpose::Act { order } = &request.head.purpose else {
        return Err(Failure::unsupported("page"));
    };
    let words = Words::of(&request.head.language);
    let url = &request.head.url;
    if request.head.method == "GET" {
        // It changes nothing: whoever only previews a link has not acted.
        let kept = Kept::load(&order.key, host).await?;
        return Ok(match kept.state {
            Some(state) if !state.stage.is_final() && host.now_ms() < state.until_ms => html::begin(words, url, order),
            _ => html::notice(words, words.nothing, 200),
        });
    }
    let step = step(rail, order, request, host).await;
    Ok(match step {
        Ok(None) => html::notice(words, words.nothing, 404),
        Ok(Some(Step::MethodDone)) => html::blank(),
        Ok(Some(Step::Next(next))) => show(words, url, next),
        Err(failure) => {
            host.log(Level::Warn, format!("{}: its payer could not go on: {failure}", order.key));
            html::again(words, url, words.trouble, 503)
        }
    })
}

enum Step {
    Next(Next),
    MethodDone,
}

async fn step(rail: &CardRail, order: &Order, request: &PageRequest, host: &Host) -> Result<Option<Step>, Failure> {
    let form = form(&request.body);
    let browser = Browser::of(request, &form);
    let has_scripts = form.iter().any(|(key, value)| key == "javascript" && value == "true");
    let next = match (request.head.method.as_str(), request.head.path.as_str()) {
        ("POST", "/start") => rail.start(order, request, &browser, has_scripts, host).await?,
        ("POST", "/go") => rail.go_on(order, request, &browser, host).await?,
        ("POST", "/back") => rail.back(order, host).await?,
        ("POST", "/method") => {
            rail.method_done(order, host).await?;
            return Ok(Some(Step::MethodDone));
        }
        _ => return Ok(None),
    };
    Ok(Some(Step::Next(next)))
}

fn show(words: &'static Words, url: &str, next: Next) -> PageReply {
    match next {
        Next::Method { url: at, data } => html::method(words, url, &at, &data),
        Next::Challenge { url: at, creq, session } => html::challenge(words, &at, &creq, &session),
        Next::NotYet => html::again(words, url, words.not_yet, 200),
        Next::Over(crate::state::Stage::Refused { .. }) => html::notice(words, words.refused, 200),
        Next::Over(_) => html::notice(words, words.done, 200),
        Next::Gone => html::notice(words, words.nothing, 200),
    }
}
