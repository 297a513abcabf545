//! The frames between us and the runner (`runner.py`): one byte of kind, four bytes of length, the
//! body. The runner is trusted only to answer; every length that comes from it is bounded here.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::CaseSpec;
use crate::model::Ending;

/// The program that is process 1 of every sandbox.
pub(super) const RUNNER: &str = include_str!("runner.py");

/// Reads the runner from standard input and becomes it, so that it needs no file in the sandbox
/// and an engine on another machine will do. What another interpreter compiled is of no use.
const BOOTSTRAP: &str = "\
import posix,sys
s,c=map(int,sys.argv[1:3])
b=b''
while len(b)<s+c:
    p=posix.read(0,s+c-len(b))
    if not p:posix._exit(1)
    b+=p
if c and sys.version==sys.argv[3]:
    import marshal
    code=marshal.loads(b[s:])
else:code=compile(b[:s],'runner.py','exec')
del b,p
exec(code)";

/// Where the checked source lies in every sandbox.
pub(super) const AGENT_PATH: &str = "/portcullis/agent.py";

/// No frame of the runner's is longer: it relays chunks of 64 KiB.
const LONGEST_REPLY: usize = 128 * 1024;

/// The runner as it is sent to an interpreter: its text, and what that interpreter made of it before.
/// Compiling the text takes as long as half a start of the interpreter.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    /// Text and code.
    bytes: Vec<u8>,
    code_bytes: usize,
    /// Of the interpreter that compiled it, in its own words.
    compiler: String,
}

impl Runner {
    /// Its text only.
    pub(super) fn text() -> Self {
        Self { bytes: RUNNER.as_bytes().to_vec(), code_bytes: 0, compiler: String::new() }
    }

    /// With the code that the same interpreter told us in `greeting`, in a sandbox without an agent.
    pub(super) fn compiled(greeting: Greeting) -> Self {
        let Greeting { interpreter, code } = greeting;
        Self { bytes: [RUNNER.as_bytes(), &code].concat(), code_bytes: code.len(), compiler: interpreter }
    }

    /// The arguments of the interpreter that becomes the runner.
    pub(super) fn arguments(&self) -> Vec<String> {
        let (text, code) = (RUNNER.len().to_string(), self.code_bytes.to_string());
        ["-I", "-S", "-B", "-c", BOOTSTRAP, &text, &code, &self.compiler].map(String::from).into()
    }

    /// What that interpreter reads first.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it would save work to know what the interpreter makes of the text.
    pub(super) fn wants_code(&self) -> bool {
        self.code_bytes == 0
    }
}

/// The first words of a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Version and build, as `sys.version` has it.
    interpreter: String,
    /// What the interpreter compiled the runner to, where it was asked; else empty.
    code: Vec<u8>,
}

impl Greeting {
    /// Such as `3.11.2`.
    pub(super) fn python_version(&self) -> &str {
        self.interpreter.split_ascii_whitespace().next().unwrap_or_default()
    }

    fn decode(body: &[u8]) -> Self {
        let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
        Self {
            interpreter: String::from_utf8_lossy(&body[..end]).into_owned(),
            code: body.get(end + 1..).unwrap_or_default().to_vec(),
        }
    }
}

/// What the runner is told once.
#[derive(Debug, Clone)]
pub(super) struct RunnerConfig {
    fields: Vec<(&'static str, String)>,
}

impl RunnerConfig {
    pub(super) fn new(python: &str, idle_s: u64, limits: &crate::model::Limits) -> Self {
        Self { fields: vec![("python", python.to_owned()), ("agent", AGENT_PATH.to_owned())] }
            .with("idle_s", idle_s)
            .with("wall_ms", limits.wall_ms)
            .with("cpu_ms", limits.cpu_ms)
            .with("output_bytes", limits.output_bytes)
            .with("open_files", limits.open_files)
            .with("file_bytes", limits.scratch_kib.saturating_mul(1024))
    }

