//! `sportello demo`: the sandbox (X, SMS, Messenger, a bank, cards and wallets) and a gateway, side by side; or stories played without a
//! person.

mod across;
mod browser;
mod cards;
mod stage;
mod stories;

use clap::Args;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};
use stage::Stage;

/// Start the sandbox and a gateway, and say what to try.
#[derive(Debug, Args)]
pub struct Demo {
    /// Play the stories on free ports, print what became of them, and end.
    #[arg(long)]
    once: bool,
}

/// What became of a story.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    /// The story.
    story: &'static str,
    /// The way of its payment, or what was answered.
    happened: String,
    /// What the bank's books say.
    bank: String,
    /// What people were told.
    notes: String,
    /// How long it took, in milliseconds.
    took_ms: u128,
    /// Why it ended wrongly, if it did.
    wrong: Option<String>,
}

impl Demo {
    /// Plays, or stays up until told to stop.
    ///
    /// # Errors
    /// Something did not start, or a story ended wrongly.
    pub async fn run(self, setting: &Setting) -> Result<(), Failed> {
        let stage = Stage::set(&setting.config, self.once).await.map_err(Failed::Trying)?;
        if self.once {
            let told = stories::play(&stage).await;
            let ended = stage.end().await;
            print(&told, setting.json);
            return verdict(&told, ended);
        }
        invite(&stage);
        until_told_to_stop().await.map_err(|error| Failed::Trying(error.to_string()))?;
        stage.end().await.map_err(Failed::Trying)
    }
}

/// Ctrl-C, or SIGTERM: whoever ends the demo ends the programs that it started.
async fn until_told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        told = tokio::signal::ctrl_c() => told,
        _ = terminate.recv() => Ok(()),
    }
}

fn verdict(told: &[Told], ended: Result<(), String>) -> Result<(), Failed> {
    let wrong = told.iter().filter(|t| t.wrong.is_some()).count();
    if wrong > 0 {
        return Err(Failed::Trying(format!("{wrong} of {} stories ended wrongly", told.len())));
    }
    ended.map_err(Failed::Trying)
}

fn invite(stage: &Stage) {
    say(format_args!(
        "\nThe phone (X, SMS, Messenger and a bank, simulated): {x}
The gateway:                                         {gateway}

Things to try, on the phone:
  1. As paolo, post:            @sportello pay @anna 20 € for the pizza
     A code comes by direct message: answer it there with the code, and look at both accounts.
  2. As luca, post:             @sportello paga @anna 13,13 € per il gelato
     Confirm it: the bank declines, and nothing moves.
  3. As paolo, on Messenger:    pay +33612345678 21 € for the cinema
     Tap Confirm. anna is told by SMS, and not how much: her number is not proven.
  4. As paolo, by SMS:          pay +33612345678 22 € for the train
     First a code comes by direct message on X: send it by SMS, and the number is his. Then comes the code that pays.
  5. Start an outage of the SMSC, and pay again as in 1., to +33612345678: the payment does not wait for it.
  6. As marco, post:            @sportello pay @anna 30 € for the pizza
     He has nothing to pay with: open the link that he gets, and give the card 5555 5555 5555 4444, 12/30. Answer the
     code, open the next link, and tell his bank 123456. {cards} has what was charged.
  7. As elena, post the same, open her link and choose Apple Pay or Google Pay: paste a token that {wallets} mints.

Then: {program} payments --config {config}
Ctrl-C ends it all.",
        x = stage.x,
        gateway = stage.gateway,
        cards = stage.cards,
        wallets = stage.wallets,
        program = stage.program.display(),
        config = stage.config.display(),
    ));
}

fn print(told: &[Told], json: bool) {
    if json {
        told.iter().for_each(say_json);
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["story", "what happened", "the bank", "notes", "took", ""]);
    for t in told {
        table.add_row([
            t.story.to_owned(),
            t.happened.clone(),
            t.bank.clone(),
            t.notes.clone(),
            format!("{} ms", t.took_ms),
            if t.wrong.is_none() { "right" } else { "WRONG" }.to_owned(),
        ]);
    }
    say(table);
    for t in told {
        // Below, and not in the table: it may be long.
        if let Some(why) = &t.wrong {
            say(format_args!("{}: {why}", t.story));
        }
    }
    if told.iter().all(|t| t.wrong.is_none()) {
        say("The ledger was balanced after every story, and no money is on its way.");
    }
}
