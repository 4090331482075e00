use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest as _};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;

/// Somebody who signs.
struct Author {
    pair: Ed25519KeyPair,
    id: KeyId,
}

fn author(seed: u8) -> Author {
    Author { pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(), id: KeyId([seed; 8]) }
}

impl Author {
    fn key(&self) -> PublicKey {
        PublicKey::new(self.id, self.pair.public_key().as_ref().try_into().unwrap())
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.sign_as(*b"ED", &Blake2b512::digest(bytes))
    }

    fn sign_as(&self, algorithm: [u8; 2], message: &[u8]) -> Vec<u8> {
        let of_file = self.pair.sign(message);
        let of_comment = self.pair.sign(&[of_file.as_ref(), b"version:1.0.0"].concat());
        let first = STANDARD.encode([&algorithm[..], &self.id.0, of_file.as_ref()].concat());
        let second = STANDARD.encode(of_comment);
        format!("untrusted comment: hello\n{first}\ntrusted comment: version:1.0.0\n{second}\n").into_bytes()
    }
}

const FILE: &[u8] = b"what a plugin is made of";

fn trust() -> Trust {
    let trusted = |name: &str, seed, kinds: &[Kind], names: &[&str]| TrustedKey {
        name: name.to_owned(),
        key: author(seed).key(),
        kinds: kinds.to_vec(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let keys = vec![
        trusted("anna", 1, &[], &[]),
        trusted("acme", 2, &[Kind::Rail], &["acme-*"]),
        trusted("lost", 3, &[], &[]),
    ];
    Trust { keys, revoked_keys: vec![RevokedKey::Id(author(3).id)], revoked_files: Vec::new(), required: true }
}

fn judge(trust: &Trust, signature: Option<&[u8]>) -> Result<Option<Signer>, Distrust> {
    let judged = trust.judge(Path::new("libacme.so"), FILE, Kind::Rail, "acme-rail", signature);
    judged.map_err(|distrusted| distrusted.why)
}

/// What becomes of a file: under `trust`, in production and not.
fn check(
    trust: &Trust,
    signature: Option<&[u8]>,
    in_production: Result<Option<&str>, &str>,
    outside: Result<Option<&str>, &str>,
) {
    for (required, expected) in [(true, in_production), (false, outside)] {
        let judged = judge(&Trust { required, ..trust.clone() }, signature);
        let told = judged.map(|signer| signer.map(|signer| signer.key)).map_err(|why| why.to_string());
        match (&told, &expected) {
            (Ok(signer), Ok(expected)) => assert_eq!(signer.as_deref(), *expected, "required: {required}"),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "required: {required}: {why}"),
            _ => panic!("required: {required}: {told:?} {expected:?}"),
        }
    }
}

#[test]
fn who_signed_what_and_may() {
    let trust = trust();
    let refused = |signature: &[u8], why: &str| check(&trust, Some(signature), Err(why), Err(why));
    let signed = |signature: &[u8], by: &str| check(&trust, Some(signature), Ok(Some(by)), Ok(Some(by)));
    check(&trust, None, Err("it is not signed"), Ok(None));
    signed(&author(1).sign(FILE), "anna");
    signed(&author(2).sign(FILE), "acme");
    // As minisign made them before 0.9.
    signed(&author(1).sign_as(*b"Ed", FILE), "anna");
    refused(&author(1).sign_as(*b"Ee", FILE), "not made by Ed25519");
    refused(&author(1).sign(b"another file"), "it is not what the key 0101010101010101 signed");
    refused(&author(3).sign(FILE), "the key 0303030303030303, which `revoked_keys` of [trust] took back");
    refused(&author(4).sign(FILE), "the key 0404040404040404, which [trust] does not know");
    // An id is a name that anybody can give to their own key.
    refused(&Author { id: author(1).id, ..author(4) }.sign(FILE), "it is not what the key 0101010101010101 signed");
    refused(b"", "it has less than four lines");
}

#[test]
fn what_a_key_may_sign() {
    let trust = trust();
    let check = |seed: u8, kind: Kind, name: &str, expected: Result<(), &str>| {
        let judged = trust.judge(Path::new("lib.so"), FILE, kind, name, Some(&author(seed).sign(FILE)));
        match (judged.map(|_| ()).map_err(|error| error.to_string()), expected) {
            (Ok(()), Ok(())) => {}
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (judged, expected) => panic!("{kind:?} {name}: {judged:?} {expected:?}"),
        }
    };
    check(1, Kind::Channel, "whatever", Ok(()));
    check(2, Kind::Rail, "acme-", Ok(()));
    check(
        2,
        Kind::Channel,
        "acme-rail",
        Err("lib.so: it is signed by \"acme\", which is not trusted with a channel; "),
    );
    check(2, Kind::Rail, "other-acme-rail", Err("which is trusted with acme-* and not with \"other-acme-rail\"; "));
}

#[test]
fn what_was_taken_back_runs_nowhere() {
    let whole = trust();
    let good = author(1).sign(FILE);
    let taken_back = Trust { revoked_files: vec![Fingerprint(Sha256::digest(FILE).into())], ..whole.clone() };
    let why = "it is revoked: ";
    check(&taken_back, Some(&good), Err(why), Err(why));
    check(&taken_back, None, Err(why), Err(why));
    let other = Trust { revoked_files: vec![Fingerprint([7; 32])], ..whole.clone() };
    check(&other, Some(&good), Ok(Some("anna")), Ok(Some("anna")));
    // A key that was taken back is not back under another id.
    let renamed = PublicKey::new(KeyId([9; 8]), *author(1).key().point());
    let point = Trust { revoked_keys: vec![RevokedKey::Key(renamed)], ..whole.clone() };
    check(&point, Some(&good), Err("took back"), Err("took back"));
    check(&point, Some(&author(2).sign(FILE)), Ok(Some("acme")), Ok(Some("acme")));
    // Nor where nobody is trusted by name.
    let nobody = Trust { keys: Vec::new(), ..whole };
    check(&nobody, Some(&author(3).sign(FILE)), Err("took back"), Err("took back"));
}

#[test]
fn who_trusts_nobody_by_name_trusts_nobody_in_production() {
    let nobody = Trust::default();
    check(&nobody, None, Err("it is not signed"), Ok(None));
    check(&nobody, Some(&author(1).sign(FILE)), Err("does not know"), Ok(None));
    check(&nobody, Some(b"no signature"), Err("less than four lines"), Err("less than four lines"));
}

#[test]
fn no_bit_of_a_file_or_its_signature_can_be_changed() {
    let trust = Trust { required: false, ..trust() };
    let signature = author(1).sign(FILE);
    let expected = judge(&trust, Some(&signature)).unwrap();
    // Nobody signs the untrusted comment, and nobody is told it.
    let untrusted = b"untrusted comment: ".len()..signature.iter().position(|b| *b == b'\n').unwrap();
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let judged = judge(&trust, Some(&changed));
        let is_untold = untrusted.contains(&(bit / 8)) && judged == Ok(expected.clone());
        assert!(judged.is_err() || is_untold, "bit {bit}: {judged:?}");
    }
    for bit in 0..FILE.len() * 8 {
        let mut changed = FILE.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let judged = trust.judge(Path::new("f"), &changed, Kind::Rail, "acme-rail", Some(&signature));
        assert!(matches!(judged.unwrap_err().why, Distrust::Tampered { .. }), "bit {bit}");
    }
    for len in 0..signature.len() - 1 {
        assert!(judge(&trust, Some(&signature[..len])).is_err(), "{len}");
    }
    for len in 0..FILE.len() {
        let judged = trust.judge(Path::new("f"), &FILE[..len], Kind::Rail, "acme-rail", Some(&signature));
        assert!(judged.is_err(), "{len}");
    }
}

