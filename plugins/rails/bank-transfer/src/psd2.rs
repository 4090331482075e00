//! The bank's interface, Berlin Group NextGenPSD2 1.3.11: how each question is asked, and how an answer is taken apart.
//! What an answer means for the order is decided elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use sportello_sdk::{Failure, Host, HttpRequest, HttpResponse};

use crate::calendar::{DAY_MS, Date};
use crate::camt;
use crate::pain001;
use crate::pain002;
use crate::refusal::{Refusal, codes, refusal};
use crate::search::Search;
use crate::settings::{Product, ReportFormat, Settings, StatusFormat};
use crate::transactions;
use crate::transactions::link;
use crate::url::{Base, is_page, segment};
use crate::verdict::Said;
use crate::xml::DOCUMENT_LEN_MAX;

/// The name of the secret.
pub(crate) const ACCESS_TOKEN: &str = "access_token";
/// The largest answer on one payment, in bytes.
const ANSWER_LEN_MAX: usize = 1 << 20;
/// How many pages of transactions are read for one question.
const PAGES_MAX: usize = 50;
/// How many accounts' ids are remembered.
const ACCOUNT_IDS_MAX: usize = 4_096;
/// A bank.
pub(crate) struct Bank {
    base: Base,
    settings: Settings,
    /// The bank's id of each account, by its IBAN.
    account_ids: Mutex<BTreeMap<String, String>>,
}

/// The answer to a posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The bank made a payment of it.
    Created(Created),
    /// The bank proves that it did not.
    Refused(Refusal),
    /// Neither. The sentence says what came.
    Unclear(String),
}

/// A payment that the bank made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Created {
    /// Its id, if it is one that can be asked for.
    pub payment_id: Option<String>,
    /// Its status.
    pub said: Said,
    /// Where the payer is to authorise it.
    pub page: NextStep,
}

/// What the payer has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Nothing.
    Nothing,
    /// To open this page.
    Open(String),
    /// Something that this rail cannot offer: the sentence says what.
    Elsewhere(&'static str),
}

/// The answer to a question.
pub(crate) enum Answer<T> {
    /// This.
    Told(T),
    /// The bank does not know the payment or the account.
    NoSuch,
    /// Nothing that could be understood. The sentence says what came.
    Unclear(String),
}

