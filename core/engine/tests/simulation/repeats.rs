//! The same again: a repeat that nobody can tell from a new wish is asked about, and a lost acknowledgement pays nothing
//! twice and spoils no code.

use crate::across::{Play, check, many};

const PAY: &str = "line:+1: pay line:+2 20 EUR";
const PAID: &str = "line:+1 done, line:+2 received";

#[tokio::test]
async fn what_may_be_the_same_wish_is_asked_about() {
    // The same text twice, where no message has an id: two payments at most, and the second one says what it is.
    check(
        many(),
        &[
            (PAY, "line:+1 asks C1"),
            (PAY, "line:+1 again C2"),
            ("line:+1: C1", PAID),
            ("states", "completed, awaiting_confirmation"),
            ("line:+1: C2", PAID),
        ],
    )
    .await;
    // Also when the first is paid already, whatever stopped in between; and not once the window is over.
    check(
        many(),
        &[
            (PAY, "line:+1 asks C1"),
            ("line:+1: C1", PAID),
            ("+ 59m", ""),
            ("crash", ""),
            (PAY, "line:+1 again C2"),
            ("line:+1: cancel C2", "line:+1 off"),
            ("+ 1m", ""),
            (PAY, "line:+1 asks C3"),
        ],
    )
    .await;
    // Who is asked for money and sends it by themselves would send it twice.
    check(many(), &[("line:+2: request 20 EUR from line:+1", "line:+1 asks C1"), (PAY, "line:+1 again C2")]).await;
    // Another amount, another payee and the way back are other wishes.
    check(
        many(),
        &[
            (PAY, "line:+1 asks C1"),
            ("line:+1: pay line:+2 21 EUR", "line:+1 asks C2"),
            ("line:+1: pay line:+3 20 EUR", "line:+1 asks C3"),
            ("line:+2: pay line:+1 20 EUR", "line:+2 asks C4"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_same_over_two_channels_is_asked_about() {
    check(
        many(),
        &[
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C1"),
            // Under the provider's own ids a second message is a second wish.
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C2"),
            ("talk:east/1: pay chat:2 20 EUR", "talk:east/1 again C3"),
            (PAY, "line:+1 again C4"),
        ],
    )
    .await;
    // What passes without a code does not where it may be a repeat.
    check(
        many(),
        &[
            ("chat:1: pay chat:2 5 EUR", "chat:1 done, chat:2 received"),
            ("chat:1: pay chat:2 5 EUR", "chat:1 done, chat:2 received"),
            ("talk:east/1: pay chat:2 5 EUR", "talk:east/1 again C1"),
            ("states", "completed, completed, awaiting_confirmation"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_came_to_nothing_is_not_asked_about() {
    let check = async |end: &str, heard: &str, again: &str| {
        check(many(), &[(PAY, "line:+1 asks C1"), (end, heard), (PAY, again)]).await;
    };
    check("line:+1: cancel C1", "line:+1 off", "line:+1 asks C2").await;
    check("+ 10m", "line:+1 expired", "line:+1 asks C2").await;
    check("line:+1: C1", PAID, "line:+1 again C2").await;
    check("+ 9m", "", "line:+1 again C2").await;
}

#[tokio::test]
async fn what_was_paid_is_asked_about_also_when_a_repeat_of_it_was_called_off() {
    check(
        many(),
        &[
            (PAY, "line:+1 asks C1"),
            ("line:+1: C1", PAID),
            (PAY, "line:+1 again C2"),
            ("line:+1: cancel C2", "line:+1 off"),
            (PAY, "line:+1 again C3"),
        ],
    )
    .await;
}

#[tokio::test]
async fn of_those_that_come_at_once_one_is_first() {
    for times in [2, 5, 15] {
        let mut play = Play::new(many()).await;
        let heard = play.at_once("line:+1", "pay line:+2 20 EUR", times).await;
        let asked = |what: &str| heard.matches(what).count();
        assert_eq!((asked(" asks "), asked(" again ")), (1, times - 1), "{heard}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_again_is_no_wrong_code() {
    check(
        many(),
        &[
            (PAY, "line:+1 asks C1"),
            ("line:+1: pay line:+3 30 EUR", "line:+1 asks C2"),
            ("line:+1: C1", "line:+1 done, line:+2 received"),
            // The acknowledgement was lost, and here it is again: the other payment has all its tries.
            ("line:+1: C1", ""),
            ("crash", ""),
            ("line:+1: C1", ""),
            ("line:+1: WRONG", "line:+1 wrong 2 (discreet)"),
            ("line:+1: WRONG", ""),
            ("line:+1: cancel C2", "line:+1 off"),
            ("line:+1: cancel C2", ""),
        ],
    )
    .await;
    // Under ids, the same wrong code is a second try.
    check(
        many(),
        &[
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C1"),
            ("chat:1: WRONG", "chat:1 wrong 2 (discreet)"),
            ("chat:1: WRONG", "chat:1 wrong 1 (discreet)"),
        ],
    )
    .await;
    // All at once: one of them confirms, and none is a wrong one for what else is open.
    let mut play = Play::new(many()).await;
    play.step(PAY).await;
    play.step("line:+1: pay line:+3 30 EUR").await;
    assert_eq!(play.at_once("line:+1", "C1", 8).await, PAID);
    assert_eq!(play.at_once("line:+1", "WRONG", 8).await, "line:+1 wrong 2 (discreet)");
}
