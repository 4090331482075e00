//! Who made a library, from its file on; and that what was judged is what runs, whatever becomes of the file meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use sportello_host::{
    Confinement, Declared, Distrust, KeyId, LoadError, Loaded, PublicKey, Spec, Trust, TrustedKey, scan, signature_path,
};

use crate::library::file;
use crate::world::World;

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// The signature of whoever has this seed.
pub(crate) fn signature(seed: u8, bytes: &[u8]) -> String {
    let of_file = pair(seed).sign(&Blake2b512::digest(bytes));
    let of_comment = pair(seed).sign(&[of_file.as_ref(), b"of a test"].concat());
    let first = STANDARD.encode([b"ED".as_slice(), &[seed; 8], of_file.as_ref()].concat());
    format!("untrusted comment: -\n{first}\ntrusted comment: of a test\n{}\n", STANDARD.encode(of_comment))
}

/// One who trusts nobody but whoever has the seed 1, with the plugins called `hello-…`.
fn trust() -> Trust {
    trust_for("hello-*")
}

/// The same with the plugins that are called so.
pub(crate) fn trust_for(names: &str) -> Trust {
    let point = pair(1).public_key().as_ref().try_into().unwrap();
    let key = PublicKey::new(KeyId([1; 8]), point);
    let anna = TrustedKey { name: "anna".to_owned(), key, kinds: Vec::new(), names: vec![names.to_owned()] };
    Trust { keys: vec![anna], required: true, ..Trust::default() }
}

/// Says that it is over, however it ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn judged(path: &Path) -> Result<Declared, LoadError> {
    Declared::read(path)?.judge(&trust())
}

/// What the library's settings are: of these two, `hello-rail` alone has a limit.
async fn is_the_good_one(loaded: &Loaded) -> bool {
    loaded.schema().await.unwrap()["properties"].get("limit_minor").is_some()
}

/// The ways in which a library is loaded: into this process, and into one of each instance's own.
fn ways() -> [fn(Declared) -> Loaded; 2] {
    #[cfg(target_os = "linux")]
    sportello_host::use_program(env!("CARGO_BIN_EXE_sportello-child"));
    let in_process: fn(Declared) -> Loaded = |declared| declared.load().unwrap();
    let isolated: fn(Declared) -> Loaded = |declared| declared.isolate(Confinement::default()).unwrap();
    [in_process, if cfg!(target_os = "linux") { isolated } else { in_process }]
}

#[tokio::test]
async fn a_library_is_judged_with_the_signature_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libhello_rail.so");
    std::fs::copy(file("hello_rail"), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let refused = |path: &Path| match judged(path) {
        Err(LoadError::Distrusted(distrusted)) => distrusted,
        other => panic!("{other:?}"),
    };
    let said = refused(&path).to_string();
    assert!(said.starts_with(&format!("{}: it is not signed", path.display())), "{said}");
    assert!(said.contains("libhello_rail.so.minisig"), "{said}");
    std::fs::write(signature_path(&path), signature(2, &bytes)).unwrap();
    assert_eq!(refused(&path).why, Distrust::UnknownKey { id: KeyId([2; 8]) });
    std::fs::write(signature_path(&path), signature(1, &bytes)).unwrap();
    let declared = judged(&path).unwrap();
    let signer = declared.signer().cloned().unwrap();
    assert_eq!((signer.key.as_str(), signer.comment.as_str()), ("anna", "of a test"));
    assert_eq!(declared.load().unwrap().signed_by(Some(signer.clone())).signer(), Some(&signer));
    let mut changed = bytes.clone();
    changed.push(0);
    std::fs::write(&path, &changed).unwrap();
    assert_eq!(refused(&path).why, Distrust::Tampered { id: KeyId([1; 8]) });

    let other = folder.path().join("libother.so");
    std::fs::copy(file("hostile_panics"), &other).unwrap();
    std::fs::write(signature_path(&other), signature(1, &std::fs::read(&other).unwrap())).unwrap();
    assert!(matches!(refused(&other).why, Distrust::NotItsName { .. }));

    // A signature that cannot be read is not the same as none.
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(signature_path(&path), vec![b'x'; 20 << 10]).unwrap();
    let found = scan(&[folder.path().to_owned()]);
    assert!(found.pick("hello-rail").is_err());
    let said: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    assert!(
        said.len() == 1 && said[0].contains("libhello_rail.so.minisig: cannot be read: it has more than"),
        "{said:?}"
    );
}

