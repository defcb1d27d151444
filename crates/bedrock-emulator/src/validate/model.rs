//! The shapes of requests, from the [service's model](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

use super::pattern::{
    ACCOUNT, GUARDRAIL_ID, GUARDRAIL_VERSION, METADATA_KEY, METADATA_VALUE, Pattern, S3_URI, TOOL_NAME,
    TOOL_USE_ID,
};
use super::shape::{Member, Shape, optional, required};

const ANY: usize = usize::MAX;

const TEXT: Shape = text(0, ANY);
const SOME_TEXT: Shape = text(1, ANY);
const BOOLEAN: Shape = Shape::Boolean;
const DOCUMENT: Shape = Shape::Document;
const INDEX: Shape = Shape::Integer { smallest: 0 };

const fn text(shortest: usize, longest: usize) -> Shape {
    Shape::Text { length: shortest..=longest, pattern: None }
}

const fn token(shortest: usize, longest: usize, pattern: Pattern) -> Shape {
    Shape::Text { length: shortest..=longest, pattern: Some(pattern) }
}

const fn list(of: &'static Shape) -> Shape {
    Shape::List { of, length: 0..=ANY }
}

const fn union(name: &'static str, members: &'static [Member]) -> Shape {
    Shape::Union { name, members }
}

/// A request of `Converse`.
pub(super) static CONVERSE: Shape = Shape::Structure(&[
    MESSAGES,
    SYSTEM,
    INFERENCE,
    TOOLS,
    GUARDRAIL,
    REQUEST_FIELDS,
    VARIABLES,
    RESPONSE_FIELDS,
    METADATA,
    PERFORMANCE,
    TIER,
    OUTPUT,
]);

/// A request of `ConverseStream`, which differs by the guardrail alone.
pub(super) static CONVERSE_STREAM: Shape = Shape::Structure(&[
    MESSAGES,
    SYSTEM,
    INFERENCE,
    TOOLS,
    STREAM_GUARDRAIL,
    REQUEST_FIELDS,
    VARIABLES,
    RESPONSE_FIELDS,
    METADATA,
    PERFORMANCE,
    TIER,
    OUTPUT,
]);

const MESSAGES: Member = optional("messages", &list(&MESSAGE));
const SYSTEM: Member = optional("system", &list(&SYSTEM_BLOCK));
const INFERENCE: Member = optional(
    "inferenceConfig",
    &Shape::Structure(&[
        optional("maxTokens", &Shape::Integer { smallest: 1 }),
        optional("temperature", &Shape::Number(0.0..=1.0)),
        optional("topP", &Shape::Number(0.0..=1.0)),
        optional("stopSequences", &Shape::List { of: &SOME_TEXT, length: 0..=2500 }),
    ]),
);
const TOOLS: Member = optional(
    "toolConfig",
    &Shape::Structure(&[
        required("tools", &Shape::List { of: &TOOL, length: 1..=ANY }),
        optional("toolChoice", &TOOL_CHOICE),
    ]),
);
const GUARDRAIL: Member = optional(
    "guardrailConfig",
    &Shape::Structure(&[GUARDRAIL_IDENTIFIER, GUARDRAIL_VERSION_MEMBER, GUARDRAIL_TRACE]),
);
const STREAM_GUARDRAIL: Member = optional(
    "guardrailConfig",
    &Shape::Structure(&[
        GUARDRAIL_IDENTIFIER,
        GUARDRAIL_VERSION_MEMBER,
        GUARDRAIL_TRACE,
        optional("streamProcessingMode", &Shape::Choice(&["sync", "async"])),
    ]),
);
const GUARDRAIL_IDENTIFIER: Member = required("guardrailIdentifier", &token(0, 2048, GUARDRAIL_ID));
const GUARDRAIL_VERSION_MEMBER: Member = required("guardrailVersion", &token(0, ANY, GUARDRAIL_VERSION));
const GUARDRAIL_TRACE: Member = optional("trace", &Shape::Choice(&["enabled", "disabled", "enabled_full"]));
const REQUEST_FIELDS: Member = optional("additionalModelRequestFields", &DOCUMENT);
const VARIABLES: Member = optional(
    "promptVariables",
    &Shape::Map {
        key: &TEXT,
        value: &union("PromptVariableValues", &[optional("text", &TEXT)]),
        length: 0..=ANY,
    },
);
const RESPONSE_FIELDS: Member =
    optional("additionalModelResponseFieldPaths", &Shape::List { of: &text(1, 256), length: 0..=10 });
