//! A channel that hands over hundreds of messages at once, and then as many more, for as long as it runs. Each time it says how
//! many of them were taken.

use std::pin::Pin;
use std::task::Poll;

use sportello_sdk::{
    Accepted, Channel, Failure, Handle, Host, Level, Message, Note, Sent, WebhookReply, WebhookRequest, async_trait,
    export_channel, settings,
};

/// How many it hands over at once.
const AT_ONCE: usize = 250;

/// How many people it says that they are from.
const PEOPLE: usize = 50;

settings! {
    /// What it says.
    pub struct Settings {
        /// How long a message is, in characters.
        text_len: usize,
    }
}

/// The channel, open.
pub struct Shouts {
    text_len: usize,
}

#[async_trait]
impl Channel for Shouts {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { text_len: settings.text_len })
    }

    async fn send(&self, _: Note, _: &Host) -> Result<Sent, Failure> {
        Ok(Sent::default())
    }

    async fn webhook(&self, _: WebhookRequest, _: &Host) -> Result<WebhookReply, Failure> {
        Ok(WebhookReply::ok())
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        for round in 0.. {
            let numbers = round * AT_ONCE..(round + 1) * AT_ONCE;
            let messages: Result<Vec<Message>, Failure> = numbers.map(|number| self.message(number)).collect();
            let messages = messages?;
            let asked = messages.iter().map(|message| Box::pin(host.message(message)) as Asked<'_>).collect();
            let taken = all(asked).await;
            host.log(Level::Warn, format!("of {AT_ONCE} messages {taken} were taken"));
        }
        Ok(())
    }
}

impl Shouts {
    fn message(&self, number: usize) -> Result<Message, Failure> {
        let from = Handle::new("shout", &format!("{}", number % PEOPLE));
        Ok(Message {
            id: Some(format!("shout-{number}")),
            first_id: None,
            change: Default::default(),
            from: from.map_err(|error| Failure::input("handle", error.to_string()))?,
            from_name: None,
            text: format!("{number} {}", "a".repeat(self.text_len)),
            private: true,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: None,
        })
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Accepted, Failure>> + Send + 'a>>;

/// Waits for all of them at once. Answers how many came to something.
async fn all(mut asked: Vec<Asked<'_>>) -> usize {
    let mut taken = 0;
    std::future::poll_fn(move |context| {
        asked.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(answer) => {
                taken += usize::from(answer.is_ok());
                false
            }
            Poll::Pending => true,
        });
        if asked.is_empty() { Poll::Ready(taken) } else { Poll::Pending }
    })
    .await
}

/// What the channel says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_channel!(Shouts, manifest = MANIFEST);
