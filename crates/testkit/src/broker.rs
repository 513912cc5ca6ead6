//! A real Mosquitto for one test: on a port of its own, in a scratch folder, gone when dropped.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A broker under the test's thumb.
pub struct TestBroker {
    folder: TempDir,
    port: u16,
    options: TestBrokerOptions,
    certificates: Option<Certificates>,
    child: Option<Child>,
}

/// What a test wants of its broker; by default anybody may connect, plainly.
#[derive(Debug, Clone, Default)]
pub struct TestBrokerOptions {
    /// The only user and password let in.
    pub account: Option<(String, String)>,
    /// Encryption.
    pub tls: TestTls,
    /// More lines of configuration.
    pub config: Vec<String>,
}

/// Encryption of a test's broker, with certificates made for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TestTls {
    /// None.
    #[default]
    Off,
    /// The broker shows a certificate.
    Server,
    /// Clients must show one too.
    Mutual,
}

/// Certificates that a test's broker was made with, as PEM files.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority that signed all others.
    pub ca: PathBuf,
    /// A client's certificate.
    pub client_cert: PathBuf,
    /// Its key, PKCS #8.
    pub client_key: PathBuf,
    /// An authority that signed nothing of this broker's.
    pub other_ca: PathBuf,
    /// A certificate of the other authority.
    pub other_cert: PathBuf,
    /// Its key, PKCS #8.
    pub other_key: PathBuf,
}

/// The name in the certificate of a test's broker; it does not hold `127.0.0.1`.
pub const SERVER_NAME: &str = "localhost";

impl TestBroker {
    /// A broker that lets anybody in.
    ///
    /// # Errors
    /// Where Mosquitto is missing or does not start.
    pub fn start() -> Result<Self> {
        Self::with(TestBrokerOptions::default())
    }

    /// A broker as `options` say.
    ///
    /// # Errors
    /// Where Mosquitto or, for encryption, openssl is missing or fails.
    pub fn with(options: TestBrokerOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("penstock-broker-").tempdir()?;
        let certificates =
            if options.tls == TestTls::Off { None } else { Some(Certificates::make(&folder.path().join("tls"))?) };
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut broker = Self { folder, port, options, certificates, child: None };
        broker.start_again()?;
        Ok(broker)
    }

    /// The port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its scratch folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its certificates.
    ///
    /// # Errors
    /// Where it was started without encryption.
    pub fn certificates(&self) -> Result<&Certificates> {
        self.certificates.as_ref().context("this broker was started without encryption")
    }

