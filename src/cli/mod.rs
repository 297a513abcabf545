//! The command line: one command per file. The only room that prints.
//!
//! To add a command: a file with a `clap::Args` struct and its `run`, a variant here, an arm below.

mod agent_file;
mod backup;
mod bans;
mod bucket;
mod completions;
mod demo;
mod doctor;
mod holds;
mod image;
mod keygen;
mod lint;
mod lsp;
mod machines;
mod operator;
mod policy;
mod recheck;
mod rejudge;
mod rules;
mod running;
mod score;
mod serve;
mod status;
mod task;
mod terminal;
mod upload;
mod validate;

use std::future::Future;
use std::num::NonZero;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

pub(crate) use terminal::{ColorChoice, Terminal};

/// What a command came to. Our own failure is an `Err` and exits with 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0
    Good,
    /// 1: findings, a wrong answer, a missing guarantee.
    SubjectFailed,
}

/// The gate, the platform and the validator for competitions of untrusted Python agents.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    propagate_version = true,
    after_help = "Exit status: 0 good, 1 the subject failed (findings, a wrong answer), \
                  2 we failed or were misused.\n\
                  stdout carries data, stderr carries talk."
)]
struct Arguments {
    /// When to colour what people read. `NO_COLOR` in the environment means never.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorChoice,

    /// Say nothing on stderr but errors.
    #[arg(long, short, global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bans(bans::BansArguments),
    Backup(backup::BackupArguments),
    Completions(completions::CompletionsArguments),
    Demo(demo::DemoArguments),
    Doctor(doctor::DoctorArguments),
    Holds(holds::HoldsArguments),
    Image(image::ImageArguments),
    Keygen(keygen::KeygenArguments),
    Lint(lint::LintArguments),
    Lsp(lsp::LspArguments),
    Recheck(recheck::RecheckArguments),
    Rejudge(rejudge::RejudgeArguments),
    Restore(backup::RestoreArguments),
    Rules(rules::RulesArguments),
    Score(score::ScoreArguments),
    Serve(serve::ServeArguments),
    Status(status::StatusArguments),
    Task(task::TaskArguments),
    Upload(upload::UploadArguments),
    Validate(validate::ValidateArguments),
}

/// Parses the command line, runs the command, prints its error if it has one.
pub fn main() -> ExitCode {
    // Before anything that could start a thread: the helper forks.
    if crate::sandbox::helper_requested() {
        return crate::sandbox::helper_main();
    }
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.color, arguments.quiet);
    let done = match arguments.command {
        Command::Bans(command) => command.run(&terminal),
        Command::Backup(command) => command.run(&terminal),
        Command::Completions(command) => command.run(&terminal),
        Command::Demo(command) => command.run(&terminal),
        Command::Doctor(command) => command.run(&terminal),
        Command::Holds(command) => command.run(&terminal),
        Command::Image(command) => command.run(&terminal),
        Command::Keygen(command) => command.run(&terminal),
        Command::Lint(command) => command.run(&terminal),
        Command::Lsp(command) => command.run(&terminal),
        Command::Recheck(command) => command.run(&terminal),
        Command::Rejudge(command) => command.run(&terminal),
        Command::Restore(command) => command.run(&terminal),
        Command::Rules(command) => command.run(&terminal),
        Command::Score(command) => command.run(&terminal),
        Command::Serve(command) => command.run(&terminal),
        Command::Status(command) => command.run(&terminal),
        Command::Task(command) => command.run(&terminal),
        Command::Upload(command) => command.run(&terminal),
        Command::Validate(command) => command.run(&terminal),
    };
    match done {
        Ok(Exit::Good) => ExitCode::SUCCESS,
        Ok(Exit::SubjectFailed) => ExitCode::from(1),
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(2)
        }
    }
}

/// Runs an asynchronous command. The runtime exists only for commands that need one.
pub(crate) fn block_on(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    block_on_in(&mut tokio::runtime::Builder::new_multi_thread(), command)
}

/// As [`block_on`], for a platform, whose gate has a thread for each processor already: half as many that
/// wait for clients and the disk wake each other less often, and are seldom busy.
pub(crate) fn block_on_platform(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // The runtime's own setting comes first.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads(processors.div_ceil(2));
    }
    block_on_in(&mut builder, command)
}

fn block_on_in(
    builder: &mut tokio::runtime::Builder,
    command: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    let runtime = builder.enable_all().build().context("cannot start the asynchronous runtime")?;
    let done = runtime.block_on(command);
    // A blocking call that hangs (a dead disk, a wedged resolver) must not keep the command alive.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}
