//! Firecracker, told over its HTTP API on a unix socket what to boot. The binary, the kernel and the
//! root file system are the operator's: no package source of ours has them.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::monitor::{Machine, Monitor, Process, Running, in_path};
use crate::sandbox::session::Link;
use crate::sandbox::{SandboxError, failed};

/// For one answer of the API.
const CALL: Duration = Duration::from_secs(10);
/// From its start to its socket.
const SOCKET: Duration = Duration::from_secs(10);
/// From the machine's start to its process 1, which listens then.
const BOOT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// No answer of the API is longer.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The port on which `init.py` listens.
const VSOCK_PORT: u32 = 5252;
/// The machine's own address. Each has a socket of its own, so all may have the same.
const GUEST_CID: u32 = 3;

/// What the operator supplies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirecrackerFiles {
    /// The monitor; `None` means the first `firecracker` in the path.
    pub binary: Option<PathBuf>,
    /// An uncompressed `vmlinux` with virtio-mmio, virtio-blk, vsock and the root's file system.
    pub kernel: PathBuf,
    /// A root file system with `/sbin/portcullis-init`, such as the one of `portcullis image build`.
    pub root: PathBuf,
}

#[derive(Debug)]
pub(super) struct Firecracker {
    binary: PathBuf,
    files: FirecrackerFiles,
}

impl Firecracker {
    pub(super) fn new(files: &FirecrackerFiles) -> Result<Self, SandboxError> {
        let binary = match &files.binary {
            Some(binary) => Some(binary.clone()),
            None => in_path("firecracker"),
        };
        let Some(binary) = binary.filter(|binary| binary.is_file()) else {
            return Err(SandboxError::Unavailable(
                "`firecracker` is not there: put the released binary into the path, or name it".to_owned(),
            ));
        };
        for file in [&files.kernel, &files.root] {
            if let Err(error) = std::fs::File::open(file) {
                return Err(SandboxError::Unavailable(format!(
                    "Firecracker cannot boot `{}`: {error}",
                    file.display()
                )));
            }
        }
        Ok(Self { binary, files: files.clone() })
    }

    /// Every request, in order. No network interface is ever asked for.
    fn requests(&self, machine: &Machine<'_>) -> [(&'static str, Value); 5] {
        [
            (
                "/machine-config",
                json!({ "vcpu_count": machine.cpus, "mem_size_mib": machine.memory_mib, "smt": false }),
            ),
            (
                "/boot-source",
                json!({
                    "kernel_image_path": self.files.kernel,
                    "boot_args": "console=ttyS0 quiet panic=-1 reboot=k ro init=/sbin/portcullis-init \
                                  portcullis_channel=vsock",
                }),
            ),
            (
                "/drives/root",
                json!({
                    "drive_id": "root",
                    "path_on_host": self.files.root,
                    "is_root_device": true,
                    "is_read_only": true,
                }),
            ),
            ("/vsock", json!({ "guest_cid": GUEST_CID, "uds_path": machine.folder.join("vsock") })),
            ("/actions", json!({ "action_type": "InstanceStart" })),
        ]
    }
}

#[async_trait]
impl Monitor for Firecracker {
    async fn boot(&self, machine: &Machine<'_>) -> Result<Running, SandboxError> {
        let api = machine.folder.join("api");
        let child = Command::new(&self.binary)
            .arg("--api-sock")
            .arg(&api)
            .env_clear()
            .current_dir(machine.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("start Firecracker", &error))?;
        let mut process = Process::new(child, machine.folder)?;
        wait_for_socket(&api, &mut process).await?;
        for (path, body) in self.requests(machine) {
            put(&api, path, &body).await?;
        }
        let stream = call_guest(&machine.folder.join("vsock"), &mut process).await?;
        let (from, to) = stream.into_split();
        Ok(Running::new(Link::new(to, from), process))
    }

    fn slowness(&self) -> u32 {
        1
    }

