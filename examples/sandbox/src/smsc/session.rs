//! What each PDU of the ESME brings about (SMPP 3.4, section 4).

use std::time::Duration;

use super::{
    centre::{Centre, Moment},
    faults::Receipts,
    link::{Link, Mode},
    message::{self, Submission},
    pdu::{self, ANSWER, Fields, Pdu, command},
    post::{Kind, Parcel},
    receipts::{self, Fate},
    status, tlv,
};
use crate::disturb::take;

/// What the SMSC calls itself.
const SYSTEM_ID: &[u8] = b"sandbox\0";

impl Centre {
    /// Works on one PDU.
    pub(super) fn on(&mut self, link: &mut Link, pdu: &Pdu<'_>, at: Moment) {
        self.books.read(link.id, pdu);
        if self.faults.silent || self.faults.silent_after_bind && link.mode.is_some() {
            link.asked = None;
            return;
        }
        match pdu.command {
            command::BIND_TRANSMITTER => self.bind(link, pdu, Mode::Transmitter),
            command::BIND_RECEIVER => self.bind(link, pdu, Mode::Receiver),
            command::BIND_TRANSCEIVER => self.bind(link, pdu, Mode::Transceiver),
            command::DELIVER_SM_RESP => self.answered(link, pdu, at),
            command::GENERIC_NACK => {
                self.books.counters.nacked += 1;
                self.answered(link, pdu, at);
            }
            command::ENQUIRE_LINK_RESP => link.asked = None,
            command::UNBIND_RESP => link.is_ending = true,
            command::SUBMIT_SM if !link.may_submit() => self.refuse(link, pdu, status::INVALID_BIND_STATUS),
            command::SUBMIT_SM => self.submit(link, pdu, at),
            command::UNBIND | command::ENQUIRE_LINK if link.mode.is_none() => {
                self.answer(link, pdu, status::INVALID_BIND_STATUS, &[]);
            }
            command::UNBIND => {
                self.answer(link, pdu, status::OK, &[]);
                link.is_ending = true;
            }
            command::ENQUIRE_LINK => {
                self.books.counters.enquire_links += 1;
                self.answer(link, pdu, status::OK, &[]);
            }
            command::DATA_SM | command::QUERY_SM | command::REPLACE_SM | command::CANCEL_SM | command::SUBMIT_MULTI => {
                let status = if link.mode.is_none() { status::INVALID_BIND_STATUS } else { status::INVALID_COMMAND };
                self.answer(link, pdu, status, &[]);
            }
            _ => self.nack(link, status::INVALID_COMMAND, pdu.sequence),
        }
    }

    pub(super) fn nack(&mut self, link: &mut Link, status: u32, sequence: u32) {
        self.books.counters.nacks += 1;
        self.books.wrote(link.id, command::GENERIC_NACK, status, sequence);
        pdu::write(&mut link.pending, command::GENERIC_NACK, status, sequence, &[]);
    }

    fn answer(&mut self, link: &mut Link, to: &Pdu<'_>, status: u32, pieces: &[&[u8]]) {
        self.books.wrote(link.id, to.command | ANSWER, status, to.sequence);
        pdu::write(&mut link.pending, to.command | ANSWER, status, to.sequence, pieces);
    }

    /// Section 4.1. A refused bind leaves the connection open: whose turn it is, is the ESME's to decide.
    fn bind(&mut self, link: &mut Link, pdu: &Pdu<'_>, mode: Mode) {
        match self.checked_bind(link, pdu) {
            Err(status) => {
                self.books.counters.binds_refused += 1;
                self.answer(link, pdu, status, &[]);
            }
            Ok(version) => {
                self.books.counters.binds += 1;
                link.mode = Some(mode);
                let mut tlvs = Vec::new();
                tlv::push(&mut tlvs, tlv::INTERFACE_VERSION, &[version]);
                self.answer(link, pdu, status::OK, &[SYSTEM_ID, &tlvs]);
            }
        }
    }

    fn checked_bind(&mut self, link: &Link, pdu: &Pdu<'_>) -> Result<u8, u32> {
        const SHORT: u32 = status::INVALID_COMMAND_LENGTH;
        let mut fields = Fields(pdu.body);
        let system_id = fields.text().ok_or(SHORT)?;
        let password = fields.text().ok_or(SHORT)?;
        let _system_type = fields.text().ok_or(SHORT)?;
        let version = fields.one().ok_or(SHORT)?;
        fields.octets(2).ok_or(SHORT)?; // addr_ton, addr_npi
        let _address_range = fields.text().ok_or(SHORT)?;
        if link.mode.is_some() {
            return Err(status::ALREADY_BOUND);
        }
        if take(&mut self.faults.refuse_binds) {
            return Err(status::BIND_FAILED);
        }
        if system_id != self.account.system_id.as_bytes() {
            return Err(status::INVALID_SYSTEM_ID);
        }
        if password != self.account.password.as_bytes() {
            return Err(status::INVALID_PASSWORD);
        }
        if !matches!(version, 0x34 | 0x50) {
            return Err(status::BIND_FAILED);
        }
        Ok(version)
    }

