//! This transport beside the SDK's own client: the same replies are the same errors and the same events, and requests
//! go to the same place with the same bytes.

#![expect(clippy::wildcard_enum_match_arm, reason = "enums of the SDK may grow")]

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_bedrockruntime::error::ProvideErrorMetadata as _;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ContentBlockStart, ConversationRole, ConverseStreamOutput, Message,
    ReasoningContentBlockDelta,
};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as Frame};
use bytes::Bytes;
use chat::{Event, FinishReason};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use super::endpoint::{EndpointUrl, Target};
use super::fuzzing::events;
use crate::model_id::ModelId;
use crate::spec::EndpointChoice;
use crate::translate::ServiceError;

const MODEL: &str = "us.amazon.nova-lite-v1:0";

/// A server that gives every request the same bytes, and passes on what it was sent.
struct Server {
    url: String,
    received: UnboundedReceiver<String>,
    _task: JoinSet<()>,
}

async fn server(reply: Vec<u8>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = unbounded_channel();
    let mut task = JoinSet::new();
    task.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut buffer = [0; 4096];
                let count = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..count]);
            }
            sender.send(String::from_utf8(request).unwrap()).unwrap();
            socket.write_all(&reply).await.unwrap();
        }
    });
    Server { url, received, _task: task }
}

