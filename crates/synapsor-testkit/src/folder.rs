//! Where does a test keep its files?

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder (mode 0700) for a config, a ledger and whatever else; removed when dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// An empty folder.
    ///
    /// # Panics
    /// If none can be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making a folder is no default value")]
    pub fn new() -> Self {
        let made = tempfile::Builder::new().prefix("synapsor-").tempdir();
        Self(made.expect("a temporary folder can be made"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A path in the folder.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Where a ledger may be made; nothing is there yet.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.join("ledger.db")
    }

    /// Where a config belongs; nothing is there yet.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.join("synapsor.runner.json")
    }

    /// Writes a file, with the folders above it, and gives its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("folders can be made in a temporary folder");
        fs::write(&path, content).expect("files can be written in a temporary folder");
        path
    }

    /// Reads a file as text.
    ///
    /// # Panics
    /// If it is not there or no UTF-8.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).expect("the file was written before")
    }
}
