//! What a program needs before its first instruction: its loader, and the libraries that this finds for it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// Where the loader looks up libraries, and how the C library writes in the language that is set.
const ALWAYS: [&str; 2] = ["/etc/ld.so.cache", "/usr/lib/locale/C.utf8"];

/// How much of a program is looked at, in bytes: what names the loader stands at its beginning.
const BEGIN_LEN: u64 = 1 << 20;

/// What it needs.
#[derive(Default)]
pub(super) struct Needs {
    /// What starts it; nothing where nothing has to.
    pub(super) loader: Option<PathBuf>,
    /// What is read on the way.
    pub(super) libraries: Vec<PathBuf>,
}

/// Asks the loader that `program` names for what it would load. Nothing of the program itself runs.
pub(super) fn needs(program: &Path) -> Needs {
    let Some(loader) = loader_of(program) else {
        return Needs::default();
    };
    let mut asking = Command::new(&loader);
    asking.arg("--list").arg(program).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let listed = asking.output().map(|said| said.stdout).unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed);
    // `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)`, and the loader itself without an arrow.
    let named = listed.lines().filter_map(|line| line.split_once(" => ")?.1.split_whitespace().next());
    let libraries = named.map(PathBuf::from).chain(ALWAYS.map(PathBuf::from));
    Needs { libraries: libraries.filter(|path| path.is_absolute() && path.exists()).collect(), loader: Some(loader) }
}

/// The loader that an ELF program asks for (`PT_INTERP`).
fn loader_of(program: &Path) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    let mut data = Vec::new();
    std::fs::File::open(program).ok()?.take(BEGIN_LEN).read_to_end(&mut data).ok()?;
    let header = elf::FileHeader64::<Endianness>::parse(&*data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, &*data).ok()?;
    let named = segments.iter().find_map(|segment| segment.interpreter(endian, &*data).ok().flatten())?;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(named));
    path.is_absolute().then_some(path)
}
