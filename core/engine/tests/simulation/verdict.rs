//! What must be so after whatever script: the ledger is what moved, the journal is what happened, and nothing is lost.

use std::collections::{HashMap, HashSet};

use sportello_model::payment::{Event, Evidence, State};
use sportello_model::{Change, OrderKind, Payment, Posting, is_balanced};

use crate::random::Script;
use crate::stage::request;

impl Script {
    pub(crate) fn is_what_really_moved(&self) {
        let (seed, chaos) = (self.seed, self.chaos.lock());
        let balances = self.runtime.block_on(self.engine.store().balances()).unwrap();
        assert_eq!(balances.iter().map(|b| b.minor).sum::<i64>(), 0, "seed {seed}: {balances:?}");
        // Open is only what a crash kept from ever reaching its rail: that, no rail can tell.
        let payments = self.payments();
        let of = |p: &Payment| {
            p.attempts.iter().filter(|a| !a.state.is_final()).map(|a| p.key(a.number)).collect::<Vec<_>>()
        };
        let open: Vec<_> = payments.iter().flat_map(|p| of(p).into_iter().map(move |key| (key, p))).collect();
        let known = open.iter().find(|(key, _)| chaos.facts.contains_key(key));
        assert!(known.is_none(), "seed {seed}: its rail has spoken, and it is open: {known:?}");
        let out = open.iter().map(|(_, p)| p.intent.amount.minor().cast_signed()).sum::<i64>();
        let clearing = balances.iter().filter(|b| b.account.starts_with("clearing")).map(|b| b.minor).sum::<i64>();
        assert_eq!(clearing, out, "seed {seed}: clearing is what is out: {balances:?}");
        let sum = |kind| chaos.moved(kind, None).iter().map(|f| f.order.amount.minor().cast_signed()).sum::<i64>();
        let from_payer = |p: &Payment| !matches!(p.state, State::PayingOut | State::Returning);
        let out_of_payer =
            open.iter().filter(|(_, p)| from_payer(p)).map(|(_, p)| p.intent.amount.minor().cast_signed());
        let moved = sum(OrderKind::Refund) - sum(OrderKind::Transfer) - sum(OrderKind::Collect);
        let payer = moved - out_of_payer.sum::<i64>();
        let of_payer = balances.iter().filter(|b| ["person:chat:1", "person:line:+1"].contains(&&*b.account));
        let written = of_payer.map(|b| b.minor).sum::<i64>();
        assert_eq!(written, payer, "seed {seed}: the payer's account is not what moved: {balances:?}");
        let mut paid = HashMap::new();
        for payment in &payments {
            let times = |kind| chaos.moved(kind, Some(payment.id)).len();
            let kinds = [OrderKind::Transfer, OrderKind::Collect, OrderKind::PayOut, OrderKind::Refund];
            let twice =
                kinds.iter().any(|kind| times(*kind) > 1) || times(OrderKind::PayOut) + times(OrderKind::Refund) > 1;
            let lied = chaos.facts.values().any(|f| f.order.payment == payment.id && f.lied);
            assert!(!twice || (lied && !payment.incidents.is_empty()), "seed {seed}: moved twice: {payment:?}");
            let arrived = times(OrderKind::Transfer) + times(OrderKind::PayOut) > 0;
            assert!(
                lied || arrived == (payment.state == State::Completed),
                "seed {seed}: not what happened: {payment:?}"
            );
            if let Some(first) = payment.intent.origin.first.as_deref().filter(|_| arrived) {
                let before = paid.insert(first.to_owned(), payment.id);
                assert_eq!(before, None, "seed {seed}: the message {first} was paid twice");
            }
        }
    }

