//! `portcullis image build`: makes what sandboxes boot and run, from Debian's packages.

use std::path::PathBuf;

use super::{Exit, Terminal};
use crate::sandbox::image::{Options, container, default_folder, machine};

/// Make the images that sandboxes use.
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArguments {
    #[command(subcommand)]
    command: ImageCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ImageCommand {
    Build(BuildArguments),
}

/// Make an image from Debian's packages.
///
/// The machine image is a kernel, its drivers and a read-only root file system with Python 3.11,
/// for `--sandbox microvm`. The container image is an archive for `docker load`. Both need root,
/// `debootstrap` and apt's package sources; the machine image needs `squashfs-tools` too. What is
/// there already is checked and kept. The same packages give the same digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis image build --microvm
  portcullis image build --container --output images
  portcullis image build --microvm --tree debian.tar --output images

stdout has one line for each image: its kind, its digest, where it is.")]
struct BuildArguments {
    /// Make the machine image. Also when neither kind is asked for.
    #[arg(long)]
    microvm: bool,

    /// Make the container image.
    #[arg(long)]
    container: bool,

    /// Where to put it. By default where `--sandbox microvm` looks for it.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// A tar archive of a Debian root with Python 3.11, instead of a new one.
    #[arg(long, value_name = "FILE")]
    tree: Option<PathBuf>,

    /// The name of the container image.
    #[arg(long, value_name = "NAME", default_value = "python:3.11-slim")]
    name: String,

    /// Make it again although it is there.
    #[arg(long)]
    force: bool,
}

impl ImageArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        match self.command {
            ImageCommand::Build(build) => build.run(terminal),
        }
    }
}

impl BuildArguments {
    fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let options = Options {
            output: self.output.unwrap_or_else(default_folder),
            tree: self.tree,
            force: self.force,
        };
        let say = |line: &str| terminal.say(line);
        let place = options.output.display().to_string();
        if self.container {
            let digest = container(&options, &self.name, &say)?;
            terminal.say(format!("load it with `docker load -i {place}/container.tar`"));
            terminal.data(format!("container {digest} {place}"))?;
        }
        if self.microvm || !self.container {
            let manifest = machine(&options, &say)?;
            terminal.data(format!("microvm {} {place}", manifest.digest))?;
        }
        Ok(Exit::Good)
    }
}
