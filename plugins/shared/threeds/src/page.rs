//! The pages of a payer's authentication: which request is which step.

use sportello_sdk::{Failure, Host, Level, Order, PageReply, PageRequest};

use crate::browser::{Browser, form};
use crate::flow::{Next, Step, method_done};
use crate::html;
use crate::state::{Kept, Stage};
use crate::words::Words;
use crate::{Authentication, Till};

/// What a request comes to.
enum Answer {
    Next(Next),
    MethodDone,
    /// It is for no page of ours.
    NoPage,
}

impl Authentication {
    /// Answers the browser of an order's payer, under the link that [`Authentication::submit`] gave.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn page(
        &self,
        order: &Order,
        request: &PageRequest,
        till: &impl Till,
        host: &Host,
    ) -> Result<PageReply, Failure> {
        let words = Words::of(&request.head.language);
        let url = &request.head.url;
        if request.head.method == "GET" {
            // It changes nothing: whoever only previews a link has not acted.
            let kept = Kept::load(&order.key, host).await?;
            return Ok(match kept.state {
                Some(state) if !state.stage.is_final() && host.now_ms() < state.until_ms => {
                    html::begin(words, url, order)
                }
                _ => html::notice(words, words.nothing, 200),
            });
        }
        Ok(match self.step(order, request, till, host).await {
            Ok(Answer::NoPage) => html::notice(words, words.nothing, 404),
            Ok(Answer::MethodDone) => html::blank(),
            Ok(Answer::Next(next)) => show(words, url, next),
            Err(failure) => {
                host.log(Level::Warn, format!("{}: its payer could not go on: {failure}", order.key));
                html::again(words, url, words.trouble, 503)
            }
        })
    }

    async fn step(
        &self,
        order: &Order,
        request: &PageRequest,
        till: &impl Till,
        host: &Host,
    ) -> Result<Answer, Failure> {
        let form = form(&request.body);
        let browser = Browser::of(request, &form);
        let has_scripts = form.iter().any(|(key, value)| key == "javascript" && value == "true");
        let step = Step { order, request, browser: &browser, till, host };
        let next = match (request.head.method.as_str(), request.head.path.as_str()) {
            ("POST", "/start") => self.start(step, has_scripts).await?,
            ("POST", "/go") => self.go_on(step).await?,
            ("POST", "/back") => self.back(step).await?,
            ("POST", "/method") => {
                method_done(order, host).await?;
                return Ok(Answer::MethodDone);
            }
            _ => return Ok(Answer::NoPage),
        };
        Ok(Answer::Next(next))
    }
}

fn show(words: &'static Words, url: &str, next: Next) -> PageReply {
    match next {
        Next::Method { url: at, data } => html::method(words, url, &at, &data),
        Next::Challenge { url: at, creq, session } => html::challenge(words, &at, &creq, &session),
        Next::NotYet => html::again(words, url, words.not_yet, 200),
        Next::Over(Stage::Refused { .. }) => html::notice(words, words.refused, 200),
        Next::Over(_) => html::notice(words, words.done, 200),
        Next::Gone => html::notice(words, words.nothing, 200),
    }
}
