//! Pictures, documents and films.

use std::collections::HashSet;

use chat::{
    Document, DocumentFormat, Error, ErrorKind, Field, Image, ImageFormat, Result, Source, Video, VideoFormat,
};

use crate::family::{Limit, Media};
use crate::wire::request::{DocumentBlock, MediaBlock, S3Location, Source as Wire};

/// The longest name of a document.
const LONGEST_NAME: usize = 200;

/// The media of one request: how many there are, and how the documents are called.
#[derive(Debug)]
pub(super) struct Shelf {
    limits: Media,
    images: usize,
    documents: usize,
    videos: usize,
    names: HashSet<String>,
}

impl Shelf {
    pub(super) fn new(limits: Media) -> Self {
        Self { limits, images: 0, documents: 0, videos: 0, names: HashSet::new() }
    }

    /// Takes a picture.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] and [`ErrorKind::Unsupported`], at the part.
    pub(super) fn image<'a>(&mut self, image: &'a Image, at: &Field) -> Result<MediaBlock<'a>> {
        self.images = self.images.saturating_add(1);
        let source = source(&image.source, at)?;
        check(self.limits.images, self.images, &image.source, "pictures", at)?;
        let Some(format) = image.format else { return Err(no_format(at)) };
        Ok(MediaBlock { format: image_format(format), source })
    }

    /// Takes a film.
    ///
    /// # Errors
    ///
    /// As for a picture.
    pub(super) fn video<'a>(&mut self, video: &'a Video, at: &Field) -> Result<MediaBlock<'a>> {
        self.videos = self.videos.saturating_add(1);
        let source = source(&video.source, at)?;
        check(self.limits.videos, self.videos, &video.source, "films", at)?;
        let Some(format) = video.format else { return Err(no_format(at)) };
        Ok(MediaBlock { format: video_format(format), source })
    }

    /// Takes a document, and gives it a name of its own.
    ///
    /// # Errors
    ///
    /// As for a picture.
    pub(super) fn document<'a>(&mut self, document: &'a Document, at: &Field) -> Result<DocumentBlock<'a>> {
        self.documents = self.documents.saturating_add(1);
        let source = source(&document.source, at)?;
        let Some(format) = document.format else { return Err(no_format(at)) };
        let mut limit = self.limits.documents;
        if let (Some(limit), Some(bytes)) = (&mut limit, self.limits.binary_document_bytes)
            && matches!(format, DocumentFormat::Pdf | DocumentFormat::Docx)
        {
            limit.bytes = bytes;
        }
        check(limit, self.documents, &document.source, "documents", at)?;
        let name = self.name(document.name.as_deref());
        Ok(DocumentBlock { format: document_format(format), name, source })
    }

    /// Names a document after its file. The name is part of the prompt, so the same request always gives the same.
    fn name(&mut self, file: Option<&str>) -> String {
        let base = file.map(plain_name).filter(|name| !name.is_empty());
        let base = base.unwrap_or_else(|| format!("document-{}", self.documents));
        let mut name = base.clone();
        let mut number = 2_u32;
        while !self.names.insert(name.clone()) {
            name = format!("{base} ({number})");
            number = number.saturating_add(1);
        }
        name
    }
}

/// Keeps what Bedrock takes in a name: letters, digits, hyphens, brackets, and single spaces.
fn plain_name(file: &str) -> String {
    let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = match file.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) && !stem.is_empty() => stem,
        _ => file,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
    let plain: String = stem.chars().map(|c| if allowed(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_ascii_whitespace().collect();
    // Room for the number that makes it unique.
    let name: String = words.join(" ").chars().take(LONGEST_NAME.saturating_sub(12)).collect();
    name.trim_end().to_owned()
}

fn is_extension(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric());
    text.len() <= 5 && is_plain && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn source<'a>(source: &'a Source, at: &Field) -> Result<Wire<'a>> {
    match source {
        Source::Base64(text) => Ok(Wire::Bytes(text)),
        Source::S3 { uri, owner } => Ok(Wire::S3Location(S3Location { uri, bucket_owner: owner.as_deref() })),
        Source::Remote(_) => {
            let message = "remote URLs are not fetched; send a `data:` URL";
            Err(Error::new(ErrorKind::InvalidRequest, message).at(at.clone()))
        }
    }
}

fn no_format(at: &Field) -> Error {
    let message = "the format is not known; give the object's key an extension, such as `.png`";
    Error::new(ErrorKind::InvalidRequest, message).at(at.clone())
}

fn check(limit: Option<Limit>, count: usize, source: &Source, what: &str, at: &Field) -> Result<()> {
    let Some(Limit { count: most, bytes: largest }) = limit else { return Ok(()) };
    let fail = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message).at(at.clone()));
    if count > most {
        return fail(format!("this model takes at most {most} {what} in a request"));
    }
    match source {
        Source::Base64(text) => {
            let bytes = decoded_length(text);
            if bytes > largest {
                return fail(format!(
                    "{bytes} bytes, and this model takes at most {largest} of one of its {what}"
                ));
            }
            Ok(())
        }
        Source::S3 { .. } | Source::Remote(_) => Ok(()),
    }
}

fn decoded_length(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4).saturating_mul(3).saturating_sub(padding)
}

fn image_format(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "png",
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Gif => "gif",
        ImageFormat::Webp => "webp",
    }
}

fn video_format(format: VideoFormat) -> &'static str {
    match format {
        VideoFormat::Mkv => "mkv",
        VideoFormat::Mov => "mov",
        VideoFormat::Mp4 => "mp4",
        VideoFormat::Webm => "webm",
        VideoFormat::Flv => "flv",
        VideoFormat::Mpeg => "mpeg",
        VideoFormat::Mpg => "mpg",
        VideoFormat::Wmv => "wmv",
        VideoFormat::ThreeGp => "three_gp",
    }
}

fn document_format(format: DocumentFormat) -> &'static str {
    match format {
        DocumentFormat::Pdf => "pdf",
        DocumentFormat::Csv => "csv",
        DocumentFormat::Doc => "doc",
        DocumentFormat::Docx => "docx",
        DocumentFormat::Xls => "xls",
        DocumentFormat::Xlsx => "xlsx",
        DocumentFormat::Html => "html",
        DocumentFormat::Txt => "txt",
        DocumentFormat::Md => "md",
    }
}

/// Says whether a document is plain text.
pub(super) fn is_text(document: &Document) -> bool {
    match document.format {
        Some(DocumentFormat::Csv | DocumentFormat::Html | DocumentFormat::Txt | DocumentFormat::Md) => true,
        Some(
            DocumentFormat::Pdf
            | DocumentFormat::Doc
            | DocumentFormat::Docx
            | DocumentFormat::Xls
            | DocumentFormat::Xlsx,
        )
        | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_are_plain() {
        for (file, name) in [
            ("report.pdf", "report"),
            ("a  b__c.v2 (final) [x].docx", "a b c v2 (final) [x]"),
            ("../../etc/passwd", "passwd"),
            ("élan — résumé.txt", "lan r sum"),
            (".env", "env"),
            ("notes v1.2", "notes v1 2"),
            ("…", ""),
        ] {
            assert_eq!(plain_name(file), name, "{file}");
        }
        assert!(plain_name(&"x".repeat(500)).len() <= LONGEST_NAME);
    }

    #[test]
    fn the_length_of_base64_counts_its_padding() {
        assert_eq!((decoded_length("QQ=="), decoded_length("QUI="), decoded_length("QUJD")), (1, 2, 3));
    }
}
