//! What plugins say in their own words. It stands in journals for good and is shown, so it is kept clean as the log is: an
//! exception of a script's may quote an address with a secret in it.

use sportello_host::{OpenError, Reason};
use sportello_model::Outcome;
use sportello_sdk::Failure;

use super::version::Version;
use crate::redact::Redactor;

impl Version {
    /// An outcome, or why there is none, as it may be kept.
    pub(super) fn heard(&self, said: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
        match said {
            Ok(outcome) => Ok(clean_outcome(self.redactor(), outcome)),
            Err(failure) => Err(self.clean(failure)),
        }
    }

    /// A failure as it may be kept.
    pub(super) fn clean(&self, failure: Failure) -> Failure {
        clean_failure(self.redactor(), failure)
    }

    /// Why it does not open, as it may be kept.
    pub(super) fn clean_open(&self, mut error: OpenError) -> OpenError {
        if let OpenError::Failed { error, .. } = &mut error {
            error.reason = match std::mem::replace(&mut error.reason, Reason::Panicked) {
                Reason::Failed(failure) => Reason::Failed(self.clean(failure)),
                Reason::Broken(why) => Reason::Broken(self.redactor().clean(&why)),
                other => other,
            };
        }
        error
    }
}

/// An outcome as it may be kept.
pub(super) fn clean_outcome(redactor: &Redactor, mut outcome: Outcome) -> Outcome {
    for text in outcome.texts_mut() {
        *text = redactor.clean(text);
    }
    outcome
}

fn clean_failure(redactor: &Redactor, failure: Failure) -> Failure {
    let (code, message) = (redactor.clean(&failure.code), redactor.clean(&failure.message));
    Failure { code, message, ..failure }
}
