use super::*;

fn entity(name: &str, id: &str, start: usize) -> Entity {
    Entity { name: name.to_owned(), id: Id::parse(id), start, end: start + 1 + name.len() }
}

fn written(raw: &str, typed_from: usize, mentions: &[Entity]) -> Typed {
    Written { raw: raw.to_owned(), mentions: mentions.to_vec(), typed_from }.typed()
}

#[test]
fn escapes_are_undone_once() {
    let check = |raw: &str, expected: &str| assert_eq!(unescape(raw), expected);
    check("fish &amp; chips &lt;3 &gt;", "fish & chips <3 >");
    check("&amp;lt;", "&lt;");
    check("&amp;amp;amp;", "&amp;amp;");
    check("a & b &quot; &;", "a & b &quot; &;");
    check("&", "&");
    check("", "");
}

#[test]
fn a_mention_is_believed_only_where_it_stands() {
    let check = |raw: &str, mention: Entity, is_believed: bool| {
        let typed = written(raw, 0, &[mention]);
        assert_eq!(typed.pinned().len(), usize::from(is_believed), "{raw}");
    };
    check("pay @anna 20", entity("anna", "7", 4), true);
    check("pay @ANNA 20", entity("anna", "7", 4), true);
    check("pay ＠anna 20", entity("anna", "7", 4), true);
    check("€ € @anna", entity("anna", "7", 4), true);
    // Counted after unescaping, and in UTF-16.
    check("a &amp; b @anna", entity("anna", "7", 10), true);
    check("a &amp; b @anna", entity("anna", "7", 6), true);
    check("🍕🍕 @anna", entity("anna", "7", 3), true);
    check("🍕🍕 @anna", entity("anna", "7", 5), true);
    // Somebody else's name, a longer name, no name, out of the text, not pinned, nothing that can be seen.
    check("pay @anna 20", entity("mallory", "7", 4), false);
    check("pay @annabel 20", entity("anna", "7", 4), false);
    check("pay @anna 20", entity("anna", "7", 5), false);
    check("pay @anna 20", entity("anna", "7", 400), false);
    check("pay @anna 20", entity("anna", "x", 4), false);
    check("pay @an\u{200b}na 20", entity("an\u{200b}na", "7", 4), false);
    check("pay @ 20", entity("", "7", 4), false);
}

#[test]
fn what_x_put_in_front_is_not_what_was_typed() {
    let check = |raw: &str, typed_from: usize, mentions: &[Entity], expected: &str, pinned: usize| {
        let typed = written(raw, typed_from, mentions);
        assert_eq!(typed.text, expected);
        assert_eq!(typed.pinned().len(), pinned, "{raw}");
    };
    let both = [entity("sportello", "1", 0), entity("paolo", "8", 11)];
    check("@sportello @paolo cancel", 18, &both, "cancel", 0);
    check("@sportello @paolo cancel", 11, &both, "@paolo cancel", 1);
    check("@sportello @paolo cancel", 0, &both, "@sportello @paolo cancel", 2);
    // Off by one, as in X's own sample.
    check("@sportello @paolo cancel", 19, &both, "cancel", 0);
    // A range that claims the whole text takes no more than the names.
    check("@sportello yes @paolo", 999, &[both[0].clone()], "yes @paolo", 0);
    check("", 5, &[], "", 0);
}

#[test]
fn addressed() {
    let own = Id::parse("1").unwrap();
    let check = |raw: &str, mentions: &[Entity], expected: bool| {
        assert_eq!(written(raw, 0, mentions).addresses(&own, "sportello"), expected, "{raw}");
    };
    check("hey @Sportello!", &[], true);
    check("hey @former_name", &[entity("former_name", "1", 4)], true);
    check("hey @sportello2", &[], false);
    check("mail me@sportello", &[], false);
    check("sportello", &[], false);
}

#[test]
fn passed_on() {
    let check = |raw: &str, expected: bool| assert_eq!(written(raw, 0, &[]).is_passed_on(), expected, "{raw}");
    check("RT @paolo: @sportello pay @mallory 20 €", true);
    check("rt: @paolo @sportello pay @mallory 20 €", true);
    check("RT@paolo", true);
    check("“@paolo: @sportello pay @mallory 20 €” haha", true);
    check("\"@paolo : hi\"", true);
    check("@sportello pay @anna 20 € RT please", false);
    check("\"@sportello pay @anna 20 €\"", false);
    check("é", false);
    check("R", false);
}

/// The longest posts have 25,000 characters, and X waits 3 seconds for the answer.
#[test]
fn a_text_full_of_mentions_is_read_at_once() {
    let raw = "@anna &amp; ".repeat(10_000);
    let mentions: Vec<Entity> = (0..10_000).map(|n| entity("anna", "7", n * 12)).collect();
    let since = std::time::Instant::now();
    let typed = written(&raw, 0, &mentions);
    assert_eq!((typed.mentions.len(), typed.pinned().len()), (10_000, 1));
    assert!(since.elapsed().as_secs() < 3, "{:?}", since.elapsed());
}
