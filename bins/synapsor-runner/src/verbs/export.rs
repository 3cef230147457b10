//! How does a record get into a file?
//!
//! # Invariants
//! - A file of an export is 0600 from its first byte, and complete or not there.
//! - Nothing that is there is replaced without `--force`, and never anything that a link leads to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::cli::{Format, NewFile};
use crate::failure::{Answer, Failure};
use crate::output;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Draft {
    target: PathBuf,
    /// Where it is written: beside its place, if it is to take one.
    written: PathBuf,
    file: BufWriter<File>,
    finished: bool,
}

impl Draft {
    /// Begins the file.
    pub(super) fn begin(words: &NewFile) -> Answer<Self> {
        let target = &words.output;
        let found = fs::symlink_metadata(target).ok();
        if found.as_ref().is_some_and(fs::Metadata::is_symlink) {
            return Err(Failure::new(format_args!("`{}` is a symbolic link, which is not followed", target.display())));
        }
        if found.is_some_and(|found| !found.is_file()) {
            return Err(Failure::new(format_args!("`{}` is no file", target.display())));
        }
        let written = if words.force { beside(target) } else { target.clone() };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&written).map_err(|cause| refused(target, &cause))?;
        Ok(Self { target: target.clone(), written, file: BufWriter::new(file), finished: false })
    }

    /// Completes it, and gives its length in bytes.
    pub(super) fn finish(mut self) -> Answer<u64> {
        let bytes = self.settle().map_err(|cause| broken(&self.target, &cause))?;
        self.finished = true;
        Ok(bytes)
    }

    fn settle(&mut self) -> io::Result<u64> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        if self.written != self.target {
            fs::rename(&self.written, &self.target)?;
        }
        Ok(self.file.get_ref().metadata()?.len())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // Half a record would look like one; if it cannot be removed, there is nothing else to do about it.
            let _left = fs::remove_file(&self.written);
        }
    }
}

/// Writes a record as JSON.
pub(super) fn json_file(words: &NewFile, record: &impl Serialize) -> Answer<u64> {
    let text =
        serde_json::to_string_pretty(record).map_err(|cause| Failure::new("the record cannot be written as JSON").because(&cause))?;
    text_file(words, &output::visible_json(&text))
}

/// Writes a text.
pub(super) fn text_file(words: &NewFile, text: &str) -> Answer<u64> {
    let mut draft = Draft::begin(words)?;
    writeln!(draft, "{text}").map_err(|cause| broken(&words.output, &cause))?;
    draft.finish()
}

/// Says what was written.
pub(super) fn done(words: &NewFile, id: &str, bytes: u64, format: Format) -> ExitCode {
    if format.json {
        output::json(&json!({"ok": true, "id": id, "output": words.output, "bytes": bytes}));
    } else {
        let target = output::visible(&words.output.display().to_string());
        output::line(format_args!("wrote {} to {target} ({bytes} bytes)", output::visible(id)));
    }
    ExitCode::SUCCESS
}

/// What went wrong while writing.
pub(super) fn broken(target: &Path, cause: &io::Error) -> Failure {
    Failure::new(format_args!("`{}` could not be written, and is not there", target.display())).because(cause)
}

fn refused(target: &Path, cause: &io::Error) -> Failure {
    match cause.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(format_args!("`{}` is there already", target.display())).hint("name another file, or say `--force` to replace it")
        }
        _ => Failure::new(format_args!("`{}` cannot be made", target.display())).because(cause),
    }
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    PathBuf::from(name)
}
