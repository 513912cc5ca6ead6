//! CSV after RFC 4180 parted into fields, in bounded memory. Knows no column.

use std::io::{BufRead, BufReader, Chain, Cursor, Read};

use super::{Fault, unreadable};

/// The longest row that is read.
const MAX_RECORD_BYTES: usize = 64 << 10;
/// Read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// What some programs put ahead of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One row's fields, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The line it begins on.
    pub(super) line: u64,
    /// Whether something stands between a closing quote and the comma.
    pub(super) has_stray_quote: bool,
    text: Vec<u8>,
    /// Where each field ends in `text`.
    ends: Vec<usize>,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, Fault> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(at).copied().unwrap_or(start);
        std::str::from_utf8(self.text.get(start..end).unwrap_or_default())
            .map_err(|_invalid| Fault::new(self.line, "", "the text is not UTF-8: save the file as UTF-8"))
    }

    fn begin(&mut self, line: u64) {
        self.line = line;
        self.has_stray_quote = false;
        self.text.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }

    /// Whether it is a line without anything.
    fn is_blank(&self) -> bool {
        self.ends.is_empty() && self.text.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted field: its end, or the first of two.
    Quote,
}

/// Parts a file into rows.
#[derive(Debug)]
pub(super) struct Records<R> {
    input: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    /// The line that the next byte is on.
    line: u64,
    /// Whether a line feed belongs to the carriage return that ended the row before.
    after_return: bool,
    is_over: bool,
}

impl<R: Read> Records<R> {
    pub(super) fn new(mut input: R) -> std::io::Result<Self> {
        let mut head = Vec::with_capacity(MARK.len());
        input.by_ref().take(3).read_to_end(&mut head)?;
        if head == MARK {
            head.clear();
        }
        let input = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(input));
        Ok(Self { input, line: 1, after_return: false, is_over: false })
    }

    /// Reads the next row that is not blank; no more where there is none. After an error there is none either.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, Fault> {
        if self.is_over {
            return Ok(false);
        }
        let read = self.read_on(record);
        self.is_over = !matches!(read, Ok(true));
        read
    }

    fn read_on(&mut self, record: &mut Record) -> Result<bool, Fault> {
        let mut state = State::Start;
        // The quote of a field that was not closed is what a person looks for.
        let mut quoted_since = self.line;
        record.begin(self.line);
        loop {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(self.line, &error)),
            };
            if bytes.is_empty() {
                return match state {
                    State::Quoted => Err(not_closed(quoted_since)),
                    State::Start if record.is_blank() => Ok(false),
                    _ => {
                        record.end_field();
                        Ok(true)
                    }
                };
            }
            let mut used = 0;
            let mut is_whole = false;
            for byte in bytes {
                used += 1;
                if std::mem::take(&mut self.after_return) && *byte == b'\n' {
                    continue;
                }
                match (state, *byte) {
                    (State::Quoted, b'"') => state = State::Quote,
                    (State::Quoted, byte) => {
                        self.line += u64::from(byte == b'\n');
                        record.text.push(byte);
                    }
                    (State::Quote, b'"') => {
                        record.text.push(b'"');
                        state = State::Quoted;
                    }
                    (_, b',') => {
                        record.end_field();
                        state = State::Start;
                    }
                    (_, end @ (b'\r' | b'\n')) => {
                        self.line += 1;
                        self.after_return = end == b'\r';
                        if state == State::Start && record.is_blank() {
                            record.begin(self.line);
                        } else {
                            record.end_field();
                            is_whole = true;
                            break;
                        }
                    }
                    (State::Start, b'"') => {
                        quoted_since = self.line;
                        state = State::Quoted;
                    }
                    (before, byte) => {
                        record.has_stray_quote |= before == State::Quote;
                        record.text.push(byte);
                        state = State::Plain;
                    }
                }
                if record.text.len() + record.ends.len() > MAX_RECORD_BYTES {
                    self.input.consume(used);
                    return Err(if state == State::Quoted { not_closed(quoted_since) } else { too_long(record.line) });
                }
            }
            self.input.consume(used);
            if is_whole {
                return Ok(true);
            }
        }
    }
}

fn not_closed(line: u64) -> Fault {
    Fault::new(line, "", "a quote is opened and not closed: close it, or take it out")
}

fn too_long(line: u64) -> Fault {
    Fault::new(line, "", format!("the row is longer than {MAX_RECORD_BYTES} bytes: is this a CSV file?"))
}