    /// The journal leads to the payment, in the store and in memory.
    pub(crate) fn is_what_is_written(&self) {
        #[derive(serde::Deserialize)]
        struct Written {
            events: Vec<Event>,
            postings: Vec<Posting>,
        }
        for stored in self.payments() {
            let mut replayed = Payment::received(stored.id, (*stored.intent).clone(), stored.made_at_ms);
            for entry in self.runtime.block_on(self.engine.store().journal(stored.id)).unwrap() {
                let written: Written = serde_json::from_str(entry.entry.get()).unwrap();
                assert!(is_balanced(&written.postings));
                for event in written.events {
                    replayed = replayed.apply(&event, entry.at_ms).unwrap().payment;
                }
            }
            assert_eq!(replayed, stored, "seed {}: the journal tells another story", self.seed);
            let live = self.runtime.block_on(self.engine.payment(stored.id)).unwrap().unwrap();
            assert_eq!(live, stored, "seed {}: memory is not what is durable", self.seed);
        }
    }

    pub(crate) fn nothing_is_lost(&self) {
        let (seed, acknowledged) = (self.seed, self.acknowledged.lock());
        let firsts: HashSet<_> =
            self.payments().iter().filter_map(|p| p.intent.origin.first.as_deref().map(str::to_owned)).collect();
        for (key, id) in &acknowledged.requests {
            let again = self.runtime.block_on(self.engine.create(request(key))).unwrap();
            assert!(again.replayed && again.id() == *id, "seed {seed}: the request {key} is lost");
        }
        for (id, message) in &acknowledged.messages {
            let again = self.runtime.block_on(self.engine.message("chat", message.clone())).unwrap();
            assert!(!again.fresh, "seed {seed}: the message {id} is lost");
            let begins =
                message.change == Change::Written && message.text.contains("pay") && acknowledged.fresh.contains(id);
            assert!(!begins || firsts.contains(id), "seed {seed}: what {id} asked for is lost");
        }
    }
    /// What was begun by a message that has no id, or might be the same as one on another channel, was asked about.
    pub(crate) fn nothing_is_paid_twice_unasked(&self) {
        #[derive(serde::Deserialize)]
        struct Written {
            events: Vec<Event>,
        }
        let (seed, payments) = (self.seed, self.payments());
        let of_line = payments.iter().filter(|p| &*p.intent.origin.source == "line");
        for payment in of_line.clone() {
            let by_code = matches!(payment.evidence, None | Some(Evidence::Code { .. }));
            assert!(by_code, "seed {seed}: paid without a code: {payment:?}");
        }
        if !self.numbers_change_hands() {
            let wishes = self.acknowledged.lock().wishes;
            assert!(of_line.count() >= wishes, "seed {seed}: of {wishes} wishes some are lost");
        }
        // Under a clock that was set back nobody can tell which was the first.
        if self.chaos.lock().set_back_ms > 0 {
            return;
        }
        let by_message: Vec<_> = payments.iter().filter(|p| &*p.intent.origin.source != "api").collect();
        for later in by_message.iter().filter(|p| p.state == State::Completed) {
            let (intent, window_ms) = (&later.intent, 3_600_000);
            let was_first =
                |earlier: &&&Payment| earlier.id < later.id && later.made_at_ms - earlier.made_at_ms < window_ms;
            let may_be_same = |earlier: &&&Payment| {
                earlier.intent.amount == intent.amount
                    && (earlier.intent.origin.source != intent.origin.source || &*intent.origin.source == "line")
            };
            let mut earlier = by_message.iter().filter(|p| p.state == State::Completed).filter(was_first);
            let Some(first) = earlier.find(may_be_same) else { continue };
            let is_asked = |payment: &Payment| {
                let journal = self.runtime.block_on(self.engine.store().journal(payment.id)).unwrap();
                let mut events =
                    journal.iter().flat_map(|entry| serde_json::from_str::<Written>(entry.entry.get()).unwrap().events);
                events.any(|event| matches!(event, Event::Challenged { again_after_ms: Some(_), .. }))
            };
            // Ids begin anew after a crash within the same millisecond, which only here is long enough for one.
            let is_in_order = first.made_at_ms < later.made_at_ms;
            let one_is = is_asked(later) || !is_in_order && is_asked(first);
            assert!(one_is, "seed {seed}: {first:?} was wished before, and nobody asked: {later:?}");
        }
    }
}
