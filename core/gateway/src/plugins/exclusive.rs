//! What belongs to one instance alone, by the schemas of their plugins (`sportello_sdk::marks`), and stands at two.

use sportello_sdk::marks::Held;

use super::{Deployment, Member, key_of, path_of};
use crate::config::{Lines, Notes, Problem, Problems, Wrong};

/// A value, and where it stands in the file.
struct Place<'a> {
    member: &'a Member,
    held: &'a Held,
    key: String,
    line: usize,
}

/// Notes each value that another instance has too, or the same instance elsewhere, at the later of the two places.
///
/// The versions of one instance share what is its own.
pub(super) fn check<'a>(members: impl IntoIterator<Item = &'a Member>, lines: &Lines, notes: &Notes<'_>) {
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

impl Deployment {
    /// Whether no two of its instances have what only one may have, canaries among them.
    ///
    /// # Errors
    /// Each such value.
    pub(crate) fn check_exclusive(&self) -> Result<(), Problems> {
        let file = self.config.file.display().to_string();
        let notes = Notes::new(&file, &self.config.lines);
        check(self.all(), &self.config.lines, &notes);
        told(notes.into_sorted())
    }

    /// Whether none of its instances has what another one uses that is there now: also one that only finishes, since it
    /// goes on with all that it has.
    ///
    /// # Errors
    /// Each such value.
    pub(crate) fn check_beside(&self, standing: &[Member]) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for member in self.all() {
            let others = || standing.iter().filter(|other| other.instance.name != member.instance.name);
            for held in &member.held {
                let other = others().find(|other| other.held.iter().any(|others| others.clashes_with(held)));
                let Some(other) = other else { continue };
                let key = key_of(&path_of(&member.instance), &format!("/settings{}", held.pointer));
                let (what, path) = (&held.what, path_of(&other.instance));
                let wrong = format!("the {what} {} is still used by {path}, which is to finish first", held.value);
                let remedy =
                    format!("take it from {path} first, and give it away once /v1/instances shows nothing leaving");
                problems.push(self.config.problem(&key, Wrong::new(wrong, remedy)));
            }
        }
        problems.dedup();
        told(problems)
    }

    /// All versions that are to be open.
    fn all(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().chain(self.canaries.iter().map(|(canary, _)| canary))
    }
}