#[test]
fn a_signature_has_one_reading() {
    let good = String::from_utf8(author(1).sign(FILE)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n")
    };
    let check = |text: &str, expected: Result<(), &str>| {
        let judged = judge(&trust(), Some(text.as_bytes())).map(|_| ()).map_err(|why| why.to_string());
        match (judged, expected) {
            (Ok(()), Ok(())) => {}
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{text}: {why}"),
            (judged, expected) => panic!("{text}: {judged:?} {expected:?}"),
        }
    };
    check(good.trim_end(), Ok(()));
    check(&good.replace('\n', "\r\n"), Ok(()));
    check(&with(0, "untrusted comment: another"), Ok(()));
    check(&with(0, "comment: another"), Err("does not begin with"));
    check(&format!("{good}\n"), Err("more than four lines"));
    check(&format!("{good}and more"), Err("more than four lines"));
    check(&format!("\n{good}"), Err("more than four lines"));
    check(&with(1, lines[3]), Err("second line"));
    check(&with(1, &format!(" {}", lines[1])), Err("second line"));
    check(
        &with(2, "trusted comment: version:1.0.1"),
        Err("signed: the file, the signature or its comment was changed"),
    );
    check(&with(2, "trusted comment: "), Err("was changed"));
    check(&with(2, "trusted comment:version:1.0.0"), Err("third line"));
    check(&with(2, "trusted comment: version:1.0.0 "), Err("was changed"));
    check(&with(3, "AAAA"), Err("fourth line"));
    check(&with(3, ""), Err("less than four lines"));
    check(&with(3, lines[1]), Err("fourth line"));
    // A comment that another file was signed with.
    let other = String::from_utf8(author(1).sign(b"another file")).unwrap();
    check(&with(3, other.lines().nth(3).unwrap()), Err("was changed"));
    // What belongs after a comment was signed as a file once: `is_of_hash` keeps the two apart.
    check(&with(1, other.lines().nth(1).unwrap()), Err("was changed"));
}