impl Bank {
    pub(crate) fn new(base: Base, settings: Settings) -> Self {
        Self { base, settings, account_ids: Mutex::default() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The request that posts `document`. Nothing leaves yet, so that all that can fail without a doubt fails here.
    ///
    /// # Errors
    /// `no_such_secret`.
    pub(crate) async fn order(&self, document: Vec<u8>, host: &Host) -> Result<HttpRequest, Failure> {
        let url = self.base.url(&format!("/v1/payments/{}", self.settings.product.path()));
        let mut request =
            self.request("POST", url, "application/json", host).await?.body(pain001::CONTENT_TYPE, document);
        // With an order it is mandatory. With a question about an account it would say that the payer asks at this moment.
        request = request.header("PSU-IP-Address", self.settings.psu_ip_address.as_str());
        if let Some(uri) = &self.settings.tpp_redirect_uri {
            // One step: the authorisation starts with the payment, by redirect.
            request = request
                .header("TPP-Redirect-URI", uri.as_str())
                .header("TPP-Redirect-Preferred", "true")
                .header("TPP-Explicit-Authorisation-Preferred", "false");
        }
        Ok(request)
    }

    /// Takes the answer to a posting apart.
    pub(crate) fn posted(&self, response: &HttpResponse) -> Posted {
        read_posted(response, &self.base)
    }

    /// What the bank says of the payment `payment_id`.
    ///
    /// # Errors
    /// When there was no answer at all.
    pub(crate) async fn status(
        &self,
        payment_id: &str,
        product: Product,
        key: &str,
        host: &Host,
    ) -> Result<Answer<Said>, Failure> {
        let Some(id) = segment(payment_id) else {
            return Ok(Answer::Unclear("the payment's id is none".to_owned()));
        };
        let url = self.base.url(&format!("/v1/payments/{}/{id}/status", product.path()));
        let accept = match self.settings.status_format {
            StatusFormat::Xml => "application/xml",
            StatusFormat::Json => "application/json",
        };
        let request = self.request("GET", url, accept, host).await?;
        let response = host.http(request).await?;
        Ok(match whole(&response, ANSWER_LEN_MAX) {
            Ok(Form::Xml) => match pain002::read(&response.body, key) {
                Ok(said) => Answer::Told(said),
                Err(because) => Answer::Unclear(because),
            },
            Ok(Form::Json) => match read_status(&response.body) {
                Some(said) => Answer::Told(said),
                None => Answer::Unclear("the status cannot be read".to_owned()),
            },
            Err(_) if is_unknown_resource(&response) => Answer::NoSuch,
            Err(because) => Answer::Unclear(because),
        })
    }

    /// Feeds the transactions of the order's account to `search`, from the day before the order was made on, since days
    /// differ between time zones. Told is whether they were all of them up to `until_ms`.
    ///
    /// # Errors
    /// When there was no answer at all.
    pub(crate) async fn transactions(
        &self,
        search: &mut Search<'_>,
        until_ms: u64,
        host: &Host,
    ) -> Result<Answer<bool>, Failure> {
        let account = match self.account_id(search.order().debtor.account.rest(), host).await? {
            Answer::Told(account) => account,
            Answer::NoSuch => return Ok(Answer::NoSuch),
            Answer::Unclear(because) => return Ok(Answer::Unclear(because)),
        };
        let from = Date::of_ms(search.order().made_at_ms.saturating_sub(DAY_MS)).to_string();
        let accept = match self.settings.report_format {
            ReportFormat::Json => "application/json",
            ReportFormat::Camt => "application/xml",
        };
        let path = format!("/v1/accounts/{account}/transactions?dateFrom={from}&bookingStatus=");
        // An id that the operator wrote down may be that of another payer's account: the bank must say whose it is.
        let mut is_of_debtor = self.settings.account_id.is_none();
        let mut has_pending = true;
        let mut url = self.base.url(&format!("{path}both"));
        let mut read = Vec::new();
        while read.len() < PAGES_MAX {
            let request = self.request("GET", url.clone(), accept, host).await?;
            let response = host.http(self.with_consent(request)).await?;
            let next = match whole(&response, DOCUMENT_LEN_MAX) {
                Ok(Form::Xml) => match camt::read(&response.body, search) {
                    Ok(coverage) => {
                        let until = Date::of_ms(until_ms).to_string();
                        // Whole days: what the report's last day brought after it was made is not in it.
                        let is_all = coverage.is_some_and(|days| days.from <= from && days.to > until);
                        return Ok(Answer::Told(is_all));
                    }
                    Err(because) => return Ok(Answer::Unclear(because)),
                },
                Ok(Form::Json) => match transactions::read(&response.body, search) {
                    Ok(page) => {
                        is_of_debtor |= page.names_account;
                        page.next
                    }
                    Err(because) => return Ok(Answer::Unclear(because)),
                },
                Err(_) if is_unknown_resource(&response) => {
                    self.forget_account_ids();
                    return Ok(Answer::NoSuch);
                }
                // A bank need not show what is pending (1.3.11, `bookingStatusGeneric`).
                Err(_) if has_pending && read.is_empty() && is_not_supported(&response) => {
                    has_pending = false;
                    url = self.base.url(&format!("{path}booked"));
                    continue;
                }
                Err(because) => return Ok(Answer::Unclear(because)),
            };
            read.push(url);
            let Some(next) = next else {
                return Ok(Answer::Told(is_of_debtor && has_pending));
            };
            match self.base.follow(&next) {
                Some(next) if !read.contains(&next) => url = next,
                // Elsewhere, or in a circle: what was seen was seen, and is not all.
                _ => return Ok(Answer::Told(false)),
            }
        }
        Ok(Answer::Told(false))
    }

    /// The bank's id of the account with this IBAN, as a segment of a path.
    async fn account_id(&self, iban: &str, host: &Host) -> Result<Answer<String>, Failure> {
        if let Some(id) = &self.settings.account_id {
            return Ok(segment(id).map_or(Answer::NoSuch, Answer::Told));
        }
        let iban = crate::account::electronic(iban);
        if let Some(id) = self.ids().get(&iban) {
            return Ok(Answer::Told(id.clone()));
        }
        let request = self.request("GET", self.base.url("/v1/accounts"), "application/json", host).await?;
        let response = host.http(self.with_consent(request)).await?;
        match whole(&response, DOCUMENT_LEN_MAX) {
            Ok(Form::Json) => {}
            Ok(Form::Xml) => return Ok(Answer::Unclear("the list of accounts is no JSON".to_owned())),
            Err(because) => return Ok(Answer::Unclear(because)),
        }
        let list: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let Some(accounts) = list.get("accounts").and_then(Value::as_array) else {
            return Ok(Answer::Unclear("the list of accounts cannot be read".to_owned()));
        };
        let id = match euro_account_ids(accounts, &iban).as_slice() {
            [] => return Ok(Answer::NoSuch),
            [id] => id.clone(),
            _ => return Ok(Answer::Unclear("the bank shows several accounts with the payer's IBAN".to_owned())),
        };
        let mut ids = self.ids();
        if ids.len() >= ACCOUNT_IDS_MAX {
            ids.clear();
        }
        ids.insert(iban, id.clone());
        Ok(Answer::Told(id))
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.account_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_account_ids(&self) {
        self.ids().clear();
    }

    async fn request(&self, method: &str, url: String, accept: &str, host: &Host) -> Result<HttpRequest, Failure> {
        let token = host.secret(ACCESS_TOKEN).await?;
        Ok(HttpRequest::new(method, url)
            .header("Accept", accept)
            .header("X-Request-ID", request_id(host))
            .header("Authorization", format!("Bearer {}", token.reveal())))
    }

    fn with_consent(&self, request: HttpRequest) -> HttpRequest {
        match &self.settings.consent_id {
            Some(consent) => request.header("Consent-ID", consent.as_str()),
            None => request,
        }
    }
}

/// The ids of the accounts with this IBAN that hold euros. An IBAN can stand for an account in each currency, and one over
/// all of them, whose currency is `XXX` or not given: that one is taken where there is none in euros.
fn euro_account_ids(accounts: &[Value], iban: &str) -> Vec<String> {
    let ids = |is_wanted: fn(Option<&str>) -> bool| -> Vec<String> {
        let text = |account: &Value, name: &str| account.get(name).and_then(Value::as_str).map(str::to_owned);
        accounts
            .iter()
            .filter(|account| text(account, "iban").is_some_and(|of| crate::account::electronic(&of) == iban))
            .filter(|account| is_wanted(text(account, "currency").as_deref()))
            .filter_map(|account| segment(&text(account, "resourceId")?))
            .collect()
    };
    let mut found = ids(|currency| currency == Some("EUR"));
    if found.is_empty() {
        found = ids(|currency| matches!(currency, None | Some("XXX")));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A UUID of version 4 (RFC 9562) that names one call. The bank does not deduplicate by it.
fn request_id(host: &Host) -> String {
    let (high, low) = (host.random(), host.random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0x0fff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// How an answer is written.
enum Form {
    Xml,
    Json,
}

/// The form of a successful answer that is of a size and kind to be read.
fn whole(response: &HttpResponse, len_max: usize) -> Result<Form, String> {
    if !response.is_success() {
        return Err(refused(response));
    }
    if response.body.len() > len_max {
        return Err(format!("the bank answered with {} bytes", response.body.len()));
    }
    let kind = response.header("content-type").unwrap_or("").to_ascii_lowercase();
    match kind.split(';').next().map(str::trim).unwrap_or("") {
        "application/xml" | "text/xml" => Ok(Form::Xml),
        kind if kind == "application/json" || kind.ends_with("+json") => Ok(Form::Json),
        kind if kind.ends_with("+xml") && kind != "application/xhtml+xml" => Ok(Form::Xml),
        _ => Err("the bank answered with something that is neither XML nor JSON".to_owned()),
    }
}

/// A sentence on an answer that is no success: its status, and its codes if they look like some.
fn refused(response: &HttpResponse) -> String {
    let mut sentence = format!("the bank answered with status {}", response.status());
    if response.body.len() <= ANSWER_LEN_MAX {
        let is_code = |code: &String| code.len() <= 60 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for code in codes(&response.body).into_iter().filter(is_code).take(4) {
            sentence.push(' ');
            sentence.push_str(&code);
        }
    }
    sentence
}

/// Whether the bank says that there is no such payment or account (NextGenPSD2 1.3.11, `RESOURCE_UNKNOWN`).
fn is_unknown_resource(response: &HttpResponse) -> bool {
    matches!(response.status(), 400 | 403 | 404)
        && response.body.len() <= ANSWER_LEN_MAX
        && codes(&response.body).iter().any(|code| code == "RESOURCE_UNKNOWN")
}

/// Whether the bank says that it does not do what it need not do (NextGenPSD2 1.3.11, `PARAMETER_NOT_SUPPORTED`).
fn is_not_supported(response: &HttpResponse) -> bool {
    response.status() == 400
        && response.body.len() <= ANSWER_LEN_MAX
        && codes(&response.body).iter().any(|code| code == "PARAMETER_NOT_SUPPORTED")
}

/// Takes the answer to a posting apart. Links in it may begin at `base`.
fn read_posted(response: &HttpResponse, base: &Base) -> Posted {
    if (400..500).contains(&response.status())
        && response.body.len() <= ANSWER_LEN_MAX
        && let Some(refusal) = refusal(response.status(), &response.body)
    {
        return Posted::Refused(refusal);
    }
    match whole(response, ANSWER_LEN_MAX) {
        Ok(Form::Json) => {}
        Ok(Form::Xml) => return Posted::Unclear("the bank answered with XML to a posting".to_owned()),
        Err(because) => return Posted::Unclear(because),
    }
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return Posted::Unclear("the bank's answer cannot be read".to_owned());
    };
    let payment_id =
        body.get("paymentId").and_then(Value::as_str).filter(|id| segment(id).is_some()).map(str::to_owned);
    match (said(&body), payment_id) {
        (None, None) => Posted::Unclear("the bank's answer names neither a payment nor a status".to_owned()),
        (said, payment_id) => Posted::Created(Created {
            page: next_step(body.get("_links").unwrap_or(&Value::Null), base),
            said: said.unwrap_or_default(),
            payment_id,
        }),
    }
}

fn next_step(links: &Value, base: &Base) -> NextStep {
    if let Some(href) = link(links, "scaRedirect") {
        let url = match href.starts_with('/') {
            true => base.follow(&href).unwrap_or_default(),
            false => href,
        };
        return match is_page(&url) {
            true => NextStep::Open(url),
            false => NextStep::Elsewhere("the bank's page for the authorisation is at no safe address"),
        };
    }
    let wants = |name: &str| links.get(name).is_some();
    if wants("scaOAuth")
        || links.as_object().is_some_and(|all| all.keys().any(|name| name.starts_with("startAuthorisation")))
    {
        return NextStep::Elsewhere("the bank wants an authorisation by other ways than its own page");
    }
    NextStep::Nothing
}

fn read_status(body: &[u8]) -> Option<Said> {
    said(&serde_json::from_slice(body).ok()?)
}

/// The status in an answer. JSON has no place for reason codes; banks put them among the messages, where they are told from
/// the interface's own words (`FORMAT_ERROR`) by their form. One that no table knows is not left out: it is a doubt.
fn said(body: &Value) -> Option<Said> {
    let status = body.get("transactionStatus")?.as_str()?.to_owned();
    let messages = body.get("tppMessages").and_then(Value::as_array).into_iter().flatten();
    let text = |message: &Value, name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let reasons: Vec<String> = messages
        .clone()
        .filter_map(|message| text(message, "code"))
        // The interface's own word for what ISO 20022 has a code for.
        .map(|code| if code == "FUNDS_NOT_AVAILABLE" { "AM04".to_owned() } else { code })
        .filter(|code| is_reason_code(code))
        .take(16)
        .collect();
    let words = text(body, "psuMessage").or_else(|| messages.clone().find_map(|message| text(message, "text")));
    Some(Said { status, reasons, words, amount: None })
}

/// Whether this is of the form of ISO 20022's external status reason codes: four capital letters and digits.
fn is_reason_code(code: &str) -> bool {
    code.len() == 4 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
