//! Catching up: what was written while no webhook reached us, read from X itself from a durable cursor on.
//!
//! What webhooks brought too is taken again under the same id, and the gateway knows it by that. X lists no deletions: a
//! post that was deleted meanwhile, and is not listed any more, calls nothing off; its payment still wants its code.

use sportello_sdk::serde::Deserialize;
use sportello_sdk::{Failure, Host, Level, Retry};

use crate::api::Api;
use crate::event::Event;
use crate::id::{Id, MaybeId, or_default};
use crate::inbox::{Taken, take};
use crate::settings::Account;
use crate::v2::{DmEventV2, IncludesV2, PostV2};

/// How many pages are read for one gap. X keeps 800 mentions, and 30 days of messages.
const PAGES_MAX: usize = 100;

/// What X lists, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Posts,
    Dms,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Page<T> {
    #[serde(default = "Vec::new", deserialize_with = "or_default")]
    data: Vec<T>,
    #[serde(default, deserialize_with = "or_default")]
    includes: IncludesV2,
    #[serde(default, deserialize_with = "or_default")]
    meta: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    newest_id: MaybeId,
    next_token: Option<String>,
}

/// One page, whatever it lists: the events with their ids, and where the next page is.
struct Listed {
    newest: Option<Id>,
    events: Vec<(Id, Option<Event>)>,
    next: Option<String>,
}

/// Catches up once, and again every `every_s` seconds unless that is 0.
///
/// # Errors
/// What will not pass by itself, as refused keys.
pub(crate) async fn run(api: &Api, account: &Account, every_s: u64, host: &Host) -> Result<(), Failure> {
    loop {
        for feed in [Feed::Posts, Feed::Dms] {
            while let Err(failure) = feed.catch_up(api, account, host).await {
                pause(failure, host).await?;
            }
        }
        if every_s == 0 {
            return Ok(());
        }
        host.sleep(every_s.saturating_mul(1000)).await?;
    }
}

/// Waits as long as a failure asks for; one that does not pass is the end.
async fn pause(failure: Failure, host: &Host) -> Result<(), Failure> {
    let Retry::Later { after_ms } = failure.retry else {
        return Err(failure);
    };
    host.log(Level::Warn, format!("catching up waits {after_ms} ms: {failure}"));
    host.sleep(after_ms.max(1000)).await
}

impl Feed {
    /// Takes everything after the cursor, oldest first, and moves the cursor behind what is durable. Without a cursor
    /// it is set behind what is there: history is not replayed.
    async fn catch_up(self, api: &Api, account: &Account, host: &Host) -> Result<(), Failure> {
        let (version, value) = host.load(self.cursor()).await?;
        if version == 0 {
            let page = self.page(api, account, None, None, host).await?;
            // 0 is before every id: from there on, all is new.
            let cursor = page.newest.map_or("0".to_owned(), |id| id.to_string());
            host.save(self.cursor(), version, cursor).await?;
            return Ok(());
        }
        let since = std::str::from_utf8(&value).ok().and_then(Id::parse);
        let mut events = self.since(since.as_ref(), api, account, host).await?;
        events.sort_by(|a, b| a.0.cmp(&b.0));
        events.dedup_by(|a, b| a.0 == b.0);
        let (mut reached, mut result) = (None, Ok(()));
        let (mut fresh, mut unreadable) = (0, 0);
        for (id, event) in events {
            match event {
                None => unreadable += 1,
                Some(event) => match take(event, account, host).await {
                    Ok(Taken::Fresh) => fresh += 1,
                    Ok(Taken::Known | Taken::Ignored) => {}
                    Err(failure) => {
                        result = Err(failure);
                        break;
                    }
                },
            }
            reached = Some(id);
        }
        if unreadable > 0 {
            host.log(Level::Warn, format!("{unreadable} of {self:?} cannot be read, and are passed over"));
        }
        if fresh > 0 {
            host.log(Level::Info, format!("caught up with {fresh} of {self:?}"));
        }
        if let Some(id) = reached {
            // Who loses the race leaves the cursor to the other instance, which read the same.
            host.save(self.cursor(), version, id.to_string()).await?;
        }
        result
    }

    /// Everything after `since`, through all pages.
    async fn since(
        self,
        since: Option<&Id>,
        api: &Api,
        account: &Account,
        host: &Host,
    ) -> Result<Vec<(Id, Option<Event>)>, Failure> {
        let (mut events, mut token) = (Vec::new(), None::<String>);
        let mut pages = 0;
        while pages < PAGES_MAX {
            // A limit in the middle is waited for here: starting again would run into it again.
            let page = match self.page(api, account, since, token.as_deref(), host).await {
                Ok(page) => page,
                Err(failure) => {
                    pause(failure, host).await?;
                    continue;
                }
            };
            pages += 1;
            let is_new = |id: &Id| since.is_none_or(|since| id > since);
            let is_end = page.events.iter().any(|(id, _)| !is_new(id));
            events.extend(page.events.into_iter().filter(|(id, _)| is_new(id)));
            token = page.next;
            if is_end || token.is_none() {
                return Ok(events);
            }
        }
        host.log(
            Level::Error,
            format!("the gap in {self:?} is longer than {PAGES_MAX} pages: the oldest are not read"),
        );
        Ok(events)
    }

    fn cursor(self) -> &'static str {
        match self {
            Self::Posts => "cursor/posts",
            Self::Dms => "cursor/dms",
        }
    }

    async fn page(
        self,
        api: &Api,
        account: &Account,
        since: Option<&Id>,
        token: Option<&str>,
        host: &Host,
    ) -> Result<Listed, Failure> {
        let mut query = vec![("max_results", "100"), ("user.fields", "username")];
        query.extend(token.map(|token| ("pagination_token", token)));
        match self {
            Self::Posts => {
                query.extend([
                    ("expansions", "author_id,entities.mentions.username"),
                    (
                        "tweet.fields",
                        "author_id,created_at,display_text_range,edit_history_tweet_ids,entities,in_reply_to_user_id,note_tweet,referenced_tweets",
                    ),
                ]);
                query.extend(since.map(|id| ("since_id", id.as_str())));
                let path = format!("/2/users/{}/mentions", account.id);
                let page: Page<PostV2> = api.get(&path, &query, host).await.map_err(|r| r.failure)?;
                Ok(page.listed(PostV2::id, |post, users| post.read(users).map(Event::Post)))
            }
            Self::Dms => {
                query.extend([
                    ("event_types", "MessageCreate"),
                    ("expansions", "sender_id"),
                    ("dm_event.fields", "created_at,dm_conversation_id,entities,event_type,id,sender_id,text"),
                ]);
                let page: Page<DmEventV2> = api.get("/2/dm_events", &query, host).await.map_err(|r| r.failure)?;
                Ok(page.listed(DmEventV2::id, |dm, users| dm.read(users).map(Event::Dm)))
            }
        }
    }
}

impl<T> Page<T> {
    fn listed(self, id: impl Fn(&T) -> Option<Id>, read: impl Fn(T, &[crate::user::User]) -> Option<Event>) -> Listed {
        let users = self.includes.users;
        let entries = self.data.into_iter();
        let events: Vec<_> = entries.filter_map(|entry| Some((id(&entry)?, read(entry, &users)))).collect();
        let newest = events.iter().map(|(id, _)| id.clone()).max();
        Listed { newest: newest.max(self.meta.newest_id.0), events, next: self.meta.next_token }
    }
}
