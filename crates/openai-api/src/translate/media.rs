//! Pictures, films and files.

use std::sync::Arc;

use chat::{Content, Document, DocumentFormat, Image, ImageFormat, Source, Video, VideoFormat};

use super::refusal::{invalid, missing, unsupported};
use crate::error::ApiError;
use crate::media::data_url::{self, Address};
use crate::media::{document_format, image_format, names, video_format};
use crate::wire::{File, Link};

const NO_ADDRESS: &str =
    "expected a `data:` URL in base64, an `s3://` address, or an `https://` or `http://` address";
const NO_BASE64: &str = "the data is empty, or is not base64; expected `data:<type>;base64,<data>`";
const NO_NAME: &str = "its format cannot be told from its name; set `format` to its MIME type";
const NO_OBJECT: &str = "expected `s3://<bucket>/<key>`";
const NO_IMAGE: &str =
    "the data is no picture in PNG, JPEG, GIF or WebP; other files belong in a `file` part";
const NO_VIDEO: &str = "the data is no film in MKV, MOV, MP4, WebM, FLV, MPEG, WMV or 3GP";
const NO_FILE: &str = "the data is of no known format; expected a PDF, a document of Word or Excel, CSV, HTML, Markdown, plain text, a picture or a film, with its type in the `data:` URL or its extension in `filename`";

/// Where bytes are.
enum Place {
    /// In the request, in standard base64.
    Here { kind: Option<String>, body: Arc<str> },
    /// At an address of S3.
    Bucket(String),
    /// At an address of the web.
    Remote(String),
}

/// A picture. `at` is the path of its part.
pub(super) fn image(link: Link, at: &str) -> Result<Content, ApiError> {
    let Link { address, format: hint, owner } = link;
    let (format, source) = match place(address, at, "image_url.url")? {
        Place::Here { body, .. } => (image_format(&data_url::head(&body)), Source::Base64(body)),
        Place::Bucket(uri) => {
            let format = hint.as_deref().and_then(names::image_of_kind);
            let format = format.or_else(|| names::image_of_name(&uri));
            (Some(format.ok_or_else(|| invalid(at, NO_NAME))?), Source::S3 { uri, owner })
        }
        Place::Remote(url) => return Ok(image_of(None, Source::Remote(url))),
    };
    Ok(image_of(Some(format.ok_or_else(|| invalid(at, NO_IMAGE))?), source))
}

/// A film. `at` is the path of its part.
pub(super) fn video(link: Link, at: &str) -> Result<Content, ApiError> {
    let Link { address, format: hint, owner } = link;
    let (format, source) = match place(address, at, "video_url.url")? {
        Place::Here { kind, body } => {
            let format = video_format(&data_url::head(&body), hint.or(kind).as_deref());
            (Some(format.ok_or_else(|| invalid(at, NO_VIDEO))?), Source::Base64(body))
        }
        Place::Bucket(uri) => {
            let format = hint.as_deref().and_then(names::video_of_kind);
            let format = format.or_else(|| names::video_of_name(&uri));
            (Some(format.ok_or_else(|| invalid(at, NO_NAME))?), Source::S3 { uri, owner })
        }
        Place::Remote(url) => (None, Source::Remote(url)),
    };
    Ok(Content::Video(Video { format, source }))
}

/// A file of any kind. `at` is the path of its part.
pub(super) fn file(file: File, at: &str) -> Result<Content, ApiError> {
    if file.uploaded {
        return Err(unsupported(format!("{at}.file.file_id")));
    }
    let name = file.name.filter(|name| !name.is_empty());
    let Link { address, format: hint, owner } = file.link;
    // A file may be its base64 alone.
    let address = match address {
        Some(Address::Other(text)) if !text.contains(':') => {
            Some(Address::Data { kind: None, body: data_url::standard(&text) })
        }
        address => address,
    };
    match place(address, at, "file.file_data")? {
        Place::Here { kind, body } => {
            let kind = hint.or(kind);
            here(body, kind.as_deref(), name).ok_or_else(|| invalid(at, NO_FILE))
        }
        Place::Bucket(uri) => {
            let named = |name: &str| by_name(hint.as_deref(), name);
            let format = named(&uri).or_else(|| name.as_deref().and_then(named));
            let source = Source::S3 { uri, owner };
            Ok(format.ok_or_else(|| invalid(at, NO_NAME))?.content(name, source))
        }
        Place::Remote(url) => {
            Ok(Content::Document(Document { format: None, name, source: Source::Remote(url) }))
        }
    }
}

/// What a file turns out to be.
enum Kind {
    Image(ImageFormat),
    Document(DocumentFormat),
    Video(VideoFormat),
}

impl Kind {
    fn content(self, name: Option<String>, source: Source) -> Content {
        match self {
            Self::Image(format) => image_of(Some(format), source),
            Self::Document(format) => Content::Document(Document { format: Some(format), name, source }),
            Self::Video(format) => Content::Video(Video { format: Some(format), source }),
        }
    }
}

fn image_of(format: Option<ImageFormat>, source: Source) -> Content {
    Content::Image(Image { format, source })
}

fn here(body: Arc<str>, kind: Option<&str>, name: Option<String>) -> Option<Content> {
    let head = data_url::head(&body);
    let kind = if let Some(format) = image_format(&head) {
        Kind::Image(format)
    } else if let Some(format) = video_format(&head, kind) {
        Kind::Video(format)
    } else {
        Kind::Document(document_format(&head, kind, name.as_deref())?)
    };
    Some(kind.content(name, Source::Base64(body)))
}

/// What a file is that can only be known by what is said of it.
fn by_name(kind: Option<&str>, name: &str) -> Option<Kind> {
    let document = kind.and_then(names::document_of_kind).map(Kind::Document);
    let image = || kind.and_then(names::image_of_kind).map(Kind::Image);
    let video = || kind.and_then(names::video_of_kind).map(Kind::Video);
    document
        .or_else(image)
        .or_else(video)
        .or_else(|| names::document_of_name(name).map(Kind::Document))
        .or_else(|| names::image_of_name(name).map(Kind::Image))
        .or_else(|| names::video_of_name(name).map(Kind::Video))
}

/// Reads an address, or says what is wrong with it; `member` is its path within the part.
fn place(address: Option<Address>, at: &str, member: &str) -> Result<Place, ApiError> {
    match address {
        Some(Address::Data { kind, body: Some(body) }) => Ok(Place::Here { kind, body }),
        Some(Address::Data { body: None, .. }) => Err(invalid(at, NO_BASE64)),
        Some(Address::S3(uri)) if is_object(&uri) => Ok(Place::Bucket(uri)),
        Some(Address::S3(_)) => Err(invalid(at, NO_OBJECT)),
        Some(Address::Remote(url)) => Ok(Place::Remote(url)),
        Some(Address::Other(_)) => Err(invalid(at, NO_ADDRESS)),
        None => Err(missing(format!("{at}.{member}"))),
    }
}

/// Whether it names a bucket and something in it.
fn is_object(uri: &str) -> bool {
    let mut names = uri.splitn(4, '/').skip(2);
    let bucket = names.next().is_some_and(|bucket| !bucket.is_empty());
    bucket && names.next().is_some_and(|key| !key.is_empty())
}
