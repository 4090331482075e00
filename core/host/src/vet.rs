//! Vets a shared library before anything of it runs: only what a plugin needs passes.
//!
//! The loader believes what it is told: it runs the constructors of every library that another one needs, takes search
//! paths out of the file, and maps a segment that lies past the end of the file, which kills the process by SIGBUS at
//! the first touch. So whatever is unusual is refused here, on the bytes, with a sentence that names it. All is read
//! through the program headers, as the loader reads it; sections are for people and can say something else.

use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader};
use object::{NativeEndian, ReadRef};

type Header = elf::FileHeader64<NativeEndian>;
type Entry = elf::Dyn64<NativeEndian>;

/// The finest granularity at which the loader maps.
const PAGE: u64 = 4096;

/// The most address space that one library may take, in bytes.
const SPAN_MAX: u64 = 1 << 30;

/// The libraries that every Rust `cdylib` needs, and those that old versions of glibc keep apart from `libc`.
const NEEDED: [&str; 7] =
    ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", INTERPRETER];

#[cfg(target_arch = "x86_64")]
pub(crate) const INTERPRETER: &str = "ld-linux-x86-64.so.2";
#[cfg(target_arch = "aarch64")]
pub(crate) const INTERPRETER: &str = "ld-linux-aarch64.so.1";
#[cfg(target_arch = "riscv64")]
pub(crate) const INTERPRETER: &str = "ld-linux-riscv64-lp64d.so.1";

#[cfg(target_arch = "x86_64")]
const MACHINE: elf::Machine = elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: elf::Machine = elf::EM_AARCH64;
#[cfg(target_arch = "riscv64")]
const MACHINE: elf::Machine = elf::EM_RISCV;

/// Why a library is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The bytes are not those of an ELF file of this machine's word size and byte order.
    #[error("it is not a shared library for this machine ({0})")]
    NotElf(&'static str),
    /// An executable, an object file or a core dump.
    #[error("it is an ELF file, but no shared library: build it with `crate-type = [\"cdylib\"]`")]
    NotShared,
    /// Another processor's.
    #[error("it was built for another processor (ELF machine {0}): build it for this one")]
    Machine(u16),
    /// A segment that cannot be mapped as described.
    #[error("its segments are not in order: {0}; the file is damaged or cut short, copy it again")]
    Segment(&'static str),
    /// Memory that is writable and executable at once.
    #[error("it asks for memory that is writable and executable at once ({0})")]
    WritableCode(&'static str),
    /// It names a program interpreter.
    #[error("it is a program rather than a library (it names an interpreter)")]
    Interpreter,
    /// Its dynamic section cannot be read.
    #[error("its dynamic section cannot be read: {0}")]
    Dynamic(&'static str),
    /// It needs a library that no plugin may need.
    #[error(
        "it needs `{0}`, which would run unverified inside this process: link it statically, or do without \
         (a plugin does no I/O of its own)"
    )]
    Needs(String),
    /// It tells the loader to do something that no plugin may ask for.
    #[error("its dynamic section has {0}, which no plugin may have: remove the linker option that adds it")]
    Forbidden(&'static str),
}

/// One `PT_LOAD`, as far as addresses go.
struct Mapped {
    address: u64,
    offset: u64,
    file_len: u64,
}

/// Whether `library` is fit to be loaded.
///
/// # Errors
/// The first reason that it is not.
pub fn vet(library: &[u8]) -> Result<(), Unfit> {
    needs(library).map(|_| ())
}

/// The libraries that `library` needs, if it is fit to be loaded.
pub(crate) fn needs(library: &[u8]) -> Result<Vec<&'static str>, Unfit> {
    let header = Header::parse(library).map_err(|_| Unfit::NotElf("the header is not that of such an ELF file"))?;
    let endian = header.endian().map_err(|_| Unfit::NotElf("the byte order is another"))?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err(Unfit::NotShared);
    }
    if header.e_machine(endian) != MACHINE {
        return Err(Unfit::Machine(header.e_machine(endian).0));
    }
    let segments = header
        .program_headers(endian, library)
        .map_err(|_| Unfit::Segment("the table of segments is not inside the file"))?;

    let mut mapped = Vec::with_capacity(4);
    let mut dynamic = None;
    let mut stack_is_stated = false;
    let mut end_before = 0;
    for segment in segments {
        let flags = segment.p_flags(endian);
        let has = |flag: elf::ProgramFlags| flags.0 & flag.0 != 0;
        match segment.p_type(endian) {
            elf::PT_INTERP => return Err(Unfit::Interpreter),
            elf::PT_GNU_STACK => {
                // The loader would make the stacks of the whole process executable.
                if has(elf::PF_X) {
                    return Err(Unfit::WritableCode("an executable stack"));
                }
                stack_is_stated = true;
            }
            elf::PT_DYNAMIC => {
                let address: u64 = segment.p_vaddr(endian);
                let len: u64 = segment.p_memsz(endian);
                // The loader would take the last of several.
                if dynamic.replace((address, len)).is_some() {
                    return Err(Unfit::Dynamic("there are several"));
                }
            }
            elf::PT_LOAD => {
                if has(elf::PF_W) && has(elf::PF_X) {
                    return Err(Unfit::WritableCode("a segment"));
                }
                let load = Mapped {
                    address: segment.p_vaddr(endian),
                    offset: segment.p_offset(endian),
                    file_len: segment.p_filesz(endian),
                };
                let len: u64 = segment.p_memsz(endian);
                let align: u64 = segment.p_align(endian);
                end_before = check_load(&load, len, align, end_before, library.len() as u64)?;
                mapped.push(load);
            }
            _ => {}
        }
    }
    if mapped.is_empty() {
        return Err(Unfit::Segment("there are none to load"));
    }
    if !stack_is_stated {
        return Err(Unfit::WritableCode("an executable stack, by default"));
    }
    let (address, len) = dynamic.ok_or(Unfit::Dynamic("there is none"))?;
    check_dynamic(library, &mapped, address, len)
}

