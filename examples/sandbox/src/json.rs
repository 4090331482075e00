//! Members put into a JSON object after it was written, where they are optional.

use serde_json::Value;

/// Puts a member into `object`, which is one wherever this is called.
pub(crate) fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}
