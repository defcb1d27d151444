//! Parts of messages: pictures, documents, films, guarded texts, and what is worth caching.

#![expect(clippy::panic, reason = "a failed assertion names its case")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chat::{
    Cache, Content, Document, DocumentFormat, GuardedText, Image, ImageFormat, Message, Part, Qualifier,
    Source, Video, VideoFormat,
};
use openai_api::{ChatCompletionRequest, Translated, translate};

fn accepted(content: &str) -> Translated {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{content}]}}]}}"#);
    ChatCompletionRequest::from_slice(body.as_bytes())
        .and_then(translate)
        .unwrap_or_else(|error| panic!("{body}: {error:?}"))
}

fn parts(content: &str) -> Vec<Part> {
    let mut translated = accepted(content);
    assert!(translated.ignored.is_empty(), "{:?}", translated.ignored);
    match translated.request.messages.remove(0) {
        Message::User(parts) => parts,
        other @ (Message::System(_) | Message::Assistant(_) | Message::Tool(_)) => panic!("{other:?}"),
    }
}

fn part(content: &str) -> Content {
    parts(content).remove(0).content
}

fn image(format: Option<ImageFormat>, source: Source) -> Content {
    Content::Image(Image { format, source })
}

fn document(format: DocumentFormat, name: Option<&str>, body: &[u8]) -> Content {
    let source = Source::Base64(STANDARD.encode(body).into());
    Content::Document(Document { format: Some(format), name: name.map(Into::into), source })
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\xff\xfe\xfd?>";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";

#[test]
fn a_picture_is_what_its_bytes_are_however_it_is_spelled() {
    let (png, jpeg) = (STANDARD.encode(PNG), STANDARD.encode(JPEG));
    let for_urls = URL_SAFE_NO_PAD.encode(PNG);
    let (start, end) = png.split_at(7);
    let broken = format!("{start} \\r\\n{end}");
    let png_of = || image(Some(ImageFormat::Png), Source::Base64(png.clone().into()));
    let urls = [
        format!("data:image/png;base64,{png}"),
        format!("data:image/jpeg;base64,{png}"),
        format!("DATA:IMAGE/PNG;charset=utf-8;BASE64,{png}"),
        format!("data:image/png;base64,{for_urls}"),
        format!("data:image/png;base64,{broken}"),
        format!("data:;base64,{}", png.replace('/', "\\/")),
    ];
    for url in urls {
        let content = format!(r#"{{"type":"image_url","image_url":{{"url":"{url}","detail":"auto"}}}}"#);
        assert_eq!(part(&content), png_of(), "{url}");
        assert_eq!(part(&format!(r#"{{"image_url":"{url}","type":"image_url"}}"#)), png_of(), "{url}");
    }
    let jpg = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/jpg;base64,{jpeg}"}}}}"#);
    assert_eq!(part(&jpg), image(Some(ImageFormat::Jpeg), Source::Base64(jpeg.clone().into())));
    let detail = format!(
        r#"{{"type":"image_url","image_url":{{"url":"data:image/jpg;base64,{jpeg}","detail":"high","x":1}}}}"#
    );
    let expected = ["messages[].content[].image_url.detail", "messages[].content[].image_url.x"];
    assert_eq!(accepted(&detail).ignored, expected);
}

#[test]
fn bytes_elsewhere_stay_there() {
    let s3 = |uri: &str, owner: Option<&str>| Source::S3 { uri: uri.into(), owner: owner.map(Into::into) };
    let of_bucket =
        r#"{"type":"image_url","image_url":{"url":"s3://b/a/c.JPG","bucket_owner":"123456789012"}}"#;
    assert_eq!(part(of_bucket), image(Some(ImageFormat::Jpeg), s3("s3://b/a/c.JPG", Some("123456789012"))));
    let typed = r#"{"type":"image_url","image_url":{"url":"s3://b/key","format":"image/webp"}}"#;
    assert_eq!(part(typed), image(Some(ImageFormat::Webp), s3("s3://b/key", None)));
    let remote = r#"{"type":"image_url","image_url":{"url":"https://x/y.png"}}"#;
    assert_eq!(part(remote), image(None, Source::Remote("https://x/y.png".into())));
    let film = r#"{"type":"video_url","video_url":"s3://b/film.3gp"}"#;
    let expected = Video { format: Some(VideoFormat::ThreeGp), source: s3("s3://b/film.3gp", None) };
    assert_eq!(part(film), Content::Video(expected));
    let book = r#"{"type":"file","file":{"file_data":"s3://b/key","filename":"a book.pdf"}}"#;
    let expected = Document {
        format: Some(DocumentFormat::Pdf),
        name: Some("a book.pdf".into()),
        source: s3("s3://b/key", None),
    };
    assert_eq!(part(book), Content::Document(expected));
    let far = r#"{"type":"file","file":{"file_data":"https://x/a.pdf","filename":""}}"#;
    let source = Source::Remote("https://x/a.pdf".into());
    assert_eq!(part(far), Content::Document(Document { format: None, name: None, source }));
}

#[test]
fn a_file_is_a_document_a_picture_or_a_film() {
    let file = |kind: &str, name: &str, body: &[u8]| {
        let data = STANDARD.encode(body);
        part(&format!(
            r#"{{"type":"file","file":{{"filename":"{name}","file_data":"data:{kind};base64,{data}"}}}}"#
        ))
    };
    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let zip = b"PK\x03\x04rest";
    assert_eq!(
        file("application/pdf", "a.pdf", b"%PDF-1"),
        document(DocumentFormat::Pdf, Some("a.pdf"), b"%PDF-1")
    );
    assert_eq!(file(docx, "a", zip), document(DocumentFormat::Docx, Some("a"), zip));
    assert_eq!(file("", "a.xlsx", zip), document(DocumentFormat::Xlsx, Some("a.xlsx"), zip));
    assert_eq!(file("text/markdown", "", b"# a"), document(DocumentFormat::Md, None, b"# a"));
    assert_eq!(file("text/x-log", "a.log", b"1"), document(DocumentFormat::Txt, Some("a.log"), b"1"));
    let png = Source::Base64(STANDARD.encode(PNG).into());
    assert_eq!(file("application/pdf", "a.pdf", PNG), image(Some(ImageFormat::Png), png));
    let mp4 = b"\0\0\0\x18ftypisom";
    let film = Video { format: Some(VideoFormat::Mp4), source: Source::Base64(STANDARD.encode(mp4).into()) };
    assert_eq!(file("application/octet-stream", "a", mp4), Content::Video(film));
    let bare = r#"{"type":"file","file":{"filename":"a.txt","file_data":"aGVsbG8"}}"#;
    assert_eq!(part(bare), document(DocumentFormat::Txt, Some("a.txt"), b"hello"));
}

#[test]
fn guarded_texts_keep_their_qualifiers() {
    let content = r#"{"type":"guarded_text","text":"a","qualifiers":["grounding_source","query","guard_content"]},{"type":"guarded_text","text":"b"}"#;
    let guarded = |text: &str, qualifiers| Part {
        content: Content::Guarded(GuardedText { text: text.into(), qualifiers }),
        cache: None,
    };
    let all = vec![Qualifier::GroundingSource, Qualifier::Query, Qualifier::GuardContent];
    assert_eq!(parts(content), [guarded("a", all), guarded("b", Vec::new())]);
}

#[test]
fn what_is_worth_caching_is_known_by_its_part() {
    let body = r#"{"model":"m","messages":[
        {"role":"system","content":"s","cache_control":{"type":"ephemeral"}},
        {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"}],"cache_control":{"type":"ephemeral","ttl":null}},
        {"role":"user","content":[{"type":"text","text":"c","cache_control":{"type":"ephemeral","ttl":"1h"}}],"cache_control":{"type":"ephemeral"}},
        {"role":"assistant","content":"d","cache_control":{"type":"ephemeral"}},
        {"role":"assistant","content":"e","tool_calls":[{"id":"x","function":{"name":"f"}}],"cache_control":{"type":"ephemeral"}}]}"#;
    let translated = ChatCompletionRequest::from_slice(body.as_bytes()).and_then(translate).unwrap();
    assert!(translated.ignored.is_empty());
    let found: Vec<Vec<Option<Cache>>> = translated
        .request
        .messages
        .iter()
        .map(|message| match message {
            Message::System(parts) | Message::User(parts) => parts.iter().map(|part| part.cache).collect(),
            Message::Assistant(turn) => {
                let calls = turn.tool_calls.iter().map(|call| call.cache);
                turn.content.iter().map(|part| part.cache).chain(calls).collect()
            }
            Message::Tool(result) => vec![result.cache],
        })
        .collect();
    let (short, long) = (Some(Cache::Default), Some(Cache::OneHour));
    assert_eq!(found, [vec![short], vec![long, short], vec![long], vec![short], vec![None, short]]);
}

#[test]
fn members_of_other_parts_are_named() {
    let content = r#"{"type":"text","text":"a","image_url":"https://x","qualifiers":[],"mood":1}"#;
    let expected = ["image_url", "qualifiers", "mood"].map(|name| format!("messages[].content[].{name}"));
    assert_eq!(accepted(content).ignored, expected);
}
