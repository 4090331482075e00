//! TLS of byte streams and requests: whom an instance trusts, and as whom it shows itself.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use sportello_host::{Ask, TlsOptions};
use sportello_sdk::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::streams::instance;
use crate::world::{manifest, ok, raw, spec};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
fn issued(by: &CertifiedIssuer<'_, KeyPair>, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (named(name).signed_by(&key, by).unwrap(), key)
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// A server that shows such a certificate, and wants one of the same authority where `mutual` says so. It echoes, and
/// says goodbye.
async fn server(by: &CertifiedIssuer<'_, KeyPair>, shown: CertificateParams, mutual: bool) -> u16 {
    serving(by, shown, mutual, true).await
}

async fn encrypted(
    by: &CertifiedIssuer<'_, KeyPair>,
    shown: CertificateParams,
    mutual: bool,
) -> (TcpListener, TlsAcceptor) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(by.der().clone()).unwrap();
    let builder = match mutual {
        true => ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap()),
        false => ServerConfig::builder().with_no_client_auth(),
    };
    let key = KeyPair::generate().unwrap();
    let certificate = shown.signed_by(&key, by).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)))
}

async fn serving(by: &CertifiedIssuer<'_, KeyPair>, shown: CertificateParams, mutual: bool, is_polite: bool) -> u16 {
    let (listener, acceptor) = encrypted(by, shown, mutual).await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut heard = [0; 5];
            if stream.read_exact(&mut heard).await.is_ok() {
                let _ = stream.write_all(&heard).await;
                let _ = stream.flush().await;
            }
            if is_polite {
                let _ = stream.shutdown().await;
            }
        }
    });
    port
}

#[tokio::test]
async fn whom_a_stream_trusts_and_as_whom_it_shows_itself() {
    let (ours, theirs) = (authority(), authority());
    let check = async |port: u16, tls: TlsOptions, expected: Result<&str, &str>| {
        let running = instance(
            |spec| spec.tls = tls,
            move |host| async move {
                let stream = host.connect(&format!("tls://localhost:{port}")).await?;
                stream.write(&host, "hello").await?;
                let heard = stream.read(&host).await?;
                Ok(String::from_utf8_lossy(&heard).into_owned().into())
            },
        )
        .await;
        let got = running.ask(Ask::new("submit", b"")).await;
        let got = got.map(|answer| answer.decode::<String>().unwrap());
        assert_eq!(got.as_deref().map_err(|error| error.failure().unwrap().code.as_str()), expected);
    };
    let trusting = |authority: &CertifiedIssuer<'_, KeyPair>| TlsOptions {
        authorities: Some(authority.pem()),
        ..TlsOptions::default()
    };
    let shown_as = |authority: &CertifiedIssuer<'_, KeyPair>| {
        let (certificate, key) = issued(authority, "sportello");
        let identity = Some((certificate.pem(), Secret::new(key.serialize_pem())));
        TlsOptions { identity, ..trusting(&ours) }
    };
    let plain = server(&ours, named("localhost"), false).await;
    check(plain, trusting(&ours), Ok("hello")).await;
    check(plain, trusting(&theirs), Err("unreachable")).await;
    check(plain, TlsOptions::default(), Err("unreachable")).await;
    let mut old = named("localhost");
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    check(server(&ours, old, false).await, trusting(&ours), Err("unreachable")).await;
    let mut early = named("localhost");
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    check(server(&ours, early, false).await, trusting(&ours), Err("unreachable")).await;
    check(server(&ours, named("smsc.example"), false).await, trusting(&ours), Err("unreachable")).await;
    let mutual = server(&ours, named("localhost"), true).await;
    check(mutual, shown_as(&ours), Ok("hello")).await;
    check(mutual, shown_as(&theirs), Err("unreachable")).await;
    check(mutual, trusting(&ours), Err("unreachable")).await;
}

