//! What the desk's tests share.

use super::DeskSettings;
use super::settings::Bitmap;

pub(super) const ADDRESS: &str = "tls://acquirer.example:8583";

pub(super) fn settings() -> DeskSettings {
    DeskSettings {
        address: ADDRESS.to_owned(),
        bitmap: Bitmap::Binary,
        terminals: vec!["TERM0001".to_owned(), "TERM0002".to_owned()],
        acquirer_id: "400123".to_owned(),
        merchant_id: "SPORTELLO-1".to_owned(),
        merchant_name: "Sportello".to_owned(),
        merchant_city: "Milano".to_owned(),
        merchant_country: "IT".to_owned(),
        mcc: "5812".to_owned(),
        window: 64,
        answer_within_s: 8,
        echo_every_s: 30,
    }
}
