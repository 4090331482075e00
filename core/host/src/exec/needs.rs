//! What a program needs before its first instruction: its loader, and the libraries that this finds for it.
//!
//! All of it is read, and nothing is run to find it out: a program names its own loader, which would then run outside of the
//! walls. And nothing is believed of a program but names: a path that it asks for could be any file of this machine.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use object::NativeEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::vet::INTERPRETER;

/// Where the loader looks up libraries, and how the C library writes in the language that is set.
const ALWAYS: [&str; 2] = ["/etc/ld.so.cache", "/usr/lib/locale/C.utf8"];

/// Where libraries lie, and nothing else does: in these, and in the folder below them that has the machine's name.
const FOLDERS: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];

#[cfg(target_arch = "x86_64")]
const MACHINE: &str = "x86_64-linux-gnu";
#[cfg(target_arch = "aarch64")]
const MACHINE: &str = "aarch64-linux-gnu";
#[cfg(target_arch = "riscv64")]
const MACHINE: &str = "riscv64-linux-gnu";

/// How much of a program is looked at for its segments, in bytes: what tells of them stands at its beginning.
const BEGIN_LEN: usize = 64 << 10;

/// The longest table of what the loader is told, in bytes. Real ones have some hundred entries of 16 bytes.
const DYNAMIC_LEN_MAX: u64 = 64 << 10;

/// The longest name of a library, in bytes.
const NAME_LEN_MAX: usize = 128;

/// The most libraries that one program loads. Node takes ten, where it is built to share all that it can twenty.
const LIBRARIES_MAX: usize = 512;

/// What it needs.
#[derive(Default)]
pub(super) struct Needs {
    /// What starts it; nothing where nothing has to, or where it names what no program of this machine does.
    pub(super) loader: Option<PathBuf>,
    /// What is read on the way.
    pub(super) libraries: Vec<PathBuf>,
}

/// A program, in memory or not.
pub(super) enum Image<'a> {
    Bytes(&'a [u8]),
    File(File),
}

/// What the loader will take for this program, and for what that needs in turn. Nothing of any of it runs.
pub(super) fn needs(program: &Image<'_>) -> Needs {
    let Some(read) = Facts::read(program) else { return Needs::default() };
    let Some(loader) = read.interpreter.as_deref().and_then(fit) else { return Needs::default() };
    let mut libraries: BTreeSet<PathBuf> = BTreeSet::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut open = read.needed;
    while let Some(name) = open.pop() {
        if known.len() == LIBRARIES_MAX || !known.insert(name.clone()) {
            continue;
        }
        // In each of the folders: which of them the loader takes is for it to say.
        for path in folders().map(|folder| folder.join(&name)).filter(|path| path.is_file()) {
            let of_library = File::open(&path).ok().and_then(|file| Facts::read(&Image::File(file)));
            open.extend(of_library.into_iter().flat_map(|facts| facts.needed));
            libraries.insert(path);
        }
    }
    libraries.extend(ALWAYS.map(PathBuf::from).into_iter().filter(|path| path.exists()));
    Needs { loader: Some(loader), libraries: libraries.into_iter().collect() }
}

fn folders() -> impl Iterator<Item = PathBuf> {
    FOLDERS.iter().flat_map(|folder| [Path::new(folder).join(MACHINE), PathBuf::from(folder)])
}

/// The loader, where it lies, if it is the one that programs of this machine have.
fn fit(named: &Path) -> Option<PathBuf> {
    if named.file_name() != Some(OsStr::new(INTERPRETER)) {
        return None;
    }
    // What is named may be a link, and folders above it may be; what counts is where they lead.
    let path = named.canonicalize().ok()?;
    let is_there = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"].iter().any(|folder| path.starts_with(folder));
    is_there.then_some(path)
}

/// Whether this is the name of a library, and nothing that leads elsewhere.
fn is_name(name: &str) -> bool {
    name.contains(".so") && !name.contains('/')
}

impl Image<'_> {
    /// As many bytes at `offset` as there are, and no more than `len`.
    fn at(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => {
                let rest = bytes.get(usize::try_from(offset).ok()?..)?;
                Some(rest.get(..len).unwrap_or(rest).to_vec())
            }
            Self::File(file) => {
                let mut read = vec![0; len];
                let mut filled = 0;
                while filled < len {
                    let room = read.get_mut(filled..)?;
                    match file.read_at(room, offset.checked_add(filled as u64)?).ok()? {
                        0 => break,
                        more => filled += more,
                    }
                }
                read.truncate(filled);
                Some(read)
            }
        }
    }
}

