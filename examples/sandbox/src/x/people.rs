//! Who is on X.

use serde::{Deserialize, Serialize};

/// The gateway's own account.
pub(crate) const ACCOUNT: &str = "9000";

/// Somebody on X.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The numeric id, which never changes.
    pub(crate) id: String,
    /// The name after `@`, which its owner may change.
    pub(crate) screen_name: String,
    pub(crate) name: String,
    /// Whether people they never wrote to may send them direct messages.
    #[serde(default = "yes")]
    pub(crate) dms_open: bool,
    /// Whether their posts are protected, and so never delivered by X Activity.
    #[serde(default)]
    pub(crate) protected: bool,
}

fn yes() -> bool {
    true
}

/// The people there from the start.
pub(crate) fn cast() -> Vec<Person> {
    [
        (ACCOUNT, "sportello", "Sportello", true),
        ("1001", "anna", "Anna", true),
        ("1002", "paolo", "Paolo", true),
        ("1003", "luca", "Luca", true),
        ("1004", "giulia", "Giulia", false),
        ("1005", "marco", "Marco", true),
        ("1006", "elena", "Elena", true),
    ]
    .into_iter()
    .map(|(id, screen_name, name, dms_open)| Person {
        id: id.to_owned(),
        screen_name: screen_name.to_owned(),
        name: name.to_owned(),
        dms_open,
        protected: false,
    })
    .collect()
}
