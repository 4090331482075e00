//! Sees that the configuration or a plugin has changed, by looking every second. A file that is still being written is
//! waited for: what changed must have stood still from one look to the next. What was read once, and was wrong, is read
//! again when it changes again.

use std::path::PathBuf;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use sportello_host::signature_path;

use super::{By, Switchboard, Watched};
use crate::config::Config;
use crate::scorecard::scorecard_path;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a file looks like from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Look(Vec<(PathBuf, Option<SystemTime>, u64)>);

/// What is made of one look after the other. The first that stands still is due: what changed between the reading and the
/// first look would be missed for ever.
#[derive(Debug, Default)]
struct Watch {
    /// As it was when it was read.
    read: Look,
    /// As it was at the last look.
    last: Look,
}

impl Watched {
    pub(super) fn of(config: &Config) -> Self {
        // Of a command one word names the plugin, and what the others may name is nothing that changes.
        let words =
            config.instances.iter().filter_map(|instance| instance.exec.as_ref()).flat_map(|exec| &exec.command);
        let files = std::iter::once(config.file.clone()).chain(words.map(|word| config.folder().join(word))).collect();
        Self { is_on: config.gateway.watch, files, plugins: config.gateway.plugins.clone() }
    }

    fn look(&self) -> Look {
        let file = |path: PathBuf| {
            let found = std::fs::metadata(&path).ok();
            let modified = found.as_ref().and_then(|found| found.modified().ok());
            (path, modified, found.map_or(0, |found| found.len()))
        };
        let libraries = sportello_host::libraries(&self.plugins);
        // What vouches for a file may come after it.
        let paths = self.files.iter().chain(&libraries);
        let with_those = |path: &PathBuf| [path.clone(), signature_path(path), scorecard_path(path)];
        Look(paths.flat_map(with_those).map(file).collect())
    }
}

impl Watch {
    /// Whether what is seen now is to be read: it is not what was read, and has stood still.
    fn is_due(&mut self, look: Look) -> bool {
        let is_still = look == self.last;
        self.last = look;
        let is_due = is_still && self.last != self.read;
        if is_due {
            self.read = self.last.clone();
        }
        is_due
    }
}

impl Switchboard {
    /// Watches for as long as the gateway runs, whenever `gateway.watch` is on.
    pub(crate) async fn watch(board: Weak<Self>) {
        let Some(mut told) = board.upgrade().map(|board| board.watched.subscribe()) else { return };
        'anew: loop {
            let watched = told.borrow_and_update().clone();
            if !watched.is_on {
                if told.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let mut watch = Watch::default();
            loop {
                tokio::select! {
                    changed = told.changed() => match changed {
                        Ok(()) => continue 'anew,
                        Err(_) => return,
                    },
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                if watch.is_due(look(&watched).await) {
                    let Some(board) = board.upgrade() else { return };
                    // What is wrong has been logged, and stands in /v1/instances.
                    let _ = board.reload(By::Watch).await;
                }
            }
        }
    }
}

/// Files are looked at where it may take a while.
async fn look(watched: &Watched) -> Look {
    let watched = watched.clone();
    tokio::task::spawn_blocking(move || watched.look()).await.unwrap_or(Look(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_being_written_is_waited_for() {
        // Each letter is what a look sees; what is read is in capitals.
        let check = |seen: &str| {
            let look = |letter: char| Look(vec![(PathBuf::from(letter.to_ascii_lowercase().to_string()), None, 0)]);
            let mut watch = Watch::default();
            for (at, letter) in seen.chars().enumerate() {
                assert_eq!(watch.is_due(look(letter)), letter.is_uppercase(), "{seen}, look {at}");
            }
        };
        check("aAaaa");
        check("aAbBbb");
        check("aAbcdDd");
        check("abBcCc");
        // Back before it was read, and after.
        check("aAbaaa");
        check("aAbBaA");
    }
}
