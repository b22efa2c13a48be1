//! A proxy as the page configures it. Only what the page asks its reader to replace is replaced: name, certificate, addresses
//! and the place of the log.

use rcgen::{CertificateParams, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fs::{read_to_string, write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use test_servers::{Port, Process, until};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const PAGE: &str = include_str!("../../../../docs/proxies.md");
/// Placeholders of the page.
const NAME: &str = "terminal.example.com";
const SERVICE: &str = "127.0.0.1:3001";
/// Debian keeps servers in /usr/sbin, which is not on the PATH of a normal user, and has no Traefik: a package of Python brings it.
const PATH: &str = concat!("/usr/local/bin:/usr/bin:/usr/sbin:", env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin");
/// Longest wait for a proxy to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The blocks of the page in this language.
fn configurations(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(&begin).skip(1).map(|block| block.split_once("```").unwrap().0).collect()
}

/// The first of them.
pub(crate) fn configuration(language: &str) -> &'static str {
    configurations(language)[0]
}

/// A running proxy, and a plain way to it: the clients of these tests speak no TLS.
pub(crate) struct Proxy {
    process: Process,
    port: Port,
    plain: SocketAddr,
    /// Its log, if that is not its output.
    log: Option<PathBuf>,
    _folder: TempDir,
}

impl Proxy {
    pub(crate) async fn nginx(service: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), Port::reserve());
        let file = |name: &str| folder.path().join(name);
        let authority = certificate(folder.path());
        let log = file("access.log");
        let block = replaced(
            configuration("nginx"),
            &[
                (SERVICE, service),
                ("listen 443 ssl", &format!("listen {} ssl", port.address())),
                ("/etc/ssl/terminal.example.com", &file("certificate").display().to_string()),
                ("/var/log/nginx/termgate.log", &log.display().to_string()),
            ],
        );
        write(file("termgate.conf"), block).unwrap();
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};", file(name).display()))
            .join(" ");
        let main = format!(
            "daemon off; pid {}; error_log stderr; events {{}} http {{ {folders} include {}; }}",
            file("pid").display(),
            file("termgate.conf").display()
        );
        write(file("nginx.conf"), main).unwrap();
        let arguments = ["-e".into(), "stderr".into(), "-c".into(), file("nginx.conf")];
        Self::start("nginx", &arguments, folder, port, authority, Some(log)).await
    }

    pub(crate) async fn haproxy(service: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), Port::reserve());
        let authority = certificate(folder.path());
        let file = folder.path().join("haproxy.cfg");
        let both = folder.path().join("certificate.both");
        let pem = |kind| read_to_string(folder.path().join(format!("certificate.{kind}"))).unwrap();
        write(&both, pem("pem") + &pem("key")).unwrap();
        let block = replaced(
            configuration("haproxy"),
            &[
                (SERVICE, service),
                ("bind :443 ", &format!("bind {} ", port.address())),
                ("/etc/ssl/terminal.example.com.pem", &both.display().to_string()),
            ],
        );
        write(&file, block).unwrap();
        Self::start("haproxy", &["-db".into(), "-f".into(), file], folder, port, authority, None).await
    }

    pub(crate) async fn caddy(service: &str) -> Self {
        let (folder, port, redirects) = (tempfile::tempdir().unwrap(), Port::reserve(), Port::reserve());
        let file = folder.path().join("Caddyfile");
        // For `localhost`, Caddy signs the certificate itself.
        let own = format!("localhost:{}", port.address().port());
        let block = replaced(configuration("caddy"), &[(SERVICE, service), (NAME, &own)]);
        let options = format!("admin off\nskip_install_trust\nhttp_port {}", redirects.address().port());
        write(&file, format!("{{\n{options}\n}}\n{block}")).unwrap();
        let authority = folder.path().join("caddy/pki/authorities/local/root.crt");
        let arguments = ["run".into(), "--adapter".into(), "caddyfile".into(), "--config".into(), file];
        Self::start("caddy", &arguments, folder, port, authority, None).await
    }

    pub(crate) async fn traefik(service: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), Port::reserve());
        let file = |name: &str| folder.path().join(name);
        let authority = certificate(folder.path());
        let [start, routes] = configurations("yaml").try_into().unwrap();
        let dynamic = file("termgate.yaml").display().to_string();
        let pairs = [(":443", &*port.address().to_string()), ("/etc/traefik/termgate.yaml", &dynamic)];
        let quiet = "global:\n  checkNewVersion: false\n";
        write(file("traefik.yaml"), replaced(start, &pairs) + quiet).unwrap();
        let certificate = file("certificate").display().to_string();
        let pairs = [(SERVICE, service), ("/etc/ssl/terminal.example.com", &certificate), (NAME, "localhost")];
        write(dynamic, replaced(routes, &pairs)).unwrap();
        let arguments = [format!("--configFile={}", file("traefik.yaml").display()).into()];
        Self::start("traefik", &arguments, folder, port, authority, None).await
    }

    /// Starts the program, and waits until it takes connections with a certificate of this authority.
    async fn start(
        name: &'static str,
        arguments: &[PathBuf],
        folder: TempDir,
        port: Port,
        authority: PathBuf,
        log: Option<PathBuf>,
    ) -> Self {
        let mut command = Command::new(name);
        command.args(arguments).env("PATH", PATH).env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
        let process = Process::start(
            name,
            command,
            folder.path(),
            "install the Debian package of this name, or `make .venv/installed`",
        );
        // Caddy listens before its certificate is signed, and Traefik before it has read it.
        until(&format!("the start of {name}"), START_TIMEOUT, async || {
            encrypted(port.address(), &authority).await.is_some()
        })
        .await;
        let plain = decrypting(port.address(), authority).await;
        Self { process, port, plain, log, _folder: folder }
    }

    /// Host and port of the plain way, which the proxy sees as `Host`.
    pub(crate) fn authority(&self) -> String {
        format!("localhost:{}", self.plain.port())
    }

    /// Stops the proxy. Returns what it has logged.
    pub(crate) async fn stop(self) -> String {
        let requests = self.log.as_ref().map(|log| read_to_string(log).unwrap()).unwrap_or_default();
        assert!(self.log.is_none() || requests.contains("/terminal"), "{requests}");
        let output = self.process.log();
        self.process.stop().await;
        drop(self.port);
        requests + &output
    }
}

/// The block with each of these once.
fn replaced(block: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(block.to_owned(), |block, (old, new)| {
        assert!(block.contains(old), "the page has no {old}");
        block.replace(old, new)
    })
}

/// Writes a certificate that signs itself, and its key. Returns the certificate's file.
fn certificate(folder: &Path) -> PathBuf {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    let file = folder.join("certificate.pem");
    write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    write(folder.join("certificate.key"), key.serialize_pem()).unwrap();
    file
}

/// A connection over TLS, trusting this authority alone.
async fn encrypted(to: SocketAddr, authority: &Path) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).ok()?).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let tcp = TcpStream::connect(to).await.ok()?;
    connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.ok()
}

/// An address that passes everything on to this one, over TLS.
async fn decrypting(to: SocketAddr, authority: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = listener.accept().await {
            let authority = authority.clone();
            tokio::spawn(async move {
                let mut tls = encrypted(to, &authority).await.unwrap();
                drop(copy_bidirectional(&mut plain, &mut tls).await);
            });
        }
    });
    address
}
