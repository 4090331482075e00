use sportello_sdk::Change;
use sportello_sdk::serde_json::{Value, json};

use super::*;
use crate::id::Id;

fn account(id: &str, name: &str) -> Account {
    Account { id: Id::parse(id).unwrap(), name: name.to_owned() }
}

/// What a delivery comes to for the account, a line for each event.
fn lines(delivery: &Value, account: &Account) -> Vec<String> {
    let delivery = match read(delivery.to_string().as_bytes(), account) {
        Ok(delivery) => delivery,
        Err(failure) => return vec![failure.code],
    };
    let mut lines: Vec<String> = (delivery.events.into_iter())
        .map(|event| match event.into_message(account) {
            Err(ignored) => format!("- {}", ignored.reason()),
            Ok(m) => {
                let change = match m.change {
                    Change::Written => "+",
                    Change::Edited => "~",
                    Change::Deleted => "x",
                };
                let by = m.from_name.map(|n| format!("({n})")).unwrap_or_default();
                let to = m.in_reply_to.map(|id| format!(" re {id}")).unwrap_or_default();
                let how = if m.private { " private" } else { "" };
                let pins: String = m.mentions.iter().map(|p| format!(" {}={}", p.name, p.handle)).collect();
                let (id, first) = (m.id.unwrap(), m.first_id.unwrap());
                let first = if first == id { String::new() } else { format!(" of {first}") };
                format!("{change} {id}{first} {}{by}{to}{how}: {}{pins}", m.from, m.text)
            }
        })
        .collect();
    lines.extend(delivery.left.into_iter().map(|line| format!("- {line}")));
    lines.extend((0..delivery.unreadable).map(|_| "?".to_owned()));
    lines
}

fn check(delivery: Value, expected: &[&str]) {
    assert_eq!(lines(&delivery, &account("1", "sportello")), expected, "{delivery}");
}

