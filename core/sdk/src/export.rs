//! What makes a library a plugin.

/// Exports a rail: `export_rail!(Type, manifest = include_str!("../manifest.json"));`, once in a library.
///
/// `manifest` is a constant `&str` with the [`Manifest`](crate::Manifest) as JSON.
#[macro_export]
macro_rules! export_rail {
    ($rail:ty, manifest = $manifest:expr $(,)?) => {
        $crate::__export!($crate::abi::rail_module::<$rail>, $manifest);
    };
}

/// Exports a channel: `export_channel!(Type, manifest = include_str!("../manifest.json"));`, once in a library.
///
/// `manifest` is a constant `&str` with the [`Manifest`](crate::Manifest) as JSON.
#[macro_export]
macro_rules! export_channel {
    ($channel:ty, manifest = $manifest:expr $(,)?) => {
        $crate::__export!($crate::abi::channel_module::<$channel>, $manifest);
    };
}

/// What `abi_stable`'s `#[export_root_module]` writes, but for one thing: it names `abi_stable` through this crate, so
/// that a plugin depends on this crate alone. A test compares the symbol with the one that `abi_stable` looks for.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($module:expr, $manifest:expr) => {
        #[allow(unsafe_code, non_upper_case_globals)]
        const _: () = {
            // The names are long because `$manifest` is read among them, and must not find itself.
            const __SPORTELLO_TEXT: &str = $manifest;

            // Read from the file, without running anything of it.
            #[used]
            #[cfg_attr(not(target_os = "macos"), unsafe(link_section = "sportello.manifest"))]
            #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,sportello"))]
            static __SPORTELLO_MANIFEST: [u8; __SPORTELLO_TEXT.len()] = match __SPORTELLO_TEXT.as_bytes().first_chunk()
            {
                Some(bytes) => *bytes,
                None => [0; __SPORTELLO_TEXT.len()],
            };

            extern "C" fn __sportello_root_module() -> $crate::__private::RootModuleResult {
                $crate::__private::__call_root_module_loader(|| $module())
            }

            #[unsafe(no_mangle)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: $crate::__private::LibHeader =
                // SAFETY: the function gives a `PluginModuleRef`, which is what is named here.
                unsafe {
                    $crate::__private::LibHeader::from_constructor::<$crate::abi::PluginModuleRef>(
                        __sportello_root_module,
                        $crate::__private::CheckTypeLayout::Yes,
                    )
                };
        };
    };
}

/// Makes a struct the settings of a plugin: what `serde` and `schemars` derive, with unknown keys refused.
///
/// ```
/// sportello_sdk::settings! {
///     /// What the operator writes.
///     pub struct Settings {
///         /// The most that is paid at once, in minor units.
///         #[serde(default)]
///         limit_minor: u64,
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! settings {
    ($($item:tt)*) => {
        #[derive($crate::serde::Deserialize, $crate::JsonSchema)]
        #[serde(crate = "sportello_sdk::serde", deny_unknown_fields)]
        #[schemars(crate = "sportello_sdk::schemars")]
        $($item)*
    };
}

#[doc(hidden)]
pub mod private {
    pub use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult};
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_symbol_is_the_one_looked_for() {
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, "_1as_0lib_1header_0root_bmodule_bloader");
    }
}
