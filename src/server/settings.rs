//! What a platform is made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing_appender::non_blocking::ErrorCounter;

use super::limits::UploadLimits;
use crate::config::Bucket;
use crate::judge;
use crate::lint::Policy;
use crate::model::RawAmount;
use crate::queue::{Clock, Rules, SystemClock};
use crate::store::Quota;
use crate::task::Task;

/// How the platform knows its miners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// The form says who it is. For a laptop, or behind something that knows better.
    #[default]
    Open,
    /// The request is signed with the miner's ed25519 or sr25519 key, whose public part is the
    /// miner's id.
    Signed,
    /// A trusted upstream has verified the miner and forwards the upload; nobody else may upload.
    Bridge,
}

/// [`Settings::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Everything that is kept lies in this folder; it is made if it is not there. One platform
    /// at a time may use it.
    pub data: PathBuf,
    /// `sqlite:PATH`; without it `platform.sqlite` in the data folder.
    pub database: Option<String>,
    /// Where sources and current agents lie instead of in the data folder.
    pub bucket: Option<Bucket>,
    pub tasks: Vec<Task>,
    pub policy: Arc<Policy>,
    /// The platform's token; without it `validator.token` in the data folder, made if need be. It
    /// is the operator's, and the validators' too unless they have their own.
    pub token_file: Option<PathBuf>,
    /// What generated cases are made from; without it of the secret in `round.seed` in the data
    /// folder, made if need be.
    pub seed: Option<u64>,
    /// The validators and the digests of their tokens, as [`Tokens`] reads them.
    pub validators: Option<PathBuf>,
    /// The upstreams that may forward submissions, likewise.
    pub upstreams: Option<PathBuf>,
    /// What is shared among the ranked.
    pub pool: RawAmount,
    /// How it is shared.
    pub rewards: judge::Scheme,
    pub unit: String,
    /// How many validators must agree on a score, from 1.
    pub quorum: u32,
    pub rules: Rules,
    /// Uploads that may wait for a processor before the platform says that it is busy.
    pub gate_queue: usize,
    /// Sources that may wait in the database for the disk before no more are taken. It is looked at when
    /// they are moved, so that some more may come.
    pub shelf: u64,
    /// Bundles that may wait for `/validate` or be checked there.
    pub validation_queue: usize,
    pub identity: Identity,
    pub limits: UploadLimits,
    /// What one miner may have.
    pub quota: Quota,
    /// Connections at a time; without it as many as there are descriptors for.
    pub connections: Option<usize>,
    /// Counts the lines that a log which cannot keep up has dropped, for the metrics.
    pub log_errors: Option<ErrorCounter>,
    /// How long a request may take as a whole.
    pub request_timeout: Duration,
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    pub fn new(listen: SocketAddr, data: PathBuf, tasks: Vec<Task>) -> Self {
        Self {
            listen,
            data,
            database: None,
            bucket: None,
            tasks,
            policy: Policy::standard(),
            token_file: None,
            seed: None,
            validators: None,
            upstreams: None,
            pool: RawAmount::from_millionths(50_000_000),
            rewards: judge::Scheme::default(),
            unit: "TAO".to_owned(),
            quorum: 1,
            rules: Rules::default(),
            gate_queue: 256,
            shelf: 32_768,
            validation_queue: 16,
            identity: Identity::Open,
            limits: UploadLimits::default(),
            quota: Quota::default(),
            connections: None,
            log_errors: None,
            request_timeout: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
        }
    }
}
