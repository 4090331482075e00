//! What became of the posts that are made for notes, kept durably: a post cannot be taken back, and a note whose
//! answer was lost comes again.

use sportello_sdk::serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, serde_json};

use crate::id::Id;

/// How many notes are remembered. A note comes again within minutes; the gateway's own records are for longer.
const SLOTS: u64 = 1024;

/// How far the post for a note has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The text was about to be sent. Whether it arrived is not known.
    Trying,
    /// The text, told apart from an older one that was the same, was about to be sent.
    TryingVaried,
    /// X refused it, and nothing was posted.
    Refused,
    /// It was posted, under this id where X told it.
    Posted {
        /// The post's id.
        id: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct Record {
    key: String,
    #[serde(flatten)]
    stage: Stage,
}

/// The place of one note among the remembered ones.
pub(crate) struct Slot {
    name: String,
    key: String,
    version: u64,
}

impl Stage {
    pub(crate) fn posted(id: Option<&Id>) -> Self {
        let id = id.map(|id| id.as_str().to_owned());
        Self::Posted { id }
    }
}

impl Slot {
    /// The place of the note of this key, and how far its post has come: nothing where it was never tried.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn open(key: &str, host: &Host) -> Result<(Self, Option<Stage>), Failure> {
        // FNV-1a: spreads keys evenly, the same in every version of this plugin.
        let hash =
            key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        let name = format!("note/{}", hash % SLOTS);
        let (version, value) = host.load(&name).await?;
        let record: Option<Record> = serde_json::from_slice(&value).ok();
        let stage = record.filter(|r| r.key == key).map(|r| r.stage);
        let slot = Self { name, key: key.to_owned(), version };
        Ok((slot, stage))
    }

    /// Keeps how far the post has come.
    ///
    /// # Errors
    /// When the store cannot be reached, or another instance is sending this very note (`conflict`).
    pub(crate) async fn keep(&mut self, stage: Stage, host: &Host) -> Result<(), Failure> {
        let record = Record { key: self.key.clone(), stage };
        let value = serde_json::to_vec(&record)
            .map_err(|_| Failure::input("not_json", "the note's key cannot be written as JSON"))?;
        let done = host.save(&self.name, self.version, value).await?;
        self.version = done.version;
        if !done.stored {
            let what = "another instance is at work on this note or its neighbour";
            return Err(Failure::new(sportello_sdk::Source::Plugin, "conflict", what).retry_after(1000));
        }
        Ok(())
    }
}
