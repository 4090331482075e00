//! What belongs to one instance alone, by the schemas of their plugins (`sportello_sdk::marks`), and stands at two.

use sportello_sdk::marks::Held;

use super::{Member, key_of, path_of};
use crate::config::{Lines, Notes, Wrong};

/// A value, and where it stands in the file.
struct Place<'a> {
    member: &'a Member,
    held: &'a Held,
    key: String,
    line: usize,
}

/// Notes each value that another instance has too, or the same instance elsewhere, at the later of the two places.
pub(super) fn check(members: &[Member], lines: &Lines, notes: &Notes<'_>) {
    let mut places: Vec<Place<'_>> = Vec::new();
    for member in members {
        let path = path_of(&member.instance);
        places.extend(member.held.iter().map(|held| {
            let key = key_of(&path, &format!("/settings{}", held.pointer));
            Place { member, held, line: lines.of(&key), key }
        }));
    }
    places.sort_by_key(|place| place.line);
    for (at, place) in places.iter().enumerate() {
        if let Some(first) = places.iter().take(at).find(|first| first.is_taken_from(place)) {
            notes.add(&place.key, clash(first, place));
        }
    }
}

impl Place<'_> {
    /// Whether both are one value that only one may have. Twice in one list of one instance is the schema's to say.
    fn is_taken_from(&self, other: &Self) -> bool {
        let list = |place: &Self| place.held.pointer.rsplit_once('/').map(|(list, _)| list.to_owned());
        let is_one_list = self.member.instance.name == other.member.instance.name && list(self) == list(other);
        !is_one_list && self.held.clashes_with(other.held)
    }
}

fn clash(first: &Place<'_>, second: &Place<'_>) -> Wrong {
    let Held { what, value, within, .. } = second.held;
    let within: Vec<String> = within.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let within = if within.is_empty() { String::new() } else { format!(" ({})", within.join(", ")) };
    let (path, line) = (path_of(&first.member.instance), first.line);
    let what_is_wrong = format!("the {what} {value}{within} is given to {path} already, on line {line}");
    Wrong::new(what_is_wrong, format!("give each instance its own: no two may have one {what}"))
}