#[tokio::test]
async fn no_byte_of_a_library_can_be_changed() {
    let bytes = std::fs::read(file("hello_rail")).unwrap();
    let signature = signature(1, &bytes);
    let manifest = Declared::read(file("hello_rail")).unwrap().manifest().clone();
    let check = |bytes: &[u8], expected: bool| {
        let judged = trust().judge(Path::new("f"), bytes, manifest.kind, &manifest.name, Some(signature.as_bytes()));
        assert_eq!(judged.is_ok(), expected);
    };
    check(&bytes, true);
    let mut changed = bytes.clone();
    for at in (0..64).chain((0..64).map(|part| part * bytes.len() / 64)).chain([bytes.len() - 1]) {
        changed[at] ^= 1 << (at % 8);
        check(&changed, false);
        changed[at] = bytes[at];
    }
    check(&changed, true);
}

#[tokio::test]
async fn what_is_swapped_after_it_was_judged_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (good, bad) = (std::fs::read(file("hello_rail")).unwrap(), std::fs::read(file("hostile_panics")).unwrap());
    let reset = || {
        for name in ["lib.so", "lib.so.minisig", "one.so", "two.so"] {
            let _ = std::fs::remove_file(at(name));
        }
        std::fs::write(at("one.so"), &good).unwrap();
        std::fs::write(at("two.so"), &bad).unwrap();
        std::os::unix::fs::symlink("one.so", at("lib.so")).unwrap();
        std::fs::write(at("lib.so.minisig"), signature(1, &good)).unwrap();
    };
    let swaps: [(&str, &dyn Fn()); 5] = [
        ("the link leads elsewhere", &|| {
            std::os::unix::fs::symlink("two.so", at("new")).unwrap();
            std::fs::rename(at("new"), at("lib.so")).unwrap();
        }),
        ("written in place", &|| std::fs::write(at("one.so"), &bad).unwrap()),
        ("another file in its place", &|| std::fs::rename(at("two.so"), at("one.so")).unwrap()),
        ("the signature too", &|| {
            std::fs::write(at("one.so"), &bad).unwrap();
            std::fs::write(at("lib.so.minisig"), signature(2, &bad)).unwrap();
        }),
        ("gone", &|| {
            std::fs::remove_file(at("one.so")).unwrap();
            std::fs::remove_file(at("lib.so.minisig")).unwrap();
        }),
    ];
    for (what, swap) in swaps {
        // Between the read and the verdict, and between the verdict and the load.
        for (is_early, load) in [true, false].into_iter().flat_map(|is_early| ways().map(|load| (is_early, load))) {
            reset();
            let read = Declared::read(at("lib.so")).unwrap();
            if is_early {
                swap();
            }
            let declared = read.judge(&trust()).unwrap();
            if !is_early {
                swap();
            }
            let loaded = load(declared);
            assert!(is_the_good_one(&loaded).await, "{what}");
            let mut spec = Spec::new("anna", std::sync::Arc::new(World::default()));
            spec.settings = json!({ "limit_minor": 1 });
            assert!(loaded.open(spec).await.is_ok(), "{what}");
            assert!(judged(&at("lib.so")).is_err(), "{what}: and nobody takes it for the same again");
        }
    }
}

#[tokio::test]
async fn whoever_swaps_files_all_the_time_gets_nothing_else_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (good, bad) = (std::fs::read(file("hello_rail")).unwrap(), std::fs::read(file("hostile_panics")).unwrap());
    let (by_anna, by_another) = (signature(1, &good), signature(2, &bad));
    let is_over = AtomicBool::new(false);
    let turn = |is_good: bool, in_place: bool| {
        let (bytes, signed) = if is_good { (&good, &by_anna) } else { (&bad, &by_another) };
        for (name, content) in [("lib.so", bytes.as_slice()), ("lib.so.minisig", signed.as_bytes())] {
            if in_place {
                std::fs::write(at(name), content).unwrap();
            } else {
                std::fs::write(at("new"), content).unwrap();
                std::fs::rename(at("new"), at(name)).unwrap();
            }
        }
    };
    turn(true, false);
    let loaded = std::thread::scope(|threads| {
        threads.spawn(|| {
            for round in 0u32.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                turn(round.is_multiple_of(2), round % 4 < 2);
            }
        });
        let _over = Over(&is_over);
        let until = Instant::now() + Duration::from_secs(60);
        let (mut loaded, mut refused) = (Vec::new(), 0);
        while loaded.len() < 5 || refused < 50 {
            assert!(Instant::now() < until, "{} loaded, {refused} refused", loaded.len());
            match judged(&at("lib.so")) {
                Ok(declared) => loaded.push(declared.load().unwrap()),
                Err(_) => refused += 1,
            }
        }
        loaded
    });
    for loaded in loaded {
        assert!(is_the_good_one(&loaded).await);
    }
}
