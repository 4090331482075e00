//! What a plugin in a process of its own tries, and is kept from.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use sportello_host::Declared;

use super::{escapes, escapes_spec, try_to};
use crate::library::file;

/// What is there to be reached, were it not kept away.
struct Outside {
    tcp: TcpListener,
    folder: tempfile::TempDir,
    _unix: UnixListener,
    _abstract: UnixListener,
}

impl Outside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "content").unwrap();
        let name = SocketAddr::from_abstract_name(format!("sportello-{}", std::process::id())).unwrap();
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            _unix: UnixListener::bind(folder.path().join("socket")).unwrap(),
            _abstract: UnixListener::bind_addr(&name).unwrap(),
            folder,
        }
    }

    /// `what` with the names of what is there in it.
    fn told(&self, what: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let tcp = self.tcp.local_addr().unwrap().to_string();
        let pid = std::process::id().to_string();
        what.replace("FOLDER", &folder).replace("ADDRESS", &tcp).replace("PID", &pid)
    }
}

#[tokio::test]
async fn whatever_a_plugin_reaches_for_is_kept_from_it() {
    let outside = Outside::new();
    let running = escapes("anna").await;
    let pid = running.life().unwrap().pid().unwrap();
    let check = async |what: &str| {
        let came = try_to(&running, &outside.told(what)).await.unwrap();
        assert!(came.starts_with("refused "), "{what}: {came}");
    };
    for what in ["file /etc/passwd", "file /etc/shadow", "file FOLDER/file", "file /proc/self/environ"] {
        check(what).await;
    }
    for what in ["file /proc/self/maps", "file /proc/PID/mem", "file /proc/1/environ", "file /dev/null"] {
        check(what).await;
    }
    for what in ["write FOLDER/new", "write /tmp/sportello-escaped", "list /", "remove FOLDER/file", "chdir /tmp"] {
        check(what).await;
    }
    for what in ["tcp ADDRESS", "listen", "udp", "unix FOLDER/socket", "abstract sportello-PID"] {
        check(what).await;
    }
    for what in ["fork", "thread", "kill PID", "kill-group", "become-root", "outlive", "dump", "more-files"] {
        check(what).await;
    }
    for what in ["map-code", "map-all", "make-code", "shared", "grows", "stretch", "memfd"] {
        check(what).await;
    }
    check("environment").await;
    let came = try_to(&running, "while-loading").await.unwrap();
    assert_eq!(came.split("; ").filter(|came| came.starts_with("refused ")).count(), 7, "{came}");
    // What no allocator may have grow in place is copied.
    assert_eq!(try_to(&running, "grow").await.unwrap(), "done 8388608 bytes");
    // That it was tried in earnest is shown by what comes of it in-process.
    let loaded = Declared::read(file("hostile_escapes")).unwrap().load().unwrap();
    let shares = loaded.open(escapes_spec("marco")).await.unwrap();
    for what in ["file FOLDER/file", "list /", "write FOLDER/new", "tcp ADDRESS", "listen", "udp", "unix FOLDER/socket"]
    {
        let came = try_to(&shares, &outside.told(what)).await.unwrap();
        assert!(came.starts_with("done "), "{what}: {came}");
    }
    for what in
        ["abstract sportello-PID", "thread", "kill PID", "map-code", "make-code", "shared", "memfd", "environment"]
    {
        let came = try_to(&shares, &outside.told(what)).await.unwrap();
        assert!(came.starts_with("done "), "{what}: {came}");
    }
    // All of that was one and the same process, which did what it is there for meanwhile.
    assert_eq!(running.life().unwrap().pid(), Some(pid));
    assert_eq!(try_to(&running, "nothing").await.unwrap(), "done");
    assert!(outside.folder.path().join("file").exists());
}

#[tokio::test]
async fn what_is_of_use_to_an_attacker_alone_ends_it() {
    let outside = Outside::new();
    let good = escapes("paolo").await;
    for what in ["exec", "ptrace PID", "peek PID", "ring", "bpf", "keys", "unshare"] {
        let running = escapes("anna").await;
        let gone = running.gone();
        let error = try_to(&running, &outside.told(what)).await.unwrap_err();
        assert_eq!(error.failure().unwrap().code, "crashed", "{what}: {error}");
        let why = gone.await;
        assert!(why.starts_with("SIGSYS: it tried what it may not"), "{what}: {why}");
        assert_eq!(try_to(&good, "nothing").await.unwrap(), "done");
    }
}
