//! The page on which a payer hands over a token for one payment.
//!
//! ```text
//! GET            the sheet: Apple Pay and Google Pay, as far as they are configured and the browser has them
//! POST /session  Apple's address for the merchant validation, from the browser  ──▶  what Apple says, for the browser
//! POST           the token, as a form  ──▶  judged as the order will be; then it is what the payment is paid with
//! ```

mod form;
mod html;
mod session;
mod text;

use sportello_sdk::{Failure, Host, Level, Money, PagePurpose, PageReply, PageRequest, PaymentId};

use crate::google::MerchantKey;
use crate::settings::Settings;
use crate::wallet::{Brand, Wallets};

pub(crate) use session::Sessions;

/// What the pages of an instance have in common.
pub(crate) struct Counter {
    pub(crate) settings: Settings,
    pub(crate) sessions: Option<Sessions>,
    /// The newest of the merchant's keys, whom Google Pay seals for.
    pub(crate) google_public_key: Option<String>,
    /// Whether a number without a cryptogram can be charged: its payer is authenticated otherwise.
    pub(crate) takes_bare: bool,
}

impl Counter {
    /// The key that a page names: the last of the secret, which is the one that was added last.
    pub(crate) fn newest(keys: &[MerchantKey]) -> Option<String> {
        keys.last().map(MerchantKey::public_key)
    }

    /// Answers a payer's browser.
    ///
    /// # Errors
    /// `unsupported` for what is no hand-over.
    pub(crate) async fn answer(
        &self,
        request: &PageRequest,
        wallets: &Wallets,
        host: &Host,
    ) -> Result<PageReply, Failure> {
        let PagePurpose::HandOver { payment, amount, .. } = &request.head.purpose else {
            return Err(Failure::unsupported("page"));
        };
        match (request.head.method.as_str(), request.head.path.as_str()) {
            ("GET", "" | "/") => Ok(self.page(request, *payment, *amount, 200, false)),
            ("POST", "/session") => match &self.sessions {
                Some(sessions) => Ok(sessions.answer(request, &self.settings.display_name, host).await),
                None => Ok(nothing()),
            },
            ("POST", "" | "/") => self.hand_over(request, *payment, *amount, wallets, host).await,
            _ => Ok(nothing()),
        }
    }

    async fn hand_over(
        &self,
        request: &PageRequest,
        payment: PaymentId,
        amount: Money,
        wallets: &Wallets,
        host: &Host,
    ) -> Result<PageReply, Failure> {
        let fields = form::fields(&request.body);
        let posted = fields.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
        let token = html::bare(posted.unwrap_or_default());
        let why = match wallets.judge(token.as_bytes(), host.now_ms(), &payment.to_string(), amount) {
            Ok((_, agreed)) if agreed.proof.is_none() && !self.takes_bare => "authentication_required",
            Ok((brand, agreed)) => match host.load(&agreed.seen).await? {
                (0, _) => return Ok(PageReply::hand_over(label(brand, &fields), token.into_bytes())),
                _ => "replayed",
            },
            Err(why) => why.code(),
        };
        host.log(Level::Info, format!("a token that was handed over was not taken: {why}"));
        Ok(self.page(request, payment, amount, 422, true))
    }

    fn page(
        &self,
        request: &PageRequest,
        payment: PaymentId,
        amount: Money,
        status: u16,
        is_refused: bool,
    ) -> PageReply {
        let sheet = html::Sheet { counter: self, request, payment, amount, is_refused };
        let mut reply = PageReply::of(status, "text/html; charset=utf-8", sheet.write());
        if self.settings.google.is_some() {
            // Google Pay: its script, what that speaks to, the pictures of its button, and the frame that its sheet is in.
            let origins =
                ["https://pay.google.com", "https://play.google.com", "https://google.com", "https://www.gstatic.com"];
            reply.head.scripts = origins.map(str::to_owned).into();
            reply.head.frames = vec!["https://pay.google.com".to_owned()];
        }
        reply
    }
}

fn nothing() -> PageReply {
    PageReply::of(404, "text/plain", "")
}

/// How a person recognises it: the wallet, and what the browser says of the card behind it, if that can be shown.
fn label(brand: Brand, fields: &[(String, String)]) -> String {
    let said = fields.iter().find(|(name, _)| name == "card").map_or("", |(_, value)| value.trim());
    let is_plain = said.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    let digits = said.bytes().filter(u8::is_ascii_digit).count();
    if (1..=24).contains(&said.len()) && is_plain && digits <= 4 {
        format!("{} ({said})", brand.name())
    } else {
        brand.name().to_owned()
    }
}