const METADATA: Member = optional(
    "requestMetadata",
    &Shape::Map { key: &token(1, 256, METADATA_KEY), value: &token(0, 256, METADATA_VALUE), length: 1..=16 },
);
const PERFORMANCE: Member = optional(
    "performanceConfig",
    &Shape::Structure(&[optional("latency", &Shape::Choice(&["standard", "optimized"]))]),
);
const TIER: Member = optional(
    "serviceTier",
    &Shape::Structure(&[required("type", &Shape::Choice(&["priority", "default", "flex", "reserved"]))]),
);
const OUTPUT: Member = optional(
    "outputConfig",
    &Shape::Structure(&[optional("textFormat", &TEXT_FORMAT), optional("effort", &text(0, 16))]),
);

const TEXT_FORMAT: Shape = Shape::Structure(&[
    required("type", &Shape::Choice(&["json_schema"])),
    required(
        "structure",
        &union(
            "OutputFormatStructure",
            &[optional(
                "jsonSchema",
                &Shape::Structure(&[
                    required("schema", &TEXT),
                    optional("name", &TEXT),
                    optional("description", &TEXT),
                ]),
            )],
        ),
    ),
]);

const MESSAGE: Shape = Shape::Structure(&[
    required("role", &Shape::Choice(&["user", "assistant"])),
    required("content", &list(&CONTENT_BLOCK)),
]);

const SYSTEM_BLOCK: Shape = union(
    "SystemContentBlock",
    &[
        optional("text", &SOME_TEXT),
        optional("guardContent", &GUARD_CONTENT),
        optional("cachePoint", &CACHE_POINT),
    ],
);

const CONTENT_BLOCK: Shape = union(
    "ContentBlock",
    &[
        optional("text", &TEXT),
        optional("image", &IMAGE),
        optional("toolUse", &TOOL_USE),
        optional("toolResult", &TOOL_RESULT),
        optional("document", &DOCUMENT_BLOCK),
        optional("video", &VIDEO),
        optional("cachePoint", &CACHE_POINT),
        optional("reasoningContent", &REASONING),
        optional("citationsContent", &CITATIONS),
        optional("searchResult", &SEARCH_RESULT),
        optional("audio", &AUDIO),
        optional("guardContent", &GUARD_CONTENT),
        optional("toolAddition", &Shape::Structure(&[required("tool", &TOOL_REFERENCE)])),
        optional("toolRemoval", &Shape::Structure(&[required("tool", &TOOL_REFERENCE)])),
    ],
);

const CACHE_POINT: Shape = Shape::Structure(&[
    required("type", &Shape::Choice(&["default"])),
    optional("ttl", &Shape::Choice(&["5m", "1h"])),
]);

const GUARD_CONTENT: Shape = union(
    "GuardrailConverseContentBlock",
    &[
        optional(
            "text",
            &Shape::Structure(&[
                required("text", &TEXT),
                optional(
                    "qualifiers",
                    &list(&Shape::Choice(&["grounding_source", "query", "guard_content"])),
                ),
            ]),
        ),
        optional(
            "image",
            &Shape::Structure(&[
                required("format", &Shape::Choice(&["png", "jpeg"])),
                required("source", &union("GuardrailConverseImageSource", &[optional("bytes", &SOME_TEXT)])),
            ]),
        ),
    ],
);

const BYTES: Member = optional("bytes", &SOME_TEXT);
const S3_LOCATION: Member = optional(
    "s3Location",
    &Shape::Structure(&[
        required("uri", &token(1, 1024, S3_URI)),
        optional("bucketOwner", &token(0, ANY, ACCOUNT)),
    ]),
);
const ERROR: Member = optional("error", &Shape::Structure(&[optional("message", &TEXT)]));

const IMAGE: Shape = Shape::Structure(&[
    required("format", &Shape::Choice(&["png", "jpeg", "gif", "webp"])),
    required("source", &union("ImageSource", &[BYTES, S3_LOCATION])),
    ERROR,
]);

const VIDEO: Shape = Shape::Structure(&[
    required(
        "format",
        &Shape::Choice(&["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"]),
    ),
    required("source", &union("VideoSource", &[BYTES, S3_LOCATION])),
]);

const AUDIO: Shape = Shape::Structure(&[
    required(
        "format",
        &Shape::Choice(&[
            "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga",
            "pcm", "webm",
        ]),
    ),
    required("source", &union("AudioSource", &[BYTES, S3_LOCATION])),
    ERROR,
]);

