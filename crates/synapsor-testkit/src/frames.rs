//! Where does one PostgreSQL message end, and which SQL does it make the server run?
//!
//! Protocol 3: a start-up packet has a length and no tag; every later message is a tag, a length that
//! counts itself, and a body. SQL runs by a simple query (`Q`) or by parse (`P`), bind (`B`) and
//! execute (`E`), which may lie far apart when a statement is prepared once.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// No message of a test comes near it; a stream that says otherwise is out of step.
const LARGEST: usize = 64 * 1024 * 1024;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// What a client says first.
pub(crate) enum Opening {
    /// It asks for encryption and waits for one byte.
    Encryption,
    /// It cancels a query of another connection; no answer.
    Cancel(Vec<u8>),
    /// It starts a session.
    Session(Vec<u8>),
}

/// One message with its tag and length.
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// The kind of the message.
    pub(crate) fn tag(&self) -> u8 {
        self.0[0]
    }

    /// All bytes, as they came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the server ends its answer to this message with `ReadyForQuery`.
    pub(crate) fn asks_for_ready(&self) -> bool {
        matches!(self.tag(), b'Q' | b'S' | b'F')
    }

    /// Whether it is the `ReadyForQuery` that ends an answer.
    pub(crate) fn is_ready(&self) -> bool {
        self.tag() == b'Z'
    }

    fn body(&self) -> &[u8] {
        &self.0[5..]
    }
}

/// Reads what a client says first; `None` if it says nothing.
pub(crate) async fn opening(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Opening>> {
    let mut head = [0; 8];
    if !filled(from, &mut head).await? {
        return Ok(None);
    }
    let length = length(&head[..4], 8)?;
    let code = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let mut packet = head.to_vec();
    packet.resize(length, 0);
    from.read_exact(&mut packet[8..]).await?;
    Ok(Some(match code {
        SSL_REQUEST | GSS_REQUEST => Opening::Encryption,
        CANCEL_REQUEST => Opening::Cancel(packet),
        _ => Opening::Session(packet),
    }))
}

/// Reads one message; `None` at the end of the stream.
pub(crate) async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let mut head = [0; 5];
    if !filled(from, &mut head).await? {
        return Ok(None);
    }
    let length = length(&head[1..], 4)?;
    let mut bytes = head.to_vec();
    bytes.resize(1 + length, 0);
    from.read_exact(&mut bytes[5..]).await?;
    Ok(Some(Message(bytes)))
}

/// What one connection has prepared and bound so far.
#[derive(Default)]
pub(crate) struct Statements {
    prepared: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
}

impl Statements {
    /// The SQL that `message` makes the server run, if it makes it run any.
    pub(crate) fn run_by(&mut self, message: &Message) -> Option<String> {
        let mut words = message.body().split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default().to_vec();
        match message.tag() {
            b'Q' => Some(text(&word())),
            b'P' => {
                let (name, sql) = (word(), text(&word()));
                self.prepared.insert(name, sql);
                None
            }
            b'B' => {
                let (portal, name) = (word(), word());
                let sql = self.prepared.get(&name).cloned().unwrap_or_default();
                self.portals.insert(portal, sql);
                None
            }
            b'E' => self.portals.get(&word()).cloned(),
            _ => None,
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
async fn filled(from: &mut (impl AsyncRead + Unpin), head: &mut [u8]) -> io::Result<bool> {
    let first = from.read(head).await?;
    if first == 0 {
        return Ok(false);
    }
    from.read_exact(&mut head[first..]).await?;
    Ok(true)
}

fn length(bytes: &[u8], least: usize) -> io::Result<usize> {
    let length = bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    if (least..=LARGEST).contains(&length) {
        Ok(length)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the stream is out of step"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(tag: u8, body: &[u8]) -> Message {
        let length = u32::try_from(body.len() + 4).unwrap();
        Message([&[tag], length.to_be_bytes().as_slice(), body].concat())
    }

    #[test]
    fn a_statement_runs_when_it_is_executed_not_when_it_is_prepared() {
        let mut statements = Statements::default();
        let mut check = |tag, body: &[u8]| statements.run_by(&message_of(tag, body));
        assert_eq!(check(b'P', b"s1\0COMMIT\0\0\0"), None);
        assert_eq!(check(b'B', b"\0s1\0\0\0\0\0\0\0"), None);
        assert_eq!(check(b'E', b"\0\0\0\0\0").as_deref(), Some("COMMIT"));
        assert_eq!(check(b'Q', b"select 1\0").as_deref(), Some("select 1"));
    }

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
