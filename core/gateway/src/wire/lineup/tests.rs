use std::cell::Cell;
use std::rc::Rc;

use super::*;

/// A version that is called by a letter, open or not.
#[derive(Debug, Clone)]
struct Letter(char, Rc<Cell<bool>>);

impl Seated for Letter {
    fn number(&self) -> u64 {
        u64::from(self.0)
    }
    fn is_open(&self) -> bool {
        self.1.get()
    }
    /// X, Y and Z each have a provider of their own; all others have one and the same.
    fn stands_in_for(&self, other: &Self) -> bool {
        let provider = |letter: char| Some(letter).filter(|letter| *letter >= 'X');
        provider(self.0) == provider(other.0)
    }
}

fn version(letter: char) -> Letter {
    Letter(letter, Rc::new(Cell::new(true)))
}

/// A payment in the share of a canary of one half, and one that is not.
fn payments() -> (u128, u128) {
    let half = Share::new(5_000).unwrap();
    let find = |is_in: bool| (1..).find(|number| falls_into(*number, half) == is_in).unwrap();
    (find(true), find(false))
}

/// One step of a script, as a word:
///
/// - `A` or `A+B`: A is the current version from now on, and B the canary; `-`: there is none
/// - `k?A`: the order `k` of a payment outside the share is given, and A gets it (`-`: nobody); `k!A` of one inside
/// - `k/j?A`: the same for an order that undoes `j`
/// - `k=A`: who is asked about the order `k`, for its page; `k~A`: the same, to learn what became of it
/// - `k.`: the order has come to its end, and has done what it is for; `k-.`: it has not; `A.`: the version may go
/// - `@n`: from now on it is `n`; at first it is 0, and all orders were made at 20
/// - `A:n`: A has n orders that have not
/// - `A#`: A does not answer
fn play(script: &str) -> Result<(), String> {
    let (inside, outside) = payments();
    let mut lineup: Lineup<Letter> = Lineup::default();
    let mut known: HashMap<char, Letter> = HashMap::new();
    let seat = |known: &mut HashMap<char, Letter>, letter: char| {
        known.entry(letter).or_insert_with(|| version(letter)).clone()
    };
    let half = Share::new(5_000).unwrap();
    let mut now_ms = 0;
    for step in script.split_whitespace() {
        let letter = |text: &str| text.chars().next().unwrap();
        let shown = |found: Option<char>| found.map_or("-".to_owned(), String::from);
        let expect = |found: Option<char>, expected: &str| match shown(found) {
            found if found == expected => Ok(()),
            found => Err(format!("{step}: {found}")),
        };
        let asked = |key| Asked { key, payment: outside, made_at_ms: 20, undoes: None, past_canary: false };
        if let Some((key, who)) = step.split_once('=') {
            expect(lineup.ask(asked(key)).map(|version| version.0), who)?;
        } else if let Some((key, who)) = step.split_once('~') {
            expect(lineup.inquire(asked(key)).map(|version| version.0), who)?;
        } else if let Some(now) = step.strip_prefix('@') {
            now_ms = now.parse().unwrap();
        } else if let Some((order, who)) = step.split_once(['?', '!']) {
            let (key, undoes) = order.split_once('/').map_or((order, None), |(key, undone)| (key, Some(undone)));
            let payment = if step.contains('!') { inside } else { outside };
            expect(lineup.give(Asked { payment, undoes, ..asked(key) }).map(|(version, _)| version.0), who)?;
        } else if let Some(what) = step.strip_suffix('.') {
            match letter(what) {
                version if version.is_uppercase() => {
                    lineup.gone(u64::from(version));
                }
                _ => match what.strip_suffix('-') {
                    Some(what) => lineup.over(what, false),
                    None => lineup.over(what, true),
                },
            }
        } else if let Some((who, count)) = step.split_once(':') {
            let found = lineup.open_at(u64::from(letter(who)));
            if found.to_string() != count {
                return Err(format!("{step}: {found}"));
            }
        } else if let Some(what) = step.strip_suffix('#') {
            known[&letter(what)].1.set(false);
        } else if step == "-" {
            lineup.seat(None, None, now_ms);
        } else {
            let mut letters = step.split('+').map(letter);
            let current = letters.next().map(|l| seat(&mut known, l));
            let canary = letters.next().map(|l| (seat(&mut known, l), half));
            lineup.seat(current, canary, now_ms);
        }
    }
    Ok(())
}