const DOCUMENT_BLOCK: Shape = Shape::Structure(&[
    optional("format", &Shape::Choice(&["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"])),
    required("name", &text(1, 200)),
    required(
        "source",
        &union(
            "DocumentSource",
            &[
                BYTES,
                S3_LOCATION,
                optional("text", &TEXT),
                optional("content", &list(&union("DocumentContentBlock", &[optional("text", &TEXT)]))),
            ],
        ),
    ),
    optional("context", &TEXT),
    optional("citations", &CITATIONS_CONFIG),
]);

const CITATIONS_CONFIG: Shape = Shape::Structure(&[required("enabled", &BOOLEAN)]);

const TOOL_NAME_TEXT: Shape = token(1, 64, TOOL_NAME);
const TOOL_USE_ID_TEXT: Shape = token(1, 64, TOOL_USE_ID);

const TOOL_USE: Shape = Shape::Structure(&[
    required("toolUseId", &TOOL_USE_ID_TEXT),
    required("name", &TOOL_NAME_TEXT),
    required("input", &DOCUMENT),
    optional("type", &Shape::Choice(&["server_tool_use"])),
]);

const TOOL_RESULT: Shape = Shape::Structure(&[
    required("toolUseId", &TOOL_USE_ID_TEXT),
    required(
        "content",
        &list(&union(
            "ToolResultContentBlock",
            &[
                optional("json", &DOCUMENT),
                optional("text", &TEXT),
                optional("image", &IMAGE),
                optional("document", &DOCUMENT_BLOCK),
                optional("video", &VIDEO),
                optional("searchResult", &SEARCH_RESULT),
            ],
        )),
    ),
    optional("status", &Shape::Choice(&["success", "error"])),
    optional("type", &TEXT),
]);

const SEARCH_RESULT: Shape = Shape::Structure(&[
    required("source", &TEXT),
    required("title", &TEXT),
    required("content", &list(&Shape::Structure(&[required("text", &TEXT)]))),
    optional("citations", &CITATIONS_CONFIG),
]);

const REASONING: Shape = union(
    "ReasoningContentBlock",
    &[
        optional(
            "reasoningText",
            &Shape::Structure(&[required("text", &TEXT), optional("signature", &TEXT)]),
        ),
        optional("redactedContent", &TEXT),
    ],
);

const CITATIONS: Shape = Shape::Structure(&[
    optional("content", &list(&union("CitationGeneratedContent", &[optional("text", &TEXT)]))),
    optional("citations", &list(&CITATION)),
]);

const CITATION: Shape = Shape::Structure(&[
    optional("title", &TEXT),
    optional("source", &TEXT),
    optional("sourceContent", &list(&union("CitationSourceContent", &[optional("text", &TEXT)]))),
    optional("location", &CITATION_LOCATION),
]);

const START: Member = optional("start", &INDEX);
const END: Member = optional("end", &INDEX);
const IN_DOCUMENT: Shape = Shape::Structure(&[optional("documentIndex", &INDEX), START, END]);

const CITATION_LOCATION: Shape = union(
    "CitationLocation",
    &[
        optional("web", &Shape::Structure(&[optional("url", &TEXT), optional("domain", &TEXT)])),
        optional("documentChar", &IN_DOCUMENT),
        optional("documentPage", &IN_DOCUMENT),
        optional("documentChunk", &IN_DOCUMENT),
        optional(
            "searchResultLocation",
            &Shape::Structure(&[optional("searchResultIndex", &INDEX), START, END]),
        ),
    ],
);

const TOOL_REFERENCE: Shape = Shape::Structure(&[
    optional("type", &text(1, 64)),
    optional("name", &text(1, 128)),
    optional("serverName", &text(1, 128)),
]);

const TOOL: Shape = union(
    "Tool",
    &[
        optional(
            "toolSpec",
            &Shape::Structure(&[
                required("name", &TOOL_NAME_TEXT),
                optional("description", &SOME_TEXT),
                required("inputSchema", &union("ToolInputSchema", &[optional("json", &DOCUMENT)])),
                optional("strict", &BOOLEAN),
            ]),
        ),
        optional("systemTool", &Shape::Structure(&[required("name", &TOOL_NAME_TEXT)])),
        optional("cachePoint", &CACHE_POINT),
    ],
);

const TOOL_CHOICE: Shape = union(
    "ToolChoice",
    &[
        optional("auto", &Shape::Structure(&[])),
        optional("any", &Shape::Structure(&[])),
        optional("tool", &Shape::Structure(&[required("name", &TOOL_NAME_TEXT)])),
    ],
);
