//! At which durable system call does a fault strike, and did it?
//!
//! A tracing run of the same verb lists the places: the n-th `pwrite64` to the ledger's log, the n-th `sendto` of a thread.
//! `strace` counts `when=N` per thread, so a place names a file wherever it can: then only calls on this file are counted, and one
//! thread makes nearly all of them.
//!
//! # Invariants
//! - A signal is delivered when the call begins: the process dies before the call happens. The place after it is the next place.
//! - Whether a fault struck is read from the trace, never assumed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// The calls that make something durable, or tell somebody.
const CALLS: [&str; 13] = [
    "pwrite64",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "renameat2",
    "unlink",
    "openat",
    "recvfrom",
];

/// Those that a full or broken disk refuses.
const REFUSED: [&str; 6] = ["pwrite64", "fsync", "fdatasync", "ftruncate", "write", "openat"];

/// Where a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) call: String,
    /// The file in the trial's folder; none for sockets and pipes.
    pub(crate) file: Option<String>,
    pub(crate) nth: u32,
    /// The thread that made the call in the tracing run.
    pub(crate) thread: String,
}

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strike {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
    /// The call fails once.
    Error(&'static str),
    /// The call fails from then on.
    ErrorsFrom(&'static str),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.as_deref().unwrap_or("a socket or pipe");
        write!(f, "{} number {} on {file} ({})", self.call, self.nth, self.thread)
    }
}

impl Place {
    /// Whether a disk can refuse it.
    pub(crate) fn can_be_refused(&self) -> bool {
        self.file.is_some() && REFUSED.contains(&self.call.as_str())
    }

    /// The tracer that lets this strike here; its trace goes to `trace`.
    pub(crate) fn tracer(&self, strike: Strike, folder: &Path, trace: &Path) -> Vec<OsString> {
        let nth = self.nth;
        let injected = match strike {
            Strike::Kill => format!("signal=SIGKILL:when={nth}"),
            Strike::Stop => format!("signal=SIGSTOP:when={nth}"),
            Strike::Error(error) => format!("error={error}:when={nth}"),
            Strike::ErrorsFrom(error) => format!("error={error}:when={nth}+"),
        };
        let mut words = tracing(trace);
        words.extend(["-e".into(), format!("trace={}", self.call).into(), "-e".into(), format!("inject={}:{injected}", self.call).into()]);
        if let Some(file) = &self.file {
            words.extend(["-P".into(), folder.join(file).into()]);
        }
        words
    }
}

/// The tracer that lists what a run does.
pub(crate) fn listing(trace: &Path) -> Vec<OsString> {
    let mut words = tracing(trace);
    words.extend(["-e".into(), format!("trace={}", CALLS.join(",")).into()]);
    words
}

/// Without `--seccomp-bpf`, which would be faster: beside `-P` it lets no call be seen, and none be struck.
fn tracing(trace: &Path) -> Vec<OsString> {
    ["strace", "-f", "-Y", "-y", "-q", "-s", "0", "-o"].into_iter().map(OsString::from).chain([trace.into()]).collect()
}

/// The places that a trace names, each once. Files outside the folder and calls that only open a file to read are none.
pub(crate) fn places(trace: &str, folder: &Path) -> Vec<Place> {
    let mut counts: BTreeMap<(String, String, Option<String>), u32> = BTreeMap::new();
    let mut places = Vec::new();
    for line in trace.lines() {
        let Some((thread, call, rest)) = parts(line) else { continue };
        // A call without a file is counted over all descriptors of its thread, as the tracer will count.
        let whole = counts.entry((thread.to_owned(), call.to_owned(), None)).or_default();
        *whole += 1;
        let whole = *whole;
        let first = rest.split(')').next().unwrap_or_default();
        match file_of(first, folder) {
            Some(file) => {
                let nth = counts.entry((thread.to_owned(), call.to_owned(), Some(file.clone()))).or_default();
                *nth += 1;
                if call != "openat" || first.contains("O_CREAT") {
                    places.push(Place { call: call.to_owned(), file: Some(file), nth: *nth, thread: thread.to_owned() });
                }
            }
            None if first.contains("<socket:") || first.starts_with("1<") => {
                places.push(Place { call: call.to_owned(), file: None, nth: whole, thread: thread.to_owned() });
            }
            None => {}
        }
    }
    places.sort();
    places.dedup();
    places
}

/// Thread, call and what follows of `2242<ledger-writer> pwrite64(11</path>, ""..., 24, 41232) = 24`.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = line.split_once("> ")?;
    let (_, thread) = head.split_once('<')?;
    let (call, rest) = rest.trim_start().split_once('(')?;
    CALLS.contains(&call).then_some((thread, call, rest))
}

/// The name of the first file of the folder that the arguments name.
fn file_of(arguments: &str, folder: &Path) -> Option<String> {
    let folder = format!("{}/", folder.display());
    let at = arguments.find(&folder)? + folder.len();
    let name: String = arguments[at..].chars().take_while(|c| !matches!(c, '>' | '"' | '/')).collect();
    Some(name).filter(|name| !name.is_empty())
}

/// Whether the trace shows that it struck.
pub(crate) fn struck(trace: &str, strike: Strike) -> bool {
    match strike {
        Strike::Kill => trace.contains("+++ killed by SIGKILL"),
        Strike::Stop => trace.contains("--- stopped by SIGSTOP"),
        Strike::Error(_) | Strike::ErrorsFrom(_) => trace.contains("(INJECTED)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_thread_and_file() {
        let trace = "\
1<main> openat(AT_FDCWD</t>, \"/t/d/ledger.db\", O_RDWR|O_CREAT, 0600) = 3</t/d/ledger.db>
1<main> openat(AT_FDCWD</t>, \"/t/d/config.json\", O_RDONLY|O_CLOEXEC) = 4</t/d/config.json>
2<ledger-writer> pwrite64(11</t/d/ledger.db-wal>, \"\"..., 24, 0) = 24
2<ledger-writer> pwrite64(11</t/d/ledger.db-wal>, \"\"..., 24, 24) = 24
3<synapsor-sqlite> pwrite64(12</t/d/business.db>, \"\"..., 24, 24) = 24
1<main> write(4<anon_inode:[eventfd]>, \"\"..., 8) = 8
1<main> sendto(9<socket:[17]>, \"\"..., 80, MSG_NOSIGNAL, NULL, 0) = 80
1<main> write(1<pipe:[18]>, \"\"..., 80) = 80
1<main> +++ exited with 0 +++
";
        let told: Vec<String> = places(trace, Path::new("/t/d")).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        openat number 1 on ledger.db (main)
        pwrite64 number 1 on business.db (synapsor-sqlite)
        pwrite64 number 1 on ledger.db-wal (ledger-writer)
        pwrite64 number 2 on ledger.db-wal (ledger-writer)
        sendto number 1 on a socket or pipe (main)
        write number 2 on a socket or pipe (main)
        ");
    }
}
