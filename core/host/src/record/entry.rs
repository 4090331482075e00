//! What a line of a recording says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format. Another one is not read.
pub const FORMAT: u32 = 1;

/// One line: JSON, told apart by `what`. Numbers of calls and questions count up from 1 in each recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    /// What is recorded. The first line.
    Began {
        /// [`FORMAT`].
        format: u32,
        /// The instance.
        instance: String,
        /// The plugin's name.
        plugin: String,
        /// Its version.
        version: String,
        /// The SHA-256 of its bytes, in hexadecimal.
        sha256: Option<String>,
        /// Whether bytes beside frames are left out.
        without_bodies: bool,
        /// When it began, in milliseconds since 1970.
        at_ms: u64,
    },
    /// The host calls the plugin.
    Called {
        /// The number of the call in this recording.
        call: u64,
        /// What is called.
        method: String,
        /// The frame.
        frame: Value,
        /// What stands beside it.
        #[serde(default, skip_serializing_if = "Body::is_empty")]
        body: Body,
    },
    /// The plugin answers a call.
    Answered {
        /// The call's number.
        call: u64,
        /// Whether the frame is a result, or a failure.
        ok: bool,
        /// The frame.
        frame: Value,
        /// What stands beside it.
        #[serde(default, skip_serializing_if = "Body::is_empty")]
        body: Body,
    },
    /// Nobody waits for the answer to a call any more.
    GivenUp {
        /// The call's number.
        call: u64,
    },
    /// The plugin asks its host for something.
    Asked {
        /// The number of the question in this recording.
        ask: u64,
        /// The call on whose behalf it asks, as the frame of that call numbers it.
        parent: u64,
        /// What is asked for.
        method: String,
        /// The frame.
        frame: Value,
        /// What stands beside it.
        #[serde(default, skip_serializing_if = "Body::is_empty")]
        body: Body,
    },
    /// The host answers a question.
    Given {
        /// The question's number.
        ask: u64,
        /// Whether the frame is a result, or a failure.
        ok: bool,
        /// The frame.
        frame: Value,
        /// What stands beside it.
        #[serde(default, skip_serializing_if = "Body::is_empty")]
        body: Body,
    },
    /// The recording ended as it should. Without this line it is not whole.
    Ended {
        /// What ended it, where that was not whoever had begun it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
}

/// What stands beside a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// Other bytes, in base64 (RFC 4648, section 4).
    Base64(String),
    /// So many bytes, which are not written since nobody may read them.
    LeftOut(usize),
}

impl Body {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}
