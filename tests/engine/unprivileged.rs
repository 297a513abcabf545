//! The namespaces backend for an ordinary user: no control groups, one user for everything. The
//! whole battery again, in a copy of this program that is `nobody`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::support::{UNPRIVILEGED, helper, is_unprivileged};

const NOBODY: &str = "65534";

pub(crate) fn trials() -> Vec<Trial> {
    let is_root = nix::unistd::geteuid().is_root();
    if is_unprivileged() || !is_root {
        return Vec::new();
    }
    vec![Trial::test("namespaces::the_battery_holds_for_an_ordinary_user", run)]
}

fn run() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let place = |name: &str| folder.path().join(name);
    fs::copy(std::env::current_exe()?, place("engine"))?;
    fs::copy(helper(), place("portcullis"))?;
    for data in ["fixtures", "tasks"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(data), &place(data))?;
    }
    let output = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(place("engine"))
        // What the program makes of whole tasks is not the backend's, and it is started elsewhere.
        .args(["namespaces::", "--skip", "tasks::"])
        .env(UNPRIVILEGED, place("portcullis"))
        .env("PORTCULLIS_TEST_PROJECT", folder.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/")
        .current_dir("/")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(said.concat().into())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