fn reply(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn sdk(url: &str) -> Client {
    let config = aws_sdk_bedrockruntime::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn hello() -> Message {
    let text = ContentBlock::Text("hello".into());
    Message::builder().role(ConversationRole::User).content(text).build().unwrap()
}

#[tokio::test]
async fn errors_are_the_sdks() {
    for (status, header, body) in [
        (400, Some("ValidationException"), r#"{"message":"The provided model identifier is invalid."}"#),
        (400, Some("ValidationException:http://internal.amazon.com/coral/"), r#"{"Message":"no"}"#),
        (429, Some("ThrottlingException"), r#"{"message":"Too many tokens, please wait."}"#),
        (403, Some("AccessDeniedException"), r#"{"Message":"User is not authorized"}"#),
        (403, None, r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"x"}"#),
        (403, None, r#"{"code":"ExpiredTokenException","message":"expired"}"#),
        (404, Some("ResourceNotFoundException"), r#"{"message":"gone"}"#),
        (408, Some("ModelTimeoutException"), r#"{"message":"slow"}"#),
        (424, Some("ModelErrorException"), r#"{"message":"odd","originalStatusCode":500}"#),
        (429, Some("ModelNotReadyException"), r#"{"message":"wait"}"#),
        (400, Some("ServiceQuotaExceededException"), r#"{"message":"quota"}"#),
        (500, Some("InternalServerException"), r#"{"message":"oops"}"#),
        (503, Some("ServiceUnavailableException"), r#"{"message":"later"}"#),
        (503, Some("SomethingNewException"), r#"{"message":"new"}"#),
        (500, Some("InternalServerException"), "{}"),
    ] {
        let lines = header.map(|header| format!("x-amzn-errortype: {header}\r\n")).unwrap_or_default();
        let server = server(reply(status, &lines, body.as_bytes())).await;
        let refused = sdk(&server.url).converse().model_id(MODEL).messages(hello()).send().await.unwrap_err();
        let error = refused.into_service_error();
        let ours = ServiceError::from_reply(status, header, body.as_bytes());
        assert_eq!(ours.code, error.code().unwrap_or_default(), "{status} {body}");
        assert_eq!(ours.message, error.message().unwrap_or_default(), "{status} {body}");
    }
}

#[tokio::test]
async fn requests_go_where_the_sdks_go() {
    for (model, id) in [
        (MODEL, "amazon.nova-lite-v1:0"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12", "x"),
    ] {
        let mut server = server(reply(200, "content-type: application/json\r\n", b"{}")).await;
        // The reply is none; what was asked is what counts.
        let _ = sdk(&server.url).converse().model_id(model).messages(hello()).send().await;
        let asked = server.received.recv().await.unwrap();
        let choice = EndpointChoice {
            url: Some(EndpointUrl::parse(&server.url, false).unwrap()),
            ..EndpointChoice::default()
        };
        let target = Target::resolve(&ModelId::parse(model).unwrap(), "us-east-1", &choice).await.unwrap();
        assert!(asked.starts_with(&format!("POST {} HTTP/1.1\r\n", target.converse.uri)), "{id}: {asked}");
        assert!(asked.contains(&format!("host: {}\r\n", target.host.to_str().unwrap())), "{asked}");
        assert!(asked.ends_with(r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#), "{asked}");
    }
}

fn frame(kind: &'static str, name: &'static str, payload: &'static str) -> Vec<u8> {
    let header =
        |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    let of_type = if kind == "event" { ":event-type" } else { ":exception-type" };
    let message = Frame::new(Bytes::from_static(payload.as_bytes()))
        .add_header(header(":message-type", kind))
        .add_header(header(of_type, name))
        .add_header(header(":content-type", "application/json"));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn thoughts_text_and_a_call() -> Vec<Vec<u8>> {
    vec![
        frame("event", "messageStart", r#"{"p":"ab","role":"assistant"}"#),
        frame(
            "event",
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#,
        ),
        frame(
            "event",
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}"#,
        ),
        frame("event", "contentBlockStop", r#"{"contentBlockIndex":0}"#),
        frame(
            "event",
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"text":"a \"é\u2028😀"},"p":"abcd"}"#,
        ),
        frame("event", "contentBlockStop", r#"{"contentBlockIndex":1}"#),
        frame(
            "event",
            "contentBlockStart",
            r#"{"contentBlockIndex":2,"start":{"toolUse":{"name":"f","toolUseId":"t1"}}}"#,
        ),
        frame(
            "event",
            "contentBlockDelta",
            r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}}}"#,
        ),
        frame("event", "contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"1}"}}}"#),
        frame("event", "contentBlockStop", r#"{"contentBlockIndex":2}"#),
    ]
}

/// What both tell, in the same words.
fn told_by_us(frames: &[Vec<u8>]) -> (Vec<String>, bool) {
    // The leading zero says that bytes of a stream follow; no frame begins with more than one.
    let (told, error) = events(&frames.concat(), 100);
    let told = told.into_iter().filter_map(|event| match event {
        Event::Started => Some("start".to_owned()),
        Event::Text(text) => Some(format!("text {text}")),
        Event::ReasoningText(text) => Some(format!("thought {text}")),
        Event::ToolCall { id, name, .. } => Some(format!("call {id} {name}")),
        Event::ToolArguments { piece, .. } => Some(format!("input {piece}")),
        Event::Finished(FinishReason::ToolCalls) => Some("stop tool_use".to_owned()),
        Event::Finished(reason) => Some(format!("stop {reason:?}")),
        Event::Metadata(metadata) => {
            metadata.usage.map(|usage| format!("usage {} {}", usage.input_tokens, usage.output_tokens))
        }
        Event::Reasoning(_) => None,
    });
    (told.collect(), error.is_some())
}

async fn told_by_the_sdk(frames: &[Vec<u8>]) -> (Vec<String>, bool) {
    let kind = "content-type: application/vnd.amazon.eventstream\r\n";
    let server = server(reply(200, kind, &frames.concat())).await;
    let output = sdk(&server.url).converse_stream().model_id(MODEL).messages(hello()).send().await.unwrap();
    let mut stream = output.stream;
    let mut told = Vec::new();
    loop {
        match stream.recv().await {
            Ok(Some(event)) => told.extend(words(&event)),
            Ok(None) => return (told, false),
            Err(_) => return (told, true),
        }
    }
}

fn words(event: &ConverseStreamOutput) -> Option<String> {
    match event {
        ConverseStreamOutput::MessageStart(_) => Some("start".to_owned()),
        ConverseStreamOutput::ContentBlockStart(start) => match start.start.as_ref()? {
            ContentBlockStart::ToolUse(call) => Some(format!("call {} {}", call.tool_use_id, call.name)),
            _ => None,
        },
        ConverseStreamOutput::ContentBlockDelta(delta) => match delta.delta.as_ref()? {
            ContentBlockDelta::Text(text) => Some(format!("text {text}")),
            ContentBlockDelta::ToolUse(call) => Some(format!("input {}", call.input)),
            ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::Text(text)) => {
                Some(format!("thought {text}"))
            }
            _ => None,
        },
        ConverseStreamOutput::MessageStop(stop) => Some(format!("stop {}", stop.stop_reason.as_str())),
        ConverseStreamOutput::Metadata(about) => {
            let usage = about.usage.as_ref()?;
            Some(format!("usage {} {}", usage.input_tokens, usage.output_tokens))
        }
        _ => None,
    }
}

#[tokio::test]
async fn events_are_the_sdks() {
    let begun = thoughts_text_and_a_call();
    let stop = frame("event", "messageStop", r#"{"stopReason":"tool_use"}"#);
    let usage = r#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#;
    let whole = [begun.clone(), vec![stop, frame("event", "metadata", usage)]].concat();
    let thrown =
        frame("exception", "modelStreamErrorException", r#"{"message":"odd","originalStatusCode":500}"#);
    let failed = [begun.clone(), vec![thrown]].concat();
    let unknown = frame("event", "somethingNew", "{}");
    let skipped = [vec![begun[0].clone(), unknown], begun[1..].to_vec()].concat();
    let mut damaged = begun.clone();
    damaged[3][20] ^= 1;
    for frames in [whole, failed, begun, skipped, damaged] {
        assert_eq!(told_by_us(&frames), told_by_the_sdk(&frames).await);
    }
}
