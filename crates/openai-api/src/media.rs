//! What pictures, documents and films are: by their first bytes, then by their MIME type, then by their name.
//!
//! The bytes come first because models compare them with the format that they are told, and clients often have it
//! wrong.

use chat::{DocumentFormat, ImageFormat, VideoFormat};

pub(crate) mod data_url;
pub(crate) mod names;
mod sniff;

/// How many bytes of a file are enough to know it by.
pub(crate) const HEAD: usize = 384;

/// The format of a picture, by its bytes.
pub fn image_format(bytes: &[u8]) -> Option<ImageFormat> {
    sniff::image(bytes)
}

/// The format of a document, by its bytes, its MIME type and its file name.
pub fn document_format(bytes: &[u8], kind: Option<&str>, name: Option<&str>) -> Option<DocumentFormat> {
    use DocumentFormat::{Doc, Docx, Pdf, Xls, Xlsx};
    let by_kind = kind.and_then(names::document_of_kind);
    let by_name = name.and_then(names::document_of_name);
    let one_of = |formats: [DocumentFormat; 2]| {
        [by_kind, by_name].into_iter().flatten().find(|format| formats.contains(format))
    };
    match sniff::container(bytes) {
        Some(sniff::Container::Pdf) => Some(Pdf),
        // A spreadsheet and a letter are the same archive from outside.
        Some(sniff::Container::Zip) => one_of([Docx, Xlsx]),
        Some(sniff::Container::Ole) => one_of([Doc, Xls]),
        None => by_kind.or(by_name).or_else(|| kind.and_then(names::text_of_kind)),
    }
}

/// The format of a film, by its bytes and its MIME type.
pub fn video_format(bytes: &[u8], kind: Option<&str>) -> Option<VideoFormat> {
    let by_kind = kind.and_then(names::video_of_kind);
    let found = sniff::video(bytes);
    // The two are one format with two names.
    match (found, by_kind) {
        (Some(VideoFormat::Mpeg), Some(VideoFormat::Mpg)) => by_kind,
        _ => found.or(by_kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, a MIME type, a file name, and the format that they are of.
    type Row = (&'static [u8], Option<&'static str>, Option<&'static str>, Option<DocumentFormat>);

    #[test]
    fn bytes_count_before_types_and_types_before_names() {
        use DocumentFormat::{Csv, Docx, Html, Md, Pdf, Txt, Xls, Xlsx};
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let rows: [Row; 15] = [
            (b"%PDF-1.7", Some("text/plain"), Some("a.txt"), Some(Pdf)),
            (b"\xef\xbb\xbf \n%PDF-1.7", None, None, Some(Pdf)),
            (b"PK\x03\x04..", Some(docx), Some("a.xlsx"), Some(Docx)),
            (b"PK\x03\x04..", Some("application/zip"), Some("A.XLSX"), Some(Xlsx)),
            (b"PK\x03\x04..", Some("text/csv"), Some("a.csv"), None),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Some("application/vnd.ms-excel"), None, Some(Xls)),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, Some("a.pdf"), None),
            (b"a,b", Some("Text/CSV; charset=utf-8"), Some("a.md"), Some(Csv)),
            (b"<p>", Some("application/octet-stream"), Some("a.b.htm"), Some(Html)),
            (b"# a", None, Some("dir/read me.md"), Some(Md)),
            (b"x", Some("text/x-rust"), Some("a.rs"), Some(Txt)),
            (b"x", Some("text/x-thing"), Some("a.md"), Some(Md)),
            (b"x", Some("application/octet-stream"), None, None),
            (b"x", None, Some("md"), None),
            (b"", None, None, None),
        ];
        for (bytes, kind, name, expected) in rows {
            assert_eq!(document_format(bytes, kind, name), expected, "{kind:?} {name:?}");
        }
    }

    #[test]
    fn films_are_known_by_their_boxes_and_magic_numbers() {
        use VideoFormat::{Flv, Mkv, Mov, Mp4, Mpeg, Mpg, ThreeGp, Webm, Wmv};
        let rows: [(&[u8], Option<&str>, Option<VideoFormat>); 14] = [
            (b"\0\0\0\x18ftypisom\0\0", Some("video/quicktime"), Some(Mp4)),
            (b"\0\0\0\x14ftypqt  ", None, Some(Mov)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", None, Some(Mov)),
            (b"\0\0\0\x14ftyp3gp4", None, Some(ThreeGp)),
            (b"\0\0\0\x18ftypheic", None, None),
            (b"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", None, Some(Webm)),
            (b"\x1a\x45\xdf\xa3\x01\x42\x82\x88matroska", None, Some(Mkv)),
            (b"FLV\x01", None, Some(Flv)),
            (b"\0\0\x01\xba!", None, Some(Mpeg)),
            (b"\0\0\x01\xb3", Some("video/mpg"), Some(Mpg)),
            (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", None, Some(Wmv)),
            (b"????", Some("video/x-matroska"), Some(Mkv)),
            (b"????", Some("image/png"), None),
            (b"", None, None),
        ];
        for (bytes, kind, expected) in rows {
            assert_eq!(video_format(bytes, kind), expected, "{bytes:?} {kind:?}");
        }
    }

    #[test]
    fn pictures_are_known_by_their_magic_numbers_alone() {
        use ImageFormat::{Gif, Jpeg, Png, Webp};
        let rows: [(&[u8], Option<ImageFormat>); 8] = [
            (b"\x89PNG\r\n\x1a\n\0", Some(Png)),
            (b"\xff\xd8\xff\xe0", Some(Jpeg)),
            (b"GIF89a", Some(Gif)),
            (b"GIF87a", Some(Gif)),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some(Webp)),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"BM", None),
            (b"", None),
        ];
        for (bytes, expected) in rows {
            assert_eq!(image_format(bytes), expected, "{bytes:?}");
        }
    }
}
