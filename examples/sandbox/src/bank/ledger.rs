//! Accounts and the money that moves between them. Nothing here is ever deduplicated: the same order twice is two
//! payments, as at a bank.

use super::{declines::Treatment, pain001::Order};
use crate::{clock, serial};

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) resource_id: String,
    /// Empty for the account through which money leaves for other banks.
    pub(crate) iban: String,
    pub(crate) owner: String,
    /// What is booked, in cents.
    pub(crate) balance: i64,
}

/// How far a payment is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// The payer has not yet approved it.
    AwaitingApproval,
    /// Accepted; it settles at that time, or with `None` when it is released. In milliseconds since 1970.
    Pending(Option<u64>),
    /// The money has moved.
    Settled,
    /// It never will, for this reason.
    Rejected(String),
}

/// The approval that a payment needs.
#[derive(Clone, Debug)]
pub(crate) struct Approval {
    /// Cannot be guessed: it is the key to the page on which the payment is approved.
    pub(crate) id: String,
    /// `exempted`, `received`, `finalised` or `failed`.
    pub(crate) status: &'static str,
    /// Where the payer is sent after approving, and after refusing.
    pub(crate) back: Option<String>,
    pub(crate) back_refused: Option<String>,
}

/// One payment.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) instant: bool,
    pub(crate) order: Order,
    /// The pain.001 as it came.
    pub(crate) original: String,
    pub(crate) state: State,
    pub(crate) approval: Approval,
    pub(crate) received_ms: u64,
    /// When the money moved, or else when the payment came.
    pub(crate) booked_ms: u64,
    /// How long it takes from acceptance to settlement; `None` until released.
    pub(crate) takes_ms: Option<u64>,
}

impl Payment {
    /// The transaction status (ISO 20022 `ExternalPaymentTransactionStatus1Code`); `pending` words the pending one.
    pub(crate) fn status(&self, pending: &str) -> String {
        match &self.state {
            State::AwaitingApproval => "RCVD".to_owned(),
            State::Pending(_) => pending.to_owned(),
            // An instant payment has reached the creditor; another has left the debtor.
            State::Settled if self.instant => "ACCC".to_owned(),
            State::Settled => "ACSC".to_owned(),
            State::Rejected(_) => "RJCT".to_owned(),
        }
    }

    /// Why it was rejected, where it was.
    pub(crate) fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Rejected(reason) => Some(reason),
            _ => None,
        }
    }
}

/// All accounts and payments.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) accounts: Vec<Account>,
    /// In the order in which they came.
    pub(crate) payments: Vec<Payment>,
}

impl Default for Ledger {
    fn default() -> Self {
        let account = |resource_id: &str, iban: &str, owner: &str, balance| Account {
            resource_id: resource_id.to_owned(),
            iban: iban.to_owned(),
            owner: owner.to_owned(),
            balance,
        };
        Self {
            accounts: vec![
                account("acc-paolo", "IT60X0542811101000000123456", "paolo", 100_000),
                account("acc-anna", "FR1420041010050500013M02606", "anna", 5_000),
                account("acc-luca", "DE89370400440532013000", "luca", 500),
                account("acc-merchant", "ES9121000418450200051332", "merchant", 0),
                // Whoever runs the gateway: what is collected by other ways is paid out from here.
                account("acc-house", "NL91ABNA0417164300", "house", 1_000_000),
                account("acc-clearing", "", "other banks", 0),
            ],
            payments: Vec::new(),
        }
    }
}

