//! TLS of byte streams: whom an instance trusts, and as whom it shows itself.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sportello_host::{Ask, TlsOptions};
use sportello_sdk::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::streams::instance;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
fn issued(by: &CertifiedIssuer<'_, KeyPair>, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, by).unwrap(), key)
}

/// A server that shows a certificate for `name`, and wants one of the same authority where `mutual` says so. It echoes.
async fn server(by: &CertifiedIssuer<'_, KeyPair>, name: &str, mutual: bool) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(by.der().clone()).unwrap();
    let builder = match mutual {
        true => ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap()),
        false => ServerConfig::builder().with_no_client_auth(),
    };
    let (certificate, key) = issued(by, name);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut heard = [0; 5];
            if stream.read_exact(&mut heard).await.is_ok() {
                let _ = stream.write_all(&heard).await;
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
    let plain = server(&ours, "localhost", false).await;
    check(plain, trusting(&ours), Ok("hello")).await;
    check(plain, trusting(&theirs), Err("unreachable")).await;
    check(plain, TlsOptions::default(), Err("unreachable")).await;
    check(server(&ours, "smsc.example", false).await, trusting(&ours), Err("unreachable")).await;
    let mutual = server(&ours, "localhost", true).await;
    check(mutual, shown_as(&ours), Ok("hello")).await;
    check(mutual, shown_as(&theirs), Err("unreachable")).await;
    check(mutual, trusting(&ours), Err("unreachable")).await;
}

#[tokio::test]
async fn options_that_cannot_work_are_told_before_the_start() {
    use crate::world::{manifest, ok, raw, spec};
    let ours = authority();
    let (certificate, key) = issued(&ours, "sportello");
    let (_, other_key) = issued(&ours, "sportello");
    let check = async |authorities: Option<&str>, identity: Option<(String, String)>, expected: &[&str]| {
        let mut spec = spec();
        let identity = identity.map(|(certificate, key)| (certificate, Secret::new(key)));
        spec.tls = TlsOptions { authorities: authorities.map(str::to_owned), identity };
        let plugin = raw(manifest(&[]), |_| async { ok(serde_json::json!(null)) });
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
    check(None, None, &[]).await;
    check(Some(&ours.pem()), identity(&certificate.pem(), &key.serialize_pem()), &[]).await;
    check(Some("anna"), None, &["/tls/authorities"]).await;
    check(None, identity("", "-----BEGIN PRIVATE KEY-----\n?"), &["/tls/certificate", "/tls/key"]).await;
    check(None, identity(&certificate.pem(), &other_key.serialize_pem()), &["/tls/key"]).await;
}
