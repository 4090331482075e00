//! How much each plugin keeps in the store: counted once at the start, and on from there with every put.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{PluginPut, StoreError};

/// What a value takes beside its name and its bytes, about: so that empty ones fill no disk.
const ROW_LEN: u64 = 100;

/// How many bytes each instance's values take.
pub(super) struct Room {
    taken: HashMap<Box<str>, u64>,
    /// What was taken before the transaction under way, the latest last.
    before: Vec<(Box<str>, u64)>,
}

impl Room {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT instance, sum(length(CAST(name AS BLOB)) + length(value)), count(*) FROM plugin_state GROUP BY instance";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let (bytes, names): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, bytes.unsigned_abs() + names.unsigned_abs() * ROW_LEN))
        })?;
        Ok(Self { taken: rows.collect::<Result<_, _>>()?, before: Vec::new() })
    }

    /// Makes room for a value where one of `there` bytes stands, if any. What grows nothing is let through always.
    ///
    /// # Errors
    /// [`StoreError::Full`]: then nothing was taken.
    pub(super) fn take(&mut self, put: &PluginPut, there: Option<u64>) -> Result<(), StoreError> {
        let taken = self.taken.get(&*put.instance).copied().unwrap_or_default();
        let len = |value: u64| put.name.len() as u64 + value + ROW_LEN;
        let (old, new) = (there.map_or(0, len), len(put.value.len() as u64));
        let after = taken.saturating_sub(old) + new;
        if let Some(max) = put.room_max.filter(|max| after > *max && new > old) {
            return Err(StoreError::Full { max });
        }
        if let Some(tenths) = put.room_max.and_then(|max| tenths_reached(taken, after, max)) {
            let instance = &*put.instance;
            tracing::warn!(
                instance,
                "what this plugin keeps takes {tenths} tenths of its room; past that it can keep no more"
            );
        }
        self.before.push((put.instance.as_str().into(), taken));
        self.taken.insert(put.instance.as_str().into(), after);
        Ok(())
    }

    pub(super) fn committed(&mut self) {
        self.before.clear();
    }

    pub(super) fn rolled_back(&mut self) {
        for (instance, taken) in self.before.drain(..).rev() {
            self.taken.insert(instance, taken);
        }
    }
}

/// How many tenths of the room are taken, from the eighth on, where they were fewer before.
fn tenths_reached(before: u64, after: u64, max: u64) -> Option<u64> {
    let tenths = |taken: u64| u128::from(taken) * 10 / u128::from(max.max(1));
    let reached = tenths(after);
    u64::try_from(reached).ok().filter(|_| reached >= 8 && reached > tenths(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenths_are_told_once_each() {
        let check = |before, after, expected| assert_eq!(tenths_reached(before, after, 1_000), expected, "{before}");
        check(0, 799, None);
        check(799, 800, Some(8));
        check(800, 899, None);
        check(850, 1_000, Some(10));
        check(0, 950, Some(9));
        check(950, 899, None);
        assert_eq!(tenths_reached(0, u64::MAX, u64::MAX), Some(10));
        assert_eq!(tenths_reached(0, 0, 0), None);
    }
}