    pub(super) fn with(mut self, name: &'static str, value: u64) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Has the runner tell what `runner` wants to know.
    pub(super) fn asking_for(self, runner: &Runner) -> Self {
        if runner.wants_code() { self.with("tell_code", 1) } else { self }
    }

    pub(super) fn frame(&self) -> Vec<u8> {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        frame(b'C', fields.join("\0").as_bytes())
    }
}

/// The source, for a sandbox into which no file can be bound.
pub(super) fn install(source: &str) -> Vec<u8> {
    frame(b'A', source.as_bytes())
}

/// One case. `None` when an argument holds a NUL, which no process can be given.
pub(super) fn run(case: &CaseSpec) -> Option<Vec<u8>> {
    if case.arguments.iter().any(|argument| argument.contains('\0')) {
        return None;
    }
    let arguments: String = case.arguments.iter().flat_map(|argument| [argument.as_str(), "\0"]).collect();
    let mut body = Vec::with_capacity(4 + arguments.len() + case.stdin.len());
    body.extend(length(&arguments));
    body.extend(arguments.as_bytes());
    body.extend(&*case.stdin);
    Some(frame(b'R', &body))
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(5 + body.len());
    frame.push(kind);
    frame.extend(length(body));
    frame.extend(body);
    frame
}

fn length(body: impl AsRef<[u8]>) -> [u8; 4] {
    u32::try_from(body.as_ref().len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// What the runner says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It runs.
    Ready(Greeting),
    /// The case's process exists.
    Started,
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Ended(End),
    /// The interpreter could not be started, and why.
    CannotStart(String),
}

/// The runner's measurements of a case that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) ending: Ending,
    /// Something is left in the scratch folder.
    pub(super) dirty: bool,
    pub(super) stdout_cut: bool,
    pub(super) stderr_cut: bool,
    pub(super) wall_us: u64,
    pub(super) cpu_us: u64,
    pub(super) memory_kib: u64,
    pub(super) oom_kills: u64,
    pub(super) process_limit_hits: u64,
}

/// Reads the next reply. An end of the stream is `UnexpectedEof`, nonsense is `InvalidData`.
pub(super) async fn read_reply(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Reply> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await? as usize;
    if length > LONGEST_REPLY {
        return Err(nonsense());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(match kind {
        b'H' => Reply::Ready(Greeting::decode(&body)),
        b'S' => Reply::Started,
        b'O' => Reply::Stdout(body),
        b'Z' => Reply::Stderr(body),
        b'E' => Reply::Ended(End::decode(&body).ok_or_else(nonsense)?),
        b'X' => Reply::CannotStart(String::from_utf8_lossy(&body).into_owned()),
        _ => return Err(nonsense()),
    })
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the runner sent a frame that does not exist")
}

impl End {
    /// Five bytes, then five numbers of eight bytes.
    fn decode(body: &[u8]) -> Option<Self> {
        let (&[kind, value, dirty, stdout_cut, stderr_cut], numbers) = body.split_first_chunk()?;
        let (numbers, rest) = numbers.as_chunks::<8>();
        let &[wall_us, cpu_us, memory_kib, oom_kills, process_limit_hits] = numbers else { return None };
        let ending = match kind {
            0 => Ending::Exited { code: value },
            1 => Ending::Signalled { signal: value },
            2 => Ending::WallLimit,
            3 => Ending::CpuLimit,
            4 => Ending::OutputLimit,
            5 => Ending::Cancelled,
            _ => return None,
        };
        rest.is_empty().then_some(Self {
            ending,
            dirty: dirty != 0,
            stdout_cut: stdout_cut != 0,
            stderr_cut: stderr_cut != 0,
            wall_us: u64::from_be_bytes(wall_us),
            cpu_us: u64::from_be_bytes(cpu_us),
            memory_kib: u64::from_be_bytes(memory_kib),
            oom_kills: u64::from_be_bytes(oom_kills),
            process_limit_hits: u64::from_be_bytes(process_limit_hits),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kind: u8, value: u8) -> Vec<u8> {
        let mut body = vec![kind, value, 0, 1, 0];
        body.extend([7_u64, 6, 5, 4, 3].iter().flat_map(|number| number.to_be_bytes()));
        body
    }

    #[test]
    fn an_end_is_read_field_by_field() {
        let end = End::decode(&end(1, 9)).unwrap();
        assert_eq!(end.ending, Ending::Signalled { signal: 9 });
        assert_eq!((end.wall_us, end.cpu_us, end.memory_kib), (7, 6, 5));
        assert_eq!((end.oom_kills, end.process_limit_hits), (4, 3));
        assert_eq!((end.dirty, end.stdout_cut, end.stderr_cut), (false, true, false));
    }

    #[test]
    fn an_end_of_another_length_or_kind_is_refused() {
        assert_eq!(End::decode(&end(0, 0)[..44]), None);
        assert_eq!(End::decode(&[end(0, 0), vec![0]].concat()), None);
        assert_eq!(End::decode(&end(6, 0)), None);
        assert_eq!(End::decode(&[]), None);
    }

    #[tokio::test]
    async fn a_reply_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let error = read_reply(&mut &b"O\xff\xff\xff\xff"[..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_reply_that_is_cut_off_is_an_end_of_the_stream() {
        let error = read_reply(&mut &b"O\0\0\0\x05abc"[..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_greeting_is_an_interpreter_and_what_it_compiled() {
        let greeting = Greeting::decode(b"3.11.2 (main) [GCC 12]\0\xe3\0code");
        assert_eq!(greeting.python_version(), "3.11.2");
        let runner = Runner::compiled(greeting);
        assert!(!runner.wants_code());
        assert_eq!(runner.arguments()[6..], ["6", "3.11.2 (main) [GCC 12]"]);
        assert_eq!(runner.bytes().strip_prefix(RUNNER.as_bytes()), Some(&b"\xe3\0code"[..]));
    }

    #[test]
    fn a_greeting_without_code_leaves_the_runner_as_text() {
        let runner = Runner::compiled(Greeting::decode(b"3.11.2"));
        assert!(runner.wants_code());
        assert_eq!(runner.bytes(), RUNNER.as_bytes());
    }

    #[test]
    fn an_argument_with_a_nul_cannot_be_run() {
        let case = CaseSpec {
            name: "nul".parse().unwrap(),
            arguments: vec!["a\0b".to_owned()],
            stdin: Vec::new().into(),
        };
        assert_eq!(run(&case), None);
    }
}
