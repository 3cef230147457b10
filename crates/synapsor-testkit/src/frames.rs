//! What does the proxy have to understand of a protocol, whatever it is?
//!
//! Where a message ends, which SQL it makes the server run, and when the server has answered.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{mysql_frames, postgres_frames};

/// No message of a test comes near it; a stream that says otherwise is out of step.
const LARGEST: usize = 64 * 1024 * 1024;

/// A protocol that the proxy understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Postgres,
    Mysql,
}

/// One message, all bytes as they came.
pub(crate) struct Message(pub(crate) Vec<u8>);

/// What a message of a client does.
pub(crate) struct Effect {
    /// The SQL that it makes the server run.
    pub(crate) sql: Option<String>,
    /// Whether the server answers it.
    pub(crate) answered: bool,
}

/// What one connection has said so far.
pub(crate) trait Conversation: Send {
    /// Follows a message of the client, before it is forwarded.
    fn follow_client(&mut self, message: &Message) -> Effect;

    /// Follows a message of the server; true if it shows that a request was carried out. That is once per answer.
    fn follow_server(&mut self, message: &mut Message) -> bool;
}

impl Protocol {
    /// A connection that has said nothing.
    pub(crate) fn conversation(self) -> Box<dyn Conversation> {
        match self {
            Self::Postgres => Box::<postgres_frames::Postgres>::default(),
            Self::Mysql => Box::<mysql_frames::Mysql>::default(),
        }
    }

    /// How many answers a connection begins with that no message asks for.
    pub(crate) fn unasked(self) -> u64 {
        match self {
            // `ReadyForQuery` ends the login.
            Self::Postgres => 1,
            Self::Mysql => 0,
        }
    }

    /// Reads one message; `None` at the end of the stream.
    pub(crate) async fn message(self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
        match self {
            Self::Postgres => postgres_frames::message(from).await,
            Self::Mysql => mysql_frames::message(from).await,
        }
    }
}

/// Whether one of the statements in `sql` begins with the words of `wanted`, in any case.
pub(crate) fn begins_with(sql: &str, wanted: &str) -> bool {
    sql.split(';').map(str::trim_start).any(|statement| {
        let Some(head) = statement.as_bytes().get(..wanted.len()) else { return false };
        let next = statement.as_bytes().get(wanted.len());
        let ends = next.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        ends && head.eq_ignore_ascii_case(wanted.as_bytes())
    })
}

/// Fills `head`; false if the stream ends before its first byte.
pub(crate) async fn filled(from: &mut (impl AsyncRead + Unpin), head: &mut [u8]) -> io::Result<bool> {
    let first = from.read(head).await?;
    if first == 0 {
        return Ok(false);
    }
    from.read_exact(&mut head[first..]).await?;
    Ok(true)
}

/// The number that the bytes say, the greatest first.
pub(crate) fn length<'a>(bytes: impl Iterator<Item = &'a u8>, least: usize) -> io::Result<usize> {
    let length = bytes.fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    if (least..=LARGEST).contains(&length) {
        Ok(length)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the stream is out of step"))
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_first_words() {
        assert!(begins_with("commit", "COMMIT"));
        assert!(begins_with("RELEASE SAVEPOINT a; COMMIT;", "COMMIT"));
        assert!(begins_with("  UPDATE \"public\".\"t\" SET a = 1", "update"));
        assert!(!begins_with("COMMIT PREPARED", "COMMITS"));
        assert!(!begins_with("committed", "COMMIT"));
        assert!(!begins_with("INSERT INTO a VALUES ('COMMIT')", "COMMIT"));
    }
}
