//! Pictures, documents and films.

use chat::{Video, VideoFormat};

use super::*;

#[test]
fn pictures_films_and_documents_are_blocks_of_their_own() {
    let asked = of(vec![Message::User(vec![
        Part::text("look"),
        image("QUJD"),
        document(DocumentFormat::Md, Some("no.tes/read_me!.md")),
        part(Content::Video(Video {
            format: Some(VideoFormat::ThreeGp),
            source: Source::S3 { uri: "s3://b/k.3gp".into(), owner: Some("123456789012".into()) },
        })),
    ])]);
    assert_eq!(
        body(NOVA, &asked),
        r#"{"messages":[{"role":"user","content":[{"text":"look"},{"image":{"format":"png","source":{"bytes":"QUJD"}}},{"document":{"format":"md","name":"read me","source":{"bytes":"QUJD"}}},{"video":{"format":"three_gp","source":{"s3Location":{"uri":"s3://b/k.3gp","bucketOwner":"123456789012"}}}}]}]}"#
    );
}

#[test]
fn documents_have_names_of_their_own_and_a_text_beside_them() {
    let asked = of(vec![Message::User(vec![
        document(DocumentFormat::Pdf, Some("a.pdf")),
        document(DocumentFormat::Pdf, Some("a.docx")),
        document(DocumentFormat::Pdf, None),
    ])]);
    let translated = translate(NOVA, &asked);
    let sent = text(&translated);
    for name in ["a", "a (2)", "document-3"] {
        assert_eq!(sent.matches(&format!(r#""name":"{name}""#)).count(), 1, "{name}");
    }
    assert!(sent.ends_with(r#"{"text":"."}]}]}"#));
    assert_eq!(translated.adjusted, [Field::Message(0)]);
}

#[test]
fn what_has_to_be_fetched_or_is_of_no_known_format_is_refused_at_its_part() {
    let of_image = |format, source| {
        of(vec![Message::User(vec![Part::text("x"), part(Content::Image(Image { format, source }))])])
    };
    let remote = of_image(None, Source::Remote("https://example.com/a.png".into()));
    let (kind, field, message) = refused(NOVA, &remote);
    assert_eq!((kind, field), (ErrorKind::InvalidRequest, Some(Field::Part(0, 1))));
    assert!(message.contains("remote URLs are not fetched"));
    let bucket = of_image(None, Source::S3 { uri: "s3://b/k".into(), owner: None });
    let (_, field, message) = refused(NOVA, &bucket);
    assert_eq!(field, Some(Field::Part(0, 1)));
    assert!(message.contains("extension"));
}

#[test]
fn too_many_and_too_large_media_are_refused_at_their_part() {
    let images = |count| of(vec![Message::User(vec![image("QUJD"); count])]);
    assert_eq!(refused(CLAUDE, &images(21)).1, Some(Field::Part(0, 20)));
    body(NOVA, &images(21));
    body("unknown", &images(21));
    let large = of(vec![Message::User(vec![image(&"A".repeat(6 * 1024 * 1024))])]);
    assert_eq!(refused(CLAUDE, &large).1, Some(Field::Part(0, 0)));
    body(NOVA, &large);
    let weighing = |format| {
        let source = Source::Base64("A".repeat(7 * 1024 * 1024).into());
        let document = Document { format: Some(format), name: None, source };
        of(vec![Message::User(vec![Part::text("read"), part(Content::Document(document))])])
    };
    assert_eq!(refused(CLAUDE, &weighing(DocumentFormat::Txt)).1, Some(Field::Part(0, 1)));
    assert_eq!(refused("claude-3", &weighing(DocumentFormat::Pdf)).1, Some(Field::Part(0, 1)));
    body(CLAUDE, &weighing(DocumentFormat::Pdf));
    let documents = of(vec![Message::User(vec![document(DocumentFormat::Txt, None); 6])]);
    assert_eq!(refused(NOVA, &documents).1, Some(Field::Part(0, 5)));
}

fn asked_with_result(content: Vec<Part>) -> Request {
    let result = ToolResult { call_id: "1".into(), content, is_error: false, cache: None };
    let messages = vec![Message::user("q"), calls(vec![call("1", "f", "{}")]), Message::Tool(result)];
    Request { tools: vec![tool("f")], ..of(messages) }
}

#[test]
fn results_hold_media_and_binary_documents_stand_behind_them_where_a_result_may_not() {
    let asked = asked_with_result(vec![image("QUJD"), document(DocumentFormat::Pdf, None)]);
    let translated = translate(CLAUDE, &asked);
    assert!(text(&translated).contains(
        r#""content":[{"image":{"format":"png","source":{"bytes":"QUJD"}}},{"document":{"format":"pdf","name":"document-1","source":{"bytes":"QUJD"}}}]}}]}"#
    ));
    assert!(translated.adjusted.is_empty());
    let translated = translate(NOVA, &asked);
    assert!(text(&translated).contains(
        r#""content":[{"image":{"format":"png","source":{"bytes":"QUJD"}}}]}},{"text":"Documents that the results above brought:"},{"document":{"#
    ));
    assert_eq!(translated.adjusted, [Field::Part(2, 1)]);
    let plain = asked_with_result(vec![document(DocumentFormat::Csv, None)]);
    assert!(body(NOVA, &plain).contains(r#""content":[{"document":{"format":"csv""#));
}

#[test]
fn a_document_does_not_stand_beside_results_for_claude() {
    let mut asked = asked_with_result(vec![Part::text("r")]);
    asked.messages.push(Message::User(vec![Part::text("this"), document(DocumentFormat::Pdf, None)]));
    assert!(body(CLAUDE, &asked).contains(
        r#"{"text":"r"}]}}]},{"role":"assistant","content":[{"text":"."}]},{"role":"user","content":[{"text":"this"},{"document""#
    ));
    assert!(body(NOVA, &asked).contains(r#"{"text":"r"}]}},{"text":"this"},{"document""#));
}

#[test]
fn media_have_no_place_in_instructions_or_in_what_the_model_said() {
    let asked = of(vec![Message::System(vec![image("QUJD")]), Message::user("x")]);
    assert_eq!(refused(NOVA, &asked).1, Some(Field::Part(0, 0)));
    let said = Assistant { content: vec![Part::text("x"), image("QUJD")], ..Assistant::default() };
    let asked = of(vec![Message::user("x"), Message::Assistant(said)]);
    assert_eq!(refused(NOVA, &asked).1, Some(Field::Part(1, 1)));
}
