//! The directory: from a handle to a profile.

use std::collections::HashMap;
use std::sync::Arc;

use sportello_model::{Handle, Person};

use crate::setup::Profile;

/// Who is known, by every handle.
#[derive(Debug, Default)]
pub(crate) struct Directory(HashMap<Handle, Arc<Profile>>);

impl Directory {
    pub(crate) fn new(profiles: Vec<Profile>) -> Self {
        let mut by_handle = HashMap::new();
        for profile in profiles {
            let profile = Arc::new(profile);
            for handle in &profile.handles {
                by_handle.insert(handle.clone(), profile.clone());
            }
        }
        Self(by_handle)
    }

    pub(crate) fn profile(&self, handle: &Handle) -> Option<&Arc<Profile>> {
        self.0.get(handle)
    }

    /// The person behind a handle, for a payment to freeze. A name is resolved to the first immutable handle that the same
    /// profile has on that channel; an account is a person by itself.
    pub(crate) fn person(&self, handle: &Handle) -> Option<Person> {
        if let Some(profile) = self.profile(handle) {
            let pinned = match handle.is_name() {
                true => profile.handles.iter().find(|h| !h.is_name() && h.scheme() == handle.scheme())?,
                false => handle,
            };
            return Some(Person {
                name: profile.name.clone(),
                handle: pinned.clone(),
                account: profile.account.clone(),
                country: profile.country.clone(),
                language: profile.language.code().into(),
            });
        }
        (handle.scheme() == "iban").then(|| Person {
            name: handle.rest().to_owned(),
            handle: handle.clone(),
            account: Some(handle.clone()),
            country: handle.rest().get(..2).map(str::to_owned),
            language: "en".into(),
        })
    }

    /// What stays the same of a person, whichever of their handles is used, and whatever account they give for a payment.
    pub(crate) fn identity(&self, handle: &Handle) -> Handle {
        let Some(profile) = self.profile(handle) else { return handle.clone() };
        profile.account.as_ref().or_else(|| profile.handles.first()).unwrap_or(handle).clone()
    }

    /// Every immutable handle of whoever has this one.
    pub(crate) fn handles(&self, handle: &Handle) -> Vec<Handle> {
        match self.profile(handle) {
            Some(profile) => profile.handles.iter().filter(|h| !h.is_name()).cloned().collect(),
            None => vec![handle.clone()],
        }
    }
}
