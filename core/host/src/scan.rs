//! Finds plugins in folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::declared::{Declared, LoadError};

/// What was found in the folders of `plugins = […]`.
#[derive(Debug, Default)]
pub struct Found {
    plugins: BTreeMap<String, Vec<Declared>>,
    /// The libraries that are plugins and cannot be used, and the folders that cannot be read.
    pub problems: Vec<LoadError>,
}

/// Why there is no plugin to take for a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// None has this name.
    #[error(
        "no plugin is called `{name}`; there {}", if known.is_empty() {
            "is none at all: `plugins` in `[gateway]` names the folders with the libraries".to_owned()
        } else {
            format!("are: {}", known.join(", "))
        }
    )]
    Unknown {
        /// The name looked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// None of this name has this version.
    #[error("the plugin `{name}` is not there in version {version}; there {}", match known.as_slice() {
        [one] => format!("is {one}"),
        several => format!("are {}", several.join(", ")),
    })]
    NoVersion {
        /// The name looked for.
        name: String,
        /// The version looked for.
        version: String,
        /// The versions there are, the lowest first.
        known: Vec<String>,
    },
    /// Two libraries of one name and version have different contents: there is no telling which is meant.
    #[error(
        "{} and {} both say that they are `{name}` {version}, and differ: remove one, or give it another version",
        one.display(), other.display()
    )]
    Ambiguous {
        /// The name looked for.
        name: String,
        /// The version of both.
        version: String,
        /// One file.
        one: PathBuf,
        /// The other file.
        other: PathBuf,
    },
}

/// Reads all plugins in `places`.
///
/// A place is a library, or a folder with libraries in it and with folders of one plugin each (`twitter/libtwitter.so`).
/// In a folder, what is no plugin is passed over in silence, since a build folder is full of that; a file that is named
/// must be one.
pub fn scan(places: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for place in places {
        if place.is_dir() {
            match libraries_in(place) {
                Ok(libraries) => libraries.iter().for_each(|path| found.take(Declared::read(path), false)),
                Err(error) => found.problems.push(LoadError::Unreadable { path: place.clone(), error }),
            }
        } else {
            found.take(Declared::read(place), true);
        }
    }
    found
}

/// The files that [`scan`] would look into, of the places that can be read.
pub fn libraries(places: &[PathBuf]) -> Vec<PathBuf> {
    let in_place = |place: &PathBuf| match place.is_dir() {
        true => libraries_in(place).unwrap_or_default(),
        false => vec![place.clone()],
    };
    places.iter().flat_map(in_place).collect()
}

fn libraries_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_library(&path) {
            libraries.push(path);
        } else if path.is_dir() {
            libraries.extend(own_library(&path));
        }
    }
    // The order of a directory is the file system's own: the same folder must give the same result everywhere.
    libraries.sort_unstable();
    Ok(libraries)
}

fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "so" || extension == "dylib")
}

/// The library of a folder that is one plugin's own: the one that is called like the folder.
fn own_library(folder: &Path) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    let stem = name.replace('-', "_");
    let candidates = ["so", "dylib"].into_iter().flat_map(|extension| {
        [format!("lib{stem}.{extension}"), format!("{stem}.{extension}"), format!("{name}.{extension}")]
    });
    candidates.map(|file| folder.join(file)).find(|path| path.is_file())
}

impl Found {
    fn take(&mut self, read: Result<Declared, LoadError>, named: bool) {
        match read {
            Ok(declared) => self.plugins.entry(declared.manifest.name.clone()).or_default().push(declared),
            Err(error) if !named && error.is_no_plugin() => {}
            Err(LoadError::Unfit { unfit: crate::vet::Unfit::NotElf(_) | crate::vet::Unfit::NotShared, .. })
                if !named => {}
            Err(error) => self.problems.push(error),
        }
    }

    /// All plugins, by name and then in the order of their paths.
    pub fn all(&self) -> impl Iterator<Item = &Declared> {
        self.plugins.values().flatten()
    }