/// Checks one segment to load, and returns the end of its last page.
fn check_load(load: &Mapped, len: u64, align: u64, end_before: u64, file_len: u64) -> Result<u64, Unfit> {
    let in_file = load.offset.checked_add(load.file_len).is_some_and(|end| end <= file_len);
    if !in_file {
        return Err(Unfit::Segment("one lies past the end of the file"));
    }
    if load.file_len > len {
        return Err(Unfit::Segment("one is longer in the file than in memory"));
    }
    let aligned = align <= 1 || (align.is_power_of_two() && load.address % align == load.offset % align);
    if !aligned || load.address % PAGE != load.offset % PAGE {
        return Err(Unfit::Segment("one is not aligned"));
    }
    let end = load
        .address
        .checked_add(len)
        .filter(|end| *end <= SPAN_MAX)
        .ok_or(Unfit::Segment("together they are too large"))?;
    // What overlaps would be mapped over what was checked. Pages are what is mapped.
    if load.address / PAGE * PAGE < end_before {
        return Err(Unfit::Segment("they overlap, or are out of order"));
    }
    Ok(end.div_ceil(PAGE) * PAGE)
}

/// The `len` bytes at `address`, as the loader will see them.
fn at<'a>(library: &'a [u8], mapped: &[Mapped], address: u64, len: u64) -> Option<&'a [u8]> {
    let load = mapped.iter().find(|load| address >= load.address && address - load.address < load.file_len)?;
    let skip = address - load.address;
    if len > load.file_len - skip {
        return None;
    }
    library.read_bytes_at(load.offset.checked_add(skip)?, len).ok()
}

fn check_dynamic(library: &[u8], mapped: &[Mapped], address: u64, len: u64) -> Result<Vec<&'static str>, Unfit> {
    let table = at(library, mapped, address, len).ok_or(Unfit::Dynamic("it is not mapped"))?;
    let count = table.len() / size_of::<Entry>();
    let entries: &[Entry] = table.read_slice_at(0, count).map_err(|()| Unfit::Dynamic("it is not aligned"))?;
    let endian = NativeEndian;

    let mut needed = Vec::with_capacity(4);
    let mut strings = None;
    let mut strings_len = None;
    let mut ended = false;
    for entry in entries {
        let value: u64 = entry.d_val(endian);
        match entry.d_tag(endian) {
            elf::DT_NULL => {
                ended = true;
                break;
            }
            elf::DT_NEEDED => needed.push(value),
            elf::DT_STRTAB if strings.replace(value).is_some() => {
                return Err(Unfit::Dynamic("it has two string tables"));
            }
            elf::DT_STRSZ if strings_len.replace(value).is_some() => {
                return Err(Unfit::Dynamic("it has two string tables"));
            }
            tag => check_tag(tag, value)?,
        }
    }
    if !ended {
        return Err(Unfit::Dynamic("it has no end"));
    }
    let strings = strings
        .zip(strings_len)
        .and_then(|(address, len)| at(library, mapped, address, len))
        .ok_or(Unfit::Dynamic("its strings are not mapped"))?;
    let mut needs = Vec::with_capacity(needed.len());
    for name in needed {
        let name = usize::try_from(name)
            .ok()
            .and_then(|start| strings.get(start..))
            .and_then(|rest| rest.split(|byte| *byte == 0).next())
            .and_then(|name| std::str::from_utf8(name).ok())
            .ok_or(Unfit::Dynamic("a needed library has no name"))?;
        match NEEDED.iter().find(|known| **known == name) {
            Some(known) => needs.push(*known),
            None => return Err(Unfit::Needs(name.chars().take(80).collect())),
        }
    }
    Ok(needs)
}

/// What no plugin may tell the loader. A `SONAME` is among it, which rustc gives no cdylib: `dlopen` matches by name, and
/// a plugin that calls itself `libc.so.6` would be taken for it by what is loaded later.
fn check_tag(tag: elf::DynamicTag, value: u64) -> Result<(), Unfit> {
    let has = |flag: u64| value & flag != 0;
    let forbidden = match tag {
        elf::DT_SONAME => "SONAME",
        elf::DT_RPATH => "RPATH",
        elf::DT_RUNPATH => "RUNPATH",
        elf::DT_AUDIT => "AUDIT",
        elf::DT_DEPAUDIT => "DEPAUDIT",
        elf::DT_FILTER => "FILTER",
        elf::DT_AUXILIARY => "AUXILIARY",
        elf::DT_CONFIG => "CONFIG",
        elf::DT_TEXTREL => "TEXTREL",
        elf::DT_FLAGS if has(elf::DF_TEXTREL.0) => "TEXTREL",
        elf::DT_FLAGS_1 if has(elf::DF_1_GLOBAL.0) => "GLOBAL",
        elf::DT_FLAGS_1 if has(elf::DF_1_INTERPOSE.0) => "INTERPOSE",
        _ => return Ok(()),
    };
    Err(Unfit::Forbidden(forbidden))
}