impl Ledger {
    /// The account with that IBAN.
    pub(crate) fn account(&self, iban: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.iban == iban && !iban.is_empty())
    }

    /// What can be spent from the account: its balance without what is pending.
    pub(crate) fn available(&self, account: &Account) -> i64 {
        let pending = self
            .payments
            .iter()
            .filter(|payment| matches!(payment.state, State::Pending(_)) && payment.order.debtor_iban == account.iban);
        account.balance - pending.map(|payment| payment.order.cents).sum::<i64>()
    }

    /// The sum of all balances, which never changes.
    pub(crate) fn total(&self) -> i64 {
        self.accounts.iter().map(|account| account.balance).sum()
    }

    /// Takes a payment in and carries it as far as it goes at once; `decline` is the reason to refuse any with.
    pub(crate) fn take(&mut self, mut payment: Payment, special: Option<Treatment>, decline: Option<&str>) -> Payment {
        let declined = match special {
            Some(Treatment::Decline(reason)) => Some(reason),
            _ => decline,
        };
        if let Some(reason) = declined {
            payment.state = State::Rejected(reason.to_owned());
            payment.approval.status = "exempted";
        } else if payment.approval.status != "received" {
            self.accept(&mut payment);
        }
        self.payments.push(payment.clone());
        self.advance(clock::now_ms());
        self.payments.last().cloned().unwrap_or(payment)
    }

    /// Reserves the money, or rejects the payment where there is not enough.
    fn accept(&self, payment: &mut Payment) {
        let funds = self.account(&payment.order.debtor_iban).map_or(0, |account| self.available(account));
        payment.state = if funds < payment.order.cents {
            State::Rejected("AM04".to_owned())
        } else {
            State::Pending(payment.takes_ms.map(|ms| clock::now_ms().saturating_add(ms)))
        };
    }

    /// The payer approved the payment, or refused it. `None` when there is nothing to approve under that key.
    pub(crate) fn decide(&mut self, key: &str, approved: bool) -> Option<Payment> {
        let index = self
            .payments
            .iter()
            .position(|payment| payment.approval.id == key && payment.state == State::AwaitingApproval)?;
        let mut payment = self.payments.get(index)?.clone();
        if approved {
            payment.approval.status = "finalised";
            self.accept(&mut payment);
        } else {
            payment.approval.status = "failed";
            payment.state = State::Rejected("DS02".to_owned());
        }
        *self.payments.get_mut(index)? = payment;
        self.advance(clock::now_ms());
        self.payments.get(index).cloned()
    }

    /// Settles what is due by `now_ms`. Called before anything is read, so that time passes without a timer.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        for payment in &mut self.payments {
            let State::Pending(Some(due_ms)) = payment.state else { continue };
            if due_ms > now_ms {
                continue;
            }
            let creditor = &payment.order.creditor_iban;
            let debtor_at = self.accounts.iter().position(|account| account.iban == payment.order.debtor_iban);
            // What is owed to an account elsewhere is booked to the clearing account, which alone has no IBAN.
            let creditor_at = self
                .accounts
                .iter()
                .position(|account| account.iban == *creditor)
                .or_else(|| self.accounts.iter().position(|account| account.iban.is_empty()));
            let (Some(debtor_at), Some(creditor_at)) = (debtor_at, creditor_at) else { continue };
            for (at, cents) in [(debtor_at, -payment.order.cents), (creditor_at, payment.order.cents)] {
                if let Some(account) = self.accounts.get_mut(at) {
                    account.balance += cents;
                }
            }
            payment.state = State::Settled;
            payment.booked_ms = due_ms.max(payment.received_ms);
        }
    }

    /// Ends what is pending: settles it, or rejects it with a reason. How many payments that were.
    pub(crate) fn release(&mut self, only: Option<&str>, reject: Option<&str>) -> usize {
        let now_ms = clock::now_ms();
        let mut released = 0;
        for payment in &mut self.payments {
            if !matches!(payment.state, State::Pending(_)) || only.is_some_and(|id| id != payment.id) {
                continue;
            }
            released += 1;
            payment.state = match reject {
                Some(reason) => State::Rejected(reason.to_owned()),
                None => State::Pending(Some(now_ms)),
            };
        }
        self.advance(now_ms);
        released
    }
}

/// A fresh payment, not yet decided on.
pub(crate) fn payment(product: &str, instant: bool, order: Order, original: String, challenged: bool) -> Payment {
    let now_ms = clock::now_ms();
    Payment {
        id: serial::uuid(),
        product: product.to_owned(),
        instant,
        order,
        original,
        state: State::AwaitingApproval,
        approval: Approval {
            id: serial::uuid(),
            status: if challenged { "received" } else { "exempted" },
            back: None,
            back_refused: None,
        },
        received_ms: now_ms,
        booked_ms: now_ms,
        takes_ms: Some(0),
    }
}
