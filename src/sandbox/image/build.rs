//! Makes images from Debian's packages, with Debian's tools: `debootstrap` for the tree, `apt-get`
//! for the kernel, `mksquashfs` and `tar` for the files.
//!
//! The same packages make the same bytes: names are sorted, times are those of the packages or
//! `SOURCE_DATE_EPOCH`, and what an installation leaves by chance (logs, caches, ids) is removed.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::archive::Archive;
use super::{FORMAT, INIT, INITRD, KERNEL, MANIFEST, Manifest, ROOT};
use crate::model::Digest;

/// The release whose Python is 3.11, which the gate speaks.
const SUITE: &str = "bookworm";
const PYTHON_PACKAGES: &str = "python3-minimal,libpython3-stdlib";
/// Depends on the newest kernel package for virtual machines.
const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";
/// The drivers of a machine in the order of their dependencies, below `kernel/` of the modules.
const MODULES: &[&str] = &[
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_mmio",
    "drivers/block/virtio_blk",
    "drivers/char/virtio_console",
    "fs/squashfs/squashfs",
];
const INITRD_INIT: &[u8] = include_bytes!("initrd.sh");
/// Of no use to a sandbox, or different after each installation.
const PRUNED: &[&str] = &[
    "boot",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache",
    "var/lib/apt",
    "var/log",
];
/// Process 1 mounts over these.
const MOUNT_POINTS: &[&str] = &["dev", "portcullis", "proc", "sys/fs/cgroup", "tmp"];
/// In the archive of the container image.
const LAYER: &str = "layer.tar";
const CONTAINER: &str = "container.tar";

/// What to make an image from, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub output: PathBuf,
    /// A tar archive of a Debian root with Python, instead of a new one by `debootstrap`.
    pub tree: Option<PathBuf>,
    /// Make it again although it is there.
    pub force: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("`{tool}` is missing: install Debian's package `{package}`")]
    MissingTool { tool: &'static str, package: &'static str },
    #[error("making a Debian tree needs root, because its files belong to several users")]
    NotRoot,
    #[error("`{command}` failed: {said}")]
    Tool { command: String, said: String },
    #[error("apt knows no package `{0}`; run `apt-get update`, on a Debian machine")]
    NoPackage(&'static str),
    #[error("`{0}` is not in the packages that were downloaded")]
    NotInPackage(String),
    #[error("cannot {doing} `{path}`")]
    File { doing: &'static str, path: PathBuf, source: io::Error },
}

type Progress<'a> = &'a dyn Fn(&str);

/// Makes the machine image in [`Options::output`], or finds that it is there. Takes about a minute,
/// most of it in `debootstrap`.
///
/// # Errors
/// A tool that is missing, with the package that has it; a tool that failed, with what it said.
pub fn machine(options: &Options, progress: Progress<'_>) -> Result<Manifest, BuildError> {
    let output = &options.output;
    if !options.force
        && let Some(manifest) = whole(output)
    {
        progress(&format!("the machine image in `{}` is there and whole", output.display()));
        return Ok(manifest);
    }
    for (tool, package) in [("apt-get", "apt"), ("dpkg-deb", "dpkg"), ("mksquashfs", "squashfs-tools")] {
        require(tool, package)?;
    }
    let work = work_folder(output)?;
    let tree = tree(options, work.path(), progress)?;
    progress("downloading a kernel and busybox");
    let packages = work.path().join("packages");
    create(&packages)?;
    let kernel = newest_kernel()?;
    for package in [kernel.as_str(), "busybox-static"] {
        unpack(package, &packages)?;
    }
    progress("packing the machine image");
    let release = kernel.trim_start_matches("linux-image-");
    let kernel_file = packages.join("boot").join(format!("vmlinuz-{release}"));
    let modules = packages.join("lib/modules").join(release).join("kernel");
    let initrd = initrd(&read(&packages.join("bin/busybox"))?, &modules)?;
    write(&tree.join("usr/sbin/portcullis-init"), INIT.as_bytes(), 0o755)?;
    for point in MOUNT_POINTS {
        create(&tree.join(point))?;
    }
    // No list of packages in a machine: nothing installs there.
    remove(&tree.join("var/lib/dpkg"))?;
    let root = work.path().join(ROOT);
    squash(&tree, &root)?;

    create(output)?;
    remove(&output.join(MANIFEST))?;
    let mut digests = Vec::new();
    for (name, content) in [(KERNEL, read(&kernel_file)?), (INITRD, initrd), (ROOT, read(&root)?)] {
        digests.push(Digest::of(&content).to_string());
        put(output, name, &content)?;
    }
    let manifest = Manifest { format: FORMAT, digest: of_all(&digests), kernel, python: python_of(&tree) };
    put(output, MANIFEST, format!("{:#}\n", json!(manifest)).as_bytes())?;
    Ok(manifest)
}

/// Makes `container.tar` in [`Options::output`]: an image named `name` for `docker load`. Its id is
/// the digest that is returned.
///
/// # Errors
/// As [`machine`].
pub fn container(options: &Options, name: &str, progress: Progress<'_>) -> Result<String, BuildError> {
    let output = &options.output;
    let beside = output.join(format!("{CONTAINER}.digest"));
    if !options.force
        && output.join(CONTAINER).is_file()
        && let Ok(digest) = fs::read_to_string(&beside)
    {
        progress(&format!("the container image in `{}` is there", output.display()));
        return Ok(digest.trim().to_owned());
    }
    require("tar", "tar")?;
    let work = work_folder(output)?;
    let tree = tree(options, work.path(), progress)?;
    progress("packing the container image");
    let bundle = work.path().join("bundle");
    create(&bundle)?;
    pack(&tree, &bundle.join(LAYER), &[".".to_owned()], epoch(&tree))?;
    let layer = Digest::of(&read(&bundle.join(LAYER))?);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["python3"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
        "history": [{ "created_by": "portcullis image build" }],
    })
    .to_string();
    let digest = Digest::of(config.as_bytes());
    let config_name = format!("{digest}.json");
    let list = json!([{ "Config": config_name, "RepoTags": [name], "Layers": [LAYER] }]);
    write(&bundle.join(&config_name), config.as_bytes(), 0o644)?;
    write(&bundle.join("manifest.json"), list.to_string().as_bytes(), 0o644)?;
    create(output)?;
    remove(&beside)?;
    let part = output.join(format!("{CONTAINER}.part"));
    pack(&bundle, &part, &["manifest.json".to_owned(), config_name, LAYER.to_owned()], epoch(&tree))?;
    rename(&part, &output.join(CONTAINER))?;
    put(output, &format!("{CONTAINER}.digest"), format!("sha256:{digest}\n").as_bytes())?;
    Ok(format!("sha256:{digest}"))
}

