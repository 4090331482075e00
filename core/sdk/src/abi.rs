//! What crosses between two libraries: frozen, and tiny.
//!
//! A library exports one root module with one function, [`PluginModule::connect`]; from then on both sides are an
//! [`AbiPeer`]: the same two functions in both directions. Everything else grows inside the frames. The layouts here
//! are checked by `abi_stable` when a library is loaded, and must never change within a major version of this crate.
//!
//! All `unsafe` of this crate is in this module.

#![allow(unsafe_code)]

mod bytes;
mod peer;

use std::sync::Arc;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;

use crate::fence::{contain, note_panics};
use crate::frames::Peer;
use crate::{Channel, Rail, dispatch};
pub use bytes::AbiBytes;
pub(crate) use peer::Lent;
pub use peer::{AbiPeer, AbiReply};

/// The name of the section that holds a library's manifest.
pub const MANIFEST_SECTION: &str = if cfg!(target_os = "macos") { "__DATA,sportello" } else { "sportello.manifest" };

/// What a library exports.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef, prefix_fields = PluginModulePrefix)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// Makes a new instance of the plugin, not yet open, that asks `host`.
    #[sabi(last_prefix_field)]
    pub connect: extern "C" fn(host: AbiPeer) -> AbiPeer,
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}
    const BASE_NAME: &'static str = "sportello_plugin";
    const NAME: &'static str = "sportello plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// The root module of the rail `R`.
pub fn rail_module<R: Rail>() -> PluginModuleRef {
    PluginModule { connect: connect_rail::<R> }.leak_into_prefix()
}

/// The root module of the channel `C`.
pub fn channel_module<C: Channel>() -> PluginModuleRef {
    PluginModule { connect: connect_channel::<C> }.leak_into_prefix()
}

extern "C" fn connect_rail<R: Rail>(host: AbiPeer) -> AbiPeer {
    connect(host, dispatch::rail_to_lend::<R>)
}

extern "C" fn connect_channel<C: Channel>(host: AbiPeer) -> AbiPeer {
    connect(host, dispatch::channel_to_lend::<C>)
}

/// Nothing may unwind out of here: what panics becomes an instance that answers every call with that.
fn connect(host: AbiPeer, instance: fn(Arc<dyn Peer>) -> AbiPeer) -> AbiPeer {
    let made = contain(|| {
        note_panics();
        instance(host.into_peer())
    });
    made.unwrap_or_else(|panicked| AbiPeer::new(Arc::new(peer::Broken(panicked.of_plugin()))))
}
