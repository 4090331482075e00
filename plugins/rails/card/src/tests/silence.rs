//! What nobody may read anywhere.

use sportello_sdk::serde_json::json;

use super::*;

#[test]
fn no_card_number_and_no_cryptogram_is_told_logged_or_kept() {
    let mut told = Vec::new();
    for status in ["Y", "N", "C", "U"] {
        for code in ["00", "05", "ZZ", "1A"] {
            let stage = Stage::new(json!({}), Server::saying(status), Acquirer::new(move |_| Says::Code(code)));
            told.push(format!("{:?}", stage.submit(&collect())));
            told.push(text(&stage.get()));
            told.push(text(&stage.post("/start", "javascript=true")));
            stage.server.hears("Y");
            told.push(text(&stage.post("/back", "cres=x")));
            told.push(format!("{:?}", stage.inquire()));
            told.push(format!("{:?}", stage.submit(&collect())));
            for name in [format!("a/{KEY}"), format!("o/{KEY}")] {
                told.extend(stage.host.stored(&name).map(|value| String::from_utf8(value.to_vec()).unwrap()));
            }
            told.extend(stage.host.logs().into_iter().map(|line| line.message));
            told.extend(stage.host.reports().iter().map(|report| format!("{report:?}")));
            told.extend(stage.acquirer.received().iter().map(|message| format!("{message:?}")));
        }
    }
    // A 3DS server and a vault that say what they should not.
    let leaky = Server { authentication: (200, json!({ "transStatus": [PAN, CAVV] })), ..Server::saying("Y") };
    let stage = Stage::approving(json!({}), leaky);
    stage.submit(&collect()).unwrap();
    told.push(text(&stage.post("/start", "javascript=true")));
    let facts = InstrumentFacts { label: "Visa 1111".to_owned(), received_at_ms: 1, payment: None };
    let _broken = stage.host.clone().instrument("card:1", facts, format!(r#"{{"pan":{PAN}}}"#));
    told.push(format!("{:?}", stage.submit(&collect())));
    told.extend(stage.host.logs().into_iter().map(|line| line.message));
    assert!(told.len() > 100);
    for text in told {
        assert!(!text.contains(PAN) && !text.contains(CAVV) && !text.contains("3ds-servers-key"), "{text}");
    }
}
