//! How our own pages look: small, without a script, readable in the dark and with a screen reader.

use std::fmt::Write;

use sportello_engine::{Enrolment, EnrolmentWay, Side};
use sportello_sdk::HandOver;

use super::form::{Form, Mistake};
use super::words::Words;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#14213d;--soft:#5b6478;--page:#f3f5f9;--paper:#fff;--line:#c9d0dc;--deed:#0b5fff;\
--on-deed:#fff;--wrong:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf4;--soft:#a4aec2;--page:#0e1420;--paper:#182031;--line:#3a465e;\
--deed:#7aa7ff;--on-deed:#0b1220;--wrong:#ff9a91}}\
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:27rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.35rem;line-height:1.25;margin:0 0 1rem}\
.sum{display:flex;justify-content:space-between;align-items:baseline;gap:1rem;padding:.75rem 0 1.25rem}\
.sum b{font-size:1.6rem;white-space:nowrap}.sum span{color:var(--soft);overflow-wrap:anywhere}\
form,.card{background:var(--paper);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem;margin:0 0 1rem}\
h2{font-size:1rem;margin:0 0 .75rem}label{display:block;font-size:.9rem;margin:.75rem 0 .25rem}\
input[type=text]{width:100%;font:inherit;padding:.65rem .75rem;color:inherit;background:transparent;\
border:1px solid var(--line);border-radius:.5rem}\
input[aria-invalid]{border-color:var(--wrong)}.why{color:var(--wrong);font-size:.875rem;margin:.25rem 0 0}\
label.tick{display:flex;gap:.5rem;align-items:center;margin:1rem 0}\
button,.deed{display:block;width:100%;font:inherit;font-weight:600;text-align:center;text-decoration:none;\
padding:.75rem;margin-top:1rem;border:0;border-radius:.5rem;background:var(--deed);color:var(--on-deed);cursor:pointer}\
:focus-visible{outline:3px solid var(--deed);outline-offset:2px}.or{text-align:center;color:var(--soft);margin:0 0 1rem}\
small{display:block;color:var(--soft);margin-top:1rem}";

/// `text` where markup stands.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn page(words: &Words, title: &str, body: &str) -> String {
    let (lang, title) = (words.lang, escaped(title));
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}\
         </main></body></html>"
    )
}

/// A page that says one thing.
pub(super) fn notice(words: &Words, title: &str, text: &str) -> String {
    page(words, title, &format!("<div class=\"card\" role=\"status\">{}</div>", escaped(text)))
}

/// What was wrong with the form that was sent, and what stood in it.
pub(super) struct Again<'a> {
    pub(super) form: &'a Form,
    /// Which of the ways it was.
    pub(super) way: String,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) is_refused: bool,
}

/// The page where an account is given. `at` is its own path.
pub(super) fn enrolment(words: &Words, at: &str, enrolment: &Enrolment, again: Option<&Again<'_>>) -> String {
    let (title, toward) = match enrolment.side {
        Side::Payer => (words.pay_title, words.to),
        Side::Payee => (words.be_paid_title, words.from),
    };
    let (amount, other) = (escaped(&enrolment.amount.to_string()), escaped(&enrolment.other));
    let mut body = format!("<p class=\"sum\"><span>{toward} {other}</span><b>{amount}</b></p>");
    if again.is_some_and(|again| again.is_refused) {
        let _ = write!(body, "<p class=\"why\" role=\"alert\">{}</p>", words.not_accepted);
    }
    for (place, way) in enrolment.ways.iter().enumerate() {
        if place > 0 {
            let _ = write!(body, "<p class=\"or\">{}</p>", words.choose);
        }
        let again = again.filter(|again| again.way == name_of(way));
        match way {
            EnrolmentWay::HandOver { hand_over: HandOver::Page { label }, rails, .. } => {
                let rail = rails.first().map(String::as_str).unwrap_or_default();
                let (label, at, rail) = (escaped(label), escaped(at), escaped(rail));
                let _ = write!(body, "<a class=\"deed\" href=\"{at}/with/{rail}\">{label}</a>");
            }
            EnrolmentWay::HandOver { .. } => body.push_str(&card(words, at, again)),
            EnrolmentWay::Account { scheme, .. } => body.push_str(&account(words, at, scheme, again)),
        }
    }
    page(words, title, &body)
}