fn told(problems: Vec<Problem>) -> Result<(), Problems> {
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

impl Place<'_> {
    /// Whether both are one value that only one may have. Twice in one list of one instance is the schema's to say.
    fn is_taken_from(&self, other: &Self) -> bool {
        let list = |place: &Self| place.held.pointer.rsplit_once('/').map(|(list, _)| list.to_owned());
        let is_one = self.member.instance.name == other.member.instance.name;
        let is_other_version = is_one && !std::ptr::eq(self.member, other.member);
        let is_one_list = is_one && list(self) == list(other);
        !is_other_version && !is_one_list && self.held.clashes_with(other.held)
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sportello_host::Loaded;
    use sportello_sdk::{Failure, Host, Order, Outcome, Rail, async_trait, dispatch, settings};

    use super::*;
    use crate::config::Config;
    use crate::plugins::Plugins;
    use crate::wire::Wire;

    settings! {
        /// Those of 1.0.0, which marks nothing.
        struct Plain {
            /// Its one id.
            id: String,
        }
    }

    settings! {
        /// Those of 1.1.0.
        struct Marked {
            /// Its one id.
            #[schemars(extend("x-sportello-exclusive" = { "what": "till id" }))]
            id: String,
        }
    }

    struct Till;
    struct MarkedTill;

    #[async_trait]
    impl Rail for Till {
        type Settings = Plain;
        async fn open(settings: Plain, _: &Host) -> Result<Self, Failure> {
            drop(settings.id);
            Ok(Self)
        }
        async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
            Ok(Outcome::unknown("nobody asks it"))
        }
    }

    #[async_trait]
    impl Rail for MarkedTill {
        type Settings = Marked;
        async fn open(settings: Marked, _: &Host) -> Result<Self, Failure> {
            drop(settings.id);
            Ok(Self)
        }
        async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
            Ok(Outcome::unknown("nobody asks it"))
        }
    }

    /// What a file comes to, in which each instance is a name, its version with its canary, and its id.
    async fn prepare(instances: &[(&str, &str, &str)]) -> Result<Deployment, String> {
        let manifest = |version: &str| {
            let rail = json!({ "accounts": ["iban"], "orders": { "transfer": { "doubt": "statement" } } });
            let manifest =
                json!({ "name": "till", "kind": "rail", "version": version, "contract": "1.0", "rail": rail });
            serde_json::from_value(manifest).unwrap()
        };
        let plugins = Plugins::BuiltIn(vec![
            Loaded::built_in(manifest("1.0.0"), dispatch::rail::<Till>),
            Loaded::built_in(manifest("1.1.0"), dispatch::rail::<MarkedTill>),
        ]);
        let mut config =
            "[gateway]\nisolation = \"in-process\"\nstore = \"sqlite:x.db\"\nplugins = [\"x\"]\n".to_owned();
        for (name, version, id) in instances {
            config += &format!("[rails.{name}]\nplugin = \"till\"\n{version}\nsettings = {{ id = \"{id}\" }}\n");
        }
        let folder = tempfile::tempdir().unwrap();
        let reading = Config::read(&folder.path().join("gateway.toml"), &config, &|_| None);
        let deployment = Deployment::prepare(reading, plugins, Wire::unconnected(), &|_| None).await;
        deployment.map_err(|problems| problems.to_string())
    }

    const MARKED: &str = "version = \"1.1.0\"";
    const PLAIN: &str = "version = \"1.0.0\"";
    const TRIED: &str = "version = \"1.0.0\"\ncanary = { version = \"1.1.0\", share = \"5%\" }";

    #[tokio::test]
    async fn a_canary_has_no_other_instances_own() {
        let check = async |instances: &[(&str, &str, &str)], is_right: bool| {
            let told = prepare(instances).await.map(|deployment| deployment.check_exclusive().is_ok());
            match told {
                Ok(is_ok) => assert!(is_ok && is_right, "{instances:?}"),
                Err(why) => assert!(!is_right && why.contains("is given to rails.one already"), "{instances:?}: {why}"),
            }
        };
        check(&[("one", MARKED, "A"), ("two", MARKED, "B")], true).await;
        check(&[("one", MARKED, "A"), ("two", MARKED, "A")], false).await;
        check(&[("one", MARKED, "A"), ("two", TRIED, "A")], false).await;
        check(&[("one", TRIED, "A"), ("two", TRIED, "A")], false).await;
        check(&[("one", MARKED, "A"), ("two", TRIED, "B")], true).await;
        check(&[("one", MARKED, "A"), ("two", PLAIN, "A")], true).await;
    }

    #[tokio::test]
    async fn what_an_instance_finishes_with_is_given_to_no_other() {
        let check = async |before: &[(&str, &str, &str)], next: &[(&str, &str, &str)], expected: &str| {
            let (before, next) = (prepare(before).await.unwrap(), prepare(next).await.unwrap());
            let standing: Vec<Member> = before.all().cloned().collect();
            let told = next.check_beside(&standing).err().map(|problems| problems.to_string()).unwrap_or_default();
            let is_as_expected = told.contains(expected) && told.is_empty() == expected.is_empty();
            assert!(is_as_expected, "found {told:?}, expected {expected:?}");
        };
        let (one, two) = (("one", MARKED, "A"), ("two", MARKED, "B"));
        check(&[one, two], &[one, two], "").await;
        check(&[one], &[("one", MARKED, "C")], "").await;
        // Called otherwise, and exchanged.
        check(
            &[one],
            &[("other", MARKED, "A")],
            "rails.other.settings.id: the till id \"A\" is still used by rails.one",
        )
        .await;
        check(&[one, two], &[("one", MARKED, "B"), ("two", MARKED, "A")], "is still used by rails.two").await;
        check(&[one], &[("other", TRIED, "A")], "is still used by rails.one").await;
        check(&[("one", TRIED, "A")], &[("other", MARKED, "A")], "is still used by rails.one").await;
        check(&[("one", PLAIN, "A")], &[("other", MARKED, "A")], "").await;
    }
}