    fn details(&self) -> Vec<(String, String)> {
        let detail = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
        vec![
            ("monitor".to_owned(), "Firecracker".to_owned()),
            ("accelerator".to_owned(), "KVM".to_owned()),
            detail("binary", &self.binary),
            detail("kernel", &self.files.kernel),
            detail("root", &self.files.root),
        ]
    }
}

async fn wait_for_socket(api: &Path, process: &mut Process) -> Result<(), SandboxError> {
    let began = Instant::now();
    while UnixStream::connect(api).await.is_err() {
        if process.has_ended() {
            return Err(failed("start Firecracker", &process.last_words().await));
        }
        if began.elapsed() > SOCKET {
            return Err(SandboxError::Unresponsive { doing: "start Firecracker", after: SOCKET });
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// One request on a connection of its own. Everything but 204 is a refusal, with its reason.
async fn put(api: &Path, path: &'static str, body: &Value) -> Result<(), SandboxError> {
    const DOING: &str = "configure a machine";
    let exchange = async {
        let stream = UnixStream::connect(api).await.map_err(|error| failed(DOING, &error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(DOING, &error))?;
        let connection = tokio::spawn(connection);
        let request = http::Request::put(path)
            .header(http::header::HOST, "localhost")
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .map_err(|error| failed(DOING, &error))?;
        let answer = sender.send_request(request).await.map_err(|error| failed(DOING, &error))?;
        let status = answer.status();
        let said = read(answer.into_body()).await;
        connection.abort();
        if status.is_success() { Ok(()) } else { Err(failed(DOING, &format!("PUT {path}: {status} {said}"))) }
    };
    match timeout(CALL, exchange).await {
        Ok(done) => done,
        Err(_) => Err(SandboxError::Unresponsive { doing: DOING, after: CALL }),
    }
}

/// An answer's text up to a bound; what cannot be read is left out.
async fn read(mut body: Incoming) -> String {
    let mut text = Vec::new();
    while text.len() < LONGEST_ANSWER {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { break };
        if let Ok(part) = frame.into_data() {
            text.extend_from_slice(&part);
        }
    }
    text.truncate(LONGEST_ANSWER);
    String::from_utf8_lossy(&text).into_owned()
}

/// Calls process 1 of the machine over vsock: a line asks for its port, a line says that it took
/// the call. Until it listens, the call is cut off.
async fn call_guest(socket: &Path, process: &mut Process) -> Result<UnixStream, SandboxError> {
    let began = Instant::now();
    loop {
        if let Ok(Ok(stream)) = timeout(CALL, call_once(socket)).await {
            return Ok(stream);
        }
        if process.has_ended() {
            return Err(failed("boot a machine", &process.last_words().await));
        }
        if began.elapsed() > BOOT {
            return Err(SandboxError::Unresponsive { doing: "boot a machine", after: BOOT });
        }
        sleep(PAUSE).await;
    }
}

async fn call_once(socket: &Path) -> std::io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("CONNECT {VSOCK_PORT}\n").as_bytes()).await?;
    // Byte by byte, because what follows the line belongs to the runner.
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await?);
        if line.len() > 64 {
            break;
        }
    }
    if line.starts_with(b"OK ") { Ok(stream) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    fn firecracker() -> Firecracker {
        let files = FirecrackerFiles {
            binary: None,
            kernel: "/images/vmlinux".into(),
            root: "/images/root.squashfs".into(),
        };
        Firecracker { binary: "/bin/firecracker".into(), files }
    }

    fn machine(folder: &Path) -> Machine<'_> {
        Machine { folder, memory_mib: 384, cpus: 1 }
    }

    /// A process that lives as long as a test wants it to.
    fn process(folder: &Path) -> Process {
        let mut sleeper = Command::new("sleep");
        sleeper.arg("600").stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Process::new(sleeper.spawn().unwrap(), folder).unwrap()
    }

    /// Takes one request for each answer, as Firecracker's API does, and returns them as they came.
    async fn serve(listener: UnixListener, answers: Vec<&'static str>) -> Vec<String> {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&request).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                        requests.push(text);
                        break;
                    }
                }
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    }

    const DONE: &str = "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
    const REFUSED: &str = "HTTP/1.1 400 \r\nServer: Firecracker API\r\nContent-Type: application/json\r\n\
        Content-Length: 42\r\n\r\n{\"fault_message\":\"The kernel is no good.\"}";

    #[tokio::test]
    async fn a_machine_is_configured_by_exactly_these_requests() {
        let folder = tempfile::tempdir().unwrap();
        let api = folder.path().join("api");
        let server = tokio::spawn(serve(UnixListener::bind(&api).unwrap(), vec![DONE; 5]));
        let firecracker = firecracker();
        for (path, body) in firecracker.requests(&machine(folder.path())) {
            put(&api, path, &body).await.unwrap();
        }
        let requests = server.await.unwrap();
        let seen: Vec<(String, Value)> = requests
            .iter()
            .map(|request| {
                let (head, body) = request.split_once("\r\n\r\n").unwrap();
                assert!(head.contains("content-type: application/json"), "{head}");
                (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
            })
            .collect();
        let line = |path: &str| format!("PUT {path} HTTP/1.1");
        assert_eq!(
            seen,
            [
                (line("/machine-config"), json!({ "vcpu_count": 1, "mem_size_mib": 384, "smt": false })),
                (
                    line("/boot-source"),
                    json!({
                        "kernel_image_path": "/images/vmlinux",
                        "boot_args": "console=ttyS0 quiet panic=-1 reboot=k ro init=/sbin/portcullis-init \
                                      portcullis_channel=vsock",
                    })
                ),
                (
                    line("/drives/root"),
                    json!({
                        "drive_id": "root",
                        "path_on_host": "/images/root.squashfs",
                        "is_root_device": true,
                        "is_read_only": true,
                    })
                ),
                (line("/vsock"), json!({ "guest_cid": 3, "uds_path": folder.path().join("vsock") })),
                (line("/actions"), json!({ "action_type": "InstanceStart" })),
            ]
        );
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let api = folder.path().join("api");
        let server = tokio::spawn(serve(UnixListener::bind(&api).unwrap(), vec![REFUSED]));
        let error = put(&api, "/boot-source", &json!({})).await.unwrap_err().to_string();
        server.await.unwrap();
        assert!(error.contains("PUT /boot-source"), "{error}");
        assert!(error.contains("The kernel is no good."), "{error}");
    }

    #[tokio::test]
    async fn an_api_that_is_gone_is_our_fault() {
        let folder = tempfile::tempdir().unwrap();
        let error = put(&folder.path().join("api"), "/actions", &json!({})).await.unwrap_err();
        assert!(matches!(error, SandboxError::Failed { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_machine_is_called_until_it_listens_and_what_follows_is_the_runners() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("vsock");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = tokio::spawn(async move {
            // Nobody listens in the machine yet: the call is cut off.
            drop(listener.accept().await.unwrap());
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut line = [0; 13];
            stream.read_exact(&mut line).await.unwrap();
            stream.write_all(b"OK 1073741824\nH").await.unwrap();
            line
        });
        let mut process = process(folder.path());
        let mut stream = call_guest(&socket, &mut process).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        assert_eq!(&server.await.unwrap(), b"CONNECT 5252\n");
        assert_eq!(process.kill().await, crate::sandbox::SweepReport::default());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let files = FirecrackerFiles {
            binary: Some("/proc/self/exe".into()),
            kernel: "/nowhere/vmlinux".into(),
            root: "/nowhere/root".into(),
        };
        let error = Firecracker::new(&files).unwrap_err().to_string();
        assert!(error.contains("/nowhere/vmlinux"), "{error}");
    }
}
