//! Which handlers can be begun with, and how do their files get into a folder?
//!
//! The templates are real files in `templates/`, which the suite lints, runs and proves.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Answer, Failure};

/// A handler to begin with.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    /// Other names for it.
    aliases: &'static [&'static str],
    pub(crate) about: &'static str,
    /// The helper first.
    files: &'static [TemplateFile],
    /// What to do with the files.
    pub(crate) next: &'static str,
}

/// One file of a template.
pub(crate) struct TemplateFile {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Every template.
pub(crate) const ALL: &[Template] = &[];

/// The template of this name.
pub(crate) fn find(name: &str) -> Option<&'static Template> {
    ALL.iter().find(|template| template.name == name || template.aliases.contains(&name))
}

impl Template {
    /// The file that holds the contract; the others are examples of its use.
    pub(crate) fn helper(&self) -> &'static TemplateFile {
        &self.files[0]
    }
}

/// Writes all files, or none if one of them is there already; what was written.
pub(crate) fn write(template: &Template, folder: &Path, force: bool) -> Answer<Vec<PathBuf>> {
    let failed = |path: &Path, cause: &io::Error| Failure::new(format_args!("`{}` cannot be written", path.display())).because(cause);
    let paths: Vec<PathBuf> = template.files.iter().map(|file| folder.join(file.name)).collect();
    if let Some(path) = paths.iter().find(|path| !force && path.symlink_metadata().is_ok()) {
        let failure = Failure::new(format_args!("`{}` is there already, and nothing was written", path.display()));
        return Err(failure.hint("name another folder with `--output`, or say `--force` to replace it"));
    }
    for (path, file) in paths.iter().zip(template.files) {
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|cause| failed(parent, &cause))?;
        put(path, file.text, force).map_err(|cause| failed(path, &cause))?;
    }
    Ok(paths)
}

/// A link is replaced and not followed.
fn put(path: &Path, text: &str, force: bool) -> io::Result<()> {
    if force {
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