/// What a form calls its way.
pub(super) fn name_of(way: &EnrolmentWay) -> String {
    match way {
        EnrolmentWay::HandOver { hand_over: HandOver::Card, .. } => "card".to_owned(),
        EnrolmentWay::HandOver { .. } => "page".to_owned(),
        EnrolmentWay::Account { scheme, .. } => format!("account-{scheme}"),
    }
}

fn card(words: &Words, at: &str, again: Option<&Again<'_>>) -> String {
    let wrong =
        |mistake: Mistake, says: &'static str| again.filter(|again| again.mistakes.contains(&mistake)).map(|_| says);
    let written = |name: &str| again.map(|again| again.form.field(name)).unwrap_or_default();
    let expiry_wrong = wrong(Mistake::Expiry, words.expiry_wrong).or_else(|| wrong(Mistake::Expired, words.expired));
    let kept = if written("keep").is_empty() { "" } else { " checked" };
    let attributes = |more: &str| format!("inputmode=\"numeric\" required {more}");
    // The number itself is not written into a page again: it would lie in the browser's memory of it.
    let number = field(
        "number",
        words.card_number,
        "",
        &attributes("autocomplete=\"cc-number\" maxlength=\"30\""),
        wrong(Mistake::Number, words.number_wrong),
    );
    let hint = format!("autocomplete=\"cc-exp\" maxlength=\"9\" placeholder=\"{}\"", words.expiry_hint);
    let expiry = field("expiry", words.expiry, written("expiry"), &attributes(&hint), expiry_wrong);
    let holder = field(
        "holder",
        words.holder,
        written("holder"),
        "autocomplete=\"cc-name\" maxlength=\"60\"",
        wrong(Mistake::Holder, words.holder_wrong),
    );
    format!(
        "<form method=\"post\" action=\"{}\"><h2>{}</h2><input type=\"hidden\" name=\"way\" value=\"card\">{number}{expiry}\
         {holder}<label class=\"tick\"><input type=\"checkbox\" name=\"keep\" value=\"yes\"{kept}>{}</label><button>{}\
         </button><small>{}</small></form>",
        escaped(at),
        words.card,
        words.keep,
        words.use_card,
        words.safe
    )
}

fn account(words: &Words, at: &str, scheme: &str, again: Option<&Again<'_>>) -> String {
    let written = again.map(|again| again.form.field("account")).unwrap_or_default();
    let wrong = again.filter(|again| again.mistakes.contains(&Mistake::Account)).map(|_| words.account_wrong);
    let name = if scheme == "iban" { words.iban.to_owned() } else { escaped(scheme) };
    let attributes =
        "required autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"60\"";
    let account = field("account", &name, written, attributes, wrong);
    let (at, scheme) = (escaped(at), escaped(scheme));
    format!(
        "<form method=\"post\" action=\"{at}\"><h2>{}</h2><input type=\"hidden\" name=\"way\" value=\"account-{scheme}\">\
         {account}<button>{}</button></form>",
        words.account, words.use_account
    )
}

fn field(name: &str, label: &str, value: &str, attributes: &str, wrong: Option<&str>) -> String {
    let value = escaped(value);
    let (invalid, why) = match wrong {
        Some(why) => (
            format!(" aria-invalid=\"true\" aria-describedby=\"{name}-why\""),
            format!("<p class=\"why\" id=\"{name}-why\">{why}</p>"),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "<label for=\"{name}\">{label}</label><input type=\"text\" id=\"{name}\" name=\"{name}\" value=\"{value}\" \
         {attributes}{invalid}>{why}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_are_called_is_no_markup() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
        check("Anna Rossi", "Anna Rossi");
        check("<script>\"a\" & 'b'</script>", "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
    }
}