    /// Starts it, after [`TestBroker::stop`] or [`TestBroker::kill`], on the same port with what it had kept.
    ///
    /// # Errors
    /// Where Mosquitto does not start.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the broker runs already");
        let config = self.folder.path().join("mosquitto.conf");
        std::fs::write(&config, self.config()?)?;
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        let mut child = Command::new(broker_program())
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("mosquitto cannot be started: install it with `apt-get install mosquitto`")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("mosquitto ended ({status}): {}", std::fs::read_to_string(self.folder.path().join("log"))?);
            }
            ensure!(Instant::now() < deadline, "mosquitto does not listen on port {} after 10 s", self.port);
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
        Ok(())
    }

    /// Ends it in order: it writes down what it keeps.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        self.reap()
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        self.reap()
    }

    /// Makes it stand still with its connections open.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`TestBroker::pause`].
    ///
    /// # Errors
    /// Where it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Publishes `payloads` on one topic with QoS 1 and waits until the broker has them. No line breaks in payloads.
    ///
    /// # Errors
    /// Where `mosquitto_pub` is missing or the broker does not take them.
    pub fn publish<'a>(&self, topic: &str, payloads: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut lines = Vec::new();
        for payload in payloads {
            writeln!(lines, "{payload}")?;
        }
        self.mosquitto_pub(&["-q", "1", "-t", topic, "-l"], &lines)
    }

    /// Publishes one payload of any bytes.
    ///
    /// # Errors
    /// Where `mosquitto_pub` is missing or the broker does not take it.
    pub fn publish_bytes(&self, topic: &str, payload: &[u8]) -> Result<()> {
        self.mosquitto_pub(&["-q", "1", "-t", topic, "-s"], payload)
    }

    /// Runs `mosquitto_pub` against this broker with more arguments and an input.
    ///
    /// # Errors
    /// Where it is missing or fails.
    pub fn mosquitto_pub(&self, arguments: &[&str], input: &[u8]) -> Result<()> {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", if self.certificates.is_some() { SERVER_NAME } else { "127.0.0.1" }]);
        command.args(["-p", &self.port.to_string()]).args(arguments);
        if let Some((user, password)) = &self.options.account {
            command.args(["-u", user, "-P", password]);
        }
        if let Some(certificates) = &self.certificates {
            command.arg("--cafile").arg(&certificates.ca).arg("--cert").arg(&certificates.client_cert);
            command.arg("--key").arg(&certificates.client_key);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("mosquitto_pub cannot be started: install it with `apt-get install mosquitto-clients`")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        succeeded("mosquitto_pub", &child.wait_with_output()?)
    }

    fn config(&self) -> Result<String> {
        let folder = self.folder.path().display();
        let mut config = format!(
            "listener {} 127.0.0.1\nuser root\npersistence true\npersistence_location {folder}/\nautosave_interval 1\n\
             max_inflight_messages 1000\nmax_queued_messages 200000\nsys_interval 1\nlog_dest stderr\nlog_type all\n",
            self.port
        );
        match &self.options.account {
            Some((user, password)) => {
                let path = self.folder.path().join("passwords");
                let made =
                    Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&path).args([user, password]).output();
                succeeded("mosquitto_passwd", &made.context("mosquitto_passwd cannot be started")?)?;
                config += &format!("allow_anonymous false\npassword_file {}\n", path.display());
            }
            None => config += "allow_anonymous true\n",
        }
        if let Some(certificates) = &self.certificates {
            config += &format!(
                "cafile {}\ncertfile {folder}/tls/server.pem\nkeyfile {folder}/tls/server.key\nrequire_certificate {}\n",
                certificates.ca.display(),
                self.options.tls == TestTls::Mutual
            );
        }
        for line in &self.options.config {
            config += line;
            config.push('\n');
        }
        Ok(config)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the broker does not run")?;
        Ok(kill(Pid::from_raw(i32::try_from(child.id())?), signal)?)
    }

    fn reap(&mut self) -> Result<()> {
        self.child.take().context("the broker does not run")?.wait()?;
        Ok(())
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // A test's end has nobody to tell.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Certificates {
    /// Two authorities in `folder`: one signs the broker (for [`SERVER_NAME`] alone) and a client, the other a stranger.
    fn make(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let make = |name: &str, signer: Option<&str>, extension: &str| -> Result<(PathBuf, PathBuf)> {
            let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
            let mut command = Command::new("openssl");
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
            command.args(["-days", "2", "-subj", &format!("/CN={name}"), "-addext", extension]);
            command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
            if let Some(signer) = signer {
                command.arg("-CA").arg(folder.join(format!("{signer}.pem")));
                command.arg("-CAkey").arg(folder.join(format!("{signer}.key")));
                command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
            }
            succeeded("openssl", &command.output().context("openssl cannot be started: install it with apt-get")?)?;
            Ok((cert, key))
        };
        let (ca, _) = make("authority", None, "keyUsage=critical,keyCertSign")?;
        let (other_ca, _) = make("other-authority", None, "keyUsage=critical,keyCertSign")?;
        make("server", Some("authority"), &format!("subjectAltName=DNS:{SERVER_NAME}"))?;
        let (client_cert, client_key) = make("client", Some("authority"), "extendedKeyUsage=clientAuth")?;
        let (other_cert, other_key) = make("stranger", Some("other-authority"), "extendedKeyUsage=clientAuth")?;
        Ok(Self { ca, client_cert, client_key, other_ca, other_cert, other_key })
    }
}

fn succeeded(program: &str, output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn broker_program() -> PathBuf {
    // Debian keeps it where not every user's path leads.
    let usual = PathBuf::from("/usr/sbin/mosquitto");
    if usual.is_file() { usual } else { PathBuf::from("mosquitto") }
}
