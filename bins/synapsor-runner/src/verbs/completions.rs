//! `completions SHELL`, `man [--output FOLDER]`: the words of the program, for shells and for `man`.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::{Cli, Completions, Manual};
use crate::failure::{Answer, Failure};
use crate::output;

const PROGRAM: &str = "synapsor-runner";

/// Prints the script.
pub(super) fn completions(words: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(words.shell, &mut Cli::command(), PROGRAM, &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Prints the first page, or writes a page for each verb.
pub(super) fn manual(words: &Manual) -> Answer<ExitCode> {
    let Some(folder) = &words.output else {
        let mut page = Vec::new();
        let rendered = Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|cause| Failure::new("the page cannot be written").because(&cause))?;
        output::line(String::from_utf8_lossy(&page).trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let count = pages(folder).map_err(|cause| Failure::new(format_args!("{} cannot be written to", folder.display())).because(&cause))?;
    output::line(format_args!("wrote {} to {}", output::counted(count, "page"), folder.display()));
    Ok(ExitCode::SUCCESS)
}

fn pages(folder: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    Ok(std::fs::read_dir(folder)?.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|end| end == "1")).count())
}
