//! Who ended this program, where a plugin that shared it did: told at once, and once more at the next start.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Where that is written: beside the store. Gone when the program ends as it should.
pub(crate) struct Note(PathBuf);

impl Note {
    /// Tells what an earlier program wrote, and has this one write. The store is this program's alone by now.
    pub(crate) fn begin(store: &Path) -> Option<Self> {
        let mut path = store.as_os_str().to_owned();
        path.push(".crash");
        let note = Self(path.into());
        note.tell();
        let noting = File::create(&note.0).and_then(sportello_host::note_crashes);
        if let Err(error) = noting {
            tracing::warn!(%error, file = %note.0.display(), "a plugin that ends this program would not be named at the next start");
            return None;
        }
        Some(note)
    }

    fn tell(&self) {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        // Whoever ends a program may do so on several threads at once.
        if let Some((instance, how)) = text.lines().next().and_then(|line| line.rsplit_once(' ')) {
            tracing::error!(
                instance,
                how,
                "the last time this program ran, the code of this plugin ended it. What was in flight is taken up now. Give it a \
                 process of its own: isolation = \"process\""
            );
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // Where it stays, it is empty, and says nothing.
        let _ = std::fs::remove_file(&self.0);
    }
}
