//! The folders that are written: real plugins, in which names stand that are replaced.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use sportello_host::Exec;

use super::name::Name;
use super::{Language, NewKind};

/// Where the SDK is, and with it the repository, if it is here.
pub(super) struct Place {
    checkout: Option<PathBuf>,
}

/// Where the SDK is to be had otherwise.
const REPOSITORY: &str = concat!("git = \"", env!("CARGO_PKG_REPOSITORY"), "\"");

impl Place {
    /// Looks for it: where it is said to be, around the current folder, around this program.
    pub(super) fn find(given: Option<&Path>) -> Result<Self, String> {
        let is_sdk = |folder: &Path| folder.join("src/export.rs").is_file() && folder.join("Cargo.toml").is_file();
        if let Some(given) = given {
            let folder = given.canonicalize().ok().filter(|folder| is_sdk(folder));
            let folder = folder.ok_or_else(|| format!("{} is not the folder of sportello-sdk", given.display()))?;
            return Ok(Self { checkout: folder.ancestors().nth(2).map(Path::to_path_buf) });
        }
        let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
        let mut around = starts.iter().flatten().flat_map(|start| start.ancestors());
        let checkout = around.find(|folder| is_sdk(&folder.join("core/sdk"))).map(Path::to_path_buf);
        Ok(Self { checkout })
    }

    /// Whether the repository is here.
    pub(super) fn is_here(&self) -> bool {
        self.checkout.is_some()
    }

    fn dependency(&self) -> String {
        match &self.checkout {
            Some(checkout) => format!("path = {:?}", checkout.join("core/sdk").display().to_string()),
            None => REPOSITORY.to_owned(),
        }
    }

    /// Where cargo puts what it builds: in a checkout where that has it, so that it is built once for all.
    fn target(&self) -> PathBuf {
        let told = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|target| target.is_absolute());
        match (told, &self.checkout) {
            (Some(told), _) => told,
            (None, Some(checkout)) => checkout.join("target"),
            (None, None) => "target".into(),
        }
    }

    /// Where the library will be.
    pub(super) fn library(&self, name: &Name) -> PathBuf {
        self.debug(&name.snake())
    }

    fn debug(&self, library: &str) -> PathBuf {
        self.target().join("debug").join(format!("{DLL_PREFIX}{library}{DLL_SUFFIX}"))
    }
}

type Template = &'static [(&'static str, &'static str)];

macro_rules! template {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../templates/", $folder, "/", $file)))),+]
    };
}

const RAIL_RUST: Template = template!(
    "rail-rust": "Cargo.toml.in", "README.md", "gateway.toml", "kit.json", "manifest.json", "src/bank.rs",
    "src/lib.rs", "src/tests.rs",
);
const CHANNEL_RUST: Template = template!(
    "channel-rust": "Cargo.toml.in", "README.md", "gateway.toml", "kit.json", "manifest.json", "src/chat.rs",
    "src/lib.rs", "src/tests.rs",
);

const RAIL_PYTHON: Template = template!("rail-python": "README.md", "gateway.toml", "my-plugin.kit.json", "rail.py");
const CHANNEL_PYTHON: Template =
    template!("channel-python": "README.md", "channel.py", "gateway.toml", "my-plugin.kit.json");

/// What Python reads of its own, as it stands in a list of `gateway.toml`; nothing where it is not found, and
/// `sportello check` has to say what is missing.
fn python_library() -> String {
    let search = std::env::var_os("PATH");
    let library = Exec::library_of("python3", search.as_deref());
    library.map(|library| format!("{:?}", library.display().to_string())).unwrap_or_default()
}

/// The files of a new plugin, each with its path in the folder.
pub(super) fn files(kind: NewKind, language: Language, name: &Name, place: &Place) -> Vec<(String, String)> {
    let template = match (kind, language) {
        (NewKind::Rail, Language::Rust) => RAIL_RUST,
        (NewKind::Channel, Language::Rust) => CHANNEL_RUST,
        (NewKind::Rail, Language::Python) => RAIL_PYTHON,
        (NewKind::Channel, Language::Python) => CHANNEL_PYTHON,
    };
    let library = place.library(name).display().to_string();
    let rail = place.debug("sportello_bank_transfer").display().to_string();
    let python = python_library();
    let fill = |text: &str| {
        text.replace("{ SDK }", &format!("{{ {} }}", place.dependency()))
            .replace("PYTHON_LIBRARY", &python)
            .replace("RAIL_LIBRARY", &rail)
            .replace("LIBRARY", &library)
            .replace("MyPlugin", &name.camel())
            .replace("my-plugin", name.as_str())
    };
    let mut files: Vec<(String, String)> =
        template.iter().map(|(file, text)| (fill(file.trim_end_matches(".in")), fill(text))).collect();
    match language {
        Language::Rust => files.extend(for_cargo(place)),
        Language::Python => files.push((".gitignore".to_owned(), "/var\n".to_owned())),
    }
    files
}

/// What stands beside a crate of its own.
fn for_cargo(place: &Place) -> Vec<(String, String)> {
    let mut files = vec![(".gitignore".to_owned(), "/target\n/var\n".to_owned())];
    if let Some(checkout) = &place.checkout {
        let target = checkout.join("target").display().to_string();
        let why = "# What the repository has built need not be built again.";
        files.push((".cargo/config.toml".to_owned(), format!("{why}\n[build]\ntarget-dir = {target:?}\n")));
        // The same versions as there: nothing is fetched. Cargo takes out what is not needed.
        files.extend(std::fs::read_to_string(checkout.join("Cargo.lock")).map(|lock| ("Cargo.lock".to_owned(), lock)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_template_is_left() {
        let place = Place { checkout: None };
        let of = |kind, language| files(kind, language, &"acme-pay".parse().unwrap(), &place);
        for kind in [NewKind::Rail, NewKind::Channel] {
            for (file, text) in [Language::Rust, Language::Python].into_iter().flat_map(|language| of(kind, language)) {
                for word in ["my-plugin", "MyPlugin", "LIBRARY", "SDK }"] {
                    assert!(!text.contains(word) && !file.contains(word), "{file} still says {word}");
                }
            }
        }
    }

    /// Whoever reads one of them knows all, and what is mended in one is mended in all.
    #[test]
    fn the_loop_is_the_same_in_every_plugin_in_python() {
        let own = |script: &'static str| script.split_once("# ---- The loop").unwrap().1;
        let of = |template: Template, file: &str| own(template.iter().find(|(name, _)| *name == file).unwrap().1);
        let example = include_str!("../../../../../../examples/rail-in-python/rail.py");
        assert_eq!(of(RAIL_PYTHON, "rail.py"), own(example));
        assert_eq!(of(CHANNEL_PYTHON, "channel.py"), own(example));
    }

    #[test]
    fn the_sdk_is_found_or_comes_from_the_repository() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        let place = Place::find(Some(&here)).unwrap();
        assert!(place.dependency().starts_with("path = "), "{}", place.dependency());
        assert!(Place::find(Some(Path::new("/no/such/folder"))).is_err());
        assert!(Place { checkout: None }.dependency().starts_with("git = "));
    }
}
