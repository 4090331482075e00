//! What the operator decides while the engine runs holds from the next entrance on, all of it at once.

use sportello_engine::NotCreated;
use sportello_model::command::Visibility;
use sportello_model::payment::State;

use crate::stage::{Stage, handle, request, setup};

#[tokio::test]
async fn what_is_decided_holds_from_the_next_entrance_on() {
    let stage = Stage::new(0).await;
    let rail = async |key: &str| {
        let created = stage.pay(key).await;
        created.ended().await;
        let payment = created.payment().await;
        assert_eq!(payment.state, State::Completed);
        payment.attempts[0].rail.to_string()
    };
    assert_eq!(rail("one").await, "bank");
    assert_eq!(stage.engine.visibility(&handle("chat:@anna")), Visibility::Public);
    // The rails in another order, and somebody in front of all others: nobody is called by a number.
    let mut other = setup(0);
    other.rails.reverse();
    other.routes[0].transfer.reverse();
    let mut marco = other.profiles[0].clone();
    (marco.name, marco.handles, marco.account) = ("marco".into(), vec![handle("chat:3")], Some(handle("iban:DE3")));
    other.profiles.insert(0, marco);
    stage.engine.reconfigure(other.clone());
    assert_eq!(rail("two").await, "slow-bank");
    let order = stage.world.orders.lock().last().unwrap().clone();
    assert_eq!((order.debtor.name.as_str(), order.creditor.name.as_str()), ("paolo", "anna"));
    // Without anna nobody is paid, and nobody is paid in her place.
    other.profiles.retain(|profile| profile.name != "anna");
    stage.engine.reconfigure(other);
    let refused = stage.engine.create(request("three")).await;
    assert!(matches!(refused, Err(NotCreated::UnknownPayee(_))), "{refused:?}");
    assert_eq!(stage.engine.visibility(&handle("chat:@anna")), Visibility::Private);
    assert_eq!(stage.engine.open_at("bank").await + stage.engine.open_at("slow-bank").await, 0);
}
