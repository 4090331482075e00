//! What the operator says of the acquirer.

use serde::Deserialize;
use sportello_sdk::{Failure, JsonSchema};

use super::DeskSettings;
use crate::{Coding, Dialect, LinkOptions, TerminalId, WINDOW_MAX};

/// How bitmaps are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum Bitmap {
    /// As bytes.
    #[default]
    Binary,
    /// As hexadecimal digits.
    Hex,
}

/// What every message says of us, checked and ready.
#[derive(Debug, Clone)]
pub(super) struct Merchant {
    pub(super) acquirer: String,
    pub(super) id: String,
    /// Field 43: street or name (23), city (13), region (2, empty), country (2).
    pub(super) name: String,
    pub(super) category: String,
}

impl DeskSettings {
    /// Checks what a schema cannot say.
    ///
    /// # Errors
    /// All mistakes in one failure.
    pub(super) fn check(&self) -> Result<(Merchant, Vec<TerminalId>), Failure> {
        let plain = |text: &str, len: usize| {
            (1..=len).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let terminals: Option<Vec<TerminalId>> = self.terminals.iter().map(|id| TerminalId::new(id)).collect();
        let rules = [
            (
                self.address.starts_with("tcp://") || self.address.starts_with("tls://"),
                "`address` is `tls://host:port`, or `tcp://host:port` without TLS",
            ),
            (
                terminals.as_ref().is_some_and(|ids| !ids.is_empty()),
                "`terminals` are ids of 1 to 8 visible characters, at least one",
            ),
            (
                digits(&self.acquirer_id) && (1..=11).contains(&self.acquirer_id.len()),
                "`acquirer_id` is 1 to 11 digits",
            ),
            (plain(&self.merchant_id, 15), "`merchant_id` is 1 to 15 plain characters"),
            (plain(&self.merchant_name, 23), "`merchant_name` is 1 to 23 plain characters"),
            (plain(&self.merchant_city, 13), "`merchant_city` is 1 to 13 plain characters"),
            (
                self.merchant_country.len() == 2 && self.merchant_country.bytes().all(|b| b.is_ascii_uppercase()),
                "`merchant_country` is a country's code, as `IT`",
            ),
            (digits(&self.mcc) && self.mcc.len() == 4, "`mcc` is four digits"),
            ((1..=WINDOW_MAX).contains(&usize::from(self.window)), "`window` is 1 to 1024"),
            ((1..=120).contains(&self.answer_within_s), "`answer_within_s` is 1 to 120"),
            (self.echo_every_s > 0, "`echo_every_s` begins at 1"),
        ];
        let mistakes: Vec<&str> = rules.iter().filter(|(is_right, _)| !is_right).map(|(_, what)| *what).collect();
        match terminals {
            Some(terminals) if mistakes.is_empty() => Ok((self.merchant(), terminals)),
            _ => Err(Failure::settings("bad_settings", format!("`acquirer`: {}", mistakes.join("; ")))),
        }
    }

    fn merchant(&self) -> Merchant {
        Merchant {
            acquirer: self.acquirer_id.clone(),
            id: format!("{:<15}", self.merchant_id),
            name: format!("{:<23}{:<13}  {}", self.merchant_name, self.merchant_city, self.merchant_country),
            category: self.mcc.clone(),
        }
    }

    pub(super) fn link(&self) -> LinkOptions {
        let coding = match self.bitmap {
            Bitmap::Binary => Coding::Binary,
            Bitmap::Hex => Coding::Hex,
        };
        LinkOptions {
            dialect: Dialect::new(coding),
            window: usize::from(self.window),
            echo_every_ms: u64::from(self.echo_every_s) * 1000,
            ..LinkOptions::new(self.address.clone())
        }
    }
}

pub(super) fn window_default() -> u16 {
    256
}

pub(super) fn answer_within_default() -> u32 {
    15
}

pub(super) fn echo_every_default() -> u32 {
    30
}

#[cfg(test)]
mod tests {
    use super::super::testing;

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut settings = testing::settings();
        settings.address = "acquirer.example:8583".to_owned();
        settings.terminals = vec!["TERMINAL1".to_owned()];
        settings.merchant_name = "Caffè".to_owned();
        settings.mcc = "58".to_owned();
        settings.window = 1025;
        let failure = settings.check().unwrap_err();
        for key in ["`acquirer`", "`address`", "`terminals`", "`merchant_name`", "`mcc`", "`window`"] {
            assert!(failure.message.contains(key), "{key}: {}", failure.message);
        }
        assert!(!failure.message.contains("`merchant_city`"));
        assert!(testing::settings().check().is_ok());
    }

    #[test]
    fn a_terminal_id_is_one_instances_alone_among_those_of_its_acquirer() {
        let schema = sportello_sdk::schemars::schema_for!(super::DeskSettings).to_value();
        let settings = serde_json::json!({ "acquirer_id": "400123", "terminals": ["TERM0001", "TERM0002"] });
        let marks = sportello_sdk::marks::read(&schema, &settings);
        assert!(marks.defects.is_empty(), "{:?}", marks.defects);
        let held = marks.held.iter().map(|held| (held.what.as_str(), held.value.as_str().unwrap()));
        assert_eq!(held.collect::<Vec<_>>(), [("terminal id", "TERM0001"), ("terminal id", "TERM0002")]);
        assert_eq!(marks.held[0].within, [("acquirer_id".to_owned(), serde_json::json!("400123"))]);
    }

    #[test]
    fn the_merchant_fills_its_fields() {
        let (merchant, _) = testing::settings().check().unwrap();
        assert_eq!(merchant.name, "Sportello              Milano         IT");
        assert_eq!(merchant.id, "SPORTELLO-1    ");
    }
}