#[test]
fn what_minisign_published_verifies() {
    let key: PublicKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse().unwrap();
    let check = |file: &[u8], signature: &str, expected: bool| {
        assert_eq!(Signature::parse(signature.as_bytes()).unwrap().fits(&key, file), expected);
    };
    // From the documentation of minisign's own crates: one as it was made before 0.9, and one as it is made now.
    let legacy = "untrusted comment: signature from minisign secret key\n\
        RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\n\
        trusted comment: timestamp:1555779966\tfile:test\n\
        QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==\n";
    let hashed = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1556193335\tfile:test\n\
        y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==\n";
    check(b"test", legacy, true);
    check(b"test", hashed, true);
    check(b"Test", legacy, false);
    check(b"Test", hashed, false);
}

#[test]
fn names_are_matched_whole() {
    let check =
        |pattern: &str, name: &str, expected: bool| assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    check("acme", "acme", true);
    check("acme", "acme-x", false);
    check("*", "", true);
    check("*", "acme", true);
    check("acme-*", "acme-", true);
    check("acme-*", "acme", false);
    check("acme-*", "my-acme-x", false);
    check("*-rail", "acme-rail", true);
    check("*-rail", "acme-rails", false);
    check("a*a", "a", false);
    check("a*a", "aa", true);
    check("a*b*c", "a-b-b-c", true);
    check("a*b*c", "ac", false);
    check("a**c", "ac", true);
    check("*b*b*", "abab", true);
    check("*b*b*", "ab", false);
}

#[test]
fn the_signature_lies_beside_its_file_and_one_that_cannot_be_read_is_not_none() {
    assert_eq!(signature_path(Path::new("p/lib.a.so")), Path::new("p/lib.a.so.minisig"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lib.so");
    let beside = signature_path(&file);
    let check = |expected: Result<Option<&[u8]>, &str>| match (read_signature(&file), expected) {
        (Ok(read), Ok(expected)) => assert_eq!(read.as_deref(), expected),
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (read, expected) => panic!("{read:?} {expected:?}"),
    };
    check(Ok(None));
    std::fs::write(&beside, "signed").unwrap();
    check(Ok(Some(b"signed")));
    std::fs::write(&beside, vec![b'x'; 16 << 10]).unwrap();
    check(Ok(Some(&[b'x'; 16 << 10])));
    std::fs::write(&beside, vec![b'x'; (16 << 10) + 1]).unwrap();
    check(Err("lib.so.minisig: cannot be read: it has more than 16 kB"));
    std::fs::remove_file(&beside).unwrap();
    std::fs::create_dir(&beside).unwrap();
    check(Err("no regular file"));
    std::fs::remove_dir(&beside).unwrap();
    std::os::unix::fs::symlink("nowhere", &beside).unwrap();
    check(Err("cannot be read"));
}
