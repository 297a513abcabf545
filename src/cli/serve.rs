//! `portcullis serve`: the platform.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder};

use super::bucket::BucketOptions;
use super::running::RewardOptions;
use super::{Exit, Terminal, policy};
use crate::server::{self, Identity, Settings, UploadLimits};
use crate::store::Quota;
use crate::task;

/// Of the log that may wait for its reader.
const LOG_LINES: usize = 16 * 1024;

const EXAMPLES: &str = "\
Examples:
  portcullis serve                                     on this machine, with the built-in tasks
  portcullis serve --listen 0.0.0.0:80 --data /srv/portcullis --tasks tasks/
  portcullis serve --validators validators --quorum 2  each validator with a token of its own
  portcullis serve --database postgres://db/portcullis --blobs s3://agents/season-1

It logs to stderr; `RUST_LOG=debug` says more. Ctrl-C or SIGTERM finishes what is in flight and
stops.";

/// Run the platform: uploads through the gate, work for validators, the ranking.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArguments {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "PORTCULLIS_LISTEN")]
    listen: SocketAddr,

    /// The folder where everything is kept.
    #[arg(long, value_name = "FOLDER", default_value = "portcullis-data", env = "PORTCULLIS_DATA")]
    data: PathBuf,

    /// The database, such as `postgres://host/portcullis` or `sqlite:/srv/platform.sqlite`. By default a file in the data folder.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_DATABASE", hide_env_values = true)]
    database: Option<String>,

    #[command(flatten)]
    bucket: BucketOptions,

    /// The folder with the tasks, instead of the built-in ones.
    #[arg(long, value_name = "FOLDER", env = "PORTCULLIS_TASKS")]
    tasks: Option<PathBuf>,

    /// An operator's policy for the gate, in TOML.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_POLICY")]
    policy: Option<PathBuf>,

    /// The file with the platform's token, which only its owner may read. By default it is made in
    /// the data folder. It is the operator's, and the validators' too unless they have their own.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// What the cases of generated tasks are made from, the same for the whole round. By default it
    /// comes from the secret `round.seed` in the data folder; another file there is another round.
    #[arg(long, value_name = "SEED", env = "PORTCULLIS_SEED", hide_env_values = true,
          value_parser = clap::value_parser!(u64).range(..=task::MOST_SEED))]
    seed: Option<u64>,

    /// Validators with a token each: lines that `portcullis keygen --validator` prints. The file is
    /// read again when it changes.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_VALIDATORS")]
    validators: Option<PathBuf>,

    /// Upstreams that may forward submissions: lines that `portcullis keygen --upstream` prints. The
    /// file is read again when it changes.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_UPSTREAMS")]
    upstreams: Option<PathBuf>,

    /// How many validators must agree on a score.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    quorum: u32,

    #[command(flatten)]
    rewards: RewardOptions,

    /// How miners are known: `open` believes the form, `signed` wants every upload signed with the
    /// key that `portcullis keygen` makes, `bridge` takes uploads from the upstreams only.
    #[arg(long, value_enum, default_value_t, value_name = "MODE", env = "PORTCULLIS_IDENTITY")]
    identity: IdentityMode,

    /// Uploads of one miner in a minute, and as many at once. 0 does not limit.
    #[arg(long, value_name = "N", default_value_t = 60)]
    miner_uploads: u32,

    /// Uploads of one address in a minute, and as many at once. 0 does not limit.
    #[arg(long, value_name = "N", default_value_t = 600)]
    address_uploads: u32,

    /// Submissions of one miner in any 24 hours. 0 does not limit.
    #[arg(long, value_name = "N", default_value_t = 0)]
    miner_daily: u32,

    /// Bytes of all sources of one miner together. 0 does not limit.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    miner_bytes: u64,

    /// Connections at a time. By default as many as there are descriptors for. When all are taken,
    /// the one that has kept the platform waiting the longest is ended.
    #[arg(long, value_name = "N")]
    connections: Option<usize>,

    /// How the log is written.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum IdentityMode {
    #[default]
    Open,
    Signed,
    Bridge,
}

impl ServeArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let tasks = match &self.tasks {
            Some(folder) => task::load_dir(folder)?,
            None => [task::builtin()?, task::builtin_bundles()?].concat(),
        };
        // Ends with this function, so that what was said last is written.
        let (lines, _written) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(LOG_LINES)
            .finish(std::io::stderr());
        let log_errors = Some(lines.error_counter());
        self.log(terminal, lines)?;
        let settings = Settings {
            bucket: self.bucket.bucket()?,
            connections: self.connections,
            log_errors,
            database: self.database,
            policy: policy::load(self.policy.as_deref(), None)?,
            token_file: self.token_file.clone(),
            seed: self.seed,
            quorum: self.quorum,
            pool: self.rewards.pool,
            unit: self.rewards.unit.clone(),
            rewards: self.rewards.rewards,
            identity: match self.identity {
                IdentityMode::Open => Identity::Open,
                IdentityMode::Signed => Identity::Signed,
                IdentityMode::Bridge => Identity::Bridge,
            },
            validators: self.validators.clone(),
            upstreams: self.upstreams.clone(),
            quota: Quota {
                per_day: Some(self.miner_daily).filter(|&limit| limit > 0),
                bytes: Some(self.miner_bytes).filter(|&limit| limit > 0),
            },
            limits: UploadLimits {
                per_miner: NonZeroU32::new(self.miner_uploads),
                per_address: NonZeroU32::new(self.address_uploads),
            },
            ..Settings::new(self.listen, self.data.clone(), tasks)
        };
        super::block_on_platform(async {
            let stop = stop_signal()?;
            let running = server::bind(settings).await?;
            terminal.say(format!("listening on {}", running.url()));
            terminal.say(format!("data lies in {}", self.data.display()));
            if self.token_file.is_none() {
                let token = self.data.join("validator.token");
                let who = if self.validators.is_some() { "the operator shows" } else { "validators show" };
                terminal.say(format!("{who} the token in {}", token.display()));
            }
            running.serve_until(stop).await?;
            terminal.say("stopped");
            Ok(Exit::Good)
        })
    }

    /// A reader of the log that is slow, or stopped, must not stop the platform: lines that it cannot
    /// keep up with are dropped and counted.
    fn log(&self, terminal: &Terminal, lines: NonBlocking) -> anyhow::Result<()> {
        let default = if terminal.is_quiet() { "error" } else { "info,sqlx=warn,hyper=warn" };
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .or_else(|_| tracing_subscriber::EnvFilter::try_new(default))
            .context("cannot set up the log")?;
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(lines)
            // It would tell of a closed stderr on stderr, by a panic that breaks the connection.
            .log_internal_errors(false);
        let done = match self.log_format {
            LogFormat::Text => log.with_ansi(terminal.colors_talk()).try_init(),
            LogFormat::Json => log.json().flatten_event(true).try_init(),
        };
        done.map_err(|error| anyhow::anyhow!("cannot set up the log: {error}"))
    }
}

/// Done when the process is told to stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let watch = |kind| signal(kind).context("cannot watch for signals");
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
