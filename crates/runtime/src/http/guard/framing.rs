//! Where in the bytes of a connection request heads begin and end.
//!
//! Source: [RFC 9112](https://www.rfc-editor.org/rfc/rfc9112), which lets a server take a bare LF for a line end.
//! Proxies in front may not, and then the two see different requests.

/// Longer lines are no framing headers.
const KEPT: usize = 256;

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    /// The start of a line that has not ended.
    line: Vec<u8>,
    /// The last byte of that line.
    last: u8,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of the next head is there.
    #[default]
    Between,
    Head,
    /// So many bytes of something that is not looked at.
    Body(u64),
    ChunkSize,
    /// A chunk and the line end behind it.
    Chunk(u64),
    Trailer,
    /// What follows is the library's to refuse.
    Blind,
}

impl Framing {
    /// Says whether a head has begun to arrive and is not complete.
    pub(super) fn is_within_head(&self) -> bool {
        self.state == State::Head
    }

    /// Looks at bytes as they arrive. A bare LF in a head or a trailer is made a byte that neither may hold, so that
    /// the library refuses the request.
    pub(super) fn read(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.state {
                State::Blind => return,
                State::Body(left) | State::Chunk(left) => self.skip(left, rest.len()),
                State::Between | State::Head | State::ChunkSize | State::Trailer => self.read_line(rest),
            };
            rest = rest.get_mut(taken..).unwrap_or_default();
        }
    }

    fn skip(&mut self, left: u64, there: usize) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        let left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        let is_chunk = matches!(self.state, State::Chunk(_));
        self.state = match (left, is_chunk) {
            (0, true) => State::ChunkSize,
            (0, false) => State::Between,
            (left, true) => State::Chunk(left),
            (left, false) => State::Body(left),
        };
        taken
    }

    /// Takes bytes up to a line end.
    fn read_line(&mut self, bytes: &mut [u8]) -> usize {
        if self.state == State::Between {
            self.state = State::Head;
            (self.length, self.chunked) = (None, false);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        self.line.extend_from_slice(
            piece.get(..KEPT.saturating_sub(self.line.len()).min(piece.len())).unwrap_or_default(),
        );
        self.last = piece.last().copied().unwrap_or(self.last);
        let Some(end) = end else { return bytes.len() };
        if self.last != b'\r' {
            // The library takes one in a trailer for a part of the line, and would go on behind it.
            let is_fields = matches!(self.state, State::Head | State::Trailer);
            if let Some(byte) = bytes.get_mut(end).filter(|_| is_fields) {
                *byte = 0;
            }
            self.state = State::Blind;
            return end + 1;
        }
        let line = std::mem::take(&mut self.line);
        self.last = 0;
        let before = self.state;
        self.end_of_line(line.strip_suffix(b"\r").unwrap_or(&line));
        if before == State::Head
            && self.state == State::Blind
            && let Some(byte) = bytes.get_mut(end)
        {
            // A length that is not understood here must not be understood behind: the two would part ways.
            *byte = 0;
        }
        // The line's memory serves the next one.
        self.line = line;
        self.line.clear();
        end + 1
    }

    fn end_of_line(&mut self, line: &[u8]) {
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line) {
                Some(0) => State::Trailer,
                Some(size) => State::Chunk(size.saturating_add(2)),
                None => State::Blind,
            },
            State::Trailer if line.is_empty() => State::Between,
            State::Head if line.is_empty() && self.chunked => State::ChunkSize,
            State::Head if line.is_empty() => match self.length {
                Some(length) if length > 0 => State::Body(length),
                Some(_) | None => State::Between,
            },
            State::Head => self.header(line),
            unchanged @ (State::Trailer
            | State::Between
            | State::Body(_)
            | State::Chunk(_)
            | State::Blind) => unchanged,
        };
    }

    fn header(&mut self, line: &[u8]) -> State {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return State::Head };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is_framing = ["content-length", "transfer-encoding"]
            .iter()
            .any(|header| name.trim_ascii().eq_ignore_ascii_case(header.as_bytes()));
        // Two of them, or one that is cut here, may mean something else to whoever reads after us.
        if is_framing && (self.length.is_some() || self.chunked || line.len() + 1 >= KEPT) {
            return State::Blind;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                Some(length) => self.length = Some(length),
                None => return State::Blind,
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // No other coding is served, and a body of one would be read as it is packed.
            if !value.eq_ignore_ascii_case(b"chunked") {
                return State::Blind;
            }
            self.chunked = true;
        }
        State::Head
    }
}

