//! `sportello parse`.

use clap::Args;
use sportello_engine::ChannelSetup;
use sportello_model::Command;
use sportello_model::command::{Purchase, Visibility};
use sportello_model::grammar::{Context, Language, explain, language_of, parse};
use sportello_sdk::Kind;

use super::{say, say_json};
use crate::cli::{Failed, Setting};
use crate::config::{Config, Instance};

/// Show what a message is understood to say, without paying.
#[derive(Debug, Args)]
pub struct Parse {
    /// What somebody might write.
    text: String,
    /// Where: a channel's instance in the configuration.
    #[arg(long)]
    channel: String,
    /// As if nobody else could read it.
    #[arg(long)]
    private: bool,
}

impl Parse {
    /// Shows it.
    ///
    /// # Errors
    /// When the channel is not configured.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        let channel = channel(setting, &self.channel)?;
        let context = Context {
            scheme: &channel.scheme,
            own_names: &channel.own_names,
            default_currency: channel.default_currency,
            private: self.private,
        };
        let command = parse(&self.text, &context);
        if setting.json {
            say_json(&command);
        } else {
            let language = language_of(&self.text).unwrap_or_default();
            let own_name = channel.own_names.first().map_or_else(String::new, |name| format!("@{name}"));
            say(sentence(&command, language, &own_name));
        }
        Ok(())
    }
}

/// The channel as the engine would know it. Its plugin need not be built: what it would say of itself is then taken from
/// the names around it.
fn channel(setting: &Setting, name: &str) -> Result<ChannelSetup, Failed> {
    let reading = Config::open(&setting.config).map_err(|problems| Failed::Asking(problems.to_string()))?;
    let config = reading.config;
    let channels: Vec<&Instance> = config.instances.iter().filter(|instance| instance.kind == Kind::Channel).collect();
    let Some(instance) = channels.iter().find(|instance| instance.name == name) else {
        let names: Vec<&str> = channels.iter().map(|instance| instance.name.as_str()).collect();
        let names = names.join(", ");
        let file = setting.config.display();
        return Err(Failed::Asking(format!("{file} has no channel {name:?}; it has: {names}")));
    };
    let text = |setting: &str| instance.settings.get(setting).and_then(|value| value.as_str()).map(str::to_owned);
    let found = sportello_host::scan(&config.gateway.plugins);
    let facts = found.pick(&instance.plugin).ok().and_then(|declared| declared.manifest().channel.clone());
    let (scheme, own_name) = match facts {
        Some(facts) => (facts.scheme, facts.own_name_setting.and_then(|setting| text(&setting))),
        // A program is not started for this: that it is called as its handles are is likely.
        None if instance.exec.is_some() => (instance.name.clone(), text("handle").or_else(|| text("name"))),
        None => (instance.plugin.clone(), text("handle").or_else(|| text("name"))),
    };
    Ok(ChannelSetup {
        instance: name.to_owned(),
        scheme,
        own_names: own_name.into_iter().collect(),
        default_currency: instance.default_currency,
        ids_are_strong: false,
        senders_are_strong: false,
        scope: None,
        handles_change_hands: false,
        receipts: false,
    })
}

fn sentence(command: &Command, language: Language, own_name: &str) -> String {
    let purchase = |verb: &str, purchase: &Purchase| {
        let item = purchase.item.as_deref().unwrap_or("what is offered");
        let merchant = purchase.merchant.as_ref().map_or_else(String::new, |merchant| format!(" from {merchant}"));
        format!("{verb} {} × {item}{merchant}", purchase.quantity)
    };
    let for_memo = |memo: &Option<String>| memo.as_ref().map_or_else(String::new, |memo| format!(", for: {memo}"));
    let seen_by = |visibility: Option<Visibility>| match visibility {
        None => "",
        Some(Visibility::Private) => "; in private",
        Some(Visibility::Public) => "; in public",
    };
    let of = |reference: &Option<String>| {
        reference.as_ref().map_or_else(|| "the latest payment".to_owned(), |reference| format!("payment {reference}"))
    };
    match command {
        Command::Pay { payee, amount, memo, visibility } => {
            format!("pay {payee} {amount}{}{}", for_memo(memo), seen_by(*visibility))
        }
        Command::Request { payer, amount, memo, visibility } => {
            format!("ask {payer} for {amount}{}{}", for_memo(memo), seen_by(*visibility))
        }
        Command::Buy(what) => purchase("buy", what),
        Command::Cart(what) => purchase("put into the cart", what),
        Command::Confirm { code: Some(_) } => "confirm with a code".to_owned(),
        Command::Confirm { code: None } => "confirm".to_owned(),
        Command::Cancel { reference } => format!("call off {}", of(reference)),
        Command::Refund { reference, amount: Some(amount) } => format!("give back {amount} of {}", of(reference)),
        Command::Refund { reference, amount: None } => format!("give back {}", of(reference)),
        Command::Status { reference } => format!("tell how {} stands", of(reference)),
        Command::Enrol => "become known to the gateway".to_owned(),
        Command::Help => "ask what can be said here".to_owned(),
        Command::Unclear(unclear) => explain(unclear, language, own_name),
    }
}
