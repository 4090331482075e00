use sportello_sdk::{dispatch, kit};

use super::{MANIFEST, MyPlugin, chat};

#[test]
fn conforms() {
    let options = kit::Options::read(include_str!("../kit.json")).unwrap();
    kit::check(MANIFEST, &dispatch::channel::<MyPlugin>, &options).assert();
}

#[test]
fn deliveries() {
    let check = |body: &str, expected: Result<&str, &str>| {
        let got = chat::messages(body.as_bytes());
        let got = got.map(|all| format!("{}: {}", all[0].from.rest(), all[0].text)).map_err(|failure| failure.code);
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{body}");
    };
    check(r#"{"id":"1","from":"1001","text":"pay @paolo 5 €"}"#, Ok("1001: pay @paolo 5 €"));
    check(r#"{"id":"1","from":"1001","text":"help","mood":"blue"}"#, Ok("1001: help"));
    check(r#"{"id":"1","from":"@anna","text":"help"}"#, Err("bad_delivery"));
    check(r#"{"id":"1","from":"","text":"help"}"#, Err("bad_delivery"));
    let mentioned =
        |id: &str| format!(r#"{{"id":"1","from":"1001","text":"@paolo","mentions":[{{"name":"paolo","id":"{id}"}}]}}"#);
    check(&mentioned("1002"), Ok("1001: @paolo"));
    check(&mentioned("@anna"), Err("bad_delivery"));
    check("", Err("bad_delivery"));
}
