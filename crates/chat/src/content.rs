//! The content of a message.

use std::sync::Arc;

/// One part of a message's content, in the order in which the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub content: Content,
    /// Whether the prompt up to and with this part is worth caching.
    pub cache: Option<Cache>,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Plain text, byte for byte as the client sent it.
    Text(String),
    /// Text that a guardrail is to assess; where there is any, it assesses nothing else.
    Guarded(GuardedText),
    /// A picture.
    Image(Image),
    /// A document.
    Document(Document),
    /// A film.
    Video(Video),
}

impl Part {
    /// Builds a part of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: Content::Text(text.into()), cache: None }
    }

    /// The text, where it is plain.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Guarded(_) | Content::Image(_) | Content::Document(_) | Content::Video(_) => None,
        }
    }
}

/// A point up to which a prompt is worth caching, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// As long as the provider does by default: five minutes.
    #[default]
    Default,
    /// An hour, where the model has it.
    OneHour,
}

/// Text for a guardrail, and what it is to the guardrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedText {
    /// The text.
    pub text: String,
    /// What it is to the guardrail; nothing means content to assess.
    pub qualifiers: Vec<Qualifier>,
}

/// What a guarded text is to a guardrail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// What an answer must be grounded in.
    GroundingSource,
    /// What the user asks.
    Query,
    /// Content to assess.
    GuardContent,
}

/// Where the bytes of a picture, document or film are.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Here, in the standard alphabet of base64, with padding and without white space. Shared by the copies of a request,
    /// because it may have megabytes.
    Base64(Arc<str>),
    /// In a bucket of Amazon S3.
    S3 {
        /// `s3://bucket/key`.
        uri: String,
        /// The account that owns the bucket, where it is not the caller's own.
        owner: Option<String>,
    },
    /// At an address that the gateway would have to fetch.
    Remote(String),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base64(text) => write!(f, "Base64({} characters)", text.len()),
            Self::S3 { uri, .. } => write!(f, "S3({uri})"),
            Self::Remote(_) => f.write_str("Remote"),
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its format, by its content. Unknown only where it has to be fetched.
    pub format: Option<ImageFormat>,
    /// Its bytes.
    pub source: Source,
}

/// Formats of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its format")]
pub enum ImageFormat {
    Png,
    Jpeg,
    Gif,
    Webp,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its format. Unknown only where it has to be fetched.
    pub format: Option<DocumentFormat>,
    /// The client's name for it, as written.
    pub name: Option<String>,
    /// Its bytes.
    pub source: Source,
}

/// Formats of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its format")]
pub enum DocumentFormat {
    Pdf,
    Csv,
    Doc,
    Docx,
    Xls,
    Xlsx,
    Html,
    Txt,
    Md,
}

/// A film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Its format. Unknown only where it has to be fetched.
    pub format: Option<VideoFormat>,
    /// Its bytes.
    pub source: Source,
}

/// Formats of films.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its format")]
pub enum VideoFormat {
    Mkv,
    Mov,
    Mp4,
    Webm,
    Flv,
    Mpeg,
    Mpg,
    Wmv,
    ThreeGp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_source_shares_its_bytes() {
        let source = Source::Base64("QUJD".into());
        let copy = source.clone();
        let (Source::Base64(one), Source::Base64(other)) = (&source, &copy) else {
            unreachable!("both are base64")
        };
        assert!(Arc::ptr_eq(one, other));
    }
}
