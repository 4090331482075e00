//! How much the desk does for an order.

use sportello_sdk::{Order, OrderKind};

use super::super::testing::{Stage, order, paying};
use crate::testing::{Acquirer, Says};

#[test]
fn an_order_is_written_down_once_before_it_is_sent_and_once_after() {
    let stage = Stage::new(Acquirer::new(|_| Says::Code("00")));
    stage.give(&Order { key: "before".to_owned(), ..order(OrderKind::Collect) }, &paying()).unwrap();
    stage.host.forget();
    stage.give(&order(OrderKind::Collect), &paying()).unwrap();
    let of_store: Vec<String> = stage.host.asked().into_iter().filter(|method| method.starts_with("store.")).collect();
    // The third is the renewed terminal, of a `run` that has begun anew.
    assert_eq!(of_store, ["store.put", "store.put", "store.put"]);
}
