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

/// One file, by its place in `templates/`, and its name where it goes.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        TemplateFile { name: $name, text: include_str!(concat!("../templates/", $folder, "/", $name)) }
    };
}

const PYTHON: TemplateFile = file!("python-fastapi", "synapsor_writeback_handler.py");
const NODE: TemplateFile = file!("node-fastify", "synapsor-writeback-handler.mjs");
const TABLES: TemplateFile = file!("rust-axum", "schema.sql");
const FIXTURE: TemplateFile = file!("rust-axum", "conformance.json");

/// Every template.
pub(crate) const ALL: &[Template] = &[
    Template {
        name: "rust-axum",
        aliases: &["rust", "axum"],
        about: "the crate synapsor-handler on axum, PostgreSQL",
        files: &[
            file!("rust-axum", "src/synapsor_writeback_handler.rs"),
            file!("rust-axum", "src/main.rs"),
            file!("rust-axum", "Cargo.toml"),
            TABLES,
            FIXTURE,
        ],
        next: concat!(
            "make the tables:  psql \"$DATABASE_URL\" -f schema.sql\n",
            "start it:         DATABASE_URL=... HANDLER_TOKEN=... HANDLER_SIGNING_SECRET=... cargo run\n",
            "prove it:         synapsor-runner handler conformance --url http://127.0.0.1:8090/synapsor/writeback --fixture conformance.json",
        ),
    },
    Template {
        name: "python-fastapi",
        aliases: &["python", "fastapi"],
        about: "one file of Python that keeps the whole contract, on FastAPI and PostgreSQL",
        files: &[PYTHON, file!("python-fastapi", "app.py"), file!("python-fastapi", "requirements.txt"), TABLES, FIXTURE],
        next: concat!(
            "install:          pip install -r requirements.txt\n",
            "make the tables:  psql \"$DATABASE_URL\" -f schema.sql\n",
            "start it:         DATABASE_URL=... HANDLER_TOKEN=... HANDLER_SIGNING_SECRET=... uvicorn app:app --port 8090\n",
            "prove it:         synapsor-runner handler conformance --url http://127.0.0.1:8090/synapsor/writeback --fixture conformance.json",
        ),
    },
    Template {
        name: "node-fastify",
        aliases: &["node", "fastify"],
        about: "one file of JavaScript that keeps the whole contract, on Fastify and PostgreSQL",
        files: &[
            NODE,
            file!("node-fastify", "app.mjs"),
            file!("node-fastify", "package.json"),
            file!("node-fastify", "package-lock.json"),
            TABLES,
            FIXTURE,
        ],
        next: concat!(
            "install:          npm ci\n",
            "make the tables:  psql \"$DATABASE_URL\" -f schema.sql\n",
            "start it:         DATABASE_URL=... HANDLER_TOKEN=... HANDLER_SIGNING_SECRET=... node app.mjs\n",
            "prove it:         synapsor-runner handler conformance --url http://127.0.0.1:8090/synapsor/writeback --fixture conformance.json",
        ),
    },
    Template {
        name: "command-python",
        aliases: &[],
        about: "the same Python as a command, for an executor of type `command_handler`",
        files: &[PYTHON, file!("command-python", "synapsor_command_handler.py"), file!("command-python", "requirements.txt"), TABLES],
        next: concat!(
            "install:          pip install -r requirements.txt\n",
            "make the tables:  psql \"$DATABASE_URL\" -f schema.sql\n",
            "use it:           the command of an executor is `python .../synapsor_command_handler.py`",
        ),
    },
    Template {
        name: "command-node",
        aliases: &["command", "script", "local-command"],
        about: "the same JavaScript as a command, for an executor of type `command_handler`",
        files: &[
            NODE,
            file!("command-node", "synapsor-command-handler.mjs"),
            file!("command-node", "package.json"),
            file!("command-node", "package-lock.json"),
            TABLES,
        ],
        next: concat!(
            "install:          npm ci\n",
            "make the tables:  psql \"$DATABASE_URL\" -f schema.sql\n",
            "use it:           the command of an executor is `node .../synapsor-command-handler.mjs`",
        ),
    },
];

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
