//! The options of `--sandbox microvm`.

use std::path::PathBuf;

use crate::sandbox::{FirecrackerFiles, MicroVmSettings};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct MachineOptions {
    /// Folder of the machine image. By default where `portcullis image build` puts it.
    #[arg(long, value_name = "DIR", help_heading = "Machines", env = "PORTCULLIS_MICROVM_IMAGE")]
    microvm_image: Option<PathBuf>,

    /// Run machines by this Firecracker instead of QEMU.
    #[arg(long, value_name = "FILE", help_heading = "Machines", env = "PORTCULLIS_FIRECRACKER",
          requires_all = ["firecracker_kernel", "firecracker_root"])]
    firecracker: Option<PathBuf>,

    /// The `vmlinux` that Firecracker boots.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Machines",
        env = "PORTCULLIS_FIRECRACKER_KERNEL",
        requires = "firecracker"
    )]
    firecracker_kernel: Option<PathBuf>,

    /// The root file system that it boots, with `/sbin/portcullis-init` in it.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Machines",
        env = "PORTCULLIS_FIRECRACKER_ROOT",
        requires = "firecracker"
    )]
    firecracker_root: Option<PathBuf>,
}

impl MachineOptions {
    pub(super) fn settings(&self) -> MicroVmSettings {
        let firecracker = match (&self.firecracker, &self.firecracker_kernel, &self.firecracker_root) {
            (Some(binary), Some(kernel), Some(root)) => Some(FirecrackerFiles {
                binary: Some(binary.clone()),
                kernel: kernel.clone(),
                root: root.clone(),
            }),
            // The parser lets them come only together.
            _ => None,
        };
        MicroVmSettings { image: self.microvm_image.clone(), firecracker }
    }
}
