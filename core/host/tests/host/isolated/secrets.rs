//! A secret is where it was granted, and nowhere else.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use sportello_sdk::Secret;

use super::{escapes_spec, isolated, tight, try_to};

/// Whether `wanted` stands in the memory of a process; nothing where this user may not look.
fn memory_holds(pid: u32, wanted: &[u8]) -> Option<bool> {
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(end - start).ok()?];
        let is_read = memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok();
        if is_read && bytes.windows(wanted.len()).any(|window| window == wanted) {
            return Some(true);
        }
    }
    Some(false)
}

#[tokio::test]
async fn a_process_holds_its_own_secret_and_no_other() {
    let loaded = isolated("hostile_escapes", tight());
    let mut open = Vec::new();
    for (instance, secret) in [("anna", "a-secret-of-annas"), ("paolo", "a-secret-of-paolos")] {
        let mut spec = escapes_spec(instance);
        spec.secrets = BTreeMap::from([("token".to_owned(), Secret::new(secret))]);
        open.push((loaded.open(spec).await.unwrap(), secret));
    }
    let pid = |at: usize| open[at].0.life().unwrap().pid().unwrap();
    let holds = |at: usize, of: usize| memory_holds(pid(at), open[of].1.as_bytes());
    // Before it asks, it has not even its own.
    if let Some(holds_its_own) = holds(0, 0) {
        assert!(!holds_its_own);
    }
    for (running, secret) in &open {
        assert_eq!(try_to(running, "secret token").await.unwrap(), format!("done {secret}"));
        let error = try_to(running, "secret other").await.unwrap_err();
        assert_eq!(error.failure().unwrap().code, "no_such_secret");
        assert!(try_to(running, "environment").await.unwrap().starts_with("refused"));
        assert!(try_to(running, "arguments secret").await.unwrap().starts_with("refused"));
    }
    for (at, of) in [(0, 1), (1, 0)] {
        assert_ne!(holds(at, of), Some(true));
    }
    // That it can be found at all shows that it was looked for.
    assert_ne!(holds(0, 0), Some(false));
}
