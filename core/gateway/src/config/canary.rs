//! `canary = { version = "1.3.0", share = "5%" }`: a version that is tried on a share of the payments.

use serde_json::Value;

use super::problem::Wrong;
use super::section::Section;
use super::value::{text, version};

/// A version of a plugin that stands beside the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Which version.
    pub version: String,
    /// How much of what is new goes to it.
    pub share: Share,
}

/// A share of payments, in hundredths of a percent: 1 to 9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// In hundredths of a percent; nothing where it would be none of the payments, or all.
    pub fn new(per_ten_thousand: u16) -> Option<Self> {
        (1..10_000).contains(&per_ten_thousand).then_some(Self(per_ten_thousand))
    }

    /// In hundredths of a percent.
    pub fn per_ten_thousand(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}%"),
            part if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

pub(super) fn canary(section: Section<'_>) -> Option<Canary> {
    let version = section.required("version", "\"1.3.0\"", version);
    let share = section.required("share", "\"5%\"", share);
    section.close();
    Some(Canary { version: version?, share: share? })
}

fn share(value: &Value) -> Result<Share, Wrong> {
    let written = text(value)?;
    let wrong = || {
        let remedy = "write a percentage between 0.01% and 99.99%, as \"5%\"";
        Wrong::new(format!("{written:?} is no share of the payments"), remedy)
    };
    let number = written.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 2 {
        return Err(wrong());
    }
    let hundredths: u32 = format!("{whole}{part:0<2}").parse().map_err(|_| wrong())?;
    u16::try_from(hundredths).ok().and_then(Share::new).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let check = |written: &str, expected: Option<(u16, &str)>| {
            let read = share(&Value::from(written)).ok();
            assert_eq!(read.map(Share::per_ten_thousand), expected.map(|(number, _)| number), "{written:?}");
            assert_eq!(read.map(|share| share.to_string()).as_deref(), expected.map(|(_, shown)| shown), "{written:?}");
        };
        check("5%", Some((500, "5%")));
        check("0.5%", Some((50, "0.5%")));
        check("12.05%", Some((1205, "12.05%")));
        check("99.99%", Some((9999, "99.99%")));
        check("0.01%", Some((1, "0.01%")));
        for wrong in ["0%", "100%", "5", "%", "5 %", "-5%", "5.%", ".5%", "5.555%", "1e1%", "99999999999%", ""] {
            check(wrong, None);
        }
    }
}
