//! A scripted bank, and outcomes as one line that a table can hold.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly, and so may its bench")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sportello_bank_transfer::BankTransfer;
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Bytes, Currency, Failure, Host, HttpRequest, HttpResponse, Inquiry, Money, Order, OrderKind, Outcome, Party,
    PaymentId, Rail,
};

/// The key of the order in all tests.
pub(crate) const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
/// Anna's account.
pub(crate) const ANNA: &str = "IT60X0542811101000000123456";
/// Paolo's account.
pub(crate) const PAOLO: &str = "DE89370400440532013000";
/// Where orders are posted.
pub(crate) const POST: &str = "https://bank.example/v1/payments/pain.001-instant-sepa-credit-transfers";
/// Where the status of payment P1 is.
pub(crate) const STATUS: &str = "https://bank.example/v1/payments/pain.001-instant-sepa-credit-transfers/P1/status";
/// Where the transactions of Paolo's account are.
pub(crate) const TRANSACTIONS: &str = "https://bank.example/v1/accounts/A1/transactions?*";
/// Four business days after Tuesday, 14 November 2023 are over at the beginning of the 21st.
pub(crate) const CUT_OFF_MS: u64 = 1_700_524_800_000;

/// A bank, its host and the rail that talks to it.
pub(crate) struct Bench {
    pub(crate) host: ScriptedHost,
    rail: BankTransfer,
}

/// Paolo pays Anna 20 euros.
pub(crate) fn order() -> Order {
    let party = |name: &str, iban: &str| Party {
        name: name.to_owned(),
        account: format!("iban:{iban}").parse().unwrap(),
        country: None,
    };
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind: OrderKind::Transfer,
        amount: Money::new(2000, Currency::EUR).unwrap(),
        debtor: party("Paolo", PAOLO),
        creditor: party("Anna", ANNA),
        memo: Some("the pizza".to_owned()),
        refers_to: None,
        made_at_ms: 1_700_000_000_000,
    }
}

impl Bench {
    /// A bank that answers nothing yet.
    pub(crate) fn new() -> Self {
        Self::with(json!({}))
    }

    /// The same with these settings besides the two that are needed.
    pub(crate) fn with(settings: Value) -> Self {
        let host = ScriptedHost::new().secret("access_token", "t0ken").on_http(
            "GET",
            "https://bank.example/v1/accounts",
            |_| {
                Ok(json_answer(
                    200,
                    json!({"accounts": [{"resourceId": "A0", "iban": ANNA}, {"resourceId": "A1", "iban": PAOLO}]}),
                ))
            },
        );
        let rail = open(&host, settings).unwrap();
        Self { host, rail }
    }

    /// The same bank and store, and a rail that was just started.
    pub(crate) fn restarted(&self) -> Self {
        Self { host: self.host.clone(), rail: open(&self.host, json!({})).unwrap() }
    }

    /// Answers such requests.
    pub(crate) fn on(
        self,
        method: &str,
        url: &str,
        answer: impl Fn(&HttpRequest) -> Result<HttpResponse, Failure> + Send + Sync + 'static,
    ) -> Self {
        let host = self.host.on_http(method, url, answer);
        Self { host, rail: self.rail }
    }

    /// Answers such requests with this response.
    pub(crate) fn answers(self, method: &str, url: &str, response: HttpResponse) -> Self {
        self.on(method, url, move |_| Ok(response.clone()))
    }

    /// Gives no response to such requests.
    pub(crate) fn cuts(self, method: &str, url: &str) -> Self {
        self.on(method, url, |_| Err(Failure::provider("unreachable", "the connection was cut")))
    }

    /// Shows these transactions.
    pub(crate) fn shows(self, booked: Value, pending: Value) -> Self {
        self.answers("GET", TRANSACTIONS, list(booked, pending, None))
    }

    /// Submits the order, and says what came of it.
    pub(crate) fn submit(&self) -> String {
        self.submit_this(order())
    }

    /// Submits an order, and says what came of it.
    pub(crate) fn submit_this(&self, order: Order) -> String {
        let call = self.host.call();
        told(self.host.block_on(self.rail.submit(order, &call)))
    }

    /// Asks about the order, and says what came of it.
    pub(crate) fn inquire(&self) -> String {
        self.inquire_with(None, 0)
    }

    /// Asks about the order with what an earlier answer brought.
    pub(crate) fn inquire_with(&self, reference: Option<&str>, asked: u32) -> String {
        let inquiry = Inquiry { order: order(), reference: reference.map(str::to_owned), asked };
        let call = self.host.call();
        told(self.host.block_on(self.rail.inquire(inquiry, &call)))
    }

    /// Submits the order; before its first call of this method of the host, `then` happens.
    pub(crate) fn submit_while(&self, method: &'static str, then: impl FnOnce() + Send + 'static) -> String {
        let call = self.call_while(method, then);
        told(self.host.block_on(self.rail.submit(order(), &call)))
    }

