//! Bodies and answers as exact text: a prompt cache compares bytes, and so do these tests.

use chat::{
    Assistant, Cache, Content, Document, DocumentFormat, Error, ErrorKind, Field, Image, ImageFormat,
    Message, Part, RawJson, Reasoning, Request, Source, Tool, ToolCall, ToolResult,
};

use super::*;
use crate::family::{self, Family};
use crate::guardrail::{Guardrail, GuardrailIdentifier, GuardrailScope, GuardrailVersion};

mod conversation;
mod fields;
mod media;
mod replies;
mod streams;
mod structured;
mod thinking;
mod tools;

const NOVA: &str = "nova";
const CLAUDE: &str = "claude-4.5";

fn family_of(name: &str) -> &'static Family {
    if name == "unknown" { &family::UNKNOWN } else { family::by_name(name).unwrap() }
}

fn context(name: &str) -> Context<'static> {
    Context {
        family: family_of(name),
        guardrail: None,
        guardrail_override: false,
        guardrail_scope: GuardrailScope::Marked,
        cache: false,
        lift_thinking: false,
        native_output: true,
    }
}

fn translate(family: &str, asked: &Request) -> Translated {
    request(asked, context(family), Operation::Converse).unwrap()
}

fn body(family: &str, asked: &Request) -> String {
    text(&translate(family, asked))
}

fn text(translated: &Translated) -> String {
    String::from_utf8(translated.body.clone()).unwrap()
}

fn refused(family: &str, asked: &Request) -> (ErrorKind, Option<Field>, String) {
    let error: Error = request(asked, context(family), Operation::Converse).unwrap_err();
    (error.kind(), error.field().cloned(), error.message().to_owned())
}

fn of(messages: Vec<Message>) -> Request {
    Request { messages, ..Request::default() }
}

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: json(arguments), cache: None }
}

fn calls(tool_calls: Vec<ToolCall>) -> Message {
    Message::Assistant(Assistant { tool_calls, ..Assistant::default() })
}

fn result(id: &str, text: &str) -> Message {
    Message::Tool(ToolResult {
        call_id: id.into(),
        content: vec![Part::text(text)],
        is_error: false,
        cache: None,
    })
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.into(),
        description: None,
        parameters: Some(json(r#"{"type":"object","properties":{}}"#)),
        strict: None,
        cache: None,
    }
}

fn part(content: Content) -> Part {
    Part { content, cache: None }
}

fn cached(text: &str) -> Part {
    Part { cache: Some(Cache::Default), ..Part::text(text) }
}

fn image(bytes: &str) -> Part {
    part(Content::Image(Image { format: Some(ImageFormat::Png), source: Source::Base64(bytes.into()) }))
}

fn document(format: DocumentFormat, name: Option<&str>) -> Part {
    part(Content::Document(Document {
        format: Some(format),
        name: name.map(str::to_owned),
        source: Source::Base64("QUJD".into()),
    }))
}

fn signed(text: &str, signature: &str) -> Reasoning {
    Reasoning::Thinking { text: text.into(), signature: Some(signature.into()) }
}

/// What stands in a body under a key at its top.
fn member(body: &str, key: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    value.get(key).map_or_else(String::new, ToString::to_string)
}
