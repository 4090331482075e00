//! TLS for byte streams and requests: whom an instance trusts, and as whom it shows itself.

use std::sync::{Arc, OnceLock};

use reqwest::Client;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt;
use sportello_sdk::Secret;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use crate::reach::{PerReach, Reach};

/// What an operator says of TLS for an instance. All of it is PEM (RFC 7468).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The authorities that it trusts in place of the operating system's.
    pub authorities: Option<String>,
    /// Its own certificate with what links it to its authority, and the key to it: for providers that want one (mutual
    /// TLS).
    pub identity: Option<(String, Secret)>,
}

/// How an instance connects. Set up when it is first needed: the system's authorities take their time to read.
pub(crate) struct Tls {
    options: TlsOptions,
    connector: OnceLock<TlsConnector>,
    clients: PerReach<OnceLock<Client>>,
}

/// What is there, or is made now. Where that fails it is tried again by the next one: files may be short for a moment.
pub(crate) fn made<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T, String>) -> Result<&T, String> {
    match cell.get() {
        Some(there) => Ok(there),
        None => make().map(|made| cell.get_or_init(|| made)),
    }
}

impl Tls {
    pub(crate) fn new(options: TlsOptions) -> Self {
        let clients = PerReach { named: OnceLock::new(), public: OnceLock::new() };
        Self { options, connector: OnceLock::new(), clients }
    }

    /// The client for `https` of an instance of which something is said; nothing where it connects as all others do. `build`
    /// makes one of a TLS configuration.
    pub(crate) fn client(
        &self,
        reach: Reach,
        build: impl FnOnce(ClientConfig) -> Result<Client, String>,
    ) -> Option<Result<&Client, String>> {
        let make = || build(Arc::unwrap_or_clone(self.options.config()?));
        self.options.is_set().then(|| made(self.clients.of(reach), make))
    }

    /// Encrypts a connection to `host`, whose certificate must be for that name.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn connect(&self, host: &Host<String>, tcp: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let connector = made(&self.connector, || self.options.config().map(TlsConnector::from))?;
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|error| error.to_string())?,
            Host::Ipv4(ip) => ServerName::from(std::net::IpAddr::from(*ip)),
            Host::Ipv6(ip) => ServerName::from(std::net::IpAddr::from(*ip)),
        };
        connector.connect(name, tcp).await.map_err(|error| error.to_string())
    }
}

impl TlsOptions {
    /// Whether anything is said at all.
    pub(crate) fn is_set(&self) -> bool {
        self.authorities.is_some() || self.identity.is_some()
    }

    /// Everything that is wrong with them, with where it stands.
    pub(crate) fn defects(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Some(Err(why)) = self.authorities.as_deref().map(roots) {
            found.push(("/tls/authorities", why));
        }
        if let Some((certificate, key)) = &self.identity {
            if let Err(why) = chain(certificate) {
                found.push(("/tls/certificate", why));
            }
            if let Err(why) = private_key(key) {
                found.push(("/tls/key", why));
            }
        }
        if found.is_empty()
            && let Err(why) = self.config_of(|| Ok(RootCertStore::empty().into()))
        {
            found.push(("/tls/key", why));
        }
        found
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config_of(|| match &self.authorities {
            Some(authorities) => Ok(Trust::Only(roots(authorities)?)),
            None => Ok(Trust::System),
        })
    }

    fn config_of(&self, trust: impl FnOnce() -> Result<Trust, String>) -> Result<Arc<ClientConfig>, String> {
        // Whoever chose a provider before has chosen for the whole process: then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let said = |error: rustls::Error| error.to_string();
        let mut config = match trust()? {
            Trust::Only(roots) => ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(),
            Trust::System => ClientConfig::with_platform_verifier().map_err(said)?,
        };
        if let Some((certificate, key)) = &self.identity {
            let provider = config.crypto_provider().clone();
            let certified = rustls::sign::CertifiedKey::from_der(chain(certificate)?, private_key(key)?, &provider);
            let certified = certified.map_err(|error| format!("the certificate and the key do not fit: {error}"))?;
            config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        }
        Ok(Arc::new(config))
    }
}

enum Trust {
    Only(RootCertStore),
    System,
}

impl From<RootCertStore> for Trust {
    fn from(roots: RootCertStore) -> Self {
        Self::Only(roots)
    }
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        roots.add(certificate).map_err(|error| format!("a certificate is no authority's: {error}"))?;
    }
    Ok(roots)
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| format!("it is no PEM: {error}"))?;
    if found.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(found)
}

/// What is wrong with it is not told by its own words, which could hold some of it.
fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| "there is no private key in it".to_owned())
}
