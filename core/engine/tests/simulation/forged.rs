//! A sender who can be anybody: nothing is exempt, called off or changed without the code; and nobody is flooded.

use sportello_engine::store::Page;
use sportello_engine::{Policy, Setup};
use sportello_model::grammar::Language;
use sportello_model::{Change, Message};

use crate::across::{Play, check, many};
use crate::stage::handle;

#[tokio::test]
async fn nothing_is_called_off_without_the_code_where_a_sender_can_be_forged() {
    check(
        many(),
        &[
            // Small enough to pass without a code elsewhere.
            ("line:+1: pay line:+2 5 EUR", "line:+1 asks C1"),
            ("line:+1: cancel", "line:+1 how to cancel (discreet)"),
            ("line:+1: no", "line:+1 how to cancel (discreet)"),
            ("line:+1: cancel 1a2b3c4d", "line:+1 how to cancel (discreet)"),
            ("line:+1: cancel WRONG", "line:+1 wrong 2 (discreet)"),
            ("states", "awaiting_confirmation"),
            ("line:+1: annulla C1", "line:+1 off"),
            ("line:+1: cancel", "line:+1 nothing to cancel (discreet)"),
            ("states", "cancelled"),
        ],
    )
    .await;
    // Wrong codes in whatever words are counted together.
    check(
        many(),
        &[
            ("line:+1: pay line:+2 20 EUR", "line:+1 asks C1"),
            ("line:+1: cancel 000001", "line:+1 wrong 2 (discreet)"),
            ("line:+1: 000002", "line:+1 wrong 1 (discreet)"),
            ("line:+1: cancel 000003", "line:+1 off"),
            ("states", "cancelled"),
        ],
    )
    .await;
    // Where the provider vouches for the sender, a word is enough; the code does it too, and a wrong one costs nothing.
    check(
        many(),
        &[
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C1"),
            ("chat:1: cancel WRONG", "chat:1 nothing to cancel (discreet)"),
            ("chat:1! cancel C1", "chat:1 in private (discreet)"),
            ("chat:1: annule C1", "chat:1 off"),
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C2"),
            ("chat:1: cancel", "chat:1 off"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_code_that_was_asked_for_on_one_channel_may_be_answered_on_another() {
    check(
        many(),
        &[
            ("chat:1! pay line:+2 20 EUR", "chat:1 asks C1"),
            ("line:+1: C1", "chat:1 done, chat:1 in public done (discreet), line:+2 received"),
            ("line:+1: pay chat:2 30 EUR", "line:+1 asks C2"),
            ("chat:1: cancel C2", "line:+1 off"),
            ("talk:east/1: pay chat:2 30 EUR", "talk:east/1 asks C3"),
            ("line:+1: cancel C3", "talk:east/1 off"),
        ],
    )
    .await;
}

#[tokio::test]
async fn whoever_forges_a_sender_floods_nobody_with_codes() {
    let setup = many();
    let setup = Setup { policy: Policy { challenges_max: 3, ..setup.policy }, ..setup };
    let mut play = Play::new(setup).await;
    let mut asked = 0;
    for amount in 1..=200 {
        let heard = play.step(&format!("line:+1: pay line:+2 {amount} EUR")).await;
        asked += usize::from(heard.contains(" asks "));
        assert!(heard.is_empty() || heard.contains(" asks ") || heard.contains(" too many"), "{heard}");
    }
    assert_eq!((asked, play.stage.world.sent.load(std::sync::atomic::Ordering::SeqCst)), (3, 53));
    // The real one still pays where the provider vouches for them.
    assert_eq!(play.step("chat:1: pay chat:2 20 EUR").await, "chat:1 asks C4");
}

#[tokio::test]
async fn whoever_guesses_does_not_begin_anew_for_ever() {
    let setup = many();
    let setup = Setup { policy: Policy { challenges_max: 3, ..setup.policy }, ..setup };
    // A message that asks Paolo for a code, and one that guesses at it.
    let check = async |asks: &str, guesses: &str, answers: &str| {
        let mut play = Play::new(setup.clone()).await;
        let (mut asked, mut guess) = (0, 0);
        for amount in 1..=30 {
            let heard = play.step(&asks.replace('N', &amount.to_string())).await;
            asked += usize::from(heard.contains(" asks "));
            assert!(heard.is_empty() || heard.contains(" asks ") || heard.contains(" tomorrow"), "{heard}");
            for _ in 0..3 {
                guess += 1;
                play.step(&guesses.replace('N', &format!("{guess:06}"))).await;
            }
        }
        assert_eq!(asked, 9, "{asks}");
        assert_eq!(play.step("chat:1: pay chat:2 20 EUR").await, "chat:1 asks C10");
        play.step("+ 24h").await;
        assert!(play.step(&asks.replace('N', "99")).await.contains(" asks "), "{asks}: {answers}");
    };
    check("line:+1: pay line:+2 N EUR", "line:+1: N", "forged").await;
    check("line:+1: pay line:+2 N EUR", "line:+1: cancel N", "forged").await;
    // Money that is asked for goes to whoever asks: with a forger they need one right guess.
    check("chat:2: request N EUR from chat:1", "line:+1: N", "requested").await;
    // What is answered was not in vain.
    let mut play = Play::new(setup.clone()).await;
    for amount in 1..=15 {
        assert!(play.step(&format!("line:+1: pay line:+2 {amount} EUR")).await.contains(" asks "));
        let answer = if amount % 2 == 0 { "" } else { "cancel " };
        play.step(&format!("line:+1: {answer}C{amount}")).await;
    }
}

#[tokio::test]
async fn nobody_is_flooded_with_requests_and_many_at_once_are_no_way_around() {
    let setup = many();
    let setup = Setup { policy: Policy { challenges_max: 3, ..setup.policy }, ..setup };
    let mut play = Play::new(setup.clone()).await;
    for amount in 1..=3 {
        assert!(play.step(&format!("chat:2: request {amount} EUR from chat:1")).await.contains(" asks "));
    }
    assert_eq!(play.step("chat:2: request 4 EUR from chat:1").await, "chat:2 tomorrow (discreet)");
    // An account can be paid, and be asked for nothing.
    let heard = play.step("chat:2: request 4 EUR from iban:FR1420041010050500013M02606").await;
    assert_eq!(heard, "chat:2 whom? (discreet)");
    let mut play = Play::new(setup).await;
    let heard = play.at_once("line:+1", "pay line:+2 20 EUR", 40).await;
    assert_eq!(heard.matches(" asks ").count() + heard.matches(" again ").count(), 3, "{heard}");
}

#[tokio::test]
async fn codes_that_nobody_asked_for_leave_nothing_in_the_store() {
    let mut setup = many();
    // The answers themselves leave nothing then.
    setup.channels.iter_mut().for_each(|channel| channel.receipts = false);
    let mut play = Play::new(setup).await;
    let keys = |play: &Play| play.stage.count("keys_new");
    let before = keys(&play);
    for guess in 0..20 {
        // From strangers and from somebody known.
        play.step(&format!("line:+5{guess}: {guess:06}")).await;
        play.step(&format!("line:+1: cancel {guess:06}")).await;
        play.step(&format!("line:+1: {guess:06}")).await;
    }
    assert_eq!(keys(&play), before);
}

#[tokio::test]
async fn a_forged_sender_changes_and_deletes_nothing() {
    let play = Play::new(many()).await;
    let check = async |channel: &str, from: &str, id: Option<&str>, change: Change, expected: &str| {
        let message = Message {
            id: id.map(str::to_owned),
            first_id: id.map(str::to_owned),
            change,
            from: handle(from),
            from_name: None,
            text: "pay line:+2 5 EUR".into(),
            private: true,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: None,
        };
        let taken = play.stage.engine.message(channel, message).await;
        assert_eq!(taken.map_or_else(|failure| failure.code, |taken| taken.fresh.to_string()), expected);
    };
    check("line", "line:+1", Some("m"), Change::Edited, "weak_sender").await;
    check("line", "line:+1", Some("m"), Change::Deleted, "weak_sender").await;
    check("line", "line:+1", None, Change::Edited, "no_message_id").await;
    // An id is welcome where none is needed, and then knows a repeat.
    check("line", "line:+1", Some("m"), Change::Written, "true").await;
    check("line", "line:+1", Some("m"), Change::Written, "false").await;
    check("line", "line:+1", None, Change::Written, "true").await;
    check("chat", "chat:1", None, Change::Written, "no_message_id").await;
    // A handle of another account of the same provider is none of this one's.
    check("east", "talk:east/1", Some("m"), Change::Written, "true").await;
    check("east", "talk:west/2", Some("n"), Change::Written, "bad_sender").await;
    check("east", "talk:eastern/2", Some("n"), Change::Written, "bad_sender").await;
    check("east", "talk:east", Some("n"), Change::Written, "bad_sender").await;
    check("east", "chat:1", Some("n"), Change::Written, "bad_sender").await;
}

#[tokio::test]
async fn no_code_is_like_another_one_of_the_same_person_whatever_handle_it_was_asked_of() {
    // Found by trying: with the simulation's key these two payments, asked of two handles of Paolo's, have the same first
    // code. A code alone says which payment is meant, so the second one gets another.
    let mut play = Play::new(many()).await;
    assert_eq!(play.step("chat:1: pay chat:2 20 EUR").await, "chat:1 asks C1");
    assert_eq!(play.step("line:+1: pay chat:2 9199.46 EUR").await, "line:+1 asks C2");
    let page = Page { limit: 1, ..Page::default() };
    let second = play.stage.engine.store().payments(page).await.unwrap().remove(0);
    assert_eq!(second.challenge.unwrap().number, 2, "the first one was taken");
}

#[tokio::test]
async fn the_answers_that_a_challenge_offers_are_understood() {
    let check = async |from: &str, language: Language, labels: [&str; 2]| {
        for choice in [0, 1] {
            let mut setup = many();
            setup.profiles.iter_mut().for_each(|profile| profile.language = language);
            let mut play = Play::new(setup).await;
            play.step(&format!("{from}: pay chat:2 20 EUR")).await;
            let choices = play.choices.clone();
            assert_eq!(choices.iter().map(|choice| choice.label.as_str()).collect::<Vec<_>>(), labels);
            play.step(&format!("{from}: {}", choices.get(choice).unwrap().says)).await;
            let expected = ["completed", "cancelled"];
            assert_eq!(Some(&*play.step("states").await), expected.get(choice).copied(), "{choices:?}");
        }
    };
    for from in ["chat:1", "line:+1", "talk:east/1"] {
        check(from, Language::En, ["Confirm", "Cancel"]).await;
        check(from, Language::It, ["Conferma", "Annulla"]).await;
        check(from, Language::Fr, ["Confirmer", "Annuler"]).await;
    }
}
