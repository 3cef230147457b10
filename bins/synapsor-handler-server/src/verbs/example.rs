//! `example`: something that runs, to start from.
//!
//! A folder with the file of the handler, a database with a few rows, secrets that nobody else has, and what the handler is proved
//! with. Nothing that is there already is touched.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::Connection;

use crate::cli::{Example, ExampleName};
use crate::failure::{Answer, Failure};
use crate::output;

const CONFIG: &str = "handler.json";
const RUNNER: &str = "synapsor.runner.json";
const DATABASE: &str = "shop.db";
const FIXTURE: &str = "conformance.json";
const SECRETS: &str = "handler.env";
/// Where the handler of the example listens.
const URL: &str = "http://127.0.0.1:8090/synapsor/writeback";

pub(super) fn run(words: &Example) -> Answer<ExitCode> {
    match words.name {
        ExampleName::AccountCredit => account_credit(&words.dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn account_credit(folder: &Path) -> Answer<()> {
    make(folder)?;
    // The secrets first: without them the rest is of no use, and they are the only thing that can fail for lack of randomness.
    let (token, secret) = (URL_SAFE_NO_PAD.encode(random()?), STANDARD.encode(random()?));
    let variables =
        format!("HANDLER_TOKEN={token}\nHANDLER_SIGNING_SECRET=whsec_{secret}\nHANDLER_URL={URL}\nHANDLER_DATABASE={DATABASE}\n");
    write(&folder.join(SECRETS), &variables)?;
    write(&folder.join(CONFIG), include_str!("../../examples/account-credit/sqlite/handler.json"))?;
    write(&folder.join(RUNNER), include_str!("../../examples/account-credit/sqlite/synapsor.runner.json"))?;
    write(&folder.join(FIXTURE), include_str!("../../examples/account-credit/sqlite/conformance.json"))?;
    // Made by us, so that only its owner reads it.
    write(&folder.join(DATABASE), "")?;
    let filled = Connection::open(folder.join(DATABASE));
    let filled = filled.and_then(|database| database.execute_batch(include_str!("../../examples/account-credit/sqlite/schema.sql")));
    filled.map_err(|cause| Failure::new("the example's database could not be made").because(&cause))?;
    tell(folder);
    Ok(())
}

fn tell(folder: &Path) {
    let place = quoted(&folder.display().to_string());
    output::line(format_args!("In {}: {CONFIG}, {DATABASE} with a few invoices, and secrets in {SECRETS}.", folder.display()));
    output::line("Next:");
    output::line(format_args!("   cd {place} && set -a && . ./{SECRETS} && set +a"));
    output::line("   synapsor-handler serve --check");
    output::line("   synapsor-handler serve");
    output::line(format_args!("{RUNNER} is for the other side. In another shell, with the same first line:"));
    output::line(
        r#"   synapsor-runner propose billing.propose_account_credit --json '{"invoice_id": "INV-1", "cents": 500, "reason": "late"}'"#,
    );
    output::line("   synapsor-runner proposals approve latest");
    output::line("   synapsor-runner apply latest");
    output::line("To prove the handler, which changes the first invoice many times and puts it back:");
    output::line(format_args!("   synapsor-runner handler conformance --url \"$HANDLER_URL\" --fixture {FIXTURE}"));
}

fn make(folder: &Path) -> Answer<()> {
    let occupied = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let failure = Failure::new(format_args!("the folder {} is not empty and was left alone", folder.display()));
        return Err(failure.hint("name another one: `--dir FOLDER`"));
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| Failure::new(format_args!("the folder {} could not be made", folder.display())).because(&cause))
}

/// A new file that only its owner reads.
fn write(path: &Path, content: &str) -> Answer<()> {
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|cause| Failure::new(format_args!("{} could not be written", path.display())).because(&cause))
}

fn random() -> Answer<[u8; 32]> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::new("the system gives no random bytes"))?;
    Ok(bytes)
}

/// The word as a shell takes it in one piece.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