/// The manifest of an image whose files are what it says.
fn whole(folder: &Path) -> Option<Manifest> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join(MANIFEST)).ok()?).ok()?;
    let digests = [KERNEL, INITRD, ROOT]
        .map(|name| fs::read(folder.join(name)).ok().map(|content| Digest::of(&content).to_string()));
    let digests: Option<Vec<_>> = digests.into_iter().collect();
    let is_whole = manifest.format == FORMAT && manifest.digest == of_all(&digests?);
    is_whole.then_some(manifest)
}

/// The name of an image: the digest of its files' digests.
fn of_all(digests: &[String]) -> String {
    format!("sha256:{}", Digest::of(digests.join("\n").as_bytes()))
}

/// Beside the output, so that what is made there can be renamed into it and has room.
fn work_folder(output: &Path) -> Result<TempDir, BuildError> {
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create(parent)?;
    let made = tempfile::Builder::new().prefix(".portcullis-image-").tempdir_in(parent);
    made.map_err(|source| BuildError::File { doing: "make a folder in", path: parent.to_owned(), source })
}

/// A Debian with Python and without what no sandbox needs, below `work`.
fn tree(options: &Options, work: &Path, progress: Progress<'_>) -> Result<PathBuf, BuildError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(BuildError::NotRoot);
    }
    let tree = work.join("tree");
    create(&tree)?;
    if let Some(archive) = &options.tree {
        require("tar", "tar")?;
        progress(&format!("unpacking `{}`", archive.display()));
        run(Command::new("tar").arg("-C").arg(&tree).arg("-xf").arg(archive))?;
    } else {
        require("debootstrap", "debootstrap")?;
        let mirror = mirror();
        let from = mirror.as_deref().unwrap_or("the usual mirror");
        progress(&format!("making a Debian {SUITE} from {from} (about half a minute)"));
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", &format!("--include={PYTHON_PACKAGES}"), SUITE]).arg(&tree);
        run(debootstrap.args(mirror))?;
    }
    for path in PRUNED {
        remove(&tree.join(path))?;
    }
    Ok(tree)
}

