//! Where does the demo live, and what is in it?
//!
//! A folder of its own with a marker file. A folder without the marker is never touched, and from one that has it only the files that the
//! demo itself makes are removed. Nothing is removed or written through a symbolic link.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::failure::{Answer, Failure};

const MARKER: &str = ".synapsor-demo";
const DATABASE: &str = "shop.db";
const CONFIG: &str = "synapsor.runner.json";
const STORE: &str = ".synapsor";
const LEDGER: &str = ".synapsor/local.db";

/// The demo's folder, freshly made.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder, or makes it anew if it carries the marker.
    pub(super) fn make(path: &Path) -> Answer<Self> {
        let occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !path.join(MARKER).is_file() {
            return Err(left_alone(format_args!("the folder {} holds other files and was left alone", path.display())));
        }
        fs::create_dir_all(path).map_err(|cause| failed(path, "made", &cause))?;
        let path = path.canonicalize().map_err(|cause| failed(path, "found", &cause))?;
        let folder = Self { path };
        folder.refuse_links()?;
        folder.clear()?;
        folder.write(MARKER, "The demo of synapsor-runner made this folder and makes it anew.\n")?;
        folder.write(CONFIG, include_str!("synapsor.runner.json"))?;
        folder.business("make the business database", include_str!("seed.sql"))?;
        Ok(folder)
    }

    /// The folder's full path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration's full path.
    pub(super) fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// What somebody else does to the business database, past Synapsor.
    pub(super) fn business(&self, what: &str, sql: &str) -> Answer<()> {
        let done = Connection::open(self.path.join(DATABASE)).and_then(|database| database.execute_batch(sql));
        done.map_err(|cause| Failure::new(format_args!("the demo could not {what}")).because(&cause))
    }

    /// A link may lead to files that are not the demo's.
    fn refuse_links(&self) -> Answer<()> {
        for name in [MARKER, STORE, LEDGER, DATABASE, CONFIG] {
            let file = self.path.join(name);
            if fs::symlink_metadata(&file).is_ok_and(|found| found.is_symlink()) {
                return Err(left_alone(format_args!("{} is a symbolic link, so its folder was left alone", file.display())));
            }
        }
        Ok(())
    }

    fn clear(&self) -> Answer<()> {
        let ours = [DATABASE, CONFIG, LEDGER].map(|name| self.path.join(name));
        let beside = |file: &PathBuf| ["", "-wal", "-shm", "-journal"].map(|end| PathBuf::from(format!("{}{end}", file.display())));
        for file in ours.iter().flat_map(beside) {
            match fs::remove_file(&file) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(&file, "removed", &cause)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, content: &str) -> Answer<()> {
        let file = self.path.join(name);
        fs::write(&file, content).map_err(|cause| failed(&file, "written", &cause))
    }
}

fn left_alone(why: impl Display) -> Failure {
    Failure::new(why).hint("name another one: `synapsor-runner demo --folder FOLDER`")
}

fn failed(path: &Path, what: &str, cause: &std::io::Error) -> Failure {
    Failure::new(format_args!("{} could not be {what}", path.display())).because(cause)
}
