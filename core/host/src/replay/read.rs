//! A recording, read whole.

use std::io::{BufRead, BufReader, Read};

use crate::record::{Entry, FORMAT, RECORDING_LEN_MAX};

/// What was recorded of one instance.
#[derive(Debug, Clone)]
pub struct Recording {
    entries: Vec<Entry>,
    is_whole: bool,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is not what one is.
    #[error("line {line} is not as `sportello plugin record` writes it: {because}")]
    Line {
        /// Which one, from 1.
        line: usize,
        /// What is wrong with it.
        because: String,
    },
    /// It does not begin as one.
    #[error("it does not begin as a recording does")]
    NoBeginning,
    /// Another version wrote it.
    #[error("it is of format {0}, and this program reads format {FORMAT}")]
    Format(u32),
}

impl Recording {
    /// Reads one. What a crash cut off at its end is left aside.
    ///
    /// # Errors
    /// As [`RecordingError`] has it.
    pub fn read(from: impl Read) -> Result<Self, RecordingError> {
        let mut entries = Vec::new();
        let mut from = BufReader::new(from.take(RECORDING_LEN_MAX + 1));
        let mut text = String::new();
        loop {
            text.clear();
            if from.read_line(&mut text)? == 0 {
                break;
            }
            match serde_json::from_str(&text) {
                Ok(entry) => entries.push(entry),
                // The last line, which was not written to its end.
                Err(_) if !text.ends_with('\n') && !entries.is_empty() => break,
                Err(error) => {
                    return Err(RecordingError::Line { line: entries.len() + 1, because: error.to_string() });
                }
            }
        }
        match entries.first() {
            Some(Entry::Began { format: FORMAT, .. }) => {}
            Some(Entry::Began { format, .. }) => return Err(RecordingError::Format(*format)),
            _ => return Err(RecordingError::NoBeginning),
        }
        let is_whole = matches!(entries.last(), Some(Entry::Ended { .. }));
        Ok(Self { entries, is_whole })
    }

    /// Its lines.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The plugin's name and version.
    pub fn plugin(&self) -> [&str; 2] {
        match self.entries.first() {
            Some(Entry::Began { plugin, version, .. }) => [plugin, version],
            _ => [""; 2],
        }
    }

    /// What ended it, where that was not whoever had begun it.
    pub fn ended_because(&self) -> Option<&str> {
        match self.entries.last() {
            Some(Entry::Ended { because }) => because.as_deref(),
            _ => None,
        }
    }

    /// Whether it was written to its end.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}
