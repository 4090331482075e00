//! The kit finds pages that do what a page must not.

use serde_json::json;
use sportello_sdk::{
    Failure, Host, Order, Outcome, PagePurpose, PageReply, PageRequest, Rail, Report, async_trait, dispatch, kit,
    settings,
};

use crate::{Lie, check};

const MANIFEST: &str = r#"{
    "name": "wallet", "kind": "rail", "version": "1.0.0", "contract": "1.2", "pan": true,
    "rail": {"accounts": ["token"], "orders": {"collect": {"doubt": "statement"}},
        "hand_over": {"by": "page", "label": "A wallet"}}
}"#;

settings! {
    struct Settings {
        #[serde(default)]
        lie: String,
    }
}

/// A rail whose page takes what begins with `token:`.
struct Wallet(String);

#[async_trait]
impl Rail for Wallet {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self(settings.lie))
    }

    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("who knows"))
    }

    async fn page(&self, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        let lie = self.0.as_str();
        let order = match &request.head.purpose {
            PagePurpose::Act { order } => Some(order),
            PagePurpose::HandOver { .. } => None,
            PagePurpose::Unrecognised if lie == "serves anything" => None,
            PagePurpose::Unrecognised => return Err(Failure::input("later", "this is not understood")),
        };
        if lie == "reports"
            && let Some(order) = order
        {
            let report = Report { key: order.key.clone(), outcome: Outcome::Proceed };
            host.report(&report).await?;
        }
        if lie == "destroys" {
            host.vault_remove("note").await?;
        }
        let is_token = request.body.starts_with(b"token:") || lie == "takes anything" && !request.body.is_empty();
        if lie == "hands over" || request.head.method == "POST" && is_token {
            return Ok(PageReply::hand_over("Visa ••1111", request.body));
        }
        assert!(lie != "panics" || request.head.method == "GET", "at what it cannot read");
        let mut reply = PageReply::html("<p>Hello");
        if lie == "opens up" {
            reply.head.scripts.push("*".to_owned());
        }
        Ok(reply)
    }
}

pub(crate) const PAGES: &[Lie] = &[
    ("", &[]),
    ("reports", &["page-looking"]),
    ("destroys", &["page-looking"]),
    ("hands over", &["page-looking", "page-broken"]),
    ("takes anything", &["page-broken"]),
    ("panics", &["page-broken"]),
    ("serves anything", &["page-later-purpose"]),
    ("opens up", &["page-shown"]),
];

#[test]
fn pages() {
    check(PAGES, |lie| kit::check(MANIFEST, &dispatch::rail::<Wallet>, &kit::Options::new(json!({ "lie": lie }))));
}
