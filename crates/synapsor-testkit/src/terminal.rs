//! What does a program do that somebody watches?

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal: the side that a person has, and the line that a program has.
pub(crate) fn open() -> (File, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal is free");
    grantpt(&terminal).expect("the terminal is ours");
    unlockpt(&terminal).expect("the terminal is ours");
    let name = ptsname(&terminal, Vec::new()).expect("the terminal has a name");
    let path = Path::new(OsStr::from_bytes(name.as_bytes()));
    // The tests themselves must not get it as their terminal.
    let flags = i32::try_from(OFlags::NOCTTY.bits()).expect("flags are small");
    let line = File::options().read(true).write(true).custom_flags(flags).open(path);
    (terminal.into(), line.expect("the line of a terminal opens"))
}

/// All that the terminal shows until nobody holds its line any more.
pub(crate) fn shown(mut terminal: File) -> String {
    let (mut shown, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match terminal.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => shown.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // EIO: the line was hung up.
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&shown).into_owned()
}
