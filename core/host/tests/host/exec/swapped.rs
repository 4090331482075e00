//! Who vouches for a script vouches for the bytes that run, whatever becomes of the file meanwhile.

use bytes::Bytes;
use serde_json::Value;
use sportello_host::{
    Confinement, Distrust, Exec, Fingerprint, KeyId, RevokedKey, Trust, read_signature, signature_path,
};
use sportello_sdk::testing::ScriptedHost;

use super::{PATIENCE, example, interpreter};
use crate::trusted::{signature, trust_for};

/// What a process of it says that it is.
async fn name(loaded: &sportello_host::Loaded) -> String {
    let host = ScriptedHost::new();
    let frame = serde_json::to_vec(&host.frame(())).unwrap();
    let plugin = loaded.connect(host.into_peer());
    let reply = plugin.call(0, "manifest", frame.into(), Bytes::new()).await;
    let manifest: Value = serde_json::from_slice(&reply.frame).unwrap();
    manifest["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_script_that_is_swapped_after_it_was_judged_does_not_run() {
    let Some((python, reads)) = interpreter("python3") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = std::fs::read_to_string(example("rail-in-python/rail.py")).unwrap();
    let bad = good.replace("rail-in-python", "rail-of-malice");
    let reset = || {
        std::fs::write(at("rail.py"), &good).unwrap();
        std::fs::write(at("rail.py.minisig"), signature(1, good.as_bytes())).unwrap();
        std::fs::write(at("other.py"), &bad).unwrap();
    };
    let swaps: [(&str, &dyn Fn()); 3] = [
        ("written in place", &|| std::fs::write(at("rail.py"), &bad).unwrap()),
        ("another file in its place", &|| std::fs::rename(at("other.py"), at("rail.py")).unwrap()),
        ("gone", &|| std::fs::remove_file(at("rail.py")).unwrap()),
    ];
    let command = [python.display().to_string(), "rail.py".to_owned()];
    let read = || Exec::read(&command, folder.path(), None);
    let judged = |exec: &Exec| {
        let signed = read_signature(exec.path()).unwrap();
        trust_for("rail-*").authenticate(exec.path(), exec.bytes(), signed.as_deref())
    };
    for (what, swap) in swaps {
        // Between the read and the verdict, between the verdict and the first start, and between that and the next one.
        for moment in 0..3 {
            reset();
            let exec = read().unwrap();
            if moment == 0 {
                swap();
            }
            judged(&exec).unwrap();
            if moment == 1 {
                swap();
            }
            let bounds = Confinement { memory_mb: 512, open_files: 64, ..Confinement::default() };
            let loaded = exec.load(&reads, bounds, PATIENCE).await.unwrap();
            if moment == 2 {
                swap();
            }
            assert_eq!(loaded.manifest().name, "rail-in-python", "{what}, {moment}");
            assert_eq!(name(&loaded).await, "rail-in-python", "{what}, {moment}");
            let again = read().map(|exec| judged(&exec));
            assert!(!matches!(again, Ok(Ok(_))), "{what}: and nobody takes it for the same again");
        }
    }
}

#[test]
fn a_script_is_judged_as_a_library_is() {
    let Some((python, _)) = interpreter("python3") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("rail.py");
    let whole = std::fs::read_to_string(example("rail-in-python/rail.py")).unwrap();
    let command = [python.display().to_string(), "rail.py".to_owned()];
    let check = |content: &str, signed: Option<String>, trust: &Trust, expected: Option<&dyn Fn(&Distrust) -> bool>| {
        std::fs::write(&script, content).unwrap();
        let _ = std::fs::remove_file(signature_path(&script));
        if let Some(signed) = signed {
            std::fs::write(signature_path(&script), signed).unwrap();
        }
        let exec = Exec::read(&command, folder.path(), None).unwrap();
        let signed = read_signature(exec.path()).unwrap();
        match (trust.authenticate(exec.path(), exec.bytes(), signed.as_deref()), expected) {
            (Ok(signer), None) => assert_eq!(signer.unwrap().key, "anna"),
            (Err(distrusted), Some(is_why)) => assert!(is_why(&distrusted.why), "{distrusted}"),
            (judged, _) => panic!("{judged:?}"),
        }
        exec.fingerprint()
    };
    let trust = trust_for("*");
    let by = |seed: u8| Some(signature(seed, whole.as_bytes()));
    let sha256: Fingerprint = check(&whole, by(1), &trust, None);
    check(&whole, None, &trust, Some(&|why| matches!(why, Distrust::Unsigned)));
    check(&whole, by(2), &trust, Some(&|why| matches!(why, Distrust::UnknownKey { .. })));
    check(&format!("{whole}\n"), by(1), &trust, Some(&|why| matches!(why, Distrust::Tampered { .. })));
    let revoked_file = Trust { revoked_files: vec![sha256], ..trust.clone() };
    check(&whole, by(1), &revoked_file, Some(&|why| matches!(why, Distrust::RevokedFile { .. })));
    let revoked_key = Trust { revoked_keys: vec![RevokedKey::Id(KeyId([1; 8]))], ..trust };
    check(&whole, by(1), &revoked_key, Some(&|why| matches!(why, Distrust::RevokedKey { .. })));
}
