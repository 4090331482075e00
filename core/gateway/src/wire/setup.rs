//! What the engine is told of a deployment.

use std::time::Duration;

use sportello_sdk::Kind;

use crate::config::{Route, RoutePath};
use crate::plugins::Deployment;

/// What the engine is told of a deployment.
pub fn setup(deployment: &Deployment) -> sportello_engine::Setup {
    let config = &deployment.config;
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut setup = sportello_engine::Setup {
        profiles: config.profiles.clone(),
        routes: config.routes.iter().map(route).collect(),
        policy: sportello_engine::Policy {
            exempt: config.policy.exempt.clone(),
            code_lifetime_ms: ms(config.policy.code_lifetime),
            code_tries: u8::try_from(config.policy.code_tries).unwrap_or(u8::MAX),
            attempts_max: config.policy.attempts_max,
            repeat_window_ms: ms(config.policy.repeat_window),
            verified_for_ms: ms(config.policy.verified_for),
            challenges_max: config.policy.challenges_max,
            enrolment: config.policy.enrolment,
            enrolment_lifetime_ms: ms(config.policy.enrolment_lifetime),
        },
        house: config.house.clone(),
        public_url: config.gateway.public_url.clone(),
        ..Default::default()
    };
    for member in &deployment.members {
        let instance = member.instance.name.clone();
        let manifest = member.loaded.manifest();
        match member.instance.kind {
            Kind::Channel => setup.channels.extend(member.channel_setup()),
            Kind::Rail => {
                let facts = manifest.rail.clone();
                setup.rails.extend(facts.map(|facts| sportello_engine::RailSetup { instance, facts }));
            }
        }
    }
    setup
}

fn route(route: &Route) -> sportello_engine::Route {
    let (transfer, collect, payout) = match route.path.clone() {
        RoutePath::Transfer(transfer) => (transfer, Vec::new(), Vec::new()),
        RoutePath::CollectThenPayOut { collect, payout } => (Vec::new(), collect, payout),
    };
    sportello_engine::Route {
        name: route.name.clone(),
        currencies: route.currencies.clone(),
        transfer,
        collect,
        payout,
    }
}
