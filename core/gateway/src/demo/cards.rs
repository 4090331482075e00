//! The stories in which money is collected from a card or a wallet, and paid out to the payee's bank.

use serde_json::{Value, json};

use super::browser::Browser;
use super::stage::{On, Stage, text};
use super::stories::{Before, Line, code_in, expect, newest, terminal};

/// How a person's card is told apart in the acquirer's books.
const CHALLENGED: &str = "4444";
const WALLET: &str = "3478";

/// A payer who has nothing to pay with: a link to give a card, the code, and the issuer's own question.
pub(super) async fn challenged(stage: &Stage) -> Result<Line, String> {
    let (before, taken) = (Before::now(stage).await?, stage.taken(CHALLENGED).await?);
    let browser = Browser::new()?;
    stage.posts("marco", "@sportello pay @anna 30 € for the pizza").await?;
    let page = browser.open(&link(&before.hear(stage, On::X, "marco", "http").await?)?).await?;
    let card = [("number", "5555 5555 5555 4444"), ("expiry", "12/30"), ("holder", "Marco Neri")];
    browser.send(page.form("number")?, &card).await?;
    let asked = before.hear(stage, On::X, "marco", "code").await?;
    stage.writes("marco", &code_in(&asked)?).await?;
    approve(stage, &before, &browser, "marco").await?;
    completed(stage, &before, "marco", 3000).await?;
    let bank = charged(stage, CHALLENGED, taken, 3000).await?;
    Ok(Line { happened: "card given, code, 3-D Secure, completed".to_owned(), bank, notes: told("marco") })
}

/// A token of a wallet's, handed over for this payment.
pub(super) async fn wallet(stage: &Stage) -> Result<Line, String> {
    let (before, taken) = (Before::now(stage).await?, stage.taken(WALLET).await?);
    let browser = Browser::new()?;
    stage.posts("elena", "@sportello pay @anna 31 € for the pizza").await?;
    let page = browser.open(&link(&before.hear(stage, On::X, "elena", "http").await?)?).await?;
    let page = browser.open(&page.link("/with/")?).await?;
    let wish = json!({ "amount_minor": 3100, "currency": "EUR" });
    let token = stage.post(&format!("{}/apple/token", stage.wallets), &wish).await?;
    browser.send(page.form("token")?, &[("token", &token.to_string())]).await?;
    let asked = before.hear(stage, On::X, "elena", "code").await?;
    stage.writes("elena", &code_in(&asked)?).await?;
    completed(stage, &before, "elena", 3100).await?;
    let bank = charged(stage, WALLET, taken, 3100).await?;
    Ok(Line { happened: "token handed over, code, completed".to_owned(), bank, notes: told("elena") })
}

/// The acquirer took the money, and its answer was lost: reversed, and charged once. So little that the issuer need not
/// be asked, and the card is known.
pub(super) async fn lost(stage: &Stage) -> Result<Line, String> {
    let (before, taken) = (Before::now(stage).await?, stage.taken(CHALLENGED).await?);
    stage.post(&format!("{}/control/faults", stage.cards), &json!({ "lose_answers": 1 })).await?;
    stage.posts("marco", "@sportello pay @anna 9 € for the pizza").await?;
    let asked = before.hear(stage, On::X, "marco", "code").await?;
    stage.writes("marco", &code_in(&asked)?).await?;
    let payment = completed(stage, &before, "marco", 900).await?;
    let states: Vec<String> = payment
        .get("attempts")
        .and_then(Value::as_array)
        .map(|attempts| attempts.iter().map(|attempt| text(attempt, "state")).collect())
        .unwrap_or_default();
    expect("what became of the orders", &states.join(", "), "reversed, settled, settled")?;
    let bank = charged(stage, CHALLENGED, taken, 900).await?;
    Ok(Line { happened: "answer lost, reversed, charged again, completed".to_owned(), bank, notes: told("marco") })
}

/// The payer follows the link to the issuer, and answers what is asked there.
async fn approve(stage: &Stage, before: &Before, browser: &Browser, who: &str) -> Result<(), String> {
    let asked = before.hear(stage, On::X, who, "/act/").await?;
    let mut page = browser.open(&link(&asked)?).await?;
    // What a script would send by itself is sent by hand: first to us, then to the issuer, and from there back.
    for _ in 0..6 {
        if let Ok(form) = page.form("code") {
            page = browser.send(form, &[("code", "123456")]).await?;
        } else if let Ok(form) = page.any_form() {
            page = browser.send(form, &[]).await?;
        } else {
            return Ok(());
        }
    }
    Err(format!("the pages do not come to an end: {}", page.words()))
}

/// The payment is completed: anna has the money, from the account of whoever runs the gateway, and both were told.
async fn completed(stage: &Stage, before: &Before, who: &'static str, cents: i64) -> Result<Value, String> {
    let payment = terminal(stage, before).await?;
    expect("the payment's state", &text(&payment, "state"), "completed")?;
    before.paid_out(stage, cents).await?;
    before.hear(stage, On::X, who, "Done").await?;
    before.hear(stage, On::X, "anna", &format!("{}.{:02} EUR", cents / 100, cents % 100)).await?;
    newest(stage, before).await.ok_or_else(|| "the payment is gone".to_owned())
}

/// The acquirer's books show that the card was charged this once, and nothing is held on it.
async fn charged(stage: &Stage, last4: &str, before: i64, cents: i64) -> Result<String, String> {
    let charged = stage.taken(last4).await? - before;
    if charged != cents {
        return Err(format!("the card was charged {charged} cents in place of {cents}"));
    }
    Ok(format!("one charge of {}.{:02} EUR", cents / 100, cents % 100))
}

fn link(note: &str) -> Result<String, String> {
    let word = note.split_whitespace().find(|word| word.starts_with("http"));
    word.map(|word| word.trim_end_matches(['.', ',', ')']).to_owned()).ok_or_else(|| "there is no link".to_owned())
}

fn told(who: &str) -> String {
    format!("{who} and anna")
}
