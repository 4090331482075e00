//! The application, its pages, and who writes to them.

use std::collections::BTreeMap;

use serde::Serialize;

/// The application's secret: it signs deliveries, and proves that a token is used by the application.
pub(crate) const APP_SECRET: &str = "sandbox-app-secret";
/// What the application expects to hear when its webhook is verified.
pub(crate) const VERIFY_TOKEN: &str = "sandbox-verify-token";
/// The application's id, as echoes name it.
pub(crate) const APP_ID: u64 = 1_517_776_481_860_111;

/// A page that people write to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) id: &'static str,
    /// The page access token.
    pub(crate) token: &'static str,
}

/// The page that the application answers for, and one that belongs to somebody else.
pub(crate) const PAGES: [Page; 2] = [
    Page { id: "104501234567890", token: "sandbox-page-token" },
    Page { id: "104509876543210", token: "sandbox-other-page-token" },
];

/// The page with that id.
pub(crate) fn page(id: &str) -> Option<Page> {
    PAGES.into_iter().find(|page| page.id == id)
}

/// The page that is not `id`.
pub(crate) fn other_page(id: &str) -> &'static str {
    let [own, other] = PAGES;
    if id == own.id { other.id } else { own.id }
}

/// Somebody on Messenger.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// By page: the id that the person has towards it, and towards no other.
    pub(crate) psids: BTreeMap<String, String>,
}

impl Person {
    /// A person with an id for each page, in the order of [`PAGES`].
    pub(crate) fn new(name: &str, psids: [String; 2]) -> Self {
        let psids = PAGES.iter().map(|page| page.id.to_owned()).zip(psids).collect();
        Self { name: name.to_owned(), psids }
    }

    /// The id towards a page.
    pub(crate) fn psid(&self, page: &str) -> &str {
        self.psids.get(page).map(String::as_str).unwrap_or_default()
    }
}

/// The people there from the start.
pub(crate) fn cast() -> Vec<Person> {
    [
        ("paolo", ["6720845931207741", "7104458219936620"]),
        ("anna", ["5932118470264493", "6481093375512087"]),
        ("luca", ["7360294418835512", "5817726640391845"]),
    ]
    .into_iter()
    .map(|(name, psids)| Person::new(name, psids.map(str::to_owned)))
    .collect()
}
