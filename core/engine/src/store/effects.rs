//! Where each effect that is not done yet stands in its table.
//!
//! An effect is known by its owner and number, and lies where it came to lie: at the end of the table. So that it is found
//! again without an index on the disk, the writer remembers the row of each, for as long as it is not done.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::write::{Statements, integer};
use super::{EffectId, EffectRow, StoreError, read};

#[derive(Debug, Default)]
pub(super) struct Effects {
    rows: HashMap<EffectId, i64>,
    next: i64,
    added: Vec<(EffectId, i64)>,
    done: Vec<EffectId>,
}

impl Effects {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("SELECT row, owner, number FROM effects")?;
        let rows = statement.query_map([], |row| {
            Ok((EffectId { owner: read::id(row, 1)?, number: read::number(row, 2)? }, row.get::<_, i64>(0)?))
        })?;
        let rows = rows.collect::<Result<HashMap<_, _>, _>>()?;
        let next = rows.values().max().map_or(1, |last| last + 1);
        Ok(Self { rows, next, ..Self::default() })
    }

    pub(super) fn add(&mut self, sql: &mut Statements<'_>, effect: &EffectRow) -> Result<(), StoreError> {
        let EffectId { owner, number } = effect.id;
        let values = params![
            self.next,
            owner.0.to_be_bytes(),
            integer(number),
            integer(effect.due_ms),
            effect.tries,
            effect.body
        ];
        sql.add_effect.execute(values)?;
        self.added.push((effect.id, self.next));
        self.next += 1;
        Ok(())
    }

    /// Forgets an effect; one that is not there is forgotten already.
    pub(super) fn forget(&mut self, sql: &mut Statements<'_>, id: EffectId) -> Result<(), StoreError> {
        if let Some(row) = self.rows.get(&id) {
            sql.forget_effect.execute([row])?;
            self.done.push(id);
        }
        Ok(())
    }

    /// Puts an effect off; one that is not there has been done.
    pub(super) fn put_off(&mut self, sql: &mut Statements<'_>, later: &EffectRow) -> Result<(), StoreError> {
        if let Some(row) = self.rows.get(&later.id) {
            sql.put_off_effect.execute(params![row, integer(later.due_ms), later.tries, later.body])?;
        }
        Ok(())
    }

    /// The transaction is durable.
    pub(super) fn committed(&mut self) {
        self.rows.extend(self.added.drain(..));
        for id in self.done.drain(..) {
            self.rows.remove(&id);
        }
    }

    /// The transaction is void.
    pub(super) fn rolled_back(&mut self) {
        self.added.clear();
        self.done.clear();
    }
}