/// The first package source that apt itself uses for Debian, in either of its two formats.
fn mirror() -> Option<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(fs::read_dir("/etc/apt/sources.list.d").ok()?.flatten().map(|entry| entry.path()));
    files.sort();
    files.iter().find_map(|file| mirror_in(&fs::read_to_string(file).ok()?))
}

fn mirror_in(text: &str) -> Option<String> {
    let is_debian = |uri: &&str| uri.contains("/debian") && !uri.contains("security");
    text.lines().find_map(|line| {
        let words: Vec<&str> = match line.strip_prefix("URIs:") {
            Some(rest) => rest.split_ascii_whitespace().collect(),
            None => line.strip_prefix("deb ")?.split_ascii_whitespace().collect(),
        };
        words.into_iter().filter(|word| word.contains("://")).find(is_debian).map(str::to_owned)
    })
}

/// The package that [`KERNEL_PACKAGE`] stands for now.
fn newest_kernel() -> Result<String, BuildError> {
    let said = run(Command::new("apt-cache").args(["depends", KERNEL_PACKAGE]))
        .map_err(|_| BuildError::NoPackage(KERNEL_PACKAGE))?;
    let depends = |line: &str| line.trim().strip_prefix("Depends: linux-image-").map(str::to_owned);
    match said.lines().find_map(depends) {
        Some(release) => Ok(format!("linux-image-{release}")),
        None => Err(BuildError::NoPackage(KERNEL_PACKAGE)),
    }
}

/// Downloads a package and unpacks its files below `folder`.
fn unpack(package: &str, folder: &Path) -> Result<(), BuildError> {
    // Root may not want its downloads to be fetched by apt's own user into a folder of root's.
    let own = ["-q", "-o", "APT::Sandbox::User=root", "download", package];
    run(Command::new("apt-get").args(own).current_dir(folder))?;
    let found = fs::read_dir(folder).ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let file = found.filter(|path| path.extension().is_some_and(|kind| kind == "deb")).find(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(package))
    });
    let file = file.ok_or_else(|| BuildError::NotInPackage(package.to_owned()))?;
    run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(folder))?;
    Ok(())
}

/// The kernel's first files: busybox, the drivers, a script.
fn initrd(busybox: &[u8], modules: &Path) -> Result<Vec<u8>, BuildError> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "lib", "root"] {
        archive.folder(folder);
    }
    archive.file("init", INITRD_INIT);
    archive.file("bin/busybox", busybox);
    for module in MODULES {
        let name = module.rsplit('/').next().unwrap_or(module);
        archive.file(&format!("lib/{name}.ko"), &driver(modules, module)?);
    }
    Ok(archive.finish())
}

/// A driver, which newer kernel packages compress.
fn driver(modules: &Path, module: &str) -> Result<Vec<u8>, BuildError> {
    let plain = modules.join(format!("{module}.ko"));
    if plain.is_file() {
        return read(&plain);
    }
    let packed = modules.join(format!("{module}.ko.xz"));
    if !packed.is_file() {
        return Err(BuildError::NotInPackage(format!("{module}.ko")));
    }
    require("xz", "xz-utils")?;
    run(Command::new("xz").arg("-dk").arg(&packed))?;
    read(&plain)
}

fn squash(tree: &Path, file: &Path) -> Result<(), BuildError> {
    let mut command = Command::new("mksquashfs");
    // Not compressed: an emulated machine has other things to do, and the host shares the pages.
    command
        .arg(tree)
        .arg(file)
        .args("-noappend -no-progress -noI -noD -noF -noX -no-fragments -no-xattrs".split(' '));
    command.env("SOURCE_DATE_EPOCH", epoch(tree).to_string());
    run(&mut command)?;
    Ok(())
}

fn pack(folder: &Path, file: &Path, names: &[String], epoch: i64) -> Result<(), BuildError> {
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--numeric-owner", "--clamp-mtime", &format!("--mtime=@{epoch}")]);
    command.args(["--format=posix", "--pax-option=delete=atime,delete=ctime"]);
    run(command.arg("-C").arg(folder).arg("-cf").arg(file).args(names))?;
    Ok(())
}

