//! Random numbers that nobody can foresee, drawn from the operating system in larger pieces: one is needed for each call
//! of a plugin, and a system call for each would cost as much as the call.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use sportello_engine::Entropy;

/// How many numbers are drawn at once.
const DRAWN: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn random(&self) -> u64 {
        POOL.with_borrow_mut(|pool| {
            if pool.is_empty() {
                draw(pool);
            }
            pool.pop().unwrap_or_default()
        })
    }
}

fn draw(pool: &mut Vec<u64>) {
    let mut bytes = [0u8; 8 * DRAWN];
    if getrandom::fill(&mut bytes).is_err() {
        // Without the system's own source there are still the keys that the process hashes its maps with.
        pool.push(RandomState::new().hash_one(std::time::Instant::now()));
        return;
    }
    let (numbers, _) = bytes.as_chunks::<8>();
    pool.extend(numbers.iter().map(|number| u64::from_le_bytes(*number)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ() {
        let numbers: std::collections::HashSet<u64> = (0..1_000).map(|_| SystemEntropy.random()).collect();
        assert_eq!(numbers.len(), 1_000);
    }
}
