//! JSON text to a tree that borrows from it. Knows nesting and bounds, not what the fields mean.
//!
//! Numbers stay text until somebody asks, so that long counts of nanoseconds lose nothing. `NaN` and `Infinity`, which
//! some devices write though JSON has no such thing, are told apart from broken text.

use std::borrow::Cow;

use crate::{MAX_DEPTH, MAX_FIELDS, Reason};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// A number as written.
    Number(&'a str),
    /// NaN or an infinity.
    NotFinite,
    Text(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Fields in their order, duplicates included.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// Reads one JSON value that fills `text`.
pub(crate) fn parse(text: &str) -> Result<Node<'_>, Reason> {
    let mut parser = Parser { text, at: 0 };
    let node = parser.value(0)?;
    parser.spaces();
    if parser.at == text.len() { Ok(node) } else { Err(Reason::Json) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Reason> {
        self.spaces();
        match self.peek().ok_or(Reason::Json)? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => Ok(Node::Text(self.string()?)),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Reason> {
        self.open(depth)?;
        let mut fields = Vec::new();
        if self.take(b'}') {
            return Ok(Node::Object(fields));
        }
        loop {
            self.spaces();
            let name = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth)?;
            if fields.len() >= MAX_FIELDS {
                return Err(Reason::TooManyFields);
            }
            fields.push((name, value));
            if self.take(b'}') {
                return Ok(Node::Object(fields));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, Reason> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Node::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Ok(Node::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), Reason> {
        self.at += 1;
        if depth > MAX_DEPTH { Err(Reason::TooDeep) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Reason> {
        if self.peek() != Some(b'"') {
            return Err(Reason::Json);
        }
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut plain_from = start;
        loop {
            match self.peek().ok_or(Reason::Json)? {
                b'"' => {
                    let plain = self.text.get(plain_from..self.at).ok_or(Reason::Json)?;
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(plain),
                        Some(mut text) => {
                            text.push_str(plain);
                            Cow::Owned(text)
                        }
                    });
                }
                b'\\' => {
                    let plain = self.text.get(plain_from..self.at).ok_or(Reason::Json)?;
                    let text = owned.get_or_insert_default();
                    text.push_str(plain);
                    self.at += 1;
                    let c = self.escaped()?;
                    text.push(c);
                    plain_from = self.at;
                }
                0..0x20 => return Err(Reason::Json),
                _ => self.at += 1,
            }
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Reason> {
        let letter = self.peek().ok_or(Reason::Json)?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    // A lone second half becomes the replacement character, as browsers show it.
                    return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let before_low = self.at;
                if self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
                self.at = before_low;
                char::REPLACEMENT_CHARACTER
            }
            _ => return Err(Reason::Json),
        })
    }

    fn hex(&mut self) -> Result<u32, Reason> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Reason::Json)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, &digit| {
            let digit = char::from(digit).to_digit(16).ok_or(Reason::Json)?;
            Ok(code * 16 + digit)
        })
    }

    /// A number by JSON's grammar, or `-Infinity` and the `-nan` that C prints.
    fn number(&mut self) -> Result<Node<'a>, Reason> {
        let start = self.at;
        if self.rest().starts_with(['-'])
            && matches!(self.text.as_bytes().get(start + 1), Some(b'I' | b'i' | b'N' | b'n'))
        {
            self.at += 1;
            return self.word().and_then(|node| if node == Node::NotFinite { Ok(node) } else { Err(Reason::Json) });
        }
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits()?;
        if whole > 1 && self.text.as_bytes().get(self.at - whole) == Some(&b'0') {
            return Err(Reason::Json);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.text.get(start..self.at).map(Node::Number).ok_or(Reason::Json)
    }

    fn digits(&mut self) -> Result<usize, Reason> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(self.at - start) } else { Err(Reason::Json) }
    }

    fn word(&mut self) -> Result<Node<'a>, Reason> {
        let rest = self.rest();
        let len = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let node = match rest.get(..len).unwrap_or_default() {
            "null" => Node::Null,
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            "NaN" | "nan" | "NAN" | "Infinity" | "infinity" | "inf" | "INF" => Node::NotFinite,
            _ => return Err(Reason::Json),
        };
        self.at += len;
        Ok(node)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        if self.take(byte) { Ok(()) } else { Err(Reason::Json) }
    }

    /// Steps over `byte` and spaces before it, where it is there.
    fn take(&mut self, byte: u8) -> bool {
        self.spaces();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The text ahead; empty inside a character, where no rule of the grammar continues.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Node<'_>, Reason>) {
        assert_eq!(parse(text), expected, "{text}");
    }

    #[test]
    fn values() {
        check("null", Ok(Node::Null));
        check(" true ", Ok(Node::Bool(true)));
        check("-12.50e+3", Ok(Node::Number("-12.50e+3")));
        check("NaN", Ok(Node::NotFinite));
        for text in ["-Infinity", "nan", "-nan", "-NaN", "inf", "-inf", "-INF"] {
            check(text, Ok(Node::NotFinite));
        }
        check(r#""a\u00e9\n\ud83d\ude00\ud800x""#, Ok(Node::Text("aé\n😀\u{fffd}x".into())));
        check("[]", Ok(Node::Array(vec![])));
        check("[1 , {}]", Ok(Node::Array(vec![Node::Number("1"), Node::Object(vec![])])));
        let twice = vec![("a".into(), Node::Number("1")), ("a".into(), Node::Null)];
        check(r#"{"a":1,"a":null}"#, Ok(Node::Object(twice)));
    }

    #[test]
    fn broken() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "tru",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\u12",
            "1 2",
            "[1",
            "-",
            "--1",
            "-null",
            "-Nothing",
            "'a'",
            "{\"a\":1,}",
            "\"",
            "\"\\",
            "{\"é",
            "é",
            "-é",
            "\"\\ué000\"",
        ] {
            check(text, Err(Reason::Json));
        }
    }

    #[test]
    fn bounds() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        check(&nested(MAX_DEPTH + 1), Err(Reason::TooDeep));
        check(&"[".repeat(1 << 20), Err(Reason::TooDeep));
        let wide = |fields: usize| {
            let fields: Vec<String> = (0..fields).map(|no| format!("\"f{no}\":{no}")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(parse(&wide(MAX_FIELDS)).is_ok());
        check(&wide(MAX_FIELDS + 1), Err(Reason::TooManyFields));
    }
}