/// `SOURCE_DATE_EPOCH`, or the time of the interpreter's package: what is newer than its files was
/// made by the installation. Not 0, because compiled modules name the time of their sources.
fn epoch(tree: &Path) -> i64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        fs::metadata(tree.join("usr/bin/python3.11")).map_or(0, |interpreter| interpreter.mtime())
    })
}

/// Of Debian's package, from the list in the tree where it still has one.
fn python_of(tree: &Path) -> String {
    let found = fs::read_dir(tree.join("usr/bin")).into_iter().flatten().flatten();
    let names = found.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("python3.")).min().unwrap_or_default().replace("python", "")
}

fn require(tool: &'static str, package: &'static str) -> Result<(), BuildError> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Those for administrators are not in everybody's path.
    let places = std::env::split_paths(&folders).chain(["/usr/sbin".into(), "/sbin".into()]);
    match places.map(|folder| folder.join(tool)).any(|path| path.is_file()) {
        true => Ok(()),
        false => Err(BuildError::MissingTool { tool, package }),
    }
}

/// What it printed, or why it failed: the end of what it said.
fn run(command: &mut Command) -> Result<String, BuildError> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let failed = |said: String| BuildError::Tool { command: shown.clone(), said };
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C").output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(lines[lines.len().saturating_sub(4)..].join("; ")))
}

fn at<T>(doing: &'static str, path: &Path, done: io::Result<T>) -> Result<T, BuildError> {
    done.map_err(|source| BuildError::File { doing, path: path.to_owned(), source })
}

fn create(folder: &Path) -> Result<(), BuildError> {
    at("make the folder", folder, fs::create_dir_all(folder))
}

fn read(file: &Path) -> Result<Vec<u8>, BuildError> {
    let mut content = Vec::new();
    at("read", file, fs::File::open(file).and_then(|mut file| file.read_to_end(&mut content)))?;
    Ok(content)
}

fn write(file: &Path, content: &[u8], mode: u32) -> Result<(), BuildError> {
    at("write", file, fs::write(file, content))?;
    at("write", file, fs::set_permissions(file, fs::Permissions::from_mode(mode)))
}

fn rename(from: &Path, to: &Path) -> Result<(), BuildError> {
    at("write", to, fs::rename(from, to))
}

/// Under another name first: half a file must not be taken for one.
fn put(folder: &Path, name: &str, content: &[u8]) -> Result<(), BuildError> {
    let part = folder.join(format!("{name}.part"));
    write(&part, content, 0o644)?;
    rename(&part, &folder.join(name))
}

fn remove(path: &Path) -> Result<(), BuildError> {
    let done = match fs::symlink_metadata(path) {
        Ok(it) if it.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    at("remove", path, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_source_is_read_in_both_formats() {
        let new = "Types: deb\nURIs: http://deb.example.org/debian-security http://deb.example.org/debian\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://deb.example.org/debian"));
        let old = "# a comment\ndeb [signed-by=/x] http://deb.example.org/debian bookworm main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("http://deb.example.org/debian"));
        assert_eq!(mirror_in("deb https://packages.example.org/apt stable main\n"), None);
    }

    #[test]
    fn a_changed_file_makes_an_image_that_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut digests = Vec::new();
        for name in [KERNEL, INITRD, ROOT] {
            put(folder.path(), name, name.as_bytes()).unwrap();
            digests.push(Digest::of(name.as_bytes()).to_string());
        }
        let manifest = Manifest {
            format: FORMAT,
            digest: of_all(&digests),
            kernel: String::new(),
            python: String::new(),
        };
        put(folder.path(), MANIFEST, json!(manifest).to_string().as_bytes()).unwrap();
        assert_eq!(whole(folder.path()), Some(manifest));
        put(folder.path(), INITRD, b"another").unwrap();
        assert_eq!(whole(folder.path()), None);
    }

    #[test]
    fn a_tool_that_fails_is_named_with_the_end_of_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo one >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh` failed: one");
    }

    #[test]
    fn a_tool_that_is_missing_is_named_with_its_package() {
        let error = require("no-such-tool", "some-package").unwrap_err();
        assert_eq!(error.to_string(), "`no-such-tool` is missing: install Debian's package `some-package`");
    }
}
