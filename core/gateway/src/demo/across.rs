//! The stories by SMS and on Messenger, and those that go from one channel to another.

use serde_json::json;

use super::stage::{On, Stage, text};
use super::stories::{Before, Line, code_in, expect, newest, terminal};

/// From a number that nobody has proven yet: first whose it is, and only then how much goes where. The code that proves it
/// goes to X, where paolo is known, and comes back from the phone: whoever was given his number would not have it.
pub(super) async fn by_sms(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.texts("paolo", "pay +33612345678 21 € for the pizza").await?;
    let proof = before.hear(stage, On::X, "paolo", "code").await?;
    stage.texts("paolo", &code_in(&proof)?).await?;
    let asked = before.hear(stage, On::Phone, "paolo", "21.00 EUR").await?;
    stage.texts("paolo", &code_in(&asked)?).await?;
    let line = completed(stage, &before, 2100, On::Phone).await?;
    Ok(Line { happened: format!("the number proven; {}", line.happened), ..line })
}

/// The challenge has buttons, and one of them is the code.
pub(super) async fn by_tap(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.chats("paolo", "pay +33612345678 22 € for the pizza").await?;
    before.hear(stage, On::Messenger, "paolo", "22.00 EUR").await?;
    stage.taps("paolo", "Confirm").await?;
    let line = completed(stage, &before, 2200, On::Messenger).await?;
    Ok(Line { happened: "confirmed by a tap, completed".to_owned(), ..line })
}

/// A post on X, its code from the phone, and the payee told by SMS.
pub(super) async fn across(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.posts("paolo", "@sportello pay +33612345678 23 € for the pizza").await?;
    let asked = before.hear(stage, On::X, "paolo", "code").await?;
    stage.texts("paolo", &code_in(&asked)?).await?;
    completed(stage, &before, 2300, On::X).await
}

/// The SMSC did not hear that the message had come, and delivers it again.
pub(super) async fn again(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.post(&format!("{}/sandbox/faults", stage.phones), &json!({ "lose_acks": 1 })).await?;
    stage.texts("paolo", "pay +33612345678 24 € for the pizza").await?;
    let first = before.hear(stage, On::Phone, "paolo", "24.00 EUR").await?;
    let second = before.hear(stage, On::Phone, "paolo", "Again?").await?;
    let (first, second) = (code_in(&first)?, code_in(&second)?);
    if first == second {
        return Err("the repeat was asked about with the code of the first".to_owned());
    }
    // The one that was meant is confirmed, and the other one called off: which needs its code as well.
    stage.texts("paolo", &first).await?;
    stage.texts("paolo", &format!("cancel {second}")).await?;
    let ended = stage
        .until("both payments to end", async || {
            let payments = stage.payments().await.ok()?;
            let new = payments.len().checked_sub(before.payments())?;
            let mut states: Vec<String> = payments.iter().take(new).map(|p| text(p, "state")).collect();
            states.sort();
            (states.len() == 2 && states.iter().all(|s| s == "completed" || s == "cancelled")).then_some(states)
        })
        .await?;
    expect("what became of the two", &ended.join(" and "), "cancelled and completed")?;
    let bank = before.moved(stage, 2400).await?;
    Ok(Line { happened: "asked \"again?\", one completed, one called off".to_owned(), bank, notes: told() })
}

/// Anybody can write under paolo's number: nothing is called off without the code that only he can read.
pub(super) async fn forged(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.texts("paolo", "pay +33612345678 26 € for the pizza").await?;
    let asked = before.hear(stage, On::Phone, "paolo", "26.00 EUR").await?;
    let forgery = json!({ "from": "+393331234567", "text": "cancel" });
    stage.post(&format!("{}/sandbox/sms", stage.phones), &forgery).await?;
    before.hear(stage, On::Phone, "paolo", "cancel").await?;
    let payment = newest(stage, &before).await.ok_or("there is no payment")?;
    expect("the payment's state", &text(&payment, "state"), "awaiting_confirmation")?;
    stage.texts("paolo", &code_in(&asked)?).await?;
    let line = completed(stage, &before, 2600, On::Phone).await?;
    Ok(Line { happened: "it cancelled nothing; confirmed, completed".to_owned(), ..line })
}

/// The SMSC is away: the payment goes through all the same, and what anna is told comes later.
pub(super) async fn outage(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    let outage = format!("{}/sandbox/outage", stage.phones);
    stage.post(&outage, &json!({ "on": true })).await?;
    let meanwhile = async {
        stage.posts("paolo", "@sportello pay +33612345678 25 € for the pizza").await?;
        let asked = before.hear(stage, On::X, "paolo", "code").await?;
        stage.writes("paolo", &code_in(&asked)?).await?;
        let payment = terminal(stage, &before).await?;
        expect("the payment's state", &text(&payment, "state"), "completed")?;
        let id = text(&payment, "id");
        stage
            .until("the gateway to say that a note waits", async || {
                let payment = stage.ask(&format!("/v1/payments/{id}")).await.ok()?;
                payment.get("notes")?.as_array()?.iter().any(|note| text(note, "to") == "payee").then_some(())
            })
            .await
    };
    let waited = meanwhile.await;
    // Whatever came of it, the next story finds the SMSC as it was.
    stage.post(&outage, &json!({ "on": false })).await?;
    waited?;
    let line = completed(stage, &before, 2500, On::X).await?;
    Ok(Line { happened: "completed at once; anna was told later".to_owned(), ..line })
}

/// The payment is completed, the money moved once, paolo was told where he wrote, and anna by SMS, with no amount: her
/// number is not proven.
async fn completed(stage: &Stage, before: &Before, cents: i64, on: On) -> Result<Line, String> {
    let payment = terminal(stage, before).await?;
    expect("the payment's state", &text(&payment, "state"), "completed")?;
    let bank = before.moved(stage, cents).await?;
    before.hear(stage, on, "paolo", "Done").await?;
    // Her language is Italian.
    let note = before.hear(stage, On::Phone, "anna", "").await?;
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    if note.contains(&amount) || note.contains("Paolo") {
        return Err("an amount or a name went to a number that was not proven".to_owned());
    }
    Ok(Line { happened: "confirmed by code, completed".to_owned(), bank, notes: told() })
}

fn told() -> String {
    "paolo, and anna by SMS".to_owned()
}