/// The size of a chunk, without its extensions.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Reads bytes that come in pieces of a size, for fuzzers: what goes on to the library, and where the heads began
/// that are complete, each of which is seen only where the pieces are single bytes.
#[cfg(any(test, feature = "fuzzing"))]
pub fn heads(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<usize>) {
    let mut framing = Framing::default();
    let mut passed = bytes.to_vec();
    let mut heads = Vec::new();
    let mut begun = None;
    let mut at = 0_usize;
    for piece in passed.chunks_mut(size) {
        framing.read(piece);
        match framing.state {
            State::Head => _ = begun.get_or_insert(at),
            State::Blind => begun = None,
            State::Between | State::Body(_) | State::ChunkSize | State::Chunk(_) | State::Trailer => {
                heads.extend(begun.take());
            }
        }
        at = at.saturating_add(piece.len());
    }
    (passed, heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads bytes in pieces of a size, and gives back what goes on to the library.
    fn read(text: &[u8], size: usize) -> (Framing, Vec<u8>) {
        let mut framing = Framing::default();
        let mut bytes = text.to_vec();
        for piece in bytes.chunks_mut(size) {
            framing.read(piece);
        }
        (framing, bytes)
    }

    const TWO: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\nc\
        POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\n\n\n\n\r\n0\r\nt: 1\r\n\r\n\
        GET / HTTP/1.1\r\n\r\n";

    #[test]
    fn line_feeds_in_bodies_are_nobodys_business() {
        for size in 1..TWO.len() {
            let (framing, seen) = read(TWO, size);
            assert_eq!(seen, TWO, "pieces of {size}");
            assert_eq!(framing.state, State::Between, "pieces of {size}");
        }
    }

    #[test]
    fn a_bare_line_feed_in_a_head_or_a_trailer_is_made_unreadable() {
        let first = b"GET / HTTP/1.1\nhost: x\r\n\r\n".to_vec();
        let second = [TWO, b"GET / HTTP/1.1\r\nhost: x\n\r\n"].concat();
        let blank = b"GET / HTTP/1.1\r\nhost: x\r\n\n".to_vec();
        let trailer =
            [b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nt: 1\nu: 2\r\n\r\n", TWO].concat();
        for text in [first, second, blank, trailer] {
            for size in 1..=text.len() {
                let (framing, seen) = read(&text, size);
                assert_eq!(framing.state, State::Blind);
                let changed = text.iter().zip(&seen).filter(|(before, after)| before != after).count();
                assert_eq!(changed, 1, "pieces of {size}");
            }
        }
    }

    #[test]
    fn lengths_that_are_not_understood_are_made_unreadable() {
        let padding = " ".repeat(KEPT);
        for header in [
            format!("content-length:{padding}5"),
            format!("content-length: 5{padding}"),
            format!("transfer-encoding:{padding}chunked"),
            "content-length: 5, 5".to_owned(),
            "content-length: x".to_owned(),
            "transfer-encoding: gzip, chunked".to_owned(),
            "content-length: 5\r\ncontent-length: 5".to_owned(),
            "content-length: 5\r\nTransfer-Encoding: chunked".to_owned(),
            "transfer-encoding: chunked\r\ncontent-length: 5".to_owned(),
            "transfer-encoding: chunked\r\ntransfer-encoding: identity".to_owned(),
        ] {
            let text = format!("POST / HTTP/1.1\r\n{header}\r\n\r\n");
            for size in [1, 7, text.len()] {
                let (framing, seen) = read(text.as_bytes(), size);
                assert_eq!(framing.state, State::Blind, "{header}");
                assert!(seen.contains(&0), "{header}");
            }
        }
    }

    #[test]
    fn a_head_is_arriving_from_its_first_byte_to_its_blank_line() {
        assert!(!read(b"", 1).0.is_within_head());
        assert!(read(b"G", 1).0.is_within_head());
        assert!(read(b"GET / HTTP/1.1\r\nhost: x\r\n", 1).0.is_within_head());
        assert!(!read(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1).0.is_within_head());
        assert!(!read(b"GET / HTTP/1.1\r\ncontent-length: 2\r\n\r\na", 1).0.is_within_head());
    }
}
