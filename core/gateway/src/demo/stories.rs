//! The stories on X, and what all stories have in common.

use std::time::Instant;

use serde_json::{Value, json};

use super::stage::{On, Stage, text};
use super::{Told, across, cards};

/// What paolo sends, in cents, where the bank has nothing against it.
const PIZZA: i64 = 2000;

/// A story as far as it went.
#[derive(Default)]
pub(super) struct Line {
    pub(super) happened: String,
    pub(super) bank: String,
    pub(super) notes: String,
}

/// What a payment began with.
pub(super) struct Before {
    paolo: i64,
    anna: i64,
    house: i64,
    total: i64,
    payments: usize,
    /// How many notes somebody had read somewhere.
    heard: Vec<((On, &'static str), usize)>,
}

/// Plays all, one after the other. A story that ends wrongly does not keep the next from being told.
pub(super) async fn play(stage: &Stage) -> Vec<Told> {
    let mut told = Vec::new();
    told.push(tell("paid", stage, async || paid(stage).await).await);
    told.push(tell("declined by the bank", stage, async || declined(stage).await).await);
    told.push(tell("the bank answers late", stage, async || late(stage).await).await);
    told.push(tell("the bank's answer was lost", stage, async || lost(stage).await).await);
    told.push(tell("a forged webhook", stage, async || forged(stage).await).await);
    told.push(tell("the same post twice", stage, async || twice(stage).await).await);
    told.push(tell("by SMS, from a new number", stage, async || across::by_sms(stage).await).await);
    told.push(tell("a tap on Messenger", stage, async || across::by_tap(stage).await).await);
    told.push(tell("begun on X, confirmed by SMS", stage, async || across::across(stage).await).await);
    told.push(tell("the same SMS twice", stage, async || across::again(stage).await).await);
    told.push(tell("a forged SMS", stage, async || across::forged(stage).await).await);
    told.push(tell("no SMS for a while", stage, async || across::outage(stage).await).await);
    told.push(tell("a card, and 3-D Secure", stage, async || cards::challenged(stage).await).await);
    told.push(tell("an Apple Pay token", stage, async || cards::wallet(stage).await).await);
    told.push(tell("the acquirer's answer was lost", stage, async || cards::lost(stage).await).await);
    told
}

async fn tell(story: &'static str, stage: &Stage, play: impl AsyncFn() -> Result<Line, String>) -> Told {
    let begun = Instant::now();
    let mut played = play().await;
    if let (Ok(_), Err(why)) = (&played, balanced(stage).await) {
        played = Err(why);
    }
    let (line, wrong) = match played {
        Ok(line) => (line, None),
        Err(why) => (Line::default(), Some(why)),
    };
    let Line { happened, bank, notes } = line;
    Told { story, happened, bank, notes, took_ms: begun.elapsed().as_millis(), wrong }
}

async fn paid(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    confirm(stage, &before, "20 €").await?;
    completed(stage, &before).await
}

async fn declined(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    confirm(stage, &before, "13.13 €").await?;
    let payment = terminal(stage, &before).await?;
    expect("the payment's state", &text(&payment, "state"), "declined")?;
    before.hear(stage, On::X, "paolo", "did not go through").await?;
    let bank = before.moved(stage, 0).await?;
    Ok(Line { happened: format!("declined: {}", text(&payment, "reason")), bank, notes: "paolo".to_owned() })
}

async fn late(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    let faults = format!("{}/sandbox/faults", stage.bank);
    stage.post(&faults, &json!({ "hold": true })).await?;
    let waiting = async {
        confirm(stage, &before, "20 €").await?;
        before.hear(stage, On::X, "paolo", "on the way").await
    };
    let waited = waiting.await;
    // Whatever came of it, the next story finds the bank as it was.
    stage.post(&faults, &json!({ "hold": false })).await?;
    waited?;
    stage.post(&format!("{}/sandbox/release", stage.bank), &json!({})).await?;
    let line = completed(stage, &before).await?;
    Ok(Line { happened: format!("pending, then {}", line.happened), ..line })
}

async fn lost(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    stage.post(&format!("{}/sandbox/faults", stage.bank), &json!({ "lose_answers": 1 })).await?;
    confirm(stage, &before, "20 €").await?;
    let doubtful = |payment: &Value| payment.pointer("/attempts/0/state").and_then(Value::as_str) == Some("unknown");
    let saw_doubt = stage
        .until("the order to be in doubt, or done", async || {
            let payment = newest(stage, &before).await?;
            (doubtful(&payment) || text(&payment, "state") == "completed").then(|| doubtful(&payment))
        })
        .await?;
    let line = completed(stage, &before).await?;
    let asked = newest(stage, &before).await.and_then(|p| p.pointer("/attempts/0/asked")?.as_u64()).unwrap_or(0);
    if asked == 0 {
        return Err("the answer was not lost".to_owned());
    }
    let doubt = if saw_doubt { "unknown" } else { "in doubt" };
    Ok(Line { happened: format!("{doubt}, then found at the bank: {}", line.happened), ..line })
}

async fn forged(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    // So little that nobody would be asked for a code: believed, it would be paid at once.
    let forgery = json!({ "as": "paolo", "text": "@sportello pay @anna 2 €" });
    let answer = stage.post(&format!("{}/sandbox/forge", stage.x), &forgery).await?;
    let status = answer.get("status").and_then(Value::as_u64).unwrap_or(0);
    if !(400..500).contains(&status) {
        return Err(format!("the forgery was answered with {status}"));
    }
    expect("the number of payments", &stage.payments().await?.len().to_string(), &before.payments.to_string())?;
    let bank = before.moved(stage, 0).await?;
    Ok(Line { happened: format!("refused with {status}, nothing stored"), bank, notes: "none".to_owned() })
}

async fn twice(stage: &Stage) -> Result<Line, String> {
    let before = Before::now(stage).await?;
    let post = confirm(stage, &before, "20 €").await?;
    let line = completed(stage, &before).await?;
    let repeated = stage.post(&format!("{}/sandbox/redeliver", stage.x), &json!({ "id": post })).await?;
    stage
        .until("the repeat to be delivered", async || {
            let deliveries = stage.get(&format!("{}/sandbox/deliveries", stage.x)).await.ok()?;
            let all = deliveries.get("deliveries")?.as_array()?.clone();
            let of_post: Vec<_> = all.iter().filter(|d| text(d, "subject") == post).collect();
            let done = of_post.iter().filter(|d| text(d, "state") == "delivered").count();
            (of_post.len() > 2 && done == of_post.len()).then_some(())
        })
        .await
        .map_err(|why| format!("{why} ({repeated})"))?;
    expect("the number of payments", &stage.payments().await?.len().to_string(), &(before.payments + 1).to_string())?;
    before.moved(stage, PIZZA).await?;
    Ok(Line { happened: format!("{}; the repeat changed nothing", line.happened), ..line })
}

/// paolo posts, gets a code in private, and answers with it. Answers the post's id.
async fn confirm(stage: &Stage, before: &Before, amount: &str) -> Result<String, String> {
    let post = stage.posts("paolo", &format!("@sportello pay @anna {amount} for the pizza")).await?;
    let asked = before.hear(stage, On::X, "paolo", "code").await?;
    stage.writes("paolo", &code_in(&asked)?).await?;
    Ok(post)
}

/// The code in a note.
pub(super) fn code_in(note: &str) -> Result<String, String> {
    let code = note.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6);
    code.map(str::to_owned).ok_or_else(|| "there is no code in the note".to_owned())
}

/// The payment is completed, the money moved once, and both were told.
async fn completed(stage: &Stage, before: &Before) -> Result<Line, String> {
    let payment = terminal(stage, before).await?;
    expect("the payment's state", &text(&payment, "state"), "completed")?;
    let bank = before.moved(stage, PIZZA).await?;
    before.hear(stage, On::X, "paolo", "Done").await?;
    before.hear(stage, On::X, "anna", "20.00 EUR").await?;
    Ok(Line { happened: "confirmed by code, completed".to_owned(), bank, notes: "paolo and anna".to_owned() })
}

pub(super) async fn newest(stage: &Stage, before: &Before) -> Option<Value> {
    let payments = stage.payments().await.ok()?;
    (payments.len() > before.payments).then(|| payments.first().cloned()).flatten()
}

pub(super) async fn terminal(stage: &Stage, before: &Before) -> Result<Value, String> {
    stage
        .until("the payment to end", async || {
            let payment = newest(stage, before).await?;
            ["completed", "declined", "cancelled", "expired", "returned"]
                .contains(&text(&payment, "state").as_str())
                .then_some(payment)
        })
        .await
}

/// The ledger adds up to zero, and no money is on its way.
async fn balanced(stage: &Stage) -> Result<(), String> {
    let ledger = stage.ask("/v1/ledger").await?;
    let balances = ledger.get("balances").and_then(Value::as_array).cloned().unwrap_or_default();
    let minor = |b: &Value| b.get("minor").and_then(Value::as_i64).unwrap_or(i64::MAX);
    let sum: i64 = balances.iter().map(minor).sum();
    let open: Vec<String> =
        balances.iter().map(|b| text(b, "account")).filter(|account| !account.starts_with("person:")).collect();
    if sum != 0 {
        return Err(format!("the ledger is not balanced: {ledger}"));
    }
    if !open.is_empty() {
        return Err(format!("money is still on its way: something stands on {}", open.join(", ")));
    }
    Ok(())
}

pub(super) fn expect(what: &str, found: &str, wanted: &str) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what} is {found}, not {wanted}"))
}

