//! Which `deliver_sm` goes through which link, and what becomes of those that nobody answers.

use super::{
    centre::{Centre, Moment},
    link::Link,
    pdu::command,
    post::{Kind, Parcel},
};

impl Centre {
    /// Writes whatever waits for delivery, as far as links and windows allow, the links in turn.
    pub(crate) fn deliver(&mut self, at: Moment) {
        if self.faults.silent || self.faults.silent_after_bind {
            return;
        }
        while !self.post.ready.is_empty() {
            let Some(mut link) = self.next_receiver().and_then(|id| self.links.remove(&id)) else { break };
            self.last_receiver = link.id;
            if let Some(parcel) = self.post.ready.pop_front() {
                self.deliver_on(&mut link, parcel, at);
            }
            self.links.insert(link.id, link);
        }
        self.go_on_with_load(at);
    }

    /// Writes one parcel on this link.
    pub(crate) fn deliver_on(&mut self, link: &mut Link, parcel: Parcel, at: Moment) {
        self.books.counters.delivered += 1;
        self.books.counters.receipts += u64::from(parcel.kind == Kind::Receipt);
        let sequence = link.deliver(parcel, None, at.now);
        self.books.wrote(link.id, command::DELIVER_SM, 0, sequence);
    }

    fn next_receiver(&self) -> Option<u64> {
        let free = |link: &&Link| link.may_receive() && link.unanswered() < self.faults.window;
        let after = self.links.range(self.last_receiver + 1..).map(|(_, link)| link).find(free);
        after.or_else(|| self.links.values().find(free)).map(|link| link.id)
    }

    fn go_on_with_load(&mut self, at: Moment) {
        let Some(load) = &mut self.load else { return };
        if load.is_done() {
            load.finish(self.books.counters.submitted);
            self.load = None;
            return;
        }
        if !self.links.get(&load.link).is_some_and(Link::may_receive) {
            // Its link is gone: the load goes on with another, when there is one.
            let Some(other) = self.links.values().find(|link| link.may_receive()) else { return };
            load.link = other.id;
        }
        let Some(link) = self.links.get_mut(&load.link) else { return };
        while let Some(number) = load.next() {
            let parcel = Parcel { kind: Kind::Load(number), body: Vec::new() };
            let sequence = link.deliver(parcel, Some(&load.body(number)), at.now);
            self.books.counters.delivered += 1;
            self.books.wrote(link.id, command::DELIVER_SM, 0, sequence);
        }
    }

    /// Takes leave of a link that is no more in the map.
    pub(crate) fn dismiss(&mut self, mut link: Link) {
        // The oldest first, and so in front of everything that waits, in their order.
        for (_, sent) in std::mem::take(&mut link.sent).into_iter().rev() {
            self.books.counters.unacked += 1;
            match sent.parcel.kind {
                Kind::Load(_) => self.unload(&sent.parcel),
                _ => self.post.ready.push_front(sent.parcel),
            }
        }
        link.outbox.put(&mut link.pending, self.faults.trickle, true);
    }

    /// Nobody answered: it is offered again, under another sequence number.
    pub(crate) fn unanswered(&mut self, parcel: Parcel) {
        self.books.counters.unacked += 1;
        match parcel.kind {
            Kind::Load(_) => self.unload(&parcel),
            _ => self.post.ready.push_back(parcel),
        }
    }

    /// A load's message left the window unanswered, and is written again.
    fn unload(&mut self, parcel: &Parcel) {
        if let (Kind::Load(number), Some(load)) = (parcel.kind, &mut self.load) {
            load.returned();
            load.again.push(number);
        }
    }

    /// What waited comes back into the queue.
    pub(crate) fn give_back(&mut self, parcel: Parcel) {
        match (parcel.kind, &mut self.load) {
            (Kind::Load(number), Some(load)) => load.again.push(number),
            (Kind::Load(_), None) => {}
            _ => self.post.ready.push_back(parcel),
        }
    }
}