    /// Asks about the order; before its first call of this method of the host, `then` happens.
    pub(crate) fn inquire_while(&self, method: &'static str, then: impl FnOnce() + Send + 'static) -> String {
        let call = self.call_while(method, then);
        let inquiry = Inquiry { order: order(), reference: None, asked: 0 };
        told(self.host.block_on(self.rail.inquire(inquiry, &call)))
    }

    fn call_while(&self, method: &'static str, then: impl FnOnce() + Send + 'static) -> Host {
        let host: Arc<dyn Peer> = self.host.clone().into_peer();
        Host::new(Arc::new(Meanwhile { host, method, then: Mutex::new(Some(Box::new(then))) }), &self.host.frame(()))
    }

    /// How many orders were posted.
    pub(crate) fn posts(&self) -> usize {
        self.host.requests().iter().filter(|request| request.head.method == "POST").count()
    }
}

/// A host during whose work something else happens.
struct Meanwhile {
    host: Arc<dyn Peer>,
    method: &'static str,
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Peer for Meanwhile {
    fn call(
        &self,
        parent: u64,
        method: &str,
        frame: Bytes,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
        let then = self.then.lock().unwrap().take_if(|_| method == self.method);
        if let Some(then) = then {
            then();
        }
        self.host.call(parent, method, frame, body)
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.host.notify(method, frame);
    }
}

/// Opens the rail.
pub(crate) fn open(host: &ScriptedHost, mut settings: Value) -> Result<BankTransfer, Failure> {
    for (name, value) in [("base_url", "https://bank.example"), ("psu_ip_address", "192.0.2.1")] {
        if settings.get(name).is_none() {
            settings[name] = value.into();
        }
    }
    let settings = serde_json::from_value(settings).map_err(|e| Failure::settings("bad_settings", e.to_string()))?;
    let call = host.call();
    host.block_on(BankTransfer::open(settings, &call))
}

/// An answer in one line.
pub(crate) fn told(answer: Result<Outcome, Failure>) -> String {
    let of = |reference: Option<String>| reference.unwrap_or_else(|| "-".to_owned());
    match answer {
        Ok(Outcome::Settled { amount, reference, finality, .. }) => {
            format!("settled {finality:?} {amount} {}", of(reference))
        }
        Ok(Outcome::Pending { reference, .. }) => format!("pending {}", of(reference)),
        Ok(Outcome::ActionRequired { url, reference, .. }) => format!("action {url} {}", of(reference)),
        Ok(Outcome::Declined { code, elsewhere: true, .. }) => format!("declined {code} elsewhere"),
        Ok(Outcome::Declined { code, .. }) => format!("declined {code}"),
        Ok(Outcome::Unknown { because }) => format!("unknown: {because}"),
        Ok(Outcome::Proceed) => "proceed".to_owned(),
        Ok(Outcome::Unrecognised) => "unrecognised".to_owned(),
        Err(failure) => format!("failure {}", failure.code),
    }
}

/// A response in JSON.
pub(crate) fn json_answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse::new(status, "application/json", body.to_string())
}

/// A payment that was made.
pub(crate) fn created(status: &str) -> HttpResponse {
    json_answer(
        201,
        json!({"transactionStatus": status, "paymentId": "P1", "_links": {"self": {"href": "/v1/payments/P1"}}}),
    )
}

/// An error with this code.
pub(crate) fn error(status: u16, code: &str) -> HttpResponse {
    json_answer(status, json!({"tppMessages": [{"category": "ERROR", "code": code, "text": "…"}]}))
}

/// A page of transactions.
pub(crate) fn list(booked: Value, pending: Value, next: Option<&str>) -> HttpResponse {
    let mut report = json!({"booked": booked, "pending": pending, "_links": {"account": {"href": "/v1/accounts/A1"}}});
    if let Some(next) = next {
        report["_links"]["next"] = json!({"href": next});
    }
    json_answer(200, json!({"account": {"iban": PAOLO}, "transactions": report}))
}

/// A debit to Anna.
pub(crate) fn debit(id: &str, end_to_end_id: &str, amount: &str) -> Value {
    json!({
        "transactionId": id, "endToEndId": end_to_end_id, "creditorName": "Anna", "creditorAccount": {"iban": ANNA},
        "transactionAmount": {"currency": "EUR", "amount": amount},
    })
}

/// A status report.
pub(crate) fn pain002(end_to_end_id: &str, status: &str, reason: &str) -> HttpResponse {
    let reason = match reason {
        "" => String::new(),
        code => format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"),
    };
    HttpResponse::new(
        200,
        "application/xml; charset=utf-8",
        format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>\
             <OrgnlMsgId>{end_to_end_id}</OrgnlMsgId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>\
             {end_to_end_id}</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>{end_to_end_id}</OrgnlEndToEndId>\
             <TxSts>{status}</TxSts>{reason}</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
        ),
    )
}
