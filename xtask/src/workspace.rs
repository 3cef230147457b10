//! Where is the workspace, and how is its cargo called?

#![expect(clippy::disallowed_methods, reason = "a binary may read its environment")]

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo sets for the program that it runs. Build scripts watch some of it, so a cargo that
/// inherits it builds again what is already built.
const SET_BY_CARGO: [&str; 5] = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];

/// The root folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
    let own = PathBuf::from(own);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// The folder that cargo builds into: the one that this program was built into.
pub(crate) fn target() -> PathBuf {
    let built = env::current_exe().ok();
    let above_profile = built.as_deref().and_then(Path::parent).and_then(Path::parent);
    above_profile.map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The cargo that runs us, in the root folder, without what it told us about ourselves.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    forget_ourselves(&mut command);
    command
}

/// Takes out of a command's environment what cargo told us about ourselves.
pub(crate) fn forget_ourselves(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if SET_BY_CARGO.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// The folders of `PATH`.
pub(crate) fn path_folders() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}
