//! What if the machine lacks a database server?
//!
//! Root on Debian and Ubuntu installs the package, and says so. Everybody else gets one line that says
//! what to install. No installed package may leave a server running: that of PostgreSQL would start a cluster of its own
//! on port 5432, and is kept from that for the length of the installation; of MariaDB only the packages with the
//! programs are installed, which bring no service.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::{TaskError, at};
use crate::output;
use crate::process::{Interrupt, output_of, run_logged, tail};
use crate::suite;
use crate::unprivileged::is_root;
use crate::{mariadb, postgres, workspace};

/// A slow mirror is slow.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Whether a missing package may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    Allowed,
    Forbidden,
}

/// The programs of PostgreSQL; installed first if they are missing and that is allowed and possible.
pub(crate) fn postgres(install: Install, interrupt: &Interrupt) -> Result<postgres::Programs, TaskError> {
    let wanted = Wanted { server: "PostgreSQL server", packages: &["postgresql"] };
    wanted.found(
        postgres::Programs::find,
        install,
        || {
            // Before the server's package: it says where the setting is read.
            apt_install(&["postgresql-common"], interrupt)?;
            let _no_cluster = NoMainCluster::set(Path::new("/etc/postgresql-common/createcluster.conf"))?;
            apt_install(wanted.packages, interrupt)
        },
        interrupt,
    )
}

/// The programs of MariaDB; installed first if they are missing and that is allowed and possible.
pub(crate) fn mariadb(install: Install, interrupt: &Interrupt) -> Result<mariadb::Programs, TaskError> {
    // Not `mariadb-server`: that one is the service, which would take port 3306 now or at the next boot.
    let wanted = Wanted { server: "MariaDB server", packages: &["mariadb-server-core", "mariadb-client-core"] };
    wanted.found(mariadb::Programs::find, install, || apt_install(wanted.packages, interrupt), interrupt)
}

/// The programs that strike others: `strace`, and the library that misleads about the time.
pub(crate) fn chaos_tools(install: Install, interrupt: &Interrupt) -> Result<(), TaskError> {
    let wanted = Wanted { server: "tracer or false clock", packages: &["strace", "faketime"] };
    wanted.found(find_chaos_tools, install, || apt_install(wanted.packages, interrupt), interrupt)
}

/// What the templates of handlers are written in: Python with virtual environments, Node with npm.
pub(crate) fn languages(install: Install, interrupt: &Interrupt) -> Result<(), TaskError> {
    let wanted = Wanted { server: "Python with `venv`, or Node with npm,", packages: &["python3-venv", "nodejs", "npm"] };
    wanted.found(find_languages, install, || apt_install(wanted.packages, interrupt), interrupt)
}

fn find_languages() -> Option<()> {
    let runs = |program: &str, arguments: &[&str]| output_of(Command::new(program).args(arguments)).is_ok();
    let python = "import ensurepip, sys, venv; assert sys.version_info >= (3, 11)";
    let node = "if (Number(process.versions.node.split('.')[0]) < 18) process.exit(1)";
    (runs("python3", &["-c", python]) && runs("node", &["-e", node]) && runs("npm", &["--version"])).then_some(())
}

fn find_chaos_tools() -> Option<()> {
    let there = |name: &str| workspace::path_folders().into_iter().any(|folder| folder.join(name).is_file());
    (there("strace") && there("faketime")).then_some(())
}

/// A server that the tests want, and the packages of Debian and Ubuntu that have it.
#[derive(Clone, Copy)]
struct Wanted {
    server: &'static str,
    packages: &'static [&'static str],
}

impl Wanted {
    fn found<P>(
        self,
        find: impl Fn() -> Option<P>,
        install: Install,
        install_packages: impl Fn() -> Result<(), TaskError>,
        interrupt: &Interrupt,
    ) -> Result<P, TaskError> {
        if let Some(found) = find() {
            return Ok(found);
        }
        self.installable(install)?;
        output::line(&format!("installing {} (apt-get; `--no-install` forbids it)", self.packages.join(" ")));
        apt(&["update"], interrupt)?;
        install_packages()?;
        find().ok_or_else(|| self.missing("the package did not bring it"))
    }

    /// Why nothing may be installed from here, if so.
    fn installable(self, install: Install) -> Result<(), TaskError> {
        if install == Install::Forbidden {
            return Err(self.missing("`--no-install` forbids installing it"));
        }
        if !is_root() {
            return Err(self.missing("only root may install it"));
        }
        if !Path::new("/etc/debian_version").is_file() {
            return Err(self.missing("this is neither Debian nor Ubuntu"));
        }
        Ok(())
    }

    fn missing(self, reason: &'static str) -> TaskError {
        TaskError::ServerMissing { server: self.server, packages: self.packages, reason }
    }
}

fn apt_install(packages: &[&str], interrupt: &Interrupt) -> Result<(), TaskError> {
    // MySQL's packages and MariaDB's exclude each other, and a machine that has a server keeps it.
    let mut arguments = vec!["install", "--yes", "--no-install-recommends", "--no-remove"];
    arguments.extend(packages);
    apt(&arguments, interrupt)
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
    fn who_may_not_install_is_told_what_to_install() {
        let wanted = Wanted { server: "MariaDB server", packages: &["mariadb-server-core", "mariadb-client-core"] };
        insta::assert_snapshot!(wanted.installable(Install::Forbidden).unwrap_err(), @"no MariaDB server found, and `--no-install` forbids installing it: install it (Debian, Ubuntu: `apt-get install mariadb-server-core mariadb-client-core`), or leave the tests of all servers out with `cargo xtask test --no-services`");
    }

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
