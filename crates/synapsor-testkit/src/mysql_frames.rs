//! Where does one MySQL packet end, and which SQL does it make the server run?
//!
//! A packet is a length of three bytes, a number that begins again with each command, and a body. The server speaks first;
//! after the login client and server take turns. SQL runs as text (`COM_QUERY`), or is prepared and executed under the
//! number that the server gave it.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::frames::{Conversation, Effect, Message, filled, length, text};

/// Length and number.
const HEAD: usize = 4;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const SEND_LONG_DATA: u8 = 0x18;
const CLOSE: u8 = 0x19;

/// What MariaDB takes for the number of the statement that was prepared last.
const LAST_PREPARED: u32 = u32::MAX;

/// The first byte of an answer that is neither an error nor rows.
const OK: u8 = 0x00;

/// In the capabilities of the server's greeting: it offers TLS.
const OFFERS_TLS: u8 = 0x08;

/// Reads one packet; `None` at the end of the stream.
pub(crate) async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let mut head = [0; HEAD];
    if !filled(from, &mut head).await? {
        return Ok(None);
    }
    let length = length(head[..3].iter().rev(), 0)?;
    let mut bytes = head.to_vec();
    bytes.resize(HEAD + length, 0);
    from.read_exact(&mut bytes[HEAD..]).await?;
    Ok(Some(Message(bytes)))
}

/// What one connection has prepared so far, and whose turn it is.
#[derive(Default)]
pub(crate) struct Mysql {
    greeted: bool,
    asked: Option<Asked>,
    prepared: HashMap<u32, String>,
}

/// A command that the server has not begun to answer.
enum Asked {
    Anything,
    Preparation(String),
}

impl Conversation for Mysql {
    fn follow_client(&mut self, message: &Message) -> Effect {
        let silent = Effect { sql: None, answered: false };
        // A command begins to count anew; what does not is the login, or the rest of a long command.
        let (0, Some((&command, body))) = (message.0[3], message.0[HEAD..].split_first()) else { return silent };
        let sql = match command {
            QUIT | SEND_LONG_DATA | CLOSE => return silent,
            QUERY => Some(text(body)),
            EXECUTE => number(body).and_then(|id| self.prepared.get(&id).cloned()),
            _ => None,
        };
        self.asked = Some(if command == PREPARE { Asked::Preparation(text(body)) } else { Asked::Anything });
        Effect { sql, answered: true }
    }

    /// Whether it is the first packet of an answer: by then the server has run what it answers.
    fn follow_server(&mut self, message: &mut Message) -> bool {
        if !self.greeted {
            self.greeted = true;
            withdraw_tls(&mut message.0);
        }
        let Some(asked) = self.asked.take() else { return false };
        if let (Asked::Preparation(sql), Some((&OK, body))) = (asked, message.0[HEAD..].split_first())
            && let Some(id) = number(body)
        {
            self.prepared.insert(id, sql.clone());
            self.prepared.insert(LAST_PREPARED, sql);
        }
        true
    }
}

fn number(body: &[u8]) -> Option<u32> {
    let bytes = body.get(..4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Takes the offer of TLS out of a greeting: protocol, version with its NUL, connection, half of the challenge, NUL, capabilities.
fn withdraw_tls(greeting: &mut [u8]) {
    let Some(version) = greeting.get(HEAD + 1..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) else { return };
    let capabilities = HEAD + 1 + version + 1 + 4 + 8 + 1;
    if let Some(byte) = greeting.get_mut(capabilities + 1) {
        *byte &= !OFFERS_TLS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u8, body: &[u8]) -> Message {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        Message([&length[..3], &[number], body].concat())
    }

    #[test]
    fn a_statement_runs_when_it_is_executed_not_when_it_is_prepared() {
        let mut connection = Mysql { greeted: true, ..Mysql::default() };
        assert_eq!(connection.follow_client(&packet(0, b"\x16COMMIT")).sql, None);
        assert!(connection.follow_server(&mut packet(1, b"\0\x07\0\0\0\0\0\0\0\0\0\0")));
        for id in [b"\x17\x07\0\0\0", b"\x17\xff\xff\xff\xff"] {
            assert_eq!(connection.follow_client(&packet(0, id)).sql.as_deref(), Some("COMMIT"));
        }
        assert_eq!(connection.follow_client(&packet(0, b"\x03select 1")).sql.as_deref(), Some("select 1"));
    }

    #[test]
    fn an_answer_counts_once_and_only_if_it_was_asked_for() {
        let mut connection = Mysql { greeted: true, ..Mysql::default() };
        assert!(!connection.follow_client(&packet(1, b"\x03login")).answered, "not the beginning of a command");
        assert!(!connection.follow_server(&mut packet(2, b"\0")));
        assert!(!connection.follow_client(&packet(0, b"\x19\x07\0\0\0")).answered, "nobody answers the end of a statement");
        assert!(connection.follow_client(&packet(0, b"\x03select 1")).answered);
        let rows: Vec<bool> = (1..4).map(|number| connection.follow_server(&mut packet(number, b"row"))).collect();
        assert_eq!(rows, [true, false, false]);
    }

    #[test]
    fn a_greeting_loses_its_offer_of_tls_and_nothing_else() {
        let mut greeting = b"\x0a10.11\0\x01\0\0\0challenge".to_vec();
        greeting.truncate(1 + 6 + 4 + 8);
        greeting.extend([0, 0xff, 0xff, 0x2d]);
        let (before, mut message) = (packet(0, &greeting), packet(0, &greeting));
        assert!(!Mysql::default().follow_server(&mut message));
        let changed = message.0.iter().zip(&before.0).filter(|(new, old)| new != old).map(|(new, _)| *new);
        assert_eq!(changed.collect::<Vec<_>>(), [0xf7]);
    }
}
