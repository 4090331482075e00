//! How single values are written.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use sportello_model::{Currency, Handle, Money};

use super::problem::Wrong;

pub(crate) fn text(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
        Value::String(_) => Err(Wrong::new("this is empty", "write something in it")),
        _ => Err(Wrong::new("this must be a text", "put it in quotes")),
    }
}

pub(crate) fn truth(value: &Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| Wrong::new("this must be true or false", "write it without quotes"))
}

/// A whole number of `min` to `max`.
pub(crate) fn number(min: u32, max: u32) -> impl Fn(&Value) -> Result<u32, Wrong> {
    move |value| {
        value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| {
                let what = format!("this must be a whole number from {min} to {max}");
                Wrong::new(what, "write it without quotes")
            })
    }
}

/// `20s`, `500ms`, `10m`, `2h`, `1d`: never nothing, and at most a year.
pub(crate) fn duration(value: &Value) -> Result<Duration, Wrong> {
    let remedy = "write it as \"20s\", \"500ms\", \"10m\", \"2h\" or \"1d\"";
    let written = match value {
        Value::String(text) => text,
        _ => return Err(Wrong::new("this must be a duration", remedy)),
    };
    let wrong = || Wrong::new(format!("{written:?} is no duration"), remedy);
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = written.split_at_checked(digits).ok_or_else(wrong)?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let ms = count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_ms)).ok_or_else(wrong)?;
    if !(1..=365 * 86_400_000).contains(&ms) {
        return Err(Wrong::new(format!("{written:?} is outside 1ms to 365d"), remedy));
    }
    Ok(Duration::from_millis(ms))
}

/// A day as `2026-11-01`: its first moment in UTC, in milliseconds since 1970.
pub(crate) fn day(value: &Value) -> Result<u64, Wrong> {
    let remedy = "write a day as \"2026-11-01\", in quotes";
    let Value::String(written) = value else { return Err(Wrong::new("this must be a day", remedy)) };
    crate::instant::day(written).ok_or_else(|| Wrong::new(format!("{written:?} is no day"), remedy))
}