#[tokio::test]
async fn whom_a_request_trusts_and_as_whom_it_shows_itself() {
    let (ours, theirs) = (authority(), authority());
    let check = async |port: u16, tls: TlsOptions, expected: Result<u16, &str>| {
        let mut spec = spec();
        spec.grants = vec!["https://localhost:*".to_owned()];
        spec.tls = tls;
        let plugin = raw(manifest(&[("endpoints", json!(["https://*:*"]))]), move |asked| async move {
            let reply = asked.get(&format!("https://localhost:{port}/")).await;
            ok(serde_json::from_slice(&reply.frame).unwrap())
        });
        let answer = plugin.open(spec).await.unwrap().ask(Ask::new("submit", b"")).await.unwrap();
        let got: serde_json::Value = answer.decode().unwrap();
        let status = got["result"]["status"].as_u64().map(|status| u16::try_from(status).unwrap());
        assert_eq!(status.ok_or_else(|| got["code"].as_str().unwrap()), expected, "{got}");
    };
    let options = |trusted: &CertifiedIssuer<'_, KeyPair>, shown: Option<&CertifiedIssuer<'_, KeyPair>>| {
        let identity = shown.map(|authority| {
            let (certificate, key) = issued(authority, "sportello");
            (certificate.pem(), Secret::new(key.serialize_pem()))
        });
        TlsOptions { authorities: Some(trusted.pem()), identity }
    };
    let mutual = web_server(&ours, true).await;
    check(mutual, options(&ours, Some(&ours)), Ok(204)).await;
    check(mutual, options(&ours, Some(&theirs)), Err("unreachable")).await;
    check(mutual, options(&ours, None), Err("unreachable")).await;
    let plain = web_server(&ours, false).await;
    check(plain, options(&ours, None), Ok(204)).await;
    check(plain, options(&theirs, None), Err("unreachable")).await;
    // What is said of one instance holds for no other.
    check(plain, TlsOptions::default(), Err("unreachable")).await;
}

/// A server that answers every request with 204.
async fn web_server(by: &CertifiedIssuer<'_, KeyPair>, mutual: bool) -> u16 {
    let (listener, acceptor) = encrypted(by, named("localhost"), mutual).await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") && stream.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {}
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn an_end_that_somebody_else_could_have_made_is_none() {
    let ours = authority();
    let check = async |is_polite: bool, expected: Result<&str, &str>| {
        let port = serving(&ours, named("localhost"), false, is_polite).await;
        let running = instance(
            |spec| spec.tls.authorities = Some(ours.pem()),
            move |host| async move {
                let stream = host.connect(&format!("tls://localhost:{port}")).await?;
                stream.write(&host, "hello").await?;
                let mut heard = Vec::new();
                loop {
                    let bytes = stream.read(&host).await?;
                    if bytes.is_empty() {
                        return Ok(String::from_utf8_lossy(&heard).into_owned().into());
                    }
                    heard.extend_from_slice(&bytes);
                }
            },
        )
        .await;
        let got = running.ask(Ask::new("submit", b"")).await;
        let got = got.map(|answer| answer.decode::<String>().unwrap());
        assert_eq!(got.as_deref().map_err(|error| error.failure().unwrap().code.as_str()), expected);
    };
    check(true, Ok("hello")).await;
    // Without a `close_notify` (RFC 8446, section 6.1) it may be cut short.
    check(false, Err("unreachable")).await;
}

#[tokio::test]
async fn options_that_cannot_work_are_told_before_the_start() {
    let ours = authority();
    let (certificate, key) = issued(&ours, "sportello");
    let (_, other_key) = issued(&ours, "sportello");
    let check =
        async |has_streams: bool, authorities: Option<&str>, identity: Option<(String, String)>, expected: &[&str]| {
            let mut spec = spec();
            let identity = identity.map(|(certificate, key)| (certificate, Secret::new(key)));
            spec.tls = TlsOptions { authorities: authorities.map(str::to_owned), identity };
            let streams = [("contract", "1.1".into()), ("endpoints", serde_json::json!(["tls://*:*"]))];
            let plugin =
                raw(manifest(if has_streams { &streams } else { &[] }), |_| async { ok(serde_json::json!(null)) });
            let found = match plugin.check(&spec).await {
                Ok(()) => Vec::new(),
                Err(sportello_host::OpenError::Spec { errors, .. }) => errors.0,
                Err(error) => panic!("{error}"),
            };
            let pointers: Vec<_> = found.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, expected);
            for error in found {
                assert!(!error.message.contains("PRIVATE"), "{}", error.message);
            }
        };
    let identity = |certificate: &str, key: &str| Some((certificate.to_owned(), key.to_owned()));
    check(true, None, None, &[]).await;
    check(true, Some(&ours.pem()), identity(&certificate.pem(), &key.serialize_pem()), &[]).await;
    check(true, Some("anna"), None, &["/tls/authorities"]).await;
    check(true, None, identity("", "-----BEGIN PRIVATE KEY-----\n?"), &["/tls/certificate", "/tls/key"]).await;
    check(true, None, identity(&certificate.pem(), &other_key.serialize_pem()), &["/tls/key"]).await;
    // An operator who believes that requests are sent that way must not go on believing it.
    check(false, Some(&ours.pem()), None, &["/tls"]).await;
    check(false, None, None, &[]).await;
}
