//! What a model does about refusals, over loopback HTTP.

use std::sync::Mutex;

use chat::{Collector, FinishReason, JsonSchema, Message, RawJson, ResponseFormat, Tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::spec::{CredentialSource, EndpointChoice, KeysFrom, Policy};
use crate::transport::EndpointUrl;
use crate::{GuardrailScope, ModelId, family};

mod refusals;

const NO_TOOLS: &str = r#"{"message":"This model doesn't support tool use in streaming mode."}"#;
const NO_NATIVE: &str = r#"{"message":"This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again."}"#;
const COMPLEX: &str = r#"{"message":"Schema is too complex."}"#;
const CALL: &str = r#"{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{"x":1}}}]}},"stopReason":"tool_use"}"#;
const OUTPUT: &str = r#"{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"json_output","input":{"x":1}}}]}},"stopReason":"tool_use"}"#;

/// A Bedrock that answers each call with the next of its lines, and notes what it was asked.
struct Upstream {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    server: tokio::task::JoinSet<()>,
}

impl Upstream {
    async fn new(answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move {
            for (status, body) in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = read(&mut socket).await;
                notes.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nx-amzn-errortype: ValidationException\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                socket.write_all((head + body).as_bytes()).await.unwrap();
            }
        });
        Self { url, asked, server }
    }

    /// The operation of each call.
    async fn operations(&mut self) -> Vec<&'static str> {
        self.server.join_next().await.unwrap().unwrap();
        let asked = self.asked.lock().unwrap();
        let of = |request: &String| if request.contains("/converse-stream ") { "stream" } else { "whole" };
        asked.iter().map(of).collect()
    }
}

async fn read(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = socket.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
    }
}

async fn model(upstream: &Upstream, id: &str) -> BedrockModel {
    model_at(&upstream.url, id, Policy::default()).await
}

async fn model_at(url: &str, id: &str, policy: Policy) -> BedrockModel {
    let model_id = ModelId::parse(id).unwrap();
    let credentials = Credentials {
        source: CredentialSource::Keys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: None,
            from: KeysFrom::Manifest,
        },
        assume_role: None,
    };
    let shared = Shared::new(Clock::system());
    let identity = shared.identity(&credentials, "us-east-1");
    let spec = BedrockSpec {
        family: family::of(&model_id),
        model_id,
        region: "us-east-1".into(),
        endpoint: EndpointChoice {
            url: Some(EndpointUrl::parse(url, false).unwrap()),
            ..EndpointChoice::default()
        },
        credentials,
        guardrail: None,
        guardrail_override: false,
        guardrail_scope: GuardrailScope::Marked,
        cache: false,
        lift_thinking: false,
        policy,
    };
    BedrockModel::new(spec, &identity, &shared).await.unwrap()
}

fn with_tool() -> Request {
    let tool =
        Tool { name: "f".into(), description: None, parameters: None, strict: Some(true), cache: None };
    Request { messages: vec![Message::user("q")], tools: vec![tool], ..Request::default() }
}

fn with_schema() -> Request {
    let format = JsonSchema {
        name: "x".into(),
        description: None,
        schema: RawJson::parse(r#"{"type":"object"}"#).unwrap(),
        strict: None,
    };
    let response_format = ResponseFormat::JsonSchema(format);
    Request { messages: vec![Message::user("q")], response_format, ..Request::default() }
}

#[tokio::test]
async fn a_stream_that_takes_no_tools_becomes_a_whole_answer_and_stays_one() {
    let mut upstream = Upstream::new(vec![(400, NO_TOOLS), (200, CALL), (200, CALL)]).await;
    let model = model(&upstream, "us.meta.llama3-3-70b-instruct-v1:0").await;
    for attempts in [2, 1] {
        let Streaming { head, mut events } = model.stream(with_tool()).await.unwrap();
        assert_eq!(head.attempts, attempts);
        assert_eq!(head.ignored, [chat::Field::ToolStrict(0)]);
        let mut collector = Collector::default();
        while let Some(event) = events.next().await {
            collector.push(event.unwrap());
        }
        let response = collector.finish().unwrap();
        assert_eq!(response.text.as_deref(), Some("a"));
        assert_eq!(response.tool_calls[0].arguments.get(), r#"{"x":1}"#);
        assert_eq!(response.finish_reason, FinishReason::ToolCalls);
    }
    assert_eq!(upstream.operations().await, ["stream", "whole", "whole"]);
}

#[tokio::test]
async fn a_model_without_schemas_is_asked_by_a_tool_from_then_on() {
    let mut upstream = Upstream::new(vec![(400, NO_NATIVE), (200, OUTPUT), (200, OUTPUT)]).await;
    let model = model(&upstream, "us.anthropic.claude-sonnet-4-5-20250929-v1:0").await;
    for attempts in [2, 1] {
        let Completion { head, response } = model.complete(with_schema()).await.unwrap();
        assert_eq!((head.attempts, response.text.as_deref()), (attempts, Some(r#"{"x":1}"#)));
        assert_eq!(response.finish_reason, FinishReason::Stop);
    }
    assert_eq!(upstream.operations().await, ["whole"; 3]);
}

#[tokio::test]
async fn a_schema_that_is_too_complex_is_one_schema() {
    let mut upstream = Upstream::new(vec![(400, COMPLEX), (200, OUTPUT), (200, OUTPUT)]).await;
    let model = model(&upstream, "us.anthropic.claude-sonnet-4-5-20250929-v1:0").await;
    for _ in 0..2 {
        model.complete(with_schema()).await.unwrap();
    }
    upstream.operations().await;
    let asked = upstream.asked.lock().unwrap();
    let native: Vec<bool> = asked.iter().map(|request| request.contains("outputConfig")).collect();
    assert_eq!(native, [true, false, true]);
}

#[tokio::test]
async fn both_refusals_may_meet_in_one_stream() {
    let mut upstream = Upstream::new(vec![(400, NO_NATIVE), (400, NO_TOOLS), (200, OUTPUT)]).await;
    let model = model(&upstream, "mistral.ministral-3-8b-instruct").await;
    let Streaming { head, events } = model.stream(with_schema()).await.unwrap();
    assert_eq!((head.attempts, events.count().await), (3, 4));
    assert_eq!(upstream.operations().await, ["stream", "stream", "whole"]);
}

#[tokio::test]
async fn any_other_refusal_is_final() {
    let mut upstream = Upstream::new(vec![(400, r#"{"message":"no"}"#)]).await;
    let model = model(&upstream, "us.meta.llama3-3-70b-instruct-v1:0").await;
    let error = model.stream(with_tool()).await.unwrap_err();
    assert_eq!((error.kind(), error.message(), error.attempt_count()), (ErrorKind::InvalidRequest, "no", 1));
    assert_eq!(upstream.operations().await, ["stream"]);
}

#[tokio::test]
async fn a_request_takes_little_room_while_it_waits() {
    let upstream = Upstream::new(Vec::new()).await;
    let model = model(&upstream, "us.amazon.nova-lite-v1:0").await;
    let (whole, streamed) = (model.answer(Request::default()), model.begin(Request::default()));
    let sizes = [size_of_val(&whole), size_of_val(&streamed)];
    assert!(sizes.into_iter().all(|size| size < 6 * 1024), "{sizes:?} bytes");
}
