//! The messages between a browser and the ACS, in unpadded base64url over JSON.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{VERSION, erro::Erro, fields, transactions::Transaction};

/// What a browser brings to the ACS first (table B.3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Creq {
    pub(crate) id: String,
    pub(crate) acs_trans_id: String,
}

fn decoded(text: &str, name: &str) -> Result<Map<String, Value>, Erro> {
    let octets = URL_SAFE_NO_PAD.decode(text).ok();
    let message = octets.and_then(|octets| serde_json::from_slice(&octets).ok());
    message.ok_or_else(|| Erro::no_message(&format!("{name}: not a JSON object in unpadded base64url")))
}

/// Reads a CReq.
///
/// # Errors
/// As [`fields::check`], and 101 and 102.
pub(crate) fn creq(text: &str) -> Result<Creq, Erro> {
    const NAMES: [&str; 5] =
        ["messageType", "messageVersion", "threeDSServerTransID", "acsTransID", "challengeWindowSize"];
    let message = decoded(text, "creq")?;
    let missing: Vec<&str> = NAMES.into_iter().filter(|name| !message.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(Erro::missing(&missing));
    }
    let get = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    if get("messageType") != "CReq" {
        return Err(Erro::no_message("messageType"));
    }
    if get("messageVersion") != VERSION {
        return Err(Erro::version());
    }
    let is_right = |name: &str| match name {
        "challengeWindowSize" => matches!(get(name), "01" | "02" | "03" | "04" | "05"),
        "threeDSServerTransID" | "acsTransID" => crate::serial::is_uuid(get(name)),
        _ => true,
    };
    let wrong: Vec<&str> = NAMES.into_iter().filter(|name| !is_right(name)).collect();
    if !wrong.is_empty() {
        return Err(Erro::format(&wrong));
    }
    Ok(Creq { id: get("threeDSServerTransID").to_owned(), acs_trans_id: get("acsTransID").to_owned() })
}

/// The last CRes (table B.4), as the browser takes it to the merchant's side.
pub(crate) fn cres(transaction: &Transaction) -> String {
    let message = json!({
        "messageType": "CRes",
        "messageVersion": VERSION,
        "threeDSServerTransID": transaction.id,
        "acsTransID": transaction.acs_trans_id,
        "challengeCompletionInd": "Y",
        "transStatus": transaction.told_browser(),
    });
    URL_SAFE_NO_PAD.encode(message.to_string())
}

/// Reads `threeDSMethodData` (table A.2): the transaction, and where the page reports to.
///
/// # Errors
/// 101, 201 and 203.
pub(crate) fn method(text: &str) -> Result<(String, String), Erro> {
    const NAMES: [&str; 2] = ["threeDSServerTransID", "threeDSMethodNotificationURL"];
    let message = decoded(text, "threeDSMethodData")?;
    let get = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let [id, back] = NAMES.map(get);
    let missing: Vec<&str> = NAMES.into_iter().filter(|name| !message.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(Erro::missing(&missing));
    }
    if !fields::is_web(&back) {
        return Err(Erro::format(&["threeDSMethodNotificationURL"]));
    }
    Ok((id, back))
}

/// What the method page reports.
pub(crate) fn method_done(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "threeDSServerTransID": id }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creq_is_read_strictly() {
        let id = "99391c7e-ad88-49ec-a2ad-99ddcb1f7721";
        let check = |change: Value, expected: Option<(&str, &str)>| {
            let mut message = json!({
                "messageType": "CReq", "messageVersion": "2.2.0", "threeDSServerTransID": id, "acsTransID": id,
                "challengeWindowSize": "05",
            });
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(message.as_object_mut().unwrap().remove(name)),
                    value => message[name] = value.clone(),
                }
            }
            let told = creq(&URL_SAFE_NO_PAD.encode(message.to_string())).map_err(|erro| erro.body());
            let told = told
                .as_ref()
                .map_err(|body| (body["errorCode"].as_str().unwrap(), body["errorDetail"].as_str().unwrap()));
            assert_eq!(told.err(), expected, "{change}");
        };
        check(json!({}), None);
        check(json!({ "messageType": "AReq" }), Some(("101", "messageType")));
        check(json!({ "messageVersion": "2.1.0" }), Some(("102", "messageVersion")));
        check(json!({ "acsTransID": null }), Some(("201", "acsTransID")));
        check(json!({ "challengeWindowSize": "06" }), Some(("203", "challengeWindowSize")));
        assert!(creq("e30=").is_err(), "padding is not allowed");
        assert!(creq("!").is_err());
    }
}
