//! Field 48: what speaks for the payer's consent, as sub-elements of a two-digit tag, a two-digit length and a value.

use base64::{Engine, engine::general_purpose::STANDARD};

/// What a request brings.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The acquirer asks for the exemption of low value (22, `010204`).
    pub(crate) is_low_value: bool,
    /// Electronic commerce indicator (42).
    pub(crate) eci: Option<String>,
    /// CAVV of 3-D Secure or cryptogram of a network token, in base64 (43).
    pub(crate) cavv: Option<String>,
    /// The directory server's transaction id (66).
    pub(crate) ds_trans_id: Option<String>,
}

/// Reads field 48; an empty one brings nothing.
///
/// # Errors
/// The tag that is wrong, and why.
pub(crate) fn read(text: &str) -> Result<Evidence, String> {
    let mut evidence = Evidence::default();
    let mut rest = text;
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let cut = "48: cut short";
        let (tag, after) = rest.split_at_checked(2).ok_or(cut)?;
        let (len, after) = after.split_at_checked(2).ok_or(cut)?;
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let len = len.parse().ok().filter(|_| is_digits(len)).ok_or(cut)?;
        let (value, after) = after.split_at_checked(len).ok_or(cut)?;
        rest = after;
        if seen.contains(&tag) {
            return Err(format!("48.{tag}: twice"));
        }
        seen.push(tag);
        match tag {
            "22" if value == "010204" => evidence.is_low_value = true,
            "42" if value.len() == 2 && is_digits(value) => evidence.eci = Some(value.to_owned()),
            "43" if STANDARD.decode(value).is_ok_and(|octets| !octets.is_empty()) => {
                evidence.cavv = Some(value.to_owned());
            }
            "66" => {
                let id = value.strip_prefix('2').filter(|id| crate::serial::is_uuid(id));
                evidence.ds_trans_id = Some(id.ok_or("48.66: 2 and a UUID")?.to_owned());
            }
            "22" | "42" | "43" => return Err(format!("48.{tag}: its format")),
            _ => return Err("48: an unknown tag".to_owned()),
        }
    }
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_elements_are_read_strictly() {
        let check = |text: &str, expected: Result<(bool, Option<&str>, Option<&str>), &str>| {
            let told = read(text);
            let told = told.as_ref().map(|e| (e.is_low_value, e.eci.as_deref(), e.cavv.as_deref()));
            assert_eq!(told.map_err(String::as_str), expected, "{text}");
        };
        check("", Ok((false, None, None)));
        check("2206010204", Ok((true, None, None)));
        check("420205", Ok((false, Some("05"), None)));
        check("4202054304AAAA", Ok((false, Some("05"), Some("AAAA"))));
        check("42020", Err("48: cut short"));
        check("42+205", Err("48: cut short"));
        check("4202xx", Err("48.42: its format"));
        check("420205420205", Err("48.42: twice"));
        check("2206010205", Err("48.22: its format"));
        check("4305AAAA!", Err("48.43: its format"));
        check("9901x", Err("48: an unknown tag"));
        check("660521234", Err("48.66: 2 and a UUID"));
        assert!(read("6637299391c7e-ad88-49ec-a2ad-99ddcb1f7721").is_ok());
    }
}
