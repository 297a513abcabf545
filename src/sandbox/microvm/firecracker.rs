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

use super::monitor::{Machine, Monitor, Process, Running, failed, in_path};
use crate::sandbox::SandboxError;
use crate::sandbox::session::Link;

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
