//! `[[profiles]]`: the people and merchants that the gateway knows.

use std::collections::HashMap;

use sportello_engine::Profile;
use sportello_model::Handle;
use sportello_model::command::Visibility;
use sportello_model::grammar::Language;

use super::problem::Wrong;
use super::section::Section;
use super::value::{account, country, day, handle, one_of, text};

/// The profiles, and where each of their handles stands. Where `enrolment` is on, people without an account are asked for
/// one.
pub(super) fn profiles(sections: Vec<Section<'_>>, enrolment: bool) -> (Vec<Profile>, HashMap<Handle, String>) {
    let mut keys = HashMap::new();
    let mut owners: HashMap<Handle, String> = HashMap::new();
    let mut profiles = Vec::with_capacity(sections.len());
    for section in sections {
        let name = section.required("name", "\"Anna Rossi\"", text);
        let listed = section.list_at("handles", handle);
        let key = |at: &usize| format!("{}[{at}]", section.key("handles"));
        keys.extend(listed.iter().map(|(at, handle)| (handle.clone(), key(at))));
        let handles: Vec<Handle> = listed.into_iter().map(|(_, handle)| handle).collect();
        if !section.has("handles") {
            let remedy = "write who this is, as in: handles = [\"tel:+393331234567\"]";
            section.wrong("handles", Wrong::new("this key is missing", remedy));
        }
        let owner = name.clone().unwrap_or_else(|| section.path.clone());
        for handle in &handles {
            if let Some(other) = owners.insert(handle.clone(), owner.clone()) {
                let what = format!("{:?} is {other} already", handle.as_str());
                let remedy = "a handle belongs to one profile, once";
                section.wrong("handles", Wrong::new(what, remedy));
            }
        }
        let account = match enrolment {
            true => section.optional("account", account),
            false => section.required("account", "\"iban:FR1420041010050500013M02606\"", account),
        };
        let country = section.optional("country", country);
        let languages = [Language::En, Language::It, Language::Fr].map(|language| (language.code(), language));
        let language = section.optional("language", one_of(&languages));
        let visibilities = [("private", Visibility::Private), ("public", Visibility::Public)];
        let visibility = section.optional("visibility", one_of(&visibilities));
        let verified_at_ms = section.optional("verified", day);
        section.close();
        let Some(name) = name.filter(|_| enrolment || account.is_some()) else {
            continue;
        };
        profiles.push(Profile {
            name,
            handles,
            account,
            country,
            language: language.unwrap_or_default(),
            visibility: visibility.unwrap_or(Visibility::Private),
            verified_at_ms,
        });
    }
    (profiles, keys)
}
