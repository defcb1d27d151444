//! Formats by their magic numbers.

use chat::{ImageFormat, VideoFormat};

use super::HEAD;

/// What holds a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Pdf,
    /// Office's formats since 2007.
    Zip,
    /// Office's formats before that.
    Ole,
}

pub(super) fn image(bytes: &[u8]) -> Option<ImageFormat> {
    let is = |magic: &[u8]| bytes.starts_with(magic);
    if is(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if is(b"\xff\xd8\xff") {
        Some(ImageFormat::Jpeg)
    } else if is(b"GIF87a") || is(b"GIF89a") {
        Some(ImageFormat::Gif)
    } else if is(b"RIFF") && at(bytes, 8) == Some(b"WEBP") {
        Some(ImageFormat::Webp)
    } else {
        None
    }
}

pub(super) fn container(bytes: &[u8]) -> Option<Container> {
    // Writers of PDF put a byte order mark or line ends in front, and readers take it.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if text.starts_with(b"%PDF-") {
        Some(Container::Pdf)
    } else if bytes.starts_with(b"PK\x03\x04") {
        Some(Container::Zip)
    } else if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        Some(Container::Ole)
    } else {
        None
    }
}

pub(super) fn video(bytes: &[u8]) -> Option<VideoFormat> {
    let is = |magic: &[u8]| bytes.starts_with(magic);
    if is(b"\x1a\x45\xdf\xa3") {
        return Some(matroska(bytes));
    }
    if is(b"FLV\x01") {
        return Some(VideoFormat::Flv);
    }
    if is(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") {
        return Some(VideoFormat::Wmv);
    }
    if is(b"\0\0\x01\xba") || is(b"\0\0\x01\xb3") {
        return Some(VideoFormat::Mpeg);
    }
    match at(bytes, 4)? {
        b"ftyp" => brand(at(bytes, 8)?),
        // Films of QuickTime that are older than the box `ftyp`.
        b"moov" | b"mdat" | b"wide" => Some(VideoFormat::Mov),
        _ => None,
    }
}

fn brand(brand: &[u8; 4]) -> Option<VideoFormat> {
    match brand {
        b"qt  " => Some(VideoFormat::Mov),
        // Pictures and sounds in the same kind of file.
        b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"M4A " | b"M4B " => None,
        [b'3', b'g', ..] => Some(VideoFormat::ThreeGp),
        _ => Some(VideoFormat::Mp4),
    }
}

/// The type of a document in EBML stands near its beginning.
fn matroska(bytes: &[u8]) -> VideoFormat {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    if head.windows(4).any(|window| window == b"webm") { VideoFormat::Webm } else { VideoFormat::Mkv }
}

fn at(bytes: &[u8], offset: usize) -> Option<&[u8; 4]> {
    bytes.get(offset..)?.first_chunk()
}
