//! The merchant validation of Apple Pay on the web: the browser names an address of Apple's, and we ask it for a session
//! (Apple Pay on the Web, "Requesting an Apple Pay payment session"). Who we are is in the certificate that the host shows
//! (`tls` in `gateway.toml`).

use serde::Deserialize;
use serde_json::{Value, json};
use sportello_sdk::{Host, HttpRequest, Level, PageReply, PageRequest};

use crate::origin::{OriginPattern, is_allowed};

/// A session longer than this is none: real ones have some 5 kB.
const SESSION_BYTES_MAX: usize = 64 * 1024;

/// Where sessions are asked for, and for whom.
pub(crate) struct Sessions {
    pub(crate) origins: Vec<OriginPattern>,
    pub(crate) merchant_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    validation_url: String,
}

impl Sessions {
    /// Gets the browser its session. Whatever goes wrong, the browser learns no more than that.
    pub(crate) async fn answer(&self, request: &PageRequest, display_name: &str, host: &Host) -> PageReply {
        let Ok(asked) = serde_json::from_slice::<Asked>(&request.body) else { return none(400) };
        if !is_allowed(&asked.validation_url, &self.origins) {
            host.log(Level::Warn, "a merchant validation was asked for at an address that is not the wallet's");
            return none(400);
        }
        let Some(domain) = domain(&request.head.url) else { return none(400) };
        let body = json!({
            "merchantIdentifier": self.merchant_id,
            "displayName": display_name,
            "initiative": "web",
            "initiativeContext": domain,
        });
        let question = HttpRequest::new("POST", asked.validation_url).body("application/json", body.to_string());
        match host.http(question).await {
            Ok(answer) if answer.status() == 200 && answer.body.len() <= SESSION_BYTES_MAX => {
                match serde_json::from_slice::<Value>(&answer.body) {
                    Ok(Value::Object(_)) => PageReply::of(200, "application/json", answer.body),
                    _ => self.refused("what is no session", host),
                }
            }
            Ok(answer) => self.refused(&format!("status {}", answer.status()), host),
            Err(failure) => self.refused(&failure.code, host),
        }
    }

    fn refused(&self, what: &str, host: &Host) -> PageReply {
        host.log(Level::Warn, format!("the merchant validation of `{}` was answered with {what}", self.merchant_id));
        none(502)
    }
}

fn none(status: u16) -> PageReply {
    PageReply::of(status, "application/json", "{}")
}

/// The domain of a page, without its port.
fn domain(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let domain = authority.split(':').next()?;
    (!domain.is_empty()).then_some(domain)
}
