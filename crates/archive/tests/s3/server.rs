//! An S3-compatible store in memory: put in pieces, ranges, head, delete and list, over HTTP/1.1 on loopback. Checks
//! who asks and that bodies are what was signed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const BUCKET: &str = "/water";
const DATE: &str = "Sat, 21 Nov 2026 12:00:00 GMT";

/// What the store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Keeps all but the last bytes of what was put together.
    ForgetsTheEnd,
    /// Puts a file together, and answers that it did not.
    DeniesTheEnd,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    uploads_begun: u32,
    parts: usize,
    sent_bytes: u64,
    fault: Option<Fault>,
}

/// A running store; ends with the test.
pub(crate) struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    _work: tokio::task::JoinSet<()>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let mut work = tokio::task::JoinSet::new();
        work.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, _work: work }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked")
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn parts(&self) -> usize {
        self.state().parts
    }

    pub(crate) fn uploads_open(&self) -> usize {
        self.state().uploads.len()
    }

    pub(crate) fn stored(&self, key: &str) -> Option<u64> {
        self.state().objects.get(key).map(|bytes| bytes.len() as u64)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.state().sent_bytes
    }

    pub(crate) fn forget_traffic(&self) {
        self.state().sent_bytes = 0;
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    pub(crate) fn cut(&self, key: &str, len: u64) {
        let mut state = self.state();
        let object = state.objects.get_mut(key).expect("stored");
        // A later, longer cut finds zeros where the bytes were: as useless as nothing.
        object.resize(usize::try_from(len).expect("small"), 0);
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let is_head = request.method == "HEAD";
        let answer = state.lock().expect("no test panicked").answer(&request);
        let mut text = format!("HTTP/1.1 {}\r\n", answer.status);
        for (name, value) in &answer.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !is_head && answer.status != "204 No Content" {
            text += &format!("content-length: {}\r\n", answer.body.len());
        }
        text += "\r\n";
        let body = if is_head { Vec::new() } else { answer.body };
        state.lock().expect("no test panicked").sent_bytes += body.len() as u64;
        let sent = async {
            stream.write_all(text.as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.flush().await
        };
        if sent.await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").map_or(0, |len| len.parse().expect("a length"));
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await.ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.replace("%2F", "/"))
    });
    Some(Request { method, path: path.to_owned(), query: pairs.collect(), headers, body })
}

fn answer(status: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: vec![], body: body.into() }
}

fn refusal(status: &'static str, code: &str) -> Answer {
    answer(status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>"))
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        let signed = request.headers.get("authorization").map_or("", String::as_str);
        let expected = "AWS4-HMAC-SHA256 Credential=station/";
        if !signed.starts_with(expected) || !signed.contains("/eu-central-1/s3/aws4_request") {
            return refusal("403 Forbidden", "InvalidAccessKeyId");
        }
        if request.headers.get("x-amz-content-sha256") != Some(&hex(&Sha256::digest(&request.body))) {
            return refusal("400 Bad Request", "XAmzContentSHA256Mismatch");
        }
        let Some(key) = request.path.strip_prefix(BUCKET) else { return refusal("404 Not Found", "NoSuchBucket") };
        let key = key.trim_start_matches('/').to_owned();
        let query = |name: &str| request.query.get(name).map(String::as_str);
        match (request.method.as_str(), query("uploadId")) {
            ("GET", _) if query("list-type") == Some("2") => self.list(query("prefix").unwrap_or_default()),
            ("POST", None) if query("uploads").is_some() => {
                self.uploads_begun += 1;
                let id = format!("upload-{}", self.uploads_begun);
                let body = format!(
                    "<InitiateMultipartUploadResult><Bucket>water</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>"
                );
                self.uploads.insert(id, BTreeMap::new());
                answer("200 OK", body)
            }
            ("PUT", Some(id)) => {
                let number = query("partNumber").and_then(|number| number.parse().ok()).expect("a number");
                let Some(parts) = self.uploads.get_mut(id) else { return refusal("404 Not Found", "NoSuchUpload") };
                parts.insert(number, request.body.clone());
                self.parts += 1;
                Answer { headers: vec![("ETag", tag(&request.body))], ..answer("200 OK", "") }
            }
            ("POST", Some(id)) => {
                let Some(parts) = self.uploads.remove(id) else { return refusal("404 Not Found", "NoSuchUpload") };
                let list = String::from_utf8_lossy(&request.body).replace("&quot;", "\"");
                let has_all = parts.values().all(|part| list.contains(&tag(part)));
                let short = parts.values().rev().skip(1).any(|part| part.len() < 5 << 20);
                if !has_all || short {
                    return refusal("400 Bad Request", if short { "EntityTooSmall" } else { "InvalidPart" });
                }
                let mut bytes: Vec<u8> = parts.into_values().flatten().collect();
                if self.fault == Some(Fault::ForgetsTheEnd) {
                    bytes.truncate(bytes.len() - 100);
                }
                let body = format!(
                    "<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
                    tag(&bytes)
                );
                self.objects.insert(key, bytes);
                if self.fault == Some(Fault::DeniesTheEnd) {
                    return refusal("400 Bad Request", "InvalidPart");
                }
                answer("200 OK", body)
            }
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                answer("204 No Content", "")
            }
            ("DELETE", None) => {
                self.objects.remove(&key);
                answer("204 No Content", "")
            }
            ("HEAD" | "GET", None) => self.object(&key, request),
            _ => refusal("501 Not Implemented", "NotImplemented"),
        }
    }

    fn object(&self, key: &str, request: &Request) -> Answer {
        let Some(bytes) = self.objects.get(key) else { return refusal("404 Not Found", "NoSuchKey") };
        let mut headers = vec![("ETag", tag(bytes)), ("Last-Modified", DATE.to_owned())];
        if request.method == "HEAD" {
            headers.push(("content-length", bytes.len().to_string()));
            return Answer { headers, ..answer("200 OK", "") };
        }
        let Some(range) = request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")) else {
            return Answer { headers, ..answer("200 OK", bytes.clone()) };
        };
        let (from, to) = range.split_once('-').expect("a range");
        let from: usize = from.parse().expect("a number");
        let to = to.parse::<usize>().expect("a number").min(bytes.len().saturating_sub(1));
        let Some(part) = bytes.get(from..=to) else { return refusal("416 Range Not Satisfiable", "InvalidRange") };
        headers.push(("Content-Range", format!("bytes {from}-{to}/{}", bytes.len())));
        Answer { headers, ..answer("206 Partial Content", part) }
    }

    fn list(&self, prefix: &str) -> Answer {
        let found = self.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let contents: String = found
            .map(|(key, bytes)| {
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-11-21T12:00:00.000Z</LastModified>\
                     <ETag>x</ETag><Size>{}</Size></Contents>",
                    bytes.len()
                )
            })
            .collect();
        answer("200 OK", format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"))
    }
}
