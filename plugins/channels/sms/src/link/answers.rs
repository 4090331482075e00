//! What a link makes of what arrives.

use rusmpp_core::CommandId;

use super::{End, Event, Link, State, Ticket, What};
use crate::pdu::{self, BadLength, Delivery, Pdu};
use crate::status;

impl<J> Link<J> {
    /// Takes what has arrived, however it is cut.
    pub(crate) fn receive(&mut self, octets: &[u8], now_ms: u64, events: &mut Vec<Event<J>>) {
        if self.state == State::Ended {
            return;
        }
        self.heard_ms = now_ms;
        self.arrived.extend_from_slice(octets);
        while self.state != State::Ended {
            match pdu::next(&mut self.arrived) {
                None => break,
                Some(Ok(pdu)) => self.take(&pdu, now_ms, events),
                Some(Err(BadLength { sequence })) => {
                    self.refuse(sequence, status::RINVCMDLEN);
                    self.end(End::Garbled, events);
                }
            }
        }
    }

    fn take(&mut self, pdu: &Pdu, now_ms: u64, events: &mut Vec<Event<J>>) {
        let header = pdu.header;
        match header.command {
            CommandId::DeliverSm | CommandId::DataSm => self.deliver(pdu, events),
            CommandId::EnquireLink => self.respond(header.command, header.sequence, status::ROK),
            CommandId::Unbind => {
                self.respond(header.command, header.sequence, status::ROK);
                self.end(End::Unbound, events);
            }
            // Neither is answered (SMPP 3.4, sections 4.1.7 and 4.12.1), and neither concerns us.
            CommandId::AlertNotification | CommandId::Outbind => {}
            command if command.is_response() => self.answered(pdu, now_ms, events),
            _ => self.refuse(header.sequence, status::RINVCMDID),
        }
    }

    fn deliver(&mut self, pdu: &Pdu, events: &mut Vec<Event<J>>) {
        let (command, sequence) = (pdu.header.command, pdu.header.sequence);
        if self.state == State::Binding {
            return self.respond(command, sequence, status::RINVBNDSTS);
        }
        if self.deliveries >= self.limits.window_in {
            return self.respond(command, sequence, status::RX_T_APPN);
        }
        match Delivery::read(command, &pdu.body) {
            Ok(delivery) => {
                self.deliveries += 1;
                events.push(Event::Delivered(Ticket { sequence, command }, delivery));
            }
            Err(status) => self.respond(command, sequence, status),
        }
    }

    fn answered(&mut self, pdu: &Pdu, now_ms: u64, events: &mut Vec<Event<J>>) {
        let header = pdu.header;
        let is_nack = header.command == CommandId::GenericNack;
        let fits = self.pending.get(&header.sequence).is_some_and(|pending| {
            let asked = match pending.what {
                What::Bind => self.role.command(),
                What::Submit(_) => CommandId::SubmitSm,
                What::Enquire => CommandId::EnquireLink,
            };
            is_nack || header.command == asked.matching_response()
        });
        // An answer of another kind leaves the request waiting for its own.
        let Some(pending) = fits.then(|| self.pending.remove(&header.sequence)).flatten() else {
            self.strays += 1;
            return;
        };
        match pending.what {
            What::Bind if header.status == status::ROK && !is_nack => {
                self.state = State::Bound;
                events.push(Event::Bound);
            }
            What::Bind => self.end(End::Refused(header.status), events),
            What::Submit(what_for) => {
                self.submits = self.submits.saturating_sub(1);
                if header.status == status::ROK && !is_nack {
                    return events.push(Event::Accepted(what_for, pdu::message_id(&pdu.body)));
                }
                if status::class(header.status) == status::Class::TooMuch {
                    self.pace.slow_down(now_ms);
                }
                // A nack is none that says that all is well.
                let status = if header.status == status::ROK { status::RUNKNOWNERR } else { header.status };
                events.push(Event::Rejected(what_for, status));
            }
            // A nack, too, is a sign of life.
            What::Enquire => self.is_asked = false,
        }
    }
}
