//! What is done about each message.

use super::{
    authorize::Vouchers,
    faults::{Taken, Way},
    host::{Host, Link},
    ledger::{Standing, Verdict},
    message::Message,
    money::{self, Operation},
    rules,
};
use crate::disturb::take;

/// What an answer repeats of its request.
const ECHOED: [u8; 9] = [3, 4, 7, 11, 32, 37, 41, 42, 49];

impl Host {
    /// Takes a message in.
    pub(crate) fn on(&mut self, link: &mut Link, message: Message) {
        if self.faults.silent {
            return;
        }
        match message.mti {
            800 => self.manage(link, &message),
            810 => self.echoed(link, &message),
            100 | 200 | 220 | 221 | 400 | 401 | 420 | 421 => self.take(link, message),
            mti if mti / 10 % 2 == 1 => self.stray(link, mti),
            mti => {
                let note = format!("{mti:04}: not spoken here");
                self.answer(link, &message, &Verdict::refused("12", &note), Way::Sent);
            }
        }
    }

    /// Network management: sign-on (70 = 001), sign-off (002), echo (301).
    fn manage(&mut self, link: &mut Link, message: &Message) {
        let code = match (rules::check_network(message), message.get(70)) {
            (Err(note), _) => {
                self.complain(link, message, &note);
                "30"
            }
            (Ok(()), "001") => {
                let is_lost = take(&mut self.faults.lose_sign_on_answers);
                if !is_lost && take(&mut self.faults.refuse_sign_ons) {
                    "91"
                } else {
                    self.books.counters.sign_ons += 1;
                    link.is_signed_on = true;
                    if is_lost {
                        return;
                    }
                    "00"
                }
            }
            (Ok(()), "002") => {
                self.books.counters.sign_offs += 1;
                link.is_signed_on = false;
                "00"
            }
            (Ok(()), "301") => {
                self.books.counters.echoes += 1;
                if self.faults.ignore_echo {
                    return;
                }
                "00"
            }
            (Ok(()), _) => "12",
        };
        let mut answer = Message::new(810);
        for field in [7, 11, 70] {
            if message.has(field) {
                answer.set(field, message.get(field));
            }
        }
        answer.set(39, code);
        self.send(link, answer, Way::Sent);
    }

    fn echoed(&mut self, link: &mut Link, message: &Message) {
        let stan = message.get(11).parse().unwrap_or(0);
        match link.echoes.iter().position(|echo| *echo == stan) {
            Some(at) if message.get(70) == "301" && message.get(39) == "00" => {
                link.echoes.remove(at);
                self.books.counters.echoes_answered += 1;
            }
            _ => self.stray(link, message.mti),
        }
    }

    fn stray(&mut self, link: &Link, mti: u16) {
        self.books.counters.strays += 1;
        self.books.complain(format!("link {}: {mti:04} answers nothing that was asked", link.id));
    }

    fn complain(&mut self, link: &Link, message: &Message, note: &str) {
        self.books.counters.format_errors += 1;
        self.books.complain(format!("link {}: {:04} {}: {note}", link.id, message.mti, message.get(11)));
    }

    fn take(&mut self, link: &mut Link, message: Message) {
        if !link.is_signed_on {
            self.books.counters.not_signed_on += 1;
            return self.answer(link, &message, &Verdict::refused("91", "sign on first"), Way::Sent);
        }
        match self.faults.taken(message.mti) {
            Taken::Lost => {}
            Taken::Held => self.held_requests.push((link.id, message)),
            Taken::Well => self.work(link, &message),
        }
    }

