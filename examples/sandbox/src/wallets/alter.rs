//! A token changed after it was signed: one bit of one field.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::control::{Refusal, refused};

/// How a field is written.
#[derive(Clone, Copy)]
pub(crate) enum Coding {
    Base64,
    Hex,
    Text,
}

/// Flips the lowest bit of the byte that `at` chooses by the length, in the text at `pointer`.
pub(crate) fn flip(token: &mut Value, pointer: &str, coding: Coding, at: fn(usize) -> usize) -> Result<(), Refusal> {
    let absent = || refused(format!("altered: this token has no `{pointer}`"));
    let field = token.pointer_mut(pointer).ok_or_else(absent)?;
    let text = field.as_str().ok_or_else(absent)?;
    let mut bytes = match coding {
        Coding::Base64 => STANDARD.decode(text).map_err(refused)?,
        Coding::Hex => hex::decode(text).map_err(refused)?,
        Coding::Text => text.as_bytes().to_vec(),
    };
    let index = at(bytes.len());
    *bytes.get_mut(index).ok_or_else(absent)? ^= 1;
    *field = Value::String(match coding {
        Coding::Base64 => STANDARD.encode(bytes),
        Coding::Hex => hex::encode(bytes),
        Coding::Text => String::from_utf8(bytes).map_err(refused)?,
    });
    Ok(())
}
