//! The shape of the answer.

use chat::{Effort, JsonSchema, ResponseFormat, ToolChoice};

use super::*;

const SCHEMA: &str = r#"{"type":"object","properties":{"b":{"type":"object","properties":{}},"a":{"enum":[{"type":"object"}]}}}"#;

fn by_schema(schema: &str) -> Request {
    Request {
        response_format: ResponseFormat::JsonSchema(JsonSchema {
            name: "person".into(),
            description: None,
            schema: json(schema),
            strict: Some(true),
        }),
        ..of(vec![Message::user("q")])
    }
}

#[test]
fn a_family_with_schemas_gets_one_that_closes_its_objects() {
    assert_eq!(
        body(CLAUDE, &by_schema(SCHEMA)),
        r#"{"messages":[{"role":"user","content":[{"text":"q"}]}],"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false},\"a\":{\"enum\":[{\"type\":\"object\"}]}},\"additionalProperties\":false}","name":"person"}}}}}"#
    );
    let closed = r#"{ "type": "object", "additionalProperties": false }"#;
    assert!(
        body(CLAUDE, &by_schema(closed))
            .contains(r#""schema":"{ \"type\": \"object\", \"additionalProperties\": false }""#)
    );
}

#[test]
fn a_schema_of_open_objects_is_none_for_output_config() {
    for (schema, native) in [
        (r#"{"type":"object","additionalProperties":true}"#, false),
        (r#"{"type":"object","properties":{"a":{"type":"object","additionalProperties":{}}}}"#, false),
        (
            r#"{"type":"object","properties":{"a":{"const":{"type":"object","additionalProperties":true}}}}"#,
            true,
        ),
        (r#"{"type":"object","properties":{"default":{"additionalProperties":true}}}"#, true),
    ] {
        let translated = translate(CLAUDE, &by_schema(schema));
        assert_eq!((translated.is_native, translated.has_tools), (native, !native), "{schema}");
    }
}

#[test]
fn elsewhere_a_tool_takes_the_answer_as_its_arguments() {
    let translated = translate(NOVA, &by_schema(SCHEMA));
    assert_eq!(
        member(&text(&translated), "toolConfig"),
        format!(
            r#"{{"tools":[{{"toolSpec":{{"name":"json_output","description":"Gives the final answer. Its arguments are the answer.","inputSchema":{{"json":{SCHEMA}}}}}}}],"toolChoice":{{"tool":{{"name":"json_output"}}}}}}"#
        )
    );
    assert_eq!(translated.restore.output_tool.as_deref(), Some("json_output"));
    assert!(translated.adjusted.is_empty() && translated.has_tools && !translated.is_native);
    // Where Bedrock refused `outputConfig`, the same.
    let context = Context { native_output: false, ..context(CLAUDE) };
    let translated = request(&by_schema(SCHEMA), context, Operation::Converse).unwrap();
    assert!(text(&translated).contains(r#""toolChoice":{"tool":{"name":"json_output"}}"#));
    assert!(body("mistral-large", &by_schema(SCHEMA)).contains(r#""toolChoice":{"any":{}}"#));
}

#[test]
fn beside_the_client_s_tools_any_of_them_may_be_called() {
    let mut asked = Request { tools: vec![tool("json_output"), tool("f")], ..by_schema(SCHEMA) };
    let translated = translate(NOVA, &asked);
    let own = translated.restore.output_tool.clone().unwrap();
    assert!(own.starts_with("json_output_"), "{own}");
    assert!(text(&translated).ends_with(r#""toolChoice":{"any":{}}}}"#));
    asked.tool_choice = Some(ToolChoice::Required);
    let translated = translate(NOVA, &asked);
    assert_eq!(translated.restore.output_tool, None);
    asked.tool_choice = Some(ToolChoice::None);
    let translated = translate(NOVA, &asked);
    assert!(text(&translated).contains(&format!(r#""toolChoice":{{"tool":{{"name":"{own}"}}}}"#)));
    assert!(!text(&translated).contains(r#""name":"f""#));
}

#[test]
fn where_no_tool_can_be_forced_the_model_is_told() {
    let mut thinking = by_schema(SCHEMA);
    thinking.reasoning_effort = Some(Effort::Low);
    for (family, asked) in [("llama", by_schema(SCHEMA)), ("claude-4", thinking)] {
        let translated = translate(family, &asked);
        let system = member(&text(&translated), "system");
        assert!(system.contains("It must follow this JSON schema:"), "{system}");
        assert_eq!(translated.adjusted, [Field::ResponseFormat], "{family}");
        assert!(!translated.has_tools);
    }
    assert!(member(&body("titan-text", &by_schema(SCHEMA)), "messages").contains("this JSON schema"));
}

#[test]
fn any_object_comes_from_a_tool_or_an_instruction() {
    let mut asked = of(vec![Message::user("q")]);
    asked.response_format = ResponseFormat::JsonObject;
    for family in [NOVA, CLAUDE] {
        let translated = translate(family, &asked);
        assert!(text(&translated).contains(r#""inputSchema":{"json":{"type":"object"}}"#));
        assert!(translated.adjusted.is_empty());
    }
    asked.tools = vec![tool("f")];
    let translated = translate(NOVA, &asked);
    assert!(member(&text(&translated), "system").contains("JSON object"));
    assert_eq!(translated.adjusted, [Field::ResponseFormat]);
}