    /// The plugin of this name: of several versions, the highest.
    ///
    /// # Errors
    /// As [`PickError`] has it.
    pub fn pick(&self, name: &str) -> Result<&Declared, PickError> {
        self.pick_version(name, None, None)
    }

    /// The plugin of this name in this version; where none is named, the highest of those that are not `beside`.
    ///
    /// # Errors
    /// As [`PickError`] has it.
    pub fn pick_version(
        &self,
        name: &str,
        version: Option<&str>,
        beside: Option<&str>,
    ) -> Result<&Declared, PickError> {
        let candidates = self.plugins.get(name).map(Vec::as_slice).unwrap_or_default();
        if candidates.is_empty() {
            return Err(PickError::Unknown { name: name.to_owned(), known: self.plugins.keys().cloned().collect() });
        }
        let chosen = choose_version(candidates.iter().map(|d| d.manifest.version.as_str()), version, beside);
        let Some(best) = candidates.iter().find(|d| Some(d.manifest.version.as_str()) == chosen) else {
            let mut known: Vec<&str> = candidates.iter().map(|d| d.manifest.version.as_str()).collect();
            known.sort_by(|one, other| version_rank(one).cmp(&version_rank(other)));
            known.dedup();
            return Err(PickError::NoVersion {
                name: name.to_owned(),
                version: version.map_or_else(|| format!("other than {}", beside.unwrap_or_default()), str::to_owned),
                known: known.into_iter().map(str::to_owned).collect(),
            });
        };
        let differs = |other: &&Declared| {
            other.manifest.version == best.manifest.version && other.fingerprint != best.fingerprint
        };
        match candidates.iter().find(differs) {
            None => Ok(best),
            Some(other) => Err(PickError::Ambiguous {
                name: name.to_owned(),
                version: best.manifest.version.clone(),
                one: other.path.clone(),
                other: best.path.clone(),
            }),
        }
    }
}

/// Of these versions, the one that is named; where none is, the highest of those that are not `beside`.
pub fn choose_version<'a>(
    versions: impl Iterator<Item = &'a str>,
    named: Option<&str>,
    beside: Option<&str>,
) -> Option<&'a str> {
    let may_be = |version: &&str| match named {
        Some(named) => *version == named,
        None => Some(*version) != beside,
    };
    versions.filter(may_be).max_by(|one, other| version_rank(one).cmp(&version_rank(other)))
}

/// What a version is compared by: its numbers, and then that a release comes after what was released before it.
fn version_rank(version: &str) -> (Vec<u64>, bool, &str) {
    let version = version.split('+').next().unwrap_or(version);
    let (numbers, before) = version.split_once('-').unwrap_or((version, ""));
    (numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect(), before.is_empty(), before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_rank() {
        let check = |lower: &str, higher: &str| assert!(version_rank(lower) < version_rank(higher), "{lower} {higher}");
        check("1.9.0", "1.10.0");
        check("1.0.0", "2.0.0");
        check("1.0.0-beta.1", "1.0.0");
        check("1.0.0-alpha", "1.0.0-beta");
        check("0.9.9", "1.0.0-alpha");
    }

    #[test]
    fn versions_are_chosen() {
        let check = |named: Option<&str>, beside: Option<&str>, expected: Option<&str>| {
            let there = ["1.9.0", "1.10.0", "1.2.0"];
            assert_eq!(choose_version(there.into_iter(), named, beside), expected, "{named:?} {beside:?}");
        };
        check(None, None, Some("1.10.0"));
        check(Some("1.2.0"), None, Some("1.2.0"));
        check(Some("1.2.0"), Some("1.10.0"), Some("1.2.0"));
        check(Some("1.3.0"), None, None);
        check(None, Some("1.10.0"), Some("1.9.0"));
        check(None, Some("1.9.0"), Some("1.10.0"));
        assert_eq!(choose_version(["1.0.0"].into_iter(), None, Some("1.0.0")), None);
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        let error = Found::default().pick("twitter").unwrap_err();
        assert!(error.to_string().contains("is none at all"), "{error}");
    }
}
