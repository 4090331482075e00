//! Numbers that never repeat: ids as X forms them, and random ones.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::clock;

/// Ids that grow with time: milliseconds since X's epoch, then 22 bits that tell those of one millisecond apart. They
/// carry the time, so that a sandbox started again never hands out an id that a gateway has already seen.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes(AtomicU64);

impl Snowflakes {
    /// The next id, greater than every one before it.
    pub(crate) fn next(&self) -> u64 {
        const X_EPOCH_MS: u64 = 1_288_834_974_657;
        let fresh = clock::now_ms().saturating_sub(X_EPOCH_MS) << 22;
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(fresh.max(last + 1)))
            .map_or(fresh, |last| fresh.max(last + 1))
    }
}

/// 64 random bits. Not for secrets: for event ids and challenge tokens of a simulation.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A random UUID of version 4.
pub(crate) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Whether `text` is a UUID in its usual form, of any version.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_grow() {
        let ids = Snowflakes::default();
        let drawn: Vec<u64> = (0..10_000).map(|_| ids.next()).collect();
        assert!(drawn.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn uuids_look_like_uuids() {
        let check = |text: &str, expected: bool| assert_eq!(is_uuid(text), expected, "{text}");
        check(&uuid(), true);
        check("99391c7e-ad88-49ec-a2ad-99ddcb1f7721", true);
        check("99391c7e-ad88-49ec-a2ad", false);
        check("99391c7e-ad88-49ec-a2ad-99ddcb1f772g", false);
        check("", false);
    }
}