impl Before {
    pub(super) async fn now(stage: &Stage) -> Result<Self, String> {
        let mut heard = Vec::new();
        for on in [On::X, On::Phone, On::Messenger] {
            for who in ["paolo", "anna", "marco", "elena"] {
                heard.push(((on, who), stage.heard(on, who).await.len()));
            }
        }
        Ok(Self {
            paolo: stage.balance(Some("paolo")).await?,
            anna: stage.balance(Some("anna")).await?,
            house: stage.balance(Some("house")).await?,
            total: stage.balance(None).await?,
            payments: stage.payments().await?.len(),
            heard,
        })
    }

    /// The first note to somebody since then that says this.
    pub(super) async fn hear(&self, stage: &Stage, on: On, who: &str, what: &str) -> Result<String, String> {
        let waiting = format!("{who} to be told {what:?}");
        let since = self.heard.iter().find(|(place, _)| *place == (on, who)).map_or(0, |(_, count)| *count);
        stage
            .until(&waiting, async || {
                let notes = stage.heard(on, who).await;
                notes.into_iter().skip(since).find(|note| note.contains(what))
            })
            .await
    }

    /// The bank's books show that exactly this came to anna from the gateway's own account, and nothing else moved.
    pub(super) async fn paid_out(&self, stage: &Stage, cents: i64) -> Result<(), String> {
        let left = self.house - stage.balance(Some("house")).await?;
        let came = stage.balance(Some("anna")).await? - self.anna;
        if (left, came) != (cents, cents) || stage.balance(None).await? != self.total {
            return Err(format!("{left} cents were paid out and {came} came to anna, in place of {cents}"));
        }
        Ok(())
    }

    /// How many payments there were.
    pub(super) fn payments(&self) -> usize {
        self.payments
    }

    /// The bank's books show that exactly this moved from paolo to anna, and nothing else came or went.
    pub(super) async fn moved(&self, stage: &Stage, cents: i64) -> Result<String, String> {
        let left = self.paolo - stage.balance(Some("paolo")).await?;
        let came = stage.balance(Some("anna")).await? - self.anna;
        if (left, came) != (cents, cents) || stage.balance(None).await? != self.total {
            return Err(format!("{left} cents left paolo and {came} came to anna, in place of {cents}"));
        }
        Ok(match cents {
            0 => "nothing moved".to_owned(),
            _ => format!("one debit of {}.{:02} EUR", cents / 100, cents % 100),
        })
    }
}
