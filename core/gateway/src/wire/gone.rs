//! Orders that are out at a version which is not here any more: an operator is told, since whoever is asked about them now
//! may speak to another provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use sportello_engine::{Engine, OpenOrder, Taker};
use sportello_model::PaymentId;

use super::Wire;

/// Orders of one rail that one version took, and that version is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The rail's instance.
    pub rail: String,
    /// Who took them.
    pub taken_by: Arc<Taker>,
    /// Who is asked about them; nothing where the rail is not in the configuration, or is off.
    pub asked: Option<Arc<Taker>>,
    /// How many there are.
    pub orders: usize,
    /// The payment of one of them.
    pub payment: PaymentId,
}

impl Wire {
    /// Which orders that are open were taken by versions that are not here. Another build of a version is another one.
    pub async fn gone(&self, engine: &Engine) -> Vec<Gone> {
        let mut found: BTreeMap<(String, Arc<Taker>), Gone> = BTreeMap::new();
        for OpenOrder { payment, rail, taken_by } in engine.orders_open().await {
            let Some(taken_by) = taken_by else { continue };
            let (mut is_here, mut asked) = (false, None);
            if let Some(slot) = self.slot(&rail) {
                let seats = slot.seats();
                is_here = seats.lineup.all().any(|version| *version.taker() == taken_by);
                asked = seats.lineup.all().next().map(|version| version.taker().clone());
            }
            if is_here {
                continue;
            }
            let rail = String::from(rail);
            let gone = Gone { rail: rail.clone(), taken_by: taken_by.clone(), asked, orders: 0, payment };
            found.entry((rail, taken_by)).or_insert(gone).orders += 1;
        }
        found.into_values().collect()
    }

    /// Tells the operator of them, at the start.
    pub(crate) async fn tell_of_gone(&self, engine: &Engine) {
        for Gone { rail, taken_by, asked, orders, payment } in self.gone(engine).await {
            let asked = asked.map_or_else(|| "nobody".to_owned(), |asked| asked.to_string());
            tracing::warn!(
                instance = rail,
                %taken_by,
                asked,
                orders,
                %payment,
                "orders are out that a version took which is not here any more: see that whoever is asked about them is of the same provider (sportello show tells of each)"
            );
        }
    }
}
