//! What if the machine has no PostgreSQL server?
//!
//! Root on Debian and Ubuntu installs the package, and says so. Everybody else gets one line that says
//! what to install. The package would start a cluster of its own on port 5432; it is kept from that for
//! the length of the installation.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::{TaskError, at};
use crate::output;
use crate::postgres::Programs;
use crate::process::{Interrupt, run_logged, tail};
use crate::suite;
use crate::unprivileged::is_root;

/// A slow mirror is slow.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Whether a missing package may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    Allowed,
    Forbidden,
}

/// The programs of the server; installed first if they are missing and that is allowed and possible.
pub(crate) fn postgres(install: Install, interrupt: &Interrupt) -> Result<Programs, TaskError> {
    if let Some(found) = Programs::find() {
        return Ok(found);
    }
    if install == Install::Forbidden {
        return Err(TaskError::ServerMissing { reason: "`--no-install` forbids installing it" });
    }
    if !is_root() {
        return Err(TaskError::ServerMissing { reason: "only root may install it" });
    }
    if !Path::new("/etc/debian_version").is_file() {
        return Err(TaskError::ServerMissing { reason: "this is neither Debian nor Ubuntu" });
    }
    install_package(interrupt)?;
    Programs::find().ok_or(TaskError::ServerMissing { reason: "the package did not bring it" })
}

fn install_package(interrupt: &Interrupt) -> Result<(), TaskError> {
    output::line("installing the package `postgresql` (apt-get; `--no-install` forbids it)");
    apt(&["update"], interrupt)?;
    apt(&["install", "--yes", "--no-install-recommends", "postgresql-common"], interrupt)?;
    let _no_cluster = NoMainCluster::set(Path::new("/etc/postgresql-common/createcluster.conf"))?;
    apt(&["install", "--yes", "--no-install-recommends", "postgresql"], interrupt)
}

fn apt(arguments: &[&str], interrupt: &Interrupt) -> Result<(), TaskError> {
    let log = suite::log_file("apt-get")?;
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    if run_logged(&mut command, &log, LIMIT, interrupt)? {
        return Ok(());
    }
    let program = format!("apt-get {}", arguments.join(" "));
    Err(TaskError::Failed { program, output: tail(&log, 40) })
}

/// While it lives, a newly installed PostgreSQL makes no cluster. Then the file is as it was.
struct NoMainCluster<'a> {
    file: &'a Path,
    before: Option<String>,
}

impl<'a> NoMainCluster<'a> {
    fn set(file: &'a Path) -> Result<Self, TaskError> {
        let before = match fs::read_to_string(file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(at("read", file)(error)),
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(at("make", folder))?;
        }
        let text = without_main_cluster(before.as_deref().unwrap_or_default());
        fs::write(file, text).map_err(at("write", file))?;
        Ok(Self { file, before })
    }
}

impl Drop for NoMainCluster<'_> {
    fn drop(&mut self) {
        // A failure leaves a machine that makes no cluster by itself: harmless, and nobody to tell.
        let _ = match &self.before {
            Some(text) => fs::write(self.file, text),
            None => fs::remove_file(self.file),
        };
    }
}

fn without_main_cluster(text: &str) -> String {
    let others = text.lines().filter(|line| !line.trim_start().starts_with("create_main_cluster"));
    let mut lines: Vec<&str> = others.collect();
    lines.push("create_main_cluster = false");
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_replaced_and_the_rest_kept() {
        let before = "# comment\ncreate_main_cluster = true\nssl = on\n";
        insta::assert_snapshot!(without_main_cluster(before), @r"
        # comment
        ssl = on
        create_main_cluster = false
        ");
    }

    #[test]
    fn the_file_is_as_it_was_after_the_installation() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/createcluster.conf");
        drop(NoMainCluster::set(&file).unwrap());
        assert!(!file.exists());
        fs::write(&file, "ssl = on\n").unwrap();
        let guard = NoMainCluster::set(&file).unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("create_main_cluster = false"));
        drop(guard);
        assert_eq!(fs::read_to_string(&file).unwrap(), "ssl = on\n");
    }
}
