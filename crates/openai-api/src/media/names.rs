//! Formats by MIME types and by file names.

use chat::{DocumentFormat, ImageFormat, VideoFormat};

/// A MIME type without its parameters, in lower case.
fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The extension of a file name or address, in lower case.
fn extension(name: &str) -> Option<String> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map(|(_, extension)| extension.trim().to_ascii_lowercase())
}

/// A picture's format, by a MIME type.
pub(crate) fn image_of_kind(kind: &str) -> Option<ImageFormat> {
    essence(kind).strip_prefix("image/").and_then(image)
}

/// A picture's format, by a file name.
pub(crate) fn image_of_name(name: &str) -> Option<ImageFormat> {
    image(&extension(name)?)
}

fn image(word: &str) -> Option<ImageFormat> {
    match word {
        "png" => Some(ImageFormat::Png),
        "jpeg" | "jpg" => Some(ImageFormat::Jpeg),
        "gif" => Some(ImageFormat::Gif),
        "webp" => Some(ImageFormat::Webp),
        _ => None,
    }
}

/// A document's format, by a MIME type.
pub(crate) fn document_of_kind(kind: &str) -> Option<DocumentFormat> {
    match essence(kind).as_str() {
        "application/pdf" | "application/x-pdf" => Some(DocumentFormat::Pdf),
        "text/csv" | "application/csv" => Some(DocumentFormat::Csv),
        "application/msword" => Some(DocumentFormat::Doc),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => {
            Some(DocumentFormat::Docx)
        }
        "application/vnd.ms-excel" => Some(DocumentFormat::Xls),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some(DocumentFormat::Xlsx),
        "text/html" | "application/xhtml+xml" => Some(DocumentFormat::Html),
        "text/plain" => Some(DocumentFormat::Txt),
        "text/markdown" | "text/x-markdown" => Some(DocumentFormat::Md),
        _ => None,
    }
}

/// Text of a kind that has no format of its own is plain text.
pub(crate) fn text_of_kind(kind: &str) -> Option<DocumentFormat> {
    essence(kind).starts_with("text/").then_some(DocumentFormat::Txt)
}

/// A document's format, by a file name.
pub(crate) fn document_of_name(name: &str) -> Option<DocumentFormat> {
    match extension(name)?.as_str() {
        "pdf" => Some(DocumentFormat::Pdf),
        "csv" => Some(DocumentFormat::Csv),
        "doc" => Some(DocumentFormat::Doc),
        "docx" => Some(DocumentFormat::Docx),
        "xls" => Some(DocumentFormat::Xls),
        "xlsx" => Some(DocumentFormat::Xlsx),
        "html" | "htm" => Some(DocumentFormat::Html),
        "txt" | "text" => Some(DocumentFormat::Txt),
        "md" | "markdown" => Some(DocumentFormat::Md),
        _ => None,
    }
}

/// A film's format, by a MIME type.
pub(crate) fn video_of_kind(kind: &str) -> Option<VideoFormat> {
    let kind = essence(kind);
    match kind.strip_prefix("video/")? {
        "x-matroska" | "matroska" => Some(VideoFormat::Mkv),
        "quicktime" => Some(VideoFormat::Mov),
        "x-flv" => Some(VideoFormat::Flv),
        "x-ms-wmv" => Some(VideoFormat::Wmv),
        "3gpp" => Some(VideoFormat::ThreeGp),
        word => video(word),
    }
}

/// A film's format, by a file name.
pub(crate) fn video_of_name(name: &str) -> Option<VideoFormat> {
    video(&extension(name)?)
}

fn video(word: &str) -> Option<VideoFormat> {
    match word {
        "mkv" => Some(VideoFormat::Mkv),
        "mov" => Some(VideoFormat::Mov),
        "mp4" | "m4v" => Some(VideoFormat::Mp4),
        "webm" => Some(VideoFormat::Webm),
        "flv" => Some(VideoFormat::Flv),
        "mpeg" => Some(VideoFormat::Mpeg),
        "mpg" => Some(VideoFormat::Mpg),
        "wmv" => Some(VideoFormat::Wmv),
        "3gp" | "three_gp" => Some(VideoFormat::ThreeGp),
        _ => None,
    }
}
