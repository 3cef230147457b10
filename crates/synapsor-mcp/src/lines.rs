//! How are lines read from somebody who may never end one?
//!
//! A line is at most so many bytes. What is longer is skipped to its end without being kept.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    /// A line without its end.
    Text(Vec<u8>),
    /// A line beyond the bound, skipped.
    TooLong,
    /// There are no more.
    End,
}

/// Lines of a bounded length. Dropping a future of [`Lines::next`] loses nothing.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(16 << 10, input), limit, line: Vec::new(), too_long: false }
    }

    /// The next line; the last one may have no end. An error of the input is its end.
    pub(crate) async fn next(&mut self) -> Line {
        loop {
            // The only await: what was consumed before it is in `self`.
            let Ok(available) = self.input.fill_buf().await else { return Line::End };
            if available.is_empty() {
                return self.rest();
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let piece = end.map_or(available, |end| &available[..end]);
            if self.line.len() + piece.len() > self.limit {
                self.too_long = true;
                self.line = Vec::new();
            }
            if !self.too_long {
                self.line.extend_from_slice(piece);
            }
            let consumed = end.map_or(available.len(), |end| end + 1);
            self.input.consume(consumed);
            if end.is_some() {
                return self.take();
            }
        }
    }

    fn rest(&mut self) -> Line {
        if self.line.is_empty() && !self.too_long { Line::End } else { self.take() }
    }

    fn take(&mut self) -> Line {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) { Line::TooLong } else { Line::Text(line) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::{Line, Lines};

    async fn check(input: &[u8], limit: usize) -> Vec<String> {
        let mut lines = Lines::new(input, limit);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Line::Text(text) => read.push(String::from_utf8(text).unwrap()),
                Line::TooLong => read.push("too long".into()),
                Line::End => return read,
            }
        }
    }

    #[tokio::test]
    async fn lines_end_at_their_end_or_at_the_inputs() {
        assert_eq!(check(b"a\nbc\n\nd", 10).await, ["a", "bc", "", "d"]);
        assert_eq!(check(b"", 10).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_line_beyond_the_bound_is_skipped_and_the_next_one_is_read() {
        let mut input = vec![b'x'; 1_000_000];
        input.extend_from_slice(b"\nok\n12345\n123456\n");
        assert_eq!(check(&input, 5).await, ["too long", "ok", "12345", "too long"]);
    }

    #[tokio::test]
    async fn a_long_line_is_not_kept() {
        let input = vec![b'x'; 10_000_000];
        let mut lines = Lines::new(&input[..], 100);
        assert_eq!(lines.next().await, Line::TooLong);
        assert!(lines.line.capacity() <= 200);
    }

    #[tokio::test]
    async fn a_reader_that_is_interrupted_loses_nothing() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let mut lines = Lines::new(reader, 100);
        writer.write_all(b"half").await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), lines.next()).await.is_err());
        writer.write_all(b" and half\n").await.unwrap();
        assert_eq!(lines.next().await, Line::Text(b"half and half".to_vec()));
    }
}