    /// Works on a message, books it, and answers.
    pub(crate) fn work(&mut self, link: &mut Link, message: &Message) {
        if let Err(note) = rules::check(message) {
            self.complain(link, message, &note);
            return self.answer(link, message, &Verdict::refused("30", &note), Way::Sent);
        }
        let instead = self.faults.instead(message.mti);
        let way = self.faults.way(message.mti);
        let mut verdict = match &instead {
            Some((code, false)) => Verdict::refused(code, ""),
            _ => self.verdict(message),
        };
        if let Some((code, true)) = instead {
            verdict.code = code;
        }
        self.remember(message, &verdict, way);
        self.answer(link, message, &verdict, way);
    }

    fn verdict(&mut self, message: &Message) -> Verdict {
        match self.ledger.standing(message) {
            Standing::Repeated(verdict) => {
                self.books.counters.repeated += 1;
                return verdict;
            }
            Standing::Duplicate(first) => {
                self.books.counters.duplicates += 1;
                let note = match &first {
                    Some(first) => format!("was answered {}", first.code),
                    None => "11: used by another".to_owned(),
                };
                let approval = first.and_then(|first| first.approval);
                return Verdict { approval, ..Verdict::refused("94", &note) };
            }
            Standing::New => {}
        }
        let decline_reversed = self.faults.decline_reversed;
        let is_refund = message.get(3) == "200000";
        let vouchers = Vouchers { minted: &self.minted, proofs: &self.proofs };
        let (ledger, counters) = (&mut self.ledger, &mut self.books.counters);
        match message.mti {
            220 | 221 => {
                counters.captures += 1;
                ledger.capture(message);
            }
            400 | 401 | 420 | 421 => {
                counters.reversals += 1;
                ledger.reverse(message);
            }
            200 if is_refund => {
                counters.refunds += 1;
                ledger.refund(message, decline_reversed);
            }
            100 if is_refund => return Verdict::refused("12", "3: not in 0100"),
            mti => {
                *(if mti == 200 { &mut counters.financials } else { &mut counters.authorizations }) += 1;
                ledger.authorize(message, vouchers, decline_reversed);
            }
        }
        let verdict = ledger.entries.last().map(|entry| entry.verdict.clone());
        let verdict = verdict.unwrap_or_else(|| Verdict::refused("96", ""));
        counters.approved += u64::from(matches!(message.mti, 100 | 200) && verdict.approved > 0);
        counters.reversals_without_original += u64::from(message.mti >= 400 && verdict.code == "25");
        verdict
    }

    fn remember(&mut self, message: &Message, verdict: &Verdict, way: Way) {
        let currency = money::currency(message.get(49)).unwrap_or(message.get(49)).to_owned();
        self.ledger.accounts.entry(message.get(2).to_owned()).or_default().remember(Operation {
            at: money::now(),
            mti: format!("{:04}", message.mti),
            kind: kind(message),
            stan: message.get(11).to_owned(),
            rrn: message.get(37).to_owned(),
            terminal: message.get(41).to_owned(),
            amount_minor: message.number(4),
            approved_minor: verdict.approved,
            currency,
            code: verdict.code.clone(),
            approval: verdict.approval.clone(),
            note: verdict.note.clone(),
            answer: way,
        });
    }

    fn answer(&mut self, link: &mut Link, message: &Message, verdict: &Verdict, way: Way) {
        let mut answer = Message::new(message.mti - message.mti % 10 + 10);
        for field in ECHOED {
            if message.has(field) {
                answer.set(field, message.get(field));
            }
        }
        if verdict.code == "10" {
            answer.set(4, format!("{:012}", verdict.approved));
        }
        if let Some(approval) = &verdict.approval {
            answer.set(38, approval.clone());
        }
        answer.set(39, verdict.code.clone());
        if let Some(note) = &verdict.note {
            answer.set(44, note.clone());
        }
        self.send(link, answer, way);
    }
}

fn kind(message: &Message) -> &'static str {
    match (message.mti, message.get(3)) {
        (100, _) => "authorization",
        (200, "200000") => "refund",
        (200, _) => "payment",
        (220 | 221, _) => "capture",
        (400 | 401, _) => "reversal",
        _ => "reversal advice",
    }
}
