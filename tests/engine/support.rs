//! What the tests share: a runtime, the backends, the limits, one way to run a program.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Failed, Trial};
use portcullis::model::{Egress, Limits, RunFacts};
use portcullis::sandbox::{
    Backend, Capabilities, CaseSpec, Choice, Chosen, MicroVmSettings, RunId, SandboxError, Session,
    SessionSpec, Settings, choose,
};
use tokio::runtime::Runtime;

/// Set for the copy of this program that runs as an ordinary user.
pub(crate) const UNPRIVILEGED: &str = "PORTCULLIS_TEST_UNPRIVILEGED";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackendUnderTest {
    Docker,
    Namespaces,
    /// Not among [`all`](Self::all): it has a choice of tests of its own.
    MicroVm,
}

impl BackendUnderTest {
    pub(crate) fn all() -> Vec<Self> {
        if is_unprivileged() { vec![Self::Namespaces] } else { vec![Self::Docker, Self::Namespaces] }
    }
}

impl fmt::Display for BackendUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Namespaces => "namespaces",
            Self::MicroVm => "microvm",
        })
    }
}

pub(crate) fn is_unprivileged() -> bool {
    std::env::var_os(UNPRIVILEGED).is_some()
}

/// The program with the helper in it: beside this one where a copy was made for another user.
pub(crate) fn helper() -> PathBuf {
    match std::env::var_os(UNPRIVILEGED) {
        Some(helper) => helper.into(),
        None => env!("CARGO_BIN_EXE_portcullis").into(),
    }
}

pub(crate) fn settings() -> Settings {
    let image = std::env::var_os("PORTCULLIS_MICROVM_IMAGE").map(PathBuf::from);
    let microvm = MicroVmSettings { image, firecracker: None };
    Settings { helper: Some(helper()), microvm, ..Settings::default() }
}

pub(crate) fn project(path: impl AsRef<Path>) -> PathBuf {
    match std::env::var_os("PORTCULLIS_TEST_PROJECT") {
        Some(project) => PathBuf::from(project).join(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(path),
    }
}

/// Small enough that reaching each of them takes seconds.
pub(crate) fn limits() -> Limits {
    Limits {
        wall_ms: 5_000,
        cpu_ms: 3_000,
        memory_kib: 128 * 1024,
        processes: 24,
        output_bytes: 1024 * 1024,
        scratch_kib: 8 * 1024,
        scratch_files: 256,
        open_files: 64,
    }
}

/// An emulated machine needs half a second for what takes a thirtieth elsewhere.
pub(crate) fn limits_for(backend: BackendUnderTest) -> Limits {
    match backend {
        BackendUnderTest::MicroVm => Limits { wall_ms: 25_000, cpu_ms: 10_000, ..limits() },
        BackendUnderTest::Docker | BackendUnderTest::Namespaces => limits(),
    }
}

/// A runtime and each backend, made when it is first wanted.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    docker: OnceLock<Result<Chosen, String>>,
    namespaces: OnceLock<Result<Chosen, String>>,
    microvm: OnceLock<Result<Chosen, String>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            runtime: Runtime::new().expect("a runtime can be made"),
            docker: OnceLock::new(),
            namespaces: OnceLock::new(),
            microvm: OnceLock::new(),
        }
    }

    pub(crate) fn chosen(&self, backend: BackendUnderTest) -> Result<&Chosen, Failed> {
        let (cell, choice) = match backend {
            BackendUnderTest::Docker => (&self.docker, Choice::Docker),
            BackendUnderTest::Namespaces => (&self.namespaces, Choice::Namespaces),
            BackendUnderTest::MicroVm => (&self.microvm, Choice::MicroVm),
        };
        let made = cell.get_or_init(|| {
            self.runtime.block_on(choose(choice, &settings(), &|_| ())).map_err(|error| error.to_string())
        });
        made.as_ref().map_err(|error| Failed::from(error.clone()))
    }

    /// Ends what still runs in the background and forgets the backends.
    pub(crate) fn backends(&self) -> impl Iterator<Item = &Chosen> {
        [&self.docker, &self.namespaces, &self.microvm]
            .into_iter()
            .filter_map(|cell| cell.get()?.as_ref().ok())
    }
}

/// A test of one backend.
pub(crate) fn trial<F>(
    world: &Arc<World>,
    backend: BackendUnderTest,
    name: impl fmt::Display,
    test: F,
) -> Trial
where
    F: AsyncFnOnce(Under) -> Result<(), Failed> + Send + 'static,
{
    let world = Arc::clone(world);
    Trial::test(format!("{backend}::{name}"), move || {
        let chosen = world.chosen(backend)?;
        let under = Under {
            backend: Arc::clone(&chosen.backend),
            capabilities: chosen.capabilities.clone(),
            limits: limits_for(backend),
        };
        world.runtime.block_on(test(under))
    })
}

/// The backend under test with the limits to use.
#[derive(Debug, Clone)]
pub(crate) struct Under {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) capabilities: Capabilities,
    pub(crate) limits: Limits,
}

impl Under {
    pub(crate) async fn open(&self, source: &str) -> Result<Box<dyn Session>, SandboxError> {
        let spec = SessionSpec {
            run: RunId::generate(),
            source: Arc::from(source),
            limits: self.limits.clone(),
            egress: Egress::default(),
            label: "test".to_owned(),
        };
        self.backend.open(&spec).await
    }

    /// One case in a session of its own.
    pub(crate) async fn once(&self, source: &str) -> Result<RunFacts, Failed> {
        let mut session = self.open(source).await?;
        let facts = session.run(&case(&[], b"")).await;
        close(session).await?;
        Ok(facts?)
    }
}

/// A session that leaves something behind fails the test.
pub(crate) async fn close(session: Box<dyn Session>) -> Result<(), Failed> {
    let report = session.close().await?;
    if report.left.is_empty() { Ok(()) } else { Err(format!("left behind: {:?}", report.left).into()) }
}

pub(crate) fn case(arguments: &[&str], stdin: &[u8]) -> CaseSpec {
    CaseSpec {
        name: "case".parse().expect("`case` is a name"),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        stdin: stdin.into(),
    }
}

#[track_caller]
pub(crate) fn expect<T: PartialEq + fmt::Debug>(what: &str, actual: &T, expected: &T) -> Result<(), Failed> {
    if actual == expected { Ok(()) } else { Err(format!("{what}: {actual:?}, expected {expected:?}").into()) }
}
