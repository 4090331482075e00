//! Bytes that cross uncopied.

use abi_stable::StableAbi;
use bytes::Bytes;

/// Bytes that belong to whoever made them, on loan to the other side until dropped.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiBytes {
    start: *const u8,
    len: usize,
    owner: *mut (),
    release: unsafe extern "C" fn(owner: *mut ()),
}

// SAFETY: the owner is a boxed `Bytes`, which is `Send` and `Sync`; the pointers belong to nobody else.
unsafe impl Send for AbiBytes {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for AbiBytes {}

impl AbiBytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        if self.owner.is_null() {
            return &[];
        }
        // SAFETY: `start` and `len` are those of the `Bytes` that `owner` keeps alive for as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl AsRef<[u8]> for AbiBytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

unsafe extern "C" fn release_bytes(owner: *mut ()) {
    // What a `Bytes` was made from may have a drop of its own, which must not unwind into the other library.
    let _ = crate::fence::contain(|| {
        // SAFETY: `owner` came from `Box::into_raw` in `From<Bytes>`, and `Drop` calls this once.
        drop(unsafe { Box::from_raw(owner.cast::<Bytes>()) });
    });
}

unsafe extern "C" fn release_nothing(_: *mut ()) {}

impl From<Bytes> for AbiBytes {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self { start: std::ptr::null(), len: 0, owner: std::ptr::null_mut(), release: release_nothing };
        }
        Self {
            start: bytes.as_ptr(),
            len: bytes.len(),
            owner: Box::into_raw(Box::new(bytes)).cast(),
            release: release_bytes,
        }
    }
}

impl From<AbiBytes> for Bytes {
    fn from(bytes: AbiBytes) -> Self {
        if bytes.as_slice().is_empty() {
            return Self::new();
        }
        Self::from_owner(bytes)
    }
}

impl Drop for AbiBytes {
    fn drop(&mut self) {
        if self.owner.is_null() {
            return;
        }
        // SAFETY: `release` and `owner` were made for each other, and this is the only call.
        unsafe { (self.release)(self.owner) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_cross_and_come_back() {
        let check = |bytes: Bytes| {
            let start = bytes.as_ptr();
            let back = Bytes::from(AbiBytes::from(bytes.clone()));
            assert_eq!(back, bytes);
            assert!(bytes.is_empty() || back.as_ptr() == start, "copied");
            drop(bytes);
            assert_eq!(back.slice(back.len() / 2..).len(), back.len().div_ceil(2));
        };
        check(Bytes::new());
        check(Bytes::from_static(b"static"));
        check(Bytes::from(vec![7; 100_000]));
        check(Bytes::from(vec![7; 100]).slice(10..20));
    }

    #[test]
    fn the_owner_is_let_go_of_once() {
        struct Owner {
            _alive: std::sync::Arc<()>,
        }
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                b"owned"
            }
        }
        let alive = std::sync::Arc::new(());
        let bytes = Bytes::from_owner(Owner { _alive: alive.clone() });
        let back = Bytes::from(AbiBytes::from(bytes));
        assert_eq!(std::sync::Arc::strong_count(&alive), 2);
        drop(back);
        assert_eq!(std::sync::Arc::strong_count(&alive), 1);
    }
}
