//! Where does one PostgreSQL message end, and which SQL does it make the server run?
//!
//! Protocol 3: a start-up packet has a length and no tag; every later message is a tag, a length that
//! counts itself, and a body. SQL runs by a simple query (`Q`) or by parse (`P`), bind (`B`) and
//! execute (`E`), which may lie far apart when a statement is prepared once.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::frames::{Conversation, Effect, Message, filled, length, text};

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

/// Reads what a client says first; `None` if it says nothing.
pub(crate) async fn opening(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Opening>> {
    let mut head = [0; 8];
    if !filled(from, &mut head).await? {
        return Ok(None);
    }
    let length = length(head[..4].iter(), 8)?;
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
    let length = length(head[1..].iter(), 4)?;
    let mut bytes = head.to_vec();
    bytes.resize(1 + length, 0);
    from.read_exact(&mut bytes[5..]).await?;
    Ok(Some(Message(bytes)))
}

/// What one connection has prepared and bound so far.
#[derive(Default)]
pub(crate) struct Postgres {
    prepared: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
}

impl Conversation for Postgres {
    fn follow_client(&mut self, message: &Message) -> Effect {
        // The server ends its answer to these with `ReadyForQuery`.
        let answered = matches!(message.0[0], b'Q' | b'S' | b'F');
        Effect { sql: self.run_by(message), answered }
    }

    /// Whether it is the `ReadyForQuery` that ends an answer.
    fn follow_server(&mut self, message: &mut Message) -> bool {
        message.0[0] == b'Z'
    }
}

impl Postgres {
    /// The SQL that `message` makes the server run, if it makes it run any.
    fn run_by(&mut self, message: &Message) -> Option<String> {
        let mut words = message.0[5..].split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default().to_vec();
        match message.0[0] {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(tag: u8, body: &[u8]) -> Message {
        let length = u32::try_from(body.len() + 4).unwrap();
        Message([&[tag], length.to_be_bytes().as_slice(), body].concat())
    }

    #[test]
    fn a_statement_runs_when_it_is_executed_not_when_it_is_prepared() {
        let mut connection = Postgres::default();
        let mut check = |tag, body: &[u8]| connection.follow_client(&message_of(tag, body)).sql;
        assert_eq!(check(b'P', b"s1\0COMMIT\0\0\0"), None);
        assert_eq!(check(b'B', b"\0s1\0\0\0\0\0\0\0"), None);
        assert_eq!(check(b'E', b"\0\0\0\0\0").as_deref(), Some("COMMIT"));
        assert_eq!(check(b'Q', b"select 1\0").as_deref(), Some("select 1"));
    }
}
