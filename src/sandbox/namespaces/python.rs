//! The host's interpreter, and what of the host's files it needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::sandbox::SandboxError;

/// The gate reads sources as CPython 3.11 does, so an older interpreter could disagree with it.
const OLDEST: (u32, u32) = (3, 11);
const PATIENCE: Duration = Duration::from_secs(20);

/// Names the interpreter (a name in the PATH is often a launcher script) and all that it maps once
/// it has loaded what the runner needs.
const QUESTION: &str = "\
import ctypes, os, resource, select, signal, struct, sys
print('%d.%d.%d' % sys.version_info[:3])
print(os.path.realpath(sys.executable))
print(sys.base_prefix)
print(sys.base_exec_prefix)
for line in open('/proc/self/maps'):
    parts = line.split(None, 5)
    if len(parts) == 6 and parts[5].startswith('/') and not parts[5].rstrip().endswith(' (deleted)'):
        print(parts[5].rstrip())";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    pub(super) version: String,
    pub(super) executable: PathBuf,
    /// Files and folders, none inside another.
    pub(super) needs: BTreeSet<PathBuf>,
}

/// The interpreter named by the settings, else the first that is new enough, 3.11 before others.
pub(super) async fn find(chosen: Option<&Path>) -> Result<Python, SandboxError> {
    let candidates: Vec<PathBuf> = match chosen {
        Some(path) => vec![path.to_owned()],
        None => ["python3.11", "python3", "/usr/bin/python3"].map(PathBuf::from).into(),
    };
    let mut reasons = Vec::new();
    for candidate in &candidates {
        match ask(candidate).await {
            Ok(python) => return Ok(python),
            Err(reason) => reasons.push(format!("`{}` {reason}", candidate.display())),
        }
    }
    Err(SandboxError::Unavailable(format!(
        "the namespaces sandbox needs CPython {}.{} or newer on this machine: install `python3` ({})",
        OLDEST.0,
        OLDEST.1,
        reasons.join(", ")
    )))
}

async fn ask(candidate: &Path) -> Result<Python, String> {
    let mut command = Command::new(candidate);
    command.args(["-I", "-S", "-B", "-c", QUESTION]).stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(PATIENCE, command.output()).await {
        Err(_) => return Err("does not answer".to_owned()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("is not there".to_owned());
        }
        Ok(Err(error)) => return Err(format!("cannot be started: {error}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("fails: {}", said.trim().lines().last().unwrap_or("it says nothing")));
    }
    understand(&String::from_utf8_lossy(&output.stdout))
}

fn understand(answer: &str) -> Result<Python, String> {
    let mut lines = answer.lines();
    let mut next = || lines.next().map(str::to_owned).ok_or("gives no answer");
    let (version, executable) = (next()?, PathBuf::from(next()?));
    let prefixes: Vec<PathBuf> = vec![next()?.into(), next()?.into()];
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    if (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) < OLDEST {
        return Err(format!("is version {version}"));
    }
    let mut needs = BTreeSet::from([executable.clone()]);
    for prefix in prefixes {
        needs.extend(["lib", "lib64"].map(|folder| prefix.join(folder)).into_iter().filter(|p| p.is_dir()));
    }
    // A library outside the usual folders: of a store, or of a build in somebody's home.
    needs.extend(lines.map(Path::new).filter_map(|file| Some(file.parent()?.to_owned())).filter(|folder| {
        !USUAL.iter().any(|usual| folder.starts_with(usual)) && Some(&**folder) != executable.parent()
    }));
    if executable.starts_with("/nix/store") {
        needs.insert("/nix/store".into());
    }
    needs.extend(USUAL.iter().chain(&["/etc/ld.so.cache"]).map(PathBuf::from).filter(|path| path.exists()));
    Ok(Python { version, executable, needs: outermost(&needs) })
}

/// Where a system keeps its libraries. Nothing else of the host is visible in the sandbox.
const USUAL: [&str; 7] = ["/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/lib32", "/usr/libx32"];

/// Without paths that lie inside another: mount points cannot be made inside a read-only mount.
fn outermost(paths: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let inside = |path: &&PathBuf| !paths.iter().any(|other| other != *path && path.starts_with(other));
    paths.iter().filter(inside).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_that_is_too_old_is_refused_with_its_version() {
        let answer = "3.9.18\n/usr/bin/python3.9\n/usr\n/usr\n";
        assert_eq!(understand(answer), Err("is version 3.9.18".to_owned()));
    }

    #[test]
    fn a_library_in_a_home_is_needed_and_a_usual_one_is_not_named_again() {
        let answer = "3.11.7\n/opt/py/bin/python3.11\n/opt/py\n/opt/py\n/opt/ssl/lib/libssl.so.3\n\
                      /usr/lib/x86_64-linux-gnu/libc.so.6\n/opt/py/bin/python3.11\n";
        let python = understand(answer).unwrap();
        assert!(python.needs.contains(Path::new("/opt/ssl/lib")));
        assert!(python.needs.contains(Path::new("/opt/py/bin/python3.11")));
        assert!(!python.needs.contains(Path::new("/opt/py/bin")));
        assert!(!python.needs.contains(Path::new("/usr/lib/x86_64-linux-gnu")));
    }

    #[test]
    fn an_empty_answer_is_no_interpreter() {
        assert!(understand("").is_err());
    }
}
