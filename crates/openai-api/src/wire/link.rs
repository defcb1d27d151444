//! Pictures, films and files: where they are, and what the client says of them.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::members::Ignored;
use super::record::{Record, RecordSeed};
use crate::media::data_url::Address;

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            // Looked at where it stands, so that the bytes in it are copied once.
            fn visit_str<E>(self, text: &str) -> Result<Address, E> {
                Ok(Address::parse(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What an `image_url` or a `video_url` says.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) address: Option<Address>,
    /// A MIME type or an extension, where the address does not tell.
    pub(crate) format: Option<String>,
    /// The account that owns the bucket.
    pub(crate) owner: Option<String>,
}

/// Reads a [`Link`], which may be its address alone. `T` says which.
pub(crate) struct LinkSeed<'a, T> {
    record: RecordSeed<'a, T>,
}

impl<'a, T> LinkSeed<'a, T> {
    pub(crate) fn new(ignored: &'a mut Ignored) -> Self {
        Self { record: RecordSeed::new(ignored) }
    }
}

impl<'de, T: Record + Into<Link>> DeserializeSeed<'de> for LinkSeed<'_, T> {
    type Value = Link;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Link, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Record + Into<Link>> Visitor<'de> for LinkSeed<'_, T> {
    type Value = Link;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E>(self, text: &str) -> Result<Link, E> {
        Ok(Link { address: Some(Address::parse(text)), ..Link::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Link, A::Error> {
        self.record.visit_map(members).map(Into::into)
    }
}

/// The value of an `image_url`.
#[derive(Default)]
pub(crate) struct ImageUrl(Link);

/// The value of a `video_url`.
#[derive(Default)]
pub(crate) struct VideoUrl(Link);

impl From<ImageUrl> for Link {
    fn from(url: ImageUrl) -> Self {
        url.0
    }
}

impl From<VideoUrl> for Link {
    fn from(url: VideoUrl) -> Self {
        url.0
    }
}

impl Record for ImageUrl {
    const PATH: &'static str = "messages[].content[].image_url";
    const EXPECTED: &'static str = "an object such as {\"url\": \"data:image/png;base64,...\"}";
    const MEMBERS: &'static [&'static str] = &["url", "format", "bucket_owner", "detail"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error> {
        if key != "detail" {
            return member(&mut self.0, key, members);
        }
        let detail = members.next_value::<Option<String>>()?;
        if detail.is_some_and(|detail| detail != "auto") {
            ignored.add("messages[].content[].image_url.detail");
        }
        Ok(())
    }
}

impl Record for VideoUrl {
    const PATH: &'static str = "messages[].content[].video_url";
    const EXPECTED: &'static str = "an object such as {\"url\": \"s3://bucket/film.mp4\"}";
    const MEMBERS: &'static [&'static str] = &["url", "format", "bucket_owner"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        member(&mut self.0, key, members)
    }
}

fn member<'de, A: MapAccess<'de>>(link: &mut Link, key: &str, members: &mut A) -> Result<(), A::Error> {
    match key {
        "url" | "file_data" => link.address = members.next_value()?,
        "format" => link.format = members.next_value()?,
        _ => link.owner = members.next_value()?,
    }
    Ok(())
}

/// The value of a `file`.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) link: Link,
    pub(crate) name: Option<String>,
    /// Whether it names a file that was uploaded before.
    pub(crate) uploaded: bool,
}

impl Record for File {
    const PATH: &'static str = "messages[].content[].file";
    const EXPECTED: &'static str =
        "an object such as {\"filename\": \"a.pdf\", \"file_data\": \"data:application/pdf;base64,...\"}";
    const MEMBERS: &'static [&'static str] = &["file_data", "filename", "file_id", "format", "bucket_owner"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "filename" => self.name = members.next_value()?,
            "file_id" => self.uploaded = members.next_value::<Option<String>>()?.is_some(),
            _ => member(&mut self.link, key, members)?,
        }
        Ok(())
    }
}