pub(crate) fn address(value: &Value) -> Result<SocketAddr, Wrong> {
    let written = text(value)?;
    written.parse().map_err(|_| {
        Wrong::new(
            format!("{written:?} is no address to listen on"),
            "write an IP address and a port, as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        )
    })
}

/// An origin that browsers can open; in production over TLS alone.
pub(crate) fn public_url(value: &Value, production: bool) -> Result<String, Wrong> {
    let written = text(value)?;
    let remedy = "write it as \"https://pay.example\", without a path";
    let url = written.parse::<http::Uri>().ok().filter(|url| {
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && !written.contains(['@', '#']);
        is_bare && matches!(url.scheme_str(), Some("https" | "http")) && url.host().is_some_and(|host| !host.is_empty())
    });
    let Some(url) = url else { return Err(Wrong::new(format!("{written:?} is no address of a web site"), remedy)) };
    if production && url.scheme_str() == Some("http") {
        let what = format!("{written:?} is not encrypted, and people type card numbers there");
        return Err(Wrong::new(what, "put TLS in front of the program, and write https://"));
    }
    Ok(written.trim_end_matches('/').to_owned())
}

/// The name of a header.
pub(crate) fn header_name(value: &Value) -> Result<http::HeaderName, Wrong> {
    let written = text(value)?;
    let remedy = "write the one that your proxy sets, as \"x-forwarded-for\"";
    written.parse().map_err(|_| Wrong::new(format!("{written:?} is no header's name"), remedy))
}

pub(crate) fn currency(value: &Value) -> Result<Currency, Wrong> {
    let written = text(value)?;
    written.parse().map_err(|error| Wrong::new(format!("{error}"), "write its three capital letters, as \"EUR\""))
}

pub(crate) fn money(value: &Value) -> Result<Money, Wrong> {
    let written = text(value)?;
    let read = || {
        let (amount, code) = written.split_once(' ')?;
        Money::from_decimal(amount, code.parse().ok()?).ok()
    };
    read().ok_or_else(|| {
        Wrong::new(
            format!("{written:?} is no amount of money"),
            "write a number with a dot and a currency of ISO 4217, as \"5.00 EUR\"",
        )
    })
}

pub(crate) fn handle(value: &Value) -> Result<Handle, Wrong> {
    let written = text(value)?;
    let handle: Handle = written.parse().map_err(|error| {
        Wrong::new(
            format!("{written:?} is no handle: {error}"),
            "write it as \"tel:+393331234567\" or \"scheme:@name\"",
        )
    })?;
    if handle.scheme() == "tel" && !handle.is_name() && !is_global_number(handle.rest()) {
        return Err(Wrong::new(
            format!("{written:?} is a number of one country, which says not of which"),
            "write it with + and the country code, without spaces and hyphens, as \"tel:+393331234567\"",
        ));
    }
    Ok(handle)
}

/// `+` and at most 15 digits, none of them before the country code (E.164; RFC 3966, section 5.1.4).
fn is_global_number(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (1..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// An account as a handle; an IBAN with the check digits of ISO 13616.
pub(crate) fn account(value: &Value) -> Result<Handle, Wrong> {
    let account = handle(value)?;
    if account.is_name() {
        return Err(Wrong::new(
            format!("{:?} is a name, and no account", account.as_str()),
            "write the account itself, as \"iban:FR1420041010050500013M02606\"",
        ));
    }
    let is_id = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    if account.scheme() == crate::vault::CARD && !is_id(account.rest()) {
        // What stands there may be a card's number, and is not told.
        let remedy = "leave the account out with policy.enrolment, and its owner gives the card on a page";
        return Err(Wrong::new("a card is named by its id in the vault, and never by its number", remedy));
    }
    if account.scheme() == "iban" && !crate::iban::is_valid(account.rest()) {
        return Err(Wrong::new(
            "this is no IBAN: its length or its check digits are wrong",
            "copy it again, in capitals and without spaces",
        ));
    }
    Ok(account)
}

/// ISO 3166-1 alpha-2.
pub(crate) fn country(value: &Value) -> Result<String, Wrong> {
    let written = text(value)?;
    if written.len() == 2 && written.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(written);
    }
    Err(Wrong::new(format!("{written:?} is no country code"), "write the two capital letters of ISO 3166-1, as \"IT\""))
}

/// A name that can stand in a URL and in a log: small letters, digits, hyphens.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

pub(crate) fn plain_name(value: &Value) -> Result<String, Wrong> {
    let written = text(value)?;
    if is_plain_name(&written) {
        return Ok(written);
    }
    Err(Wrong::new(format!("{written:?} is no name"), "use small letters, digits and hyphens, 64 at most"))
}

/// A plugin's version, as its manifest has it.
pub(crate) fn version(value: &Value) -> Result<String, Wrong> {
    let written = text(value)?;
    if (1..=64).contains(&written.len()) {
        return Ok(written);
    }
    Err(Wrong::new(format!("{written:?} is no version"), "write it as `sportello plugin list` shows it, as \"1.2.0\""))
}

/// One of these words, each with what it stands for.
pub(crate) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value) -> Result<T, Wrong> {
    move |value| {
        let written = text(value)?;
        words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            Wrong::new(format!("{written:?} is not known here"), format!("write one of {}", list.join(", ")))
        })
    }
}

/// An origin that a plugin may reach, or `pan`; in production over TLS alone, but for byte streams inside one's own network, which
/// is where tunnels end.
pub(crate) fn grant(value: &Value, production: bool) -> Result<String, Wrong> {
    let written = text(value)?;
    // Whether it may be given is judged with the instance's other keys.
    if written == sportello_host::PAN_GRANT {
        return Ok(written);
    }
    if let Err(error) = written.parse::<sportello_host::Pattern>() {
        return Err(Wrong::new(error.to_string(), ""));
    }
    let is_encrypted = written.starts_with("https://") || written.starts_with("tls://");
    if production && !is_encrypted && !is_private_stream(&written) {
        let remedy = "grant https:// or tls:// in production, or tcp:// to a private address, where a tunnel ends";
        return Err(Wrong::new(format!("{written:?} is not encrypted"), remedy));
    }
    Ok(written)
}

/// Whether this is a byte stream to a loopback or private address (RFC 1918, RFC 4193).
fn is_private_stream(grant: &str) -> bool {
    let host = grant.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':')).map_or("", |(host, _)| host);
    match host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_loopback(),
        Err(_) => false,
    }
}
