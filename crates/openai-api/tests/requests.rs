//! Requests in, the domain's requests or errors out.

#![expect(clippy::panic, reason = "a failed assertion names its case")]

use chat::{Assistant, Message, Part};
use openai_api::{ApiError, ChatCompletionRequest, Code, Translated, translate};
use proptest::prelude::*;

fn read(body: &str) -> Result<Translated, ApiError> {
    ChatCompletionRequest::from_slice(body.as_bytes()).and_then(translate)
}

/// A request with one user message and the given members.
fn with(members: &str) -> String {
    format!(r#"{{"model":"nova","messages":[{{"role":"user","content":"hi"}}],{members}}}"#)
}

/// A request with the given messages.
fn saying(messages: &str) -> String {
    format!(r#"{{"model":"nova","messages":[{messages}]}}"#)
}

fn accepted(body: &str) -> Translated {
    read(body).unwrap_or_else(|error| panic!("{body}: {error:?}"))
}

fn refused(body: &str, param: &str, code: &str, text: &str) {
    let Err(error) = read(body) else { panic!("{body} was accepted") };
    assert_eq!(error.status, 400, "{body}");
    assert_eq!(error.kind, "invalid_request_error", "{body}");
    assert_eq!(error.param.as_deref().unwrap_or_default(), param, "{body}: {error:?}");
    assert_eq!(error.code.map_or("", openai_api::Code::name), code, "{body}: {error:?}");
    assert!(error.message.contains(text), "{body}: {error:?}");
}

#[test]
fn a_session_is_named_by_the_key_of_its_cache_or_else_by_its_user() {
    for (members, key, member) in [
        (r#""user":"u""#, "u", "user"),
        (r#""user":"u","prompt_cache_key":"k""#, "k", "prompt_cache_key"),
        (r#""user":"u","prompt_cache_key":"""#, "u", "user"),
    ] {
        let translated = accepted(&with(members));
        let session = translated.session.unwrap_or_else(|| panic!("{members}"));
        assert_eq!((session.key.as_str(), session.member), (key, member));
        assert!(translated.ignored.iter().any(|name| name == member), "one model alone has no use for it");
    }
    for members in [r#""seed":1"#, r#""user":"""#, r#""user":null"#, r#""user":5"#] {
        assert!(accepted(&with(members)).session.is_none(), "{members}");
    }
}

#[test]
fn a_bad_request_says_where_and_what() {
    let lines: Vec<&str> = include_str!("bad_requests.txt").lines().skip(1).collect();
    assert!(lines.len() >= 2 * 200);
    for case in lines.chunks(2) {
        let expected: Vec<&str> = case[1].split('|').map(str::trim).collect();
        refused(case[0], expected[0], expected[1], expected[2]);
    }
    refused("", "", "", "body is empty");
    refused(" \n", "", "", "body is empty");
    refused(&with(&format!("\"x\":{}", "[".repeat(300))), "", "", "not valid JSON");
}

#[test]
fn messages_keep_their_place_their_bytes_and_their_parts() {
    let body = saying(
        r#"{"role":"system","content":"s"},{"role":"developer","content":[{"type":"text","text":"d1"},{"text":"d2","type":"text"}]},
           {"role":"user","name":"ann","content":" hé\u2028\n "},{"role":"assistant","content":null,"refusal":"no","tool_calls":[],"annotations":[],"audio":null,"function_call":null},
           {"role":"assistant"},{"role":"assistant","content":[{"type":"refusal","refusal":"never"}]},{"role":"user","content":""}"#,
    );
    let translated = accepted(&body);
    let expected = [
        Message::system("s"),
        Message::System(vec![Part::text("d1"), Part::text("d2")]),
        Message::user(" hé\u{2028}\n "),
        Message::assistant("no"),
        Message::Assistant(Assistant::default()),
        Message::assistant("never"),
        Message::user(""),
    ];
    assert_eq!(translated.request.messages, expected);
    assert!(translated.ignored.is_empty(), "{:?}", translated.ignored);
}

#[test]
fn parameters_arrive_as_written() {
    let translated = accepted(&with(
        r#""max_tokens":5,"max_completion_tokens":7,"temperature":0.7,"top_p":0.1,"top_k":0,"stop":["END",""," ","\n"],
           "stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"metadata":{"a":"b"},
           "additional_model_request_fields":{"z":1,"a":{"y":0.7,"b":null}}"#,
    ));
    let sampling = &translated.request.sampling;
    assert_eq!((sampling.max_tokens, sampling.temperature, sampling.top_p), (Some(7), Some(0.7), Some(0.1)));
    assert_eq!((sampling.top_k, sampling.stop.as_deref()), (Some(0), Some(&["END".to_owned()][..])));
    assert!(translated.stream && translated.include_usage && translated.ignored.is_empty());
    assert_eq!(translated.request.metadata, [("a".to_owned(), "b".to_owned())]);
    let fields = serde_json::to_string(&translated.request.additional_fields.unwrap()).unwrap();
    assert_eq!(fields, r#"{"z":1,"a":{"y":0.7,"b":null}}"#);
    assert_eq!(accepted(&with(r#""stop":"END""#)).request.sampling.stop.unwrap(), ["END"]);
}

#[test]
fn what_clients_send_by_habit_asks_for_nothing() {
    let translated = accepted(&with(
        r#""n":1,"logprobs":false,"top_logprobs":0,"tools":[],"tool_choice":"auto","functions":[],"function_call":"auto","parallel_tool_calls":true,
           "response_format":{"type":"text"},"modalities":["text"],"reasoning_effort":null,"reasoning":{},"performance_config":null,"audio":null,"stream":null,"stop":null,"temperature":null,
           "top_p":null,"max_tokens":null,"metadata":null,"guardrail":null,"stream_options":null,"additional_model_request_fields":null,"frequency_penalty":0,
           "presence_penalty":0.0,"logit_bias":{},"store":false,"service_tier":"auto","seed":null,"user":null,"web_search_options":null"#,
    ));
    assert!(translated.ignored.is_empty(), "{:?}", translated.ignored);
    assert!(!translated.stream && !translated.legacy_functions);
    let messages = vec![Message::user("hi")];
    assert_eq!(translated.request, chat::Request { messages, ..chat::Request::default() });
}

#[test]
fn what_has_no_effect_is_named_once_and_fit_for_a_header() {
    let body = r#"{"model":"nova","seed":1,"user":"u","frequency_penalty":0.5,"api_base":"http://evil","x\ny, z":1,
        "messages":[{"role":"user","content":[{"type":"text","text":"a","color":{}}],"mood":1},{"role":"user","content":"b","mood":2},
        {"role":"assistant","content":"c","reasoning_content":"hm"}],"stream_options":{"pad":1}}"#;
    let expected = [
        "seed",
        "user",
        "frequency_penalty",
        "api_base",
        "x_y__z",
        "messages[].content[].color",
        "messages[].mood",
        "messages[].reasoning_content",
        "stream_options.pad",
    ];
    assert_eq!(accepted(body).ignored, expected);
    let many: Vec<String> = (0..60).map(|index| format!("\"x{index}\":1")).collect();
    let ignored = accepted(&with(&many.join(","))).ignored;
    assert_eq!((ignored.len(), ignored.last().map(String::as_str)), (21, Some("...")));
}

#[test]
fn messages_never_repeat_much_of_the_request() {
    let long = "x".repeat(100_000);
    let bodies = [
        with(&format!("\"temperature\":\"{long}\"")),
        with(&format!("\"{long}\":1,\"{long}\":2")),
        with(&format!("\"guardrail\":{{\"{long}\":1}}")),
        with(&format!("\"guardrail\":{{\"identifier\":\"a\",\"version\":\"b\",\"trace\":\"{long}\"}}")),
        with(&format!("\"metadata\":{{\"{long}\":1}}")),
        saying(&format!("{{\"role\":\"{long}\",\"content\":\"\"}}")),
        saying(&format!("{{\"role\":\"user\",\"content\":[{{\"type\":\"{long}\"}}]}}")),
        saying(&format!("{{\"role\":\"function\",\"name\":\"{long}\",\"content\":\"\"}}")),
        saying(&format!("{{\"role\":\"assistant\",\"thinking_blocks\":[{{\"type\":\"{long}\"}}]}}")),
        with(&format!("\"tools\":[{{\"type\":\"{long}\"}}]")),
        with(&format!("\"functions\":[{{\"name\":\"f\"}}],\"function_call\":{{\"name\":\"{long}\"}}")),
        with(&format!("\"tool_choice\":\"{long}\"")),
        with(&format!("\"tool_choice\":{{\"type\":\"{long}\"}}")),
        with(&format!("\"response_format\":{{\"type\":\"{long}\"}}")),
        with(&format!("\"reasoning_effort\":\"{long}\"")),
    ];
    for body in bodies {
        let error = read(&body).unwrap_err();
        assert!(error.to_json().len() < 1500, "{} bytes", error.to_json().len());
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ChatCompletionRequest::from_slice(&bytes).and_then(translate);
    }

    #[test]
    fn no_change_of_a_request_panics(at in 0usize..400, byte in any::<u8>()) {
        let mut body = with(r#""temperature":0.7,"stop":["a"],"metadata":{"a":"b"},"guardrail":{"identifier":"a","version":"1"},"tools":[]"#).into_bytes();
        let at = at % body.len();
        body[at] = byte;
        if let Err(error) = ChatCompletionRequest::from_slice(&body).and_then(translate) {
            prop_assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn text_and_numbers_survive(text in ".*", temperature in 0.0f64..=2.0) {
        let content = serde_json::to_string(&text).unwrap();
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}],"temperature":{temperature}}}"#);
        let request = read(&body).unwrap().request;
        prop_assert_eq!(&request.messages[0], &Message::user(text));
        prop_assert_eq!(request.sampling.temperature, Some(temperature));
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_no_request_wherever_they_stand() {
    for member in ["content", "user", "unheard_of"] {
        let text =
            r#"{"model":"nova","messages":[{"role":"user","content":"hi"}],"unheard_of":"hi","user":"hi"}"#;
        let (before, after) = text.split_once(&format!("\"{member}\":\"hi\"")).unwrap();
        let body =
            [before.as_bytes(), format!("\"{member}\":\"").as_bytes(), b"\xff\"", after.as_bytes()].concat();
        let error = ChatCompletionRequest::from_slice(&body).unwrap_err();
        assert_eq!(error.status, 400);
        assert!(error.message.contains("is not UTF-8"), "{}", error.message);
    }
}

#[test]
fn sizes_beyond_every_model_are_refused_and_large_ones_pass() {
    let tools = |count: usize| -> String {
        (0..count)
            .map(|n| format!("{{\"type\":\"function\",\"function\":{{\"name\":\"f{n}\"}}}}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(accepted(&with(&format!("\"tools\":[{}]", tools(1000)))).request.tools.len(), 1000);
    let error = read(&with(&format!("\"tools\":[{}]", tools(10_000)))).unwrap_err();
    assert_eq!((error.status, error.param.as_deref()), (400, Some("tools")));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let schema = |schema: &str| {
        with(&format!(
            "\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"f\",\"parameters\":{schema}}}}}]"
        ))
    };
    assert_eq!(read(&schema(&deep)).unwrap_err().status, 400);
    let wide = |bytes: usize| schema(&format!("{{\"description\":\"{}\"}}", "x".repeat(bytes)));
    assert_eq!(accepted(&wide(100_000)).request.tools.len(), 1);
    let error = read(&wide(5_000_000)).unwrap_err();
    assert_eq!((error.status, error.param.as_deref()), (400, Some("tools[0].function.parameters")));
    let pairs: Vec<String> = (0..10_000).map(|n| format!("\"k{n}\":\"v\"")).collect();
    let error = read(&with(&format!("\"metadata\":{{{}}}", pairs.join(",")))).unwrap_err();
    assert_eq!((error.status, error.param.as_deref()), (400, Some("metadata")));
    let user = |length: usize| with(&format!("\"user\":\"{}\"", "ü".repeat(length)));
    assert_eq!(accepted(&user(1024)).ignored, ["user"]);
    for length in [1025, 1 << 20] {
        let error = read(&user(length)).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("user")));
        assert_eq!(error.code.map(Code::name), Some("string_above_max_length"));
    }
    accepted(&saying(&format!("{{\"role\":\"user\",\"content\":\"{}\"}}", "a".repeat(200_000))));
}
