//! As whom does a server run, and where may that user read?
//!
//! Database servers refuse to run as root. Root therefore starts them as another user, for whom the temporary
//! folder must be traversable from `/` on.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::error::{TaskError, at};

/// Users that exist for such work, the best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// Whether we may install packages and change users.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The user that servers run as: another one if we are root, else ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerUser {
    Ourselves,
    Other { user: u32, group: u32 },
}

impl ServerUser {
    /// Looks the user up.
    pub(crate) fn find() -> Result<Self, TaskError> {
        if !is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = fs::read_to_string("/etc/passwd").map_err(at("read", "/etc/passwd"))?;
        choose(&accounts).ok_or(TaskError::NoServerUser)
    }

    /// Makes `command` run as this user. Supplementary groups are dropped with root.
    pub(crate) fn run(self, command: &mut Command) {
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
    }

    /// Gives this user a file or folder.
    pub(crate) fn own(self, path: &Path) -> Result<(), TaskError> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { user, group } => chown(path, Some(user), Some(group)).map_err(at("give away", path)),
        }
    }
}

/// A temporary folder that every user may traverse, though not list.
pub(crate) fn traversable_folder() -> Result<TempDir, TaskError> {
    traversable_folder_in(&traversable_parent())
}

/// The same in a folder that is known.
pub(crate) fn traversable_folder_in(parent: &Path) -> Result<TempDir, TaskError> {
    let folder = tempfile::Builder::new().prefix("synapsor-test-").tempdir_in(parent).map_err(at("make a folder in", parent))?;
    set_mode(folder.path(), 0o711)?;
    Ok(folder)
}

/// Sets the permission bits of a file or folder.
pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), TaskError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at("set the permissions of", path))
}

fn traversable_parent() -> PathBuf {
    let wanted = env::temp_dir();
    [wanted.clone(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")]
        .into_iter()
        .find(|folder| !is_root() || folder.ancestors().all(everybody_may_traverse))
        .unwrap_or(wanted)
}

fn everybody_may_traverse(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o001 != 0)
}

fn choose(accounts: &str) -> Option<ServerUser> {
    CANDIDATES.iter().find_map(|name| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(*name))?;
        let mut fields = line.split(':').skip(2);
        let user = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(ServerUser::Other { user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accounts: &str) -> String {
        format!("{:?}", choose(accounts))
    }

    #[test]
    fn the_users_of_servers_are_preferred_in_order() {
        let nobody = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/usr/sbin/nologin";
        insta::assert_snapshot!(check(nobody), @"Some(Other { user: 65534, group: 65533 })");
        let both = format!("{nobody}\npostgres:x:101:104:admin:/var/lib:/bin/bash");
        insta::assert_snapshot!(check(&both), @"Some(Other { user: 101, group: 104 })");
        insta::assert_snapshot!(check("postgresql:x:7:7::/:/bin/sh"), @"None");
    }
}
