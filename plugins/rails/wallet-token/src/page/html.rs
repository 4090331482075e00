//! The page as it is written.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sportello_sdk::{Money, PagePurpose, PageRequest, PaymentId};

use super::Counter;
use super::text::text;
use crate::settings::{GoogleEnvironment, GoogleSettings, NETWORKS};

const PAGE: &str = include_str!("page.html");

/// What a page is about.
pub(super) struct Sheet<'a> {
    pub(super) counter: &'a Counter,
    pub(super) request: &'a PageRequest,
    pub(super) payment: PaymentId,
    pub(super) amount: Money,
    pub(super) is_refused: bool,
}

impl Sheet<'_> {
    pub(super) fn write(&self) -> String {
        let text = text(&self.request.head.language);
        let payee = match &self.request.head.purpose {
            PagePurpose::HandOver { payee, .. } => payee.as_str(),
            _ => "",
        };
        let refused = if self.is_refused { text.refused } else { "" };
        let paste = if self.counter.settings.manual_handover {
            format!(
                "<form method=\"post\"><label for=\"paste\">{}</label>\
                 <textarea id=\"paste\" name=\"token\" rows=\"6\" required></textarea><button>{}</button></form>",
                escaped(text.paste),
                escaped(text.hand_over)
            )
        } else {
            String::new()
        };
        let language = self.request.head.language.get(..2).unwrap_or("en");
        // The script's values come last: nothing that stands in them is looked at again.
        PAGE.replace("{language}", &escaped(language))
            .replace("{title}", &escaped(text.title))
            .replace("{amount}", &escaped(&self.amount.to_string()))
            .replace("{to}", &escaped(text.to))
            .replace("{refused}", &escaped(refused))
            .replace("{no_wallet}", &escaped(text.no_wallet))
            .replace("{paste}", &paste)
            .replace("{payee}", &escaped(payee))
            .replace("{values}", &in_script(&self.values()))
    }

    /// What the script works with.
    fn values(&self) -> Value {
        let settings = &self.counter.settings;
        let named = |name: &String| NETWORKS.iter().find(|(known, _, _)| known == name);
        let networks: Vec<_> = settings.networks.iter().filter_map(named).collect();
        let (amount, currency) = (self.amount.decimal(), self.amount.currency().code());
        let apple = settings.apple.is_some().then(|| {
            let apple_networks: Vec<&str> = networks.iter().map(|(_, apple, _)| *apple).collect();
            json!({
                "countryCode": settings.country,
                "currencyCode": currency,
                "supportedNetworks": apple_networks,
                "merchantCapabilities": ["supports3DS"],
                "total": {"label": settings.display_name, "amount": amount},
                "applicationData": BASE64_STANDARD.encode(self.payment.to_string()),
            })
        });
        let google = settings.google.as_ref().map(|google| {
            let google_networks: Vec<&str> = networks.iter().map(|(_, _, google)| *google).collect();
            let methods: &[&str] =
                if self.counter.takes_bare { &["CRYPTOGRAM_3DS", "PAN_ONLY"] } else { &["CRYPTOGRAM_3DS"] };
            let method = json!({
                "type": "CARD",
                "parameters": {"allowedAuthMethods": methods, "allowedCardNetworks": google_networks},
                "tokenizationSpecification": self.tokenization(google),
            });
            let mut merchant = json!({"merchantName": settings.display_name});
            if let (Some(id), Some(fields)) = (&google.merchant_id, merchant.as_object_mut()) {
                fields.insert("merchantId".to_owned(), json!(id));
            }
            let environment = match google.environment {
                GoogleEnvironment::Production => "PRODUCTION",
                GoogleEnvironment::Test => "TEST",
            };
            json!({
                "environment": environment,
                "request": {
                    "apiVersion": 2,
                    "apiVersionMinor": 0,
                    "allowedPaymentMethods": [method],
                    "merchantInfo": merchant,
                    "transactionInfo": {
                        "totalPriceStatus": "FINAL",
                        "totalPrice": amount,
                        "currencyCode": currency,
                        "countryCode": settings.country,
                    },
                },
            })
        });
        json!({"session": format!("{}/session", self.request.head.url), "apple": apple, "google": google})
    }

    /// Whom Google Pay seals for: a gateway by its name, or a merchant by the key.
    fn tokenization(&self, google: &GoogleSettings) -> Value {
        match google.recipient_id.strip_prefix("gateway:") {
            Some(gateway) => json!({
                "type": "PAYMENT_GATEWAY",
                "parameters": {"gateway": gateway, "gatewayMerchantId": google.gateway_merchant_id},
            }),
            None => json!({
                "type": "DIRECT",
                "parameters": {"protocolVersion": "ECv2", "publicKey": self.counter.google_public_key},
            }),
        }
    }
}

/// A token without what some wallets' interfaces wrap it in.
pub(super) fn bare(posted: &str) -> String {
    let wrapped = serde_json::from_str::<Value>(posted).ok();
    let inside = wrapped.as_ref().and_then(|outer| {
        let apple = outer.get("paymentData").or_else(|| outer.pointer("/token/paymentData"));
        let google = outer.pointer("/paymentMethodData/tokenizationData/token").and_then(Value::as_str);
        apple.filter(|inner| inner.is_object()).map(Value::to_string).or_else(|| google.map(str::to_owned))
    });
    inside.unwrap_or_else(|| posted.trim().to_owned())
}

/// Text that is nothing but text in HTML. Braces are written so that no place to fill in can be made of it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON that ends no script: what would, is written as JSON's own escapes.
fn in_script(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