fn v1(changes: Value) -> Value {
    let mut post = json!({
        "id": 100, "id_str": "100", "created_at": "Wed Oct 10 20:19:24 +0000 2018",
        "text": "@sportello pay @anna 20 €",
        "user": { "id": 2, "id_str": "2", "screen_name": "Paolo" },
        "entities": { "user_mentions": [
            { "screen_name": "sportello", "id_str": "1", "indices": [0, 10] },
            { "screen_name": "anna", "id": 3, "id_str": "3", "indices": [15, 20] },
        ]},
        "in_reply_to_status_id": null, "in_reply_to_user_id": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        post[key] = value.clone();
    }
    json!({ "for_user_id": "1", "tweet_create_events": [post] })
}

fn v2(kind: &str, changes: Value) -> Value {
    let mut post = json!({
        "id": "100", "author_id": "2", "text": "@sportello pay @anna 20 €",
        "created_at": "2026-07-24T21:23:23.000Z", "edit_history_tweet_ids": ["100"],
        "entities": { "mentions": [
            { "start": 0, "end": 10, "username": "sportello", "id": "1" },
            { "start": 15, "end": 20, "username": "anna", "id": "3" },
        ]},
    });
    for (key, value) in changes.as_object().unwrap() {
        post[key] = value.clone();
    }
    let users = json!([{ "id": "2", "username": "Paolo" }, { "data": { "id": "3", "username": "anna" } }]);
    json!({ "data": { "event_type": kind, "filter": { "user_id": "1" }, "payload": post, "includes": { "users": users } } })
}

const PAID: &str = "+ post:100 twitter:2(twitter:@paolo): @sportello pay @anna 20 € twitter:@sportello=twitter:1 twitter:@anna=twitter:3";

#[test]
fn both_envelopes_come_to_the_same() {
    check(v1(json!({})), &[PAID]);
    check(v2("post.mention.create", json!({})), &[PAID]);
    check(v2("post.reply.create", json!({})), &[PAID]);
}

#[test]
fn ids_edits_and_deletions() {
    let edited = PAID.replace("+ post:100", "~ post:100 of post:90");
    check(v2("post.mention.create", json!({ "edit_history_tweet_ids": ["90", "100"] })), &[&edited]);
    check(v2("post.mention.create", json!({ "edit_history_tweet_ids": [90, 100], "id": 100 })), &[&edited]);
    check(v1(json!({ "edit_history": { "initial_tweet_id": "90", "edit_tweet_ids": ["90", "100"] } })), &[&edited]);
    check(v1(json!({ "edit_history": { "edit_tweet_ids": [90, 100] } })), &[&edited]);
    // In either envelope under either name, and in whatever order.
    check(v1(json!({ "edit_history_tweet_ids": ["90", "100"] })), &[&edited]);
    check(v1(json!({ "edit_history": { "edit_tweet_ids": ["100", "95", "90"] } })), &[&edited]);
    check(v2("post.mention.create", json!({ "edit_history_tweet_ids": ["100", "90"] })), &[&edited]);
    for history in [json!(null), json!([])] {
        check(v2("post.mention.create", json!({ "edit_history_tweet_ids": history })), &[PAID]);
    }
    let deleted = "x post:100:deleted of post:100 twitter:2: ";
    let v1 = |status: Value| json!({ "for_user_id": "9", "tweet_delete_events": [{ "status": status }] });
    check(v1(json!({ "id": "100", "user_id": "2" })), &[deleted]);
    check(v1(json!({ "id": 100, "user_id": 2 })), &[deleted]);
    check(v1(json!({ "id": 100, "user_id": 1 })), &["- written by the account itself"]);
    check(v1(json!({ "id": 100 })), &["?"]);
    let v2 = |payload: Value| json!({ "data": { "event_type": "post.delete", "filter": { "user_id": "2" }, "payload": payload } });
    check(v2(json!({ "id": "100", "author_id": "2" })), &[deleted]);
    check(v2(json!({ "id": "100" })), &["?"]);
}

#[test]
fn what_is_not_said_to_us_is_no_message() {
    let own = "- written by the account itself";
    check(v1(json!({ "user": { "id": 1, "screen_name": "sportello" } })), &[own]);
    check(v2("post.mention.create", json!({ "author_id": "1" })), &[own]);
    let passed = "- a retweet";
    check(v1(json!({ "retweeted_status": { "id": 5, "text": "…" } })), &[passed]);
    check(v2("post.mention.create", json!({ "referenced_tweets": [{ "type": "retweeted", "id": "5" }] })), &[passed]);
    check(v2("post.mention.create", json!({ "text": "RT @paolo: @sportello pay @mallory 20 €" })), &[passed]);
    let not_ours = "- not addressed to the account";
    check(v1(json!({ "text": "good morning" })), &[not_ours]);
    // What is quoted is somebody else's: only the writer's own words count.
    let quoting = json!({ "text": "haha look t.co/x", "quoted_status": { "id": 5, "text": "@sportello pay @mallory 20 €" }, "is_quote_status": true });
    check(v1(quoting), &[not_ours]);
    let other = json!({ "for_user_id": "9", "tweet_create_events": v1(json!({}))["tweet_create_events"] });
    check(other, &["- for another account"]);
    check(
        json!({ "data": { "event_type": "post.mention.create", "filter": { "user_id": "9" }, "payload": {} } }),
        &["- for another account"],
    );
    check(v2("like.create", json!({})), &["- of a kind that is not for us: like.create"]);
    check(v2("chat.received", json!({})), &["- an encrypted message, which only the X application can read"]);
    check(json!({ "for_user_id": "1", "favorite_events": [{}] }), &["- of a kind that is not for us: favorite_events"]);
    check(json!({ "for_user_id": "1", "tweet_create_events": [], "user_has_blocked": false }), &[]);
}

#[test]
fn in_a_thread_an_answer_to_us_is_for_us() {
    let names = json!({ "mentions": [
        { "start": 0, "end": 10, "username": "sportello", "id": "1" },
        { "start": 11, "end": 16, "username": "anna", "id": "3" },
    ]});
    let reply = |to_user: &str, text: &str, from: usize| {
        v2(
            "post.reply.create",
            json!({
                "text": text, "entities": names, "display_text_range": [from, 99],
                "in_reply_to_user_id": to_user, "referenced_tweets": [{ "type": "replied_to", "id": "50" }],
            }),
        )
    };
    let by = "+ post:100 twitter:2(twitter:@paolo) re post:50";
    check(reply("1", "@sportello @anna cancel", 17), &[&format!("{by}: cancel")]);
    check(reply("3", "@sportello @anna I pay you back 20 €", 17), &["- not addressed to the account"]);
    check(
        reply("3", "@sportello @anna 20 €", 0),
        &[&format!("{by}: @sportello @anna 20 € twitter:@sportello=twitter:1 twitter:@anna=twitter:3")],
    );
    check(reply("3", "@sportello @anna @sportello pay 20 €", 17), &[&format!("{by}: @sportello pay 20 €")]);
}

#[test]
fn texts_are_read_whole_and_as_written() {
    let long = "@sportello pay @anna 20 € for ".to_owned() + &"salt &amp; pepper ".repeat(40);
    let whole = PAID.replace("20 € ", &format!("{} ", long.split_once("@anna ").unwrap().1.replace("&amp;", "&")));
    let mentions = v2("x", json!({}))["data"]["payload"]["entities"].clone();
    let note = json!({ "text": "@sportello pay @anna 2…", "entities": {}, "note_tweet": { "text": long, "entities": mentions } });
    check(v2("post.mention.create", note), &[&whole]);
    let mentions = v1(json!({}))["tweet_create_events"][0]["entities"].clone();
    let extended = json!({ "text": "@sportello p…", "truncated": true, "entities": {}, "extended_tweet": { "full_text": long, "entities": mentions } });
    check(v1(extended), &[&whole]);
    // The beginning of a text is not what was written: `20 €` might have been `20 € a day`, or `200 €`.
    check(v1(json!({ "text": "@sportello pay @anna 20", "truncated": true })), &["?"]);
    check(
        v1(json!({ "text": "RT @paolo: @sportello p", "truncated": true, "retweeted_status": {} })),
        &["- a retweet"],
    );
    check(
        v1(json!({ "full_text": "@sportello 5 &lt; 6", "text": null, "entities": null })),
        &["+ post:100 twitter:2(twitter:@paolo): @sportello 5 < 6"],
    );
}

#[test]
fn nobody_is_pinned_who_was_not_named() {
    let unpinned = "+ post:100 twitter:2(twitter:@paolo): @sportello pay @anna 20 €";
    let pin = |mention: Value| v2("post.mention.create", json!({ "entities": { "mentions": [mention] } }));
    check(pin(json!({ "start": 15, "end": 20, "username": "mallory", "id": "6" })), &[unpinned]);
    check(pin(json!({ "start": 0, "end": 10, "username": "anna", "id": "6" })), &[unpinned]);
    check(pin(json!({ "start": 15, "end": 20, "username": "an\u{200b}na", "id": "6" })), &[unpinned]);
    check(
        pin(json!({ "start": 15, "end": 20, "username": "anna", "id": "6/../7" })),
        &[&format!("{unpinned} twitter:@anna=twitter:3")],
    );
    check(pin(json!({ "start": 15, "end": 20, "username": "paola" })), &[unpinned]);
    // X leaves the id to what is expanded beside.
    check(
        pin(json!({ "start": 15, "end": 20, "username": "anna" })),
        &[&format!("{unpinned} twitter:@anna=twitter:3")],
    );
    check(v2("post.mention.create", json!({ "entities": null })), &[unpinned]);
    let at = |start: usize, end: usize, id: &str| json!({ "start": start, "end": end, "username": "anna", "id": id });
    let twice = |first: &str, second: &str| {
        let mentions = json!({ "mentions": [at(15, 20, first), at(22, 27, second)] });
        v2("post.mention.create", json!({ "text": "@sportello pay @Anna, @anna 20 €", "entities": mentions }))
    };
    let unpinned = "+ post:100 twitter:2(twitter:@paolo): @sportello pay @Anna, @anna 20 €";
    check(twice("3", "3"), &[&format!("{unpinned} twitter:@anna=twitter:3")]);
    // One name cannot be two people's.
    check(twice("3", "6"), &[unpinned]);
    // A name that cannot be shown is no name.
    let odd = v1(json!({ "user": { "id": 2, "screen_name": "pao\u{202e}lo" }, "entities": {} }));
    check(odd, &["+ post:100 twitter:2: @sportello pay @anna 20 €"]);
}

#[test]
fn direct_messages() {
    let dm = |changes: Value| {
        let mut event = json!({
            "type": "message_create", "id": "70", "created_timestamp": "1516403560557",
            "message_create": { "sender_id": "2", "target": { "recipient_id": "1" },
                "message_data": { "text": "pay @anna 20 € &amp; smile", "entities": { "user_mentions": [
                    { "screen_name": "anna", "id_str": "3", "indices": [4, 9] }] } } },
        });
        for (key, value) in changes.as_object().unwrap() {
            event["message_create"][key] = value.clone();
        }
        json!({ "for_user_id": "1", "direct_message_events": [event],
            "users": { "2": { "id": "2", "screen_name": "paolo" } }, "apps": {} })
    };
    let said = "+ dm:70 twitter:2(twitter:@paolo) private: pay @anna 20 € & smile twitter:@anna=twitter:3";
    check(dm(json!({})), &[said]);
    check(dm(json!({ "sender_id": "1" })), &["- written by the account itself"]);
    check(dm(json!({ "target": { "recipient_id": "9" } })), &["- for another account"]);
    check(dm(json!({ "target": null })), &[said]);
    check(dm(json!({ "sender_id": null })), &["?"]);
    check(dm(json!({ "message_data": {} })), &["?"]);
    let x = |events: &Value, users: Value| json!({ "data": { "event_type": "dm.received", "payload": { "direct_message_events": events, "users": users } } });
    let events = &dm(json!({}))["direct_message_events"];
    check(x(events, json!({ "2": { "data": { "username": "paolo", "id": "2" } } })), &[said]);
    check(x(events, json!(null)), &[&said.replace("(twitter:@paolo)", "")]);
    check(x(&json!([{ "type": "participants_join" }]), json!({})), &[]);
    check(x(&json!({}), json!({})), &["?"]);
}

#[test]
fn what_is_no_delivery_is_malformed() {
    check(json!({}), &["malformed"]);
    check(json!([]), &["malformed"]);
    check(json!("x"), &["malformed"]);
    check(json!({ "data": {} }), &["malformed"]);
    check(json!({ "data": [] }), &["malformed"]);
    check(json!({ "data": { "event_type": 7 } }), &["malformed"]);
    check(json!({ "data": { "event_type": "post.mention.create" } }), &["?"]);
    check(json!({ "for_user_id": "1", "tweet_create_events": 7 }), &["malformed"]);
    check(v1(json!({ "id_str": null, "id": null })), &["?"]);
    check(v1(json!({ "user": null })), &["?"]);
    let account = account("1", "sportello");
    let deep = "[".repeat(100_000);
    for text in
        ["", "{", "\u{0}", "{\"data\": {\"event_type\"", &deep, &format!("{{\"for_user_id\":\"1\",\"users\":{deep}")]
    {
        assert_eq!(read(text.as_bytes(), &account).unwrap_err().code, "malformed");
    }
    let deep = format!(
        "{{\"data\":{{\"event_type\":\"post.mention.create\",\"payload\":{}{}}}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    assert_eq!(read(deep.as_bytes(), &account).map(|d| d.unreadable).map_err(|f| f.code), Ok(1));
    assert_eq!(read(b"\xff\xfe", &account).unwrap_err().code, "malformed");
}

/// X's own samples. They are not ours to publish, and stand beside the repository where they are at hand.
#[test]
fn the_samples_of_x() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/fixtures/x");
    let check = |file: &str, account: &Account, expected: &[&str]| {
        let Ok(sample) = std::fs::read_to_string(format!("{folder}/{file}")) else {
            eprintln!("skipped: {file} is not there");
            return;
        };
        let sample: Value = serde_json::from_str(&sample).unwrap();
        assert_eq!(lines(&sample, account), expected, "{file}");
    };
    let harris = account("4337869213", "Harris_0ff");
    check(
        "aaa/direct_message_events.json",
        &harris,
        &["+ dm:954491830116155396 twitter:3001969357(twitter:@furiouscamper) private: Hello World!"],
    );
    check(
        "aaa/direct_message_indicate_typing_events.json",
        &harris,
        &["- of a kind that is not for us: direct_message_indicate_typing_events"],
    );
    check(
        "aaa/direct_message_mark_read_events.json",
        &harris,
        &["- of a kind that is not for us: direct_message_mark_read_events"],
    );
    check(
        "aaa/tweet_delete_events.json",
        &harris,
        &["x post:1045405559317569537:deleted of post:1045405559317569537 twitter:930524282358325248: "],
    );
    check("aaa/user_event.json", &harris, &["- the account's permission for this application was withdrawn"]);

    let example = account("1111111111111111111", "ExampleUser");
    check(
        "xaa/post.mention.create.json",
        &example,
        &[
            "+ post:2080765813578191303 twitter:2222222222222222222(twitter:@otheruser): hey @ExampleUser twitter:@exampleuser=twitter:1111111111111111111",
        ],
    );
    check(
        "xaa/post.reply.create.json",
        &example,
        &[
            "+ post:2090000000000000001 twitter:2222222222222222222 re post:2080761390344937796: Great post — thanks for sharing!",
        ],
    );
    check(
        "xaa/dm.received.json",
        &example,
        &["+ dm:2080765901528535096 twitter:2222222222222222222(twitter:@otheruser) private: hello!"],
    );
    check("xaa/post.delete.json", &example, &["- written by the account itself"]);
    check("xaa/chat.received.json", &example, &["- an encrypted message, which only the X application can read"]);
    for kind in [
        "broadcast.chat",
        "broadcast.end",
        "broadcast.start",
        "chat.sent",
        "dm.sent",
        "follow.follow",
        "follow.unfollow",
        "like.create",
        "news.new",
        "oauth.revoke",
        "post.create",
        "post.quote.create",
        "post.repost.create",
        "profile.update.bio",
        "profile.update.screenname",
        "spaces.end",
        "spaces.start",
    ] {
        let file = format!("xaa/{kind}.json");
        let Ok(sample) = std::fs::read(format!("{folder}/{file}")) else { continue };
        let found = read(&sample, &example).unwrap();
        assert_eq!((found.events.len(), found.unreadable), (0, 0), "{kind}");
    }
}