#[test]
fn where_orders_go() {
    let check = |script: &str| assert_eq!(play(script), Ok(()), "{script}");
    // What is new goes to the current version, and what was begun stays where it is.
    check("A a?A B b?B a?A a=A b=B A:1 B:1");
    // Once it has come to its end, nobody has it.
    check("A a?A B a. A:0 a=B");
    // A version that goes leaves what it has to whoever is there.
    check("A a?A B A. a=B a?B B:1");
    // Three at a time, each with its own.
    check("A a?A B b?B C c?C a?A b?B c?C A. a?C b?B");
    // What undoes an order goes where that one is, and both come to their end at once.
    check("A a?A B r/a?A A:2 r. A:0 B:0");
    check("A a?A B A. r/a?B");
    // One that stands in for another has what that one had, whoever comes after it.
    check("A a?A B A. X B:1 a=B r/a?B B. a=B");
    // With another provider behind the new one, nobody takes the old one's place: the order is never the new one's.
    check("A a?A X A. a=A a?A r/a?A b?X A. r. A. a=X");
    check("A a?A X+B A. a=A B A. a=B");
    check("A X A. a?X");
    // An order that was asked about is whoever's was asked.
    check("A a~A A:1 X a=A r/a?A A. a?A");
    check("A a=A A:0 X a=X");
    // One that undoes another and could not be sent, or was declined, has undone nothing.
    check("A a?A B r/a?A r-. A:1 s/a?A s. A:0");
    check("A a?A X r/a?A r-. A. a=A s/a?A");
    // A canary gets its share, each payment always the same one, and keeps it when it is sent back or promoted.
    check("A+B a?A b!B a?A b!B c!B A b!B d!A b=B B:2");
    check("A+B b!B B b?B a?B x!B A:0");
    check("A+B a?A B a?A c?B A:1");
    // It is given nothing that was made before it came, nor what undoes something that nobody is known to have: whoever had
    // that is not the canary. It is asked as it is given.
    check("@30 A+B b!A r/x!A @40 A+B c!A");
    check("@10 A+B r/x!A b!B x~A x!A");
    check("@10 A+B @30 A+B b!B A+C c!A");
    // One that does not answer gets nothing new, and is waited for by what it has.
    check("A+B b!B B# c!A b!B b=B");
    // The current one is not spared by its canary.
    check("A+B A# a?A");
    // Nobody: nothing new, but what there is comes to its end, also what came before this start.
    check("A a?A - b?- a?A a=A z=A r/z?A r/a?A");
    check("A - A. a?- a=-");
    // What nobody is known to have goes to whoever was current then, not to their canary.
    check("A+B b!B - z=A r/z!A b=B");
    // Back again, beside what still leaves.
    check("A a?A - B b?B a?A a=A");
    // One that is called back is leaving no more.
    check("A a?A B A b?A a?A B. b=A");
}

#[test]
fn a_share_is_a_share_and_sticks() {
    let check = |share: u16, expected: std::ops::Range<usize>| {
        let share = Share::new(share).unwrap();
        // Ids as they are: the time in front, random digits behind.
        let inside = (0..20_000u128).filter(|n| falls_into((n << 64) | (n * 7_919), share)).count();
        assert!(expected.contains(&inside), "{share}: {inside}");
    };
    check(1, 0..12);
    check(500, 900..1_100);
    check(5_000, 9_700..10_300);
    check(9_999, 19_980..20_001);
}

/// What comes of random days: the number of the seed is in the message of whatever fails.
#[test]
fn no_order_is_given_to_two_versions_and_none_is_lost() {
    for seed in 1..=400u64 {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut lineup: Lineup<Letter> = Lineup::default();
        let mut letters = ('A'..='Z').cycle();
        // Who has each order that has not come to its end.
        let mut given: HashMap<String, u64> = HashMap::new();
        let mut there: Vec<u64> = Vec::new();
        let mut next_key = 0;
        lineup.seat(letters.next().map(version), None, 0);
        for step in 0..200 {
            there.clear();
            there.extend(lineup.all().map(Seated::number));
            let fail = |what: &str| panic!("seed {seed}, step {step}: {what}");
            let random_key = |n: u64| given.keys().nth(usize::try_from(n).unwrap() % given.len().max(1)).cloned();
            match random(10) {
                0 => {
                    let current = letters.next().map(version).filter(|v| !there.contains(&v.number()));
                    if let Some(current) = current {
                        lineup.seat(Some(current), None, 0);
                    }
                }
                1 => {
                    let canary = letters.next().map(version).filter(|v| !there.contains(&v.number()));
                    let current = lineup.current.clone();
                    lineup.seat(current, canary.map(|canary| (canary, Share::new(3_000).unwrap())), 0);
                }
                2 => {
                    let number = lineup.leaving.first().map(Seated::number);
                    if let Some(number) = number {
                        let current = lineup.current.clone().unwrap();
                        let stands_in = lineup.leaving.first().is_some_and(|leaving| current.stands_in_for(leaving));
                        let has_orders = given.values().any(|by| *by == number);
                        if lineup.gone(number) != (stands_in || !has_orders) {
                            fail("a version goes whose orders nobody can be asked about, or does not go");
                        }
                        if stands_in {
                            given.values_mut().filter(|by| **by == number).for_each(|by| *by = current.number());
                        }
                    }
                }
                3 | 4 => {
                    if let Some(key) = random_key(random(1_000)) {
                        lineup.over(&key, true);
                        given.remove(&key);
                    }
                }
                5 | 6 => {
                    let Some(key) = random_key(random(1_000)) else { continue };
                    let payment = u128::from(random(1_000));
                    let order = Asked { key: &key, payment, made_at_ms: 0, undoes: None, past_canary: false };
                    let asked = lineup.ask(order).map(|v| v.number());
                    let again = lineup.give(order).map(|(v, _)| v.number());
                    if asked != given.get(&key).copied() || again != asked {
                        fail("an order is asked about, or given, elsewhere");
                    }
                }
                _ => {
                    next_key += 1;
                    let key = next_key.to_string();
                    let order = Asked {
                        key: &key,
                        payment: u128::from(random(1_000)),
                        made_at_ms: 0,
                        undoes: None,
                        past_canary: false,
                    };
                    match lineup.give(order) {
                        Some((by, true)) => drop(given.insert(key, by.number())),
                        _ => fail("an order is nobody's, or not new"),
                    }
                }
            }
            let held: usize = lineup.all().map(|v| lineup.open_at(v.number())).sum();
            if held != given.len() {
                fail(&format!("{held} orders are held, and {} are open", given.len()));
            }
        }
    }
}
