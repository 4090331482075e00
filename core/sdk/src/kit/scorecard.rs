//! What came of the checks.

use std::fmt;

use super::Verdict;

/// What came of all checks, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scorecard {
    /// One entry for each check.
    pub checks: Vec<Check>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub check: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// Why it did not, or a remark.
    pub why: String,
}

impl Scorecard {
    pub(super) fn add(&mut self, check: &'static str, verdict: Verdict) {
        let passed = verdict.is_ok();
        let (Ok(why) | Err(why)) = verdict;
        self.checks.push(Check { check, passed, why });
    }

    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
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
        let width = self.checks.iter().map(|check| check.check.chars().count());
        let width = width.max().unwrap_or_default();
        for Check { check, passed, why } in &self.checks {
            let mark = if *passed { "ok    " } else { "FAILED" };
            writeln!(f, "{}", format!("{mark}  {check:width$}  {why}").trim_end())?;
        }
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        write!(f, "{} checks, {failed} failed", self.checks.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table() {
        let mut card = Scorecard::default();
        card.add("it is there", Ok(String::new()));
        card.add("it works", Err("it does not".to_owned()));
        let expected = "ok      it is there\nFAILED  it works     it does not\n2 checks, 1 failed";
        assert_eq!(card.to_string(), expected);
        assert!(!card.passed());
    }
}