    /// The answer to a `deliver_sm`.
    fn answered(&mut self, link: &mut Link, pdu: &Pdu<'_>, at: Moment) {
        let Some(sent) = link.sent.remove(&pdu.sequence) else {
            self.books.counters.strays += 1;
            return;
        };
        let counters = &mut self.books.counters;
        let again_at = at.now + Duration::from_millis(self.faults.redeliver_after_ms);
        let mut parcel = sent.parcel;
        let is_ok = pdu.status == status::OK && pdu.command == command::DELIVER_SM_RESP;
        let is_message = parcel.kind == Kind::Message;
        if !is_ok && status::is_temporary(pdu.status) {
            counters.deferred += 1;
            if let (Kind::Load(_), Some(load)) = (parcel.kind, &mut self.load) {
                load.returned();
            }
            return self.post.later(again_at, parcel);
        }
        if is_ok && is_message && take(&mut self.faults.lose_acks) {
            counters.unacked += 1;
            return self.post.later(again_at, parcel);
        }
        if is_ok {
            counters.acked += 1
        } else {
            counters.rejected += 1
        }
        if is_ok && is_message && take(&mut self.faults.duplicate) {
            counters.duplicates += 1;
            parcel.kind = Kind::Duplicate;
            return self.post.ready.push_front(parcel);
        }
        if let (Kind::Load(_), Some(load)) = (parcel.kind, &mut self.load) {
            load.acked(at.now.duration_since(sent.at), !is_ok);
        }
    }

    fn refuse(&mut self, link: &mut Link, pdu: &Pdu<'_>, status: u32) {
        self.books.counters.refused += 1;
        self.books.counters.throttled += u64::from(matches!(status, status::THROTTLED | status::QUEUE_FULL));
        self.answer(link, pdu, status, &[]);
    }

    fn checked_submission(&mut self, pdu: &Pdu<'_>, at: Moment) -> Result<Submission, u32> {
        if take(&mut self.faults.throttle) {
            return Err(status::THROTTLED);
        }
        if take(&mut self.faults.queue_full) {
            return Err(status::QUEUE_FULL);
        }
        let submission = message::read(pdu.body, at.now_ms)?;
        self.faults.refusal(submission.destination).map_or(Ok(submission), Err)
    }

    fn submit(&mut self, link: &mut Link, pdu: &Pdu<'_>, at: Moment) {
        let submission = match self.checked_submission(pdu, at) {
            Ok(submission) => submission,
            Err(status) => return self.refuse(link, pdu, status),
        };
        let id = self.ids.next();
        self.books.counters.submitted += 1;
        let fate = match submission.destination {
            number if self.faults.is_dead(number) => Fate::Undeliverable,
            number if self.faults.is_expiring(number) || submission.is_expired => Fate::Expired,
            _ => Fate::Delivered,
        };
        if fate == Fate::Delivered {
            self.phones.receive(&submission, id, at.now_ms);
        }
        let (on_success, on_failure) = submission.receipt_if;
        let is_wanted = if fate == Fate::Delivered { on_success } else { on_failure };
        if is_wanted && self.faults.receipts != Receipts::None {
            self.receipt(link, &submission, id, fate, at);
        }
        self.answer_submit(link, pdu, id, at);
    }

    fn receipt(&mut self, link: &mut Link, submission: &Submission, id: u64, fate: Fate, at: Moment) {
        let late_ms = self.faults.late_receipts_ms;
        let body = receipts::body(submission, id, fate, at.now_ms, at.now_ms + late_ms);
        let parcel = Parcel { kind: Kind::Receipt, body };
        if late_ms > 0 {
            self.post.later(at.now + Duration::from_millis(late_ms), parcel);
        } else if self.faults.receipts == Receipts::BeforeAnswer && link.may_receive() {
            // On this very link, whatever its window: only there is the order certain.
            self.deliver_on(link, parcel, at);
        } else {
            self.post.ready.push_back(parcel);
        }
    }

    fn answer_submit(&mut self, link: &mut Link, pdu: &Pdu<'_>, id: u64, at: Moment) {
        if self.faults.drop_after > 0 {
            self.faults.drop_after -= 1;
            link.is_ending = self.faults.drop_after == 0;
            if self.faults.drop_after < self.faults.drop_unanswered {
                return;
            }
        }
        if take(&mut self.faults.lose_submit_answers) {
            return;
        }
        let before = link.pending.len();
        self.answer(link, pdu, status::OK, &[id.to_string().as_bytes(), b"\0"]);
        if self.faults.answer_out_of_order {
            let answer = link.pending.split_off(before);
            match link.held.take() {
                None => link.held = Some((at.now, answer)),
                Some((_, overtaken)) => link.pending.extend([answer, overtaken].concat()),
            }
        }
    }
}
