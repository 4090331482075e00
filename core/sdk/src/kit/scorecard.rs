//! What came of the checks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kept, Verdict};

/// What came of all checks, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scorecard {
    /// One entry for each check.
    pub checks: Vec<Check>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, which stays the same: `docs/PLUGINS.md` names it beside the rule that it proves.
    pub id: String,
    /// What it is about: `orders`, `speech`, …
    pub group: String,
    /// What was checked.
    pub check: String,
    /// Whether it passed. What does not apply passes.
    pub passed: bool,
    /// Whether there was something that it could be tried on.
    pub applies: bool,
    /// Why it did not pass, why it does not apply, or a remark.
    pub why: String,
}

impl Scorecard {
    pub(super) fn add(&mut self, id: &str, group: &str, check: &str, verdict: Verdict) {
        let passed = verdict.is_ok();
        let applies = !matches!(verdict, Ok(Kept::Apart(_)));
        let (Ok(Kept::Held(why) | Kept::Apart(why)) | Err(why)) = verdict;
        let (id, group, check) = (id.to_owned(), group.to_owned(), check.to_owned());
        self.checks.push(Check { id, group, check, passed, applies, why });
    }

    /// Whether every check passed, and there were any.
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.passed)
    }

    /// The checks that had nothing that they could be tried on: what they are about is not proven.
    pub fn apart(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.passed && !check.applies)
    }

    /// For a test: passes if every check did.
    ///
    /// # Panics
    /// With the table, if one did not.
    pub fn assert(&self) {
        assert!(self.passed(), "\n{self}");
    }
}

impl fmt::Display for Scorecard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Check) -> &str| self.checks.iter().map(|check| of(check).chars().count()).max();
        let id_width = width(|check| &check.id).unwrap_or_default();
        let width = width(|check| &check.check).unwrap_or_default();
        let mut group = "";
        for check in &self.checks {
            if check.group != group {
                group = &check.group;
                writeln!(f, "{group}")?;
            }
            let mark = match (check.passed, check.applies) {
                (false, _) => "FAILED",
                (true, false) => "n.a.  ",
                (true, true) => "ok    ",
            };
            let Check { id, check, why, .. } = check;
            writeln!(f, "{}", format!("  {mark}  {id:id_width$}  {check:width$}  {why}").trim_end())?;
        }
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        let apart: Vec<&str> = self.apart().map(|check| check.id.as_str()).collect();
        write!(f, "{} checks, {failed} failed, {} do not apply", self.checks.len(), apart.len())?;
        if apart.is_empty() { Ok(()) } else { write!(f, ": {}", apart.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{apart, held};

    #[test]
    fn a_table() {
        let mut card = Scorecard::default();
        assert!(!card.passed(), "nothing was checked");
        card.add("there", "declaration", "it is there", held(""));
        card.add("works", "orders", "it works", Err("it does not".to_owned()));
        card.add("paid", "orders", "it is paid for", apart("no rail"));
        let expected = "declaration\n  ok      there  it is there\norders\n  FAILED  works  it works        it does not\n  \
                        n.a.    paid   it is paid for  no rail\n3 checks, 1 failed, 1 do not apply: paid";
        assert_eq!(card.to_string(), expected);
        assert!(!card.passed());
    }
}