/// What an ELF file says of itself.
struct Facts {
    interpreter: Option<PathBuf>,
    /// The libraries that it needs, by their names.
    needed: Vec<String>,
}

/// A part of the file that is mapped.
struct Mapped {
    address: u64,
    offset: u64,
    len: u64,
}

impl Facts {
    fn read(image: &Image<'_>) -> Option<Self> {
        let begin = image.at(0, BEGIN_LEN)?;
        let header = FileHeader64::<NativeEndian>::parse(&*begin).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, &*begin).ok()?;
        let named = segments.iter().find_map(|segment| segment.interpreter(endian, &*begin).ok().flatten());
        let interpreter = named.map(|named| PathBuf::from(OsStr::from_bytes(named)));
        let (mut mapped, mut dynamic) = (Vec::new(), None);
        for segment in segments {
            let (offset, len): (u64, u64) = (segment.p_offset(endian), segment.p_filesz(endian));
            match segment.p_type(endian) {
                elf::PT_LOAD => mapped.push(Mapped { address: segment.p_vaddr(endian), offset, len }),
                elf::PT_DYNAMIC => dynamic = Some((offset, len.min(DYNAMIC_LEN_MAX))),
                _ => {}
            }
        }
        // One that is linked statically has none.
        let needed = dynamic.and_then(|(offset, len)| needed(image, &mapped, offset, len)).unwrap_or_default();
        Some(Self { interpreter, needed })
    }
}

/// The names in the table at `offset`.
fn needed(image: &Image<'_>, mapped: &[Mapped], offset: u64, len: u64) -> Option<Vec<String>> {
    let table = image.at(offset, usize::try_from(len).ok()?)?;
    let (mut places, mut strings) = (Vec::new(), None);
    for entry in table.chunks_exact(16) {
        let (tag, rest) = entry.split_first_chunk::<8>()?;
        let value = u64::from_ne_bytes(*rest.first_chunk::<8>()?);
        match i64::from_ne_bytes(*tag) {
            tag if tag == elf::DT_NULL.0 => break,
            tag if tag == elf::DT_NEEDED.0 => places.push(value),
            tag if tag == elf::DT_STRTAB.0 => strings = Some(value),
            _ => {}
        }
    }
    let strings = strings?;
    let load = mapped.iter().find(|load| strings >= load.address && strings - load.address < load.len)?;
    let strings = load.offset.checked_add(strings - load.address)?;
    let name = |place: u64| {
        let text = image.at(strings.checked_add(place)?, NAME_LEN_MAX)?;
        let name = text.split(|byte| *byte == 0).next()?;
        let name = std::str::from_utf8(name).ok().filter(|name| is_name(name))?;
        (name.len() < NAME_LEN_MAX).then(|| name.to_owned())
    };
    Some(places.into_iter().filter_map(name).collect())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_this_machines_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join(INTERPRETER);
        std::fs::write(&own, "#!/bin/sh\n").unwrap();
        let check = |named: &Path, expected: bool| assert_eq!(fit(named).is_some(), expected, "{named:?}");
        check(&own, false);
        check(Path::new("/bin/sh"), false);
        check(Path::new("/nothing").join(INTERPRETER).as_path(), false);
        check(&Path::new("/lib/../..").join(own.strip_prefix("/").unwrap()), false);
        let program = Image::File(File::open("/proc/self/exe").unwrap());
        if let Some(interpreter) = Facts::read(&program).unwrap().interpreter {
            check(&interpreter, true);
        }
    }

    #[test]
    fn what_a_program_needs_are_libraries_by_name() {
        let check = |name: &str, expected: bool| assert_eq!(is_name(name), expected, "{name}");
        check("libc.so.6", true);
        check("libstdc++.so.6", true);
        check("/etc/shadow", false);
        check("/etc/x.so", false);
        check("../../etc/x.so", false);
        check("shadow", false);
        let bytes = std::fs::read("/usr/bin/env").unwrap();
        for image in [Image::Bytes(&bytes), Image::File(File::open("/usr/bin/env").unwrap())] {
            let needs = needs(&image);
            if needs.loader.is_some() {
                assert!(needs.libraries.iter().any(|path| path.ends_with("libc.so.6")), "{:?}", needs.libraries);
                let is_fine = |path: &PathBuf| path.starts_with("/etc/ld.so.cache") || !path.starts_with("/etc");
                assert!(needs.libraries.iter().all(is_fine), "{:?}", needs.libraries);
            }
        }
        for cut in [0, 3, 64, 200, bytes.len() / 2] {
            // Whatever it is, it is read without a panic.
            let _ = needs(&Image::Bytes(bytes.get(..cut).unwrap()));
        }
    }
}
