//! A rail as a later major version of the SDK might build it: its manifest is one of this contract, and its root module is laid
//! out in another way. It is refused when it is loaded, before anything of it is called.

#![allow(unsafe_code)] // What it exports says what it is, and is believed by nobody.

use abi_stable::StableAbi;
use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult};
use abi_stable::package_version_strings;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RString;

/// What it exports: not what any host of this major version knows.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = NextModuleRef, prefix_fields = NextModulePrefix)))]
#[sabi(missing_field(panic))]
pub struct NextModule {
    /// Makes an instance by the name of its host.
    #[sabi(last_prefix_field)]
    pub connect: extern "C" fn(host: RString, epoch: u64) -> RString,
}

impl RootModule for NextModuleRef {
    abi_stable::declare_root_module_statics! {NextModuleRef}
    const BASE_NAME: &'static str = "sportello_plugin";
    const NAME: &'static str = "sportello plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

extern "C" fn connect(host: RString, _: u64) -> RString {
    host
}

extern "C" fn root_module() -> RootModuleResult {
    __call_root_module_loader(|| NextModule { connect }.leak_into_prefix())
}

/// Where a host looks for what a library exports.
#[unsafe(no_mangle)]
pub static _1as_0lib_1header_0root_bmodule_bloader: LibHeader =
    // SAFETY: the function gives a `NextModuleRef`, which is what is named here.
    unsafe { LibHeader::from_constructor::<NextModuleRef>(root_module, CheckTypeLayout::Yes) };

const TEXT: &[u8] = br#"{
  "name": "next-layout",
  "kind": "rail",
  "version": "1.0.0",
  "contract": "1.0",
  "description": "Is laid out in another way",
  "rail": { "accounts": ["iban"], "orders": { "transfer": { "doubt": "statement" } } }
}"#;

#[used]
#[unsafe(link_section = "sportello.manifest")]
static MANIFEST: [u8; TEXT.len()] = match TEXT.first_chunk() {
    Some(bytes) => *bytes,
    None => [0; TEXT.len()],
};
