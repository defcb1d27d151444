//! The rows.

use super::{
    Beside, Choice, Family, Limit, Media, Prefill, PromptCache, Replay, SamplingRule, Structured, Thinking,
    ToolNames, Tools, TopK,
};

/// What is assumed of a model that no row names.
pub static UNKNOWN: Family = Family {
    name: "unknown",
    prefixes: &[],
    tools: Tools { choice: Choice::All, refs: true, ..TOOLS },
    structured: Structured::ForcedTool,
    // A signature is there only because the model made one.
    replay: Replay::Signed,
    media: Media { images: None, documents: None, binary_document_bytes: None, videos: None },
    ..BASE
};

const MEBIBYTE: usize = 1024 * 1024;

/// What Converse itself allows: twenty pictures of 3.75 MB, five documents of 4.5 MB.
const MEDIA: Media = Media {
    images: Some(Limit { count: 20, bytes: MEBIBYTE * 15 / 4 }),
    documents: Some(Limit { count: 5, bytes: MEBIBYTE * 9 / 2 }),
    binary_document_bytes: None,
    videos: None,
};

/// The most common answers about tools.
const TOOLS: Tools = Tools {
    names: ToolNames::Any,
    choice: Choice::None,
    refs: true,
    strict: false,
    status: true,
    beside_results: Beside::Anything,
    documents_in_results: true,
};

/// The most common answers; each row says where it differs.
const BASE: Family = Family {
    name: "",
    prefixes: &[],
    top_k: TopK::None,
    sampling: SamplingRule::Both,
    stop: true,
    system: true,
    leading_assistant: false,
    prefill: Prefill::Continues,
    tools: TOOLS,
    structured: Structured::Instruction,
    thinking: Thinking::None,
    replay: Replay::None,
    cache: None,
    media: MEDIA,
    anthropic: false,
};

const NOVA: Family = Family {
    top_k: TopK::InferenceConfig,
    tools: Tools {
        names: ToolNames::Identifier,
        choice: Choice::All,
        refs: false,
        documents_in_results: false,
        ..TOOLS
    },
    structured: Structured::ForcedTool,
    cache: Some(PromptCache { in_tools: false, behind_documents: true, one_hour: false }),
    media: Media {
        images: Some(Limit { count: usize::MAX, bytes: 25 * MEBIBYTE }),
        documents: Some(Limit { count: 5, bytes: MEBIBYTE * 9 / 2 }),
        binary_document_bytes: Some(25 * MEBIBYTE),
        videos: Some(Limit { count: 1, bytes: 25 * MEBIBYTE }),
    },
    ..BASE
};

/// Claude before tools.
const OLD_CLAUDE: Family =
    Family { top_k: TopK::TopK, leading_assistant: true, prefill: Prefill::ContinuesTrimmed, ..BASE };

const CLAUDE_TOOLS: Tools = Tools { choice: Choice::All, beside_results: Beside::NoDocuments, ..TOOLS };

const CLAUDE: Family = Family {
    tools: CLAUDE_TOOLS,
    structured: Structured::ForcedTool,
    replay: Replay::Signed,
    anthropic: true,
    ..OLD_CLAUDE
};

const CLAUDE_CACHE: PromptCache = PromptCache { in_tools: true, behind_documents: false, one_hour: false };

/// From version 4 on, the common limit of size is not for Claude's PDFs; Bedrock judges them.
const CLAUDE_MEDIA: Media = Media { binary_document_bytes: Some(usize::MAX), ..MEDIA };

/// Claude from 4.6 on.
const ADAPTIVE_CLAUDE: Family = Family {
    tools: Tools { strict: true, ..CLAUDE_TOOLS },
    structured: Structured::Native,
    thinking: Thinking::Adaptive("xhigh"),
    cache: Some(PromptCache { one_hour: true, ..CLAUDE_CACHE }),
    prefill: Prefill::Refused,
    media: CLAUDE_MEDIA,
    ..CLAUDE
};

const ANY_TOOL: Tools = Tools { choice: Choice::AutoAny, ..TOOLS };

const MISTRAL: Family = Family {
    top_k: TopK::TopK,
    tools: Tools { beside_results: Beside::Nothing, ..ANY_TOOL },
    structured: Structured::ForcedTool,
    ..BASE
};

const LLAMA: Family = Family {
    tools: Tools { choice: Choice::Auto, refs: false, beside_results: Beside::Nothing, ..TOOLS },
    ..BASE
};

/// The families, in the order in which the documentation lists them.
pub static FAMILIES: &[Family] = &[
    Family { name: "nova", prefixes: &["amazon.nova-"], ..NOVA },
    Family { name: "nova-2", prefixes: &["amazon.nova-2-"], thinking: Thinking::Nova, ..NOVA },
    Family {
        name: "titan-text",
        prefixes: &["amazon.titan-text", "amazon.titan-tg1"],
        system: false,
        ..BASE
    },
    Family {
        name: "claude-2",
        prefixes: &["anthropic.claude-v2", "anthropic.claude-2", "anthropic.claude-instant"],
        ..OLD_CLAUDE
    },
    Family { name: "claude-3", prefixes: &["anthropic.claude-3"], ..CLAUDE },
    Family {
        name: "claude-3.5",
        prefixes: &["anthropic.claude-3-5-haiku", "anthropic.claude-3-5-sonnet-20241022"],
        cache: Some(CLAUDE_CACHE),
        ..CLAUDE
    },
    Family {
        name: "claude-3.7",
        prefixes: &["anthropic.claude-3-7"],
        thinking: Thinking::Budget,
        cache: Some(CLAUDE_CACHE),
        ..CLAUDE
    },
    Family {
        name: "claude-4",
        prefixes: &["anthropic.claude-sonnet-4-2025", "anthropic.claude-opus-4-2025"],
        media: CLAUDE_MEDIA,
        thinking: Thinking::Budget,
        cache: Some(CLAUDE_CACHE),
        ..CLAUDE
    },
    Family {
        name: "claude-4.1",
        prefixes: &["anthropic.claude-opus-4-1"],
        media: CLAUDE_MEDIA,
        sampling: SamplingRule::OneOf,
        thinking: Thinking::Budget,
        cache: Some(CLAUDE_CACHE),
        ..CLAUDE
    },
    Family {
        name: "claude-4.5",
        prefixes: &["anthropic.claude-opus-4-5", "anthropic.claude-sonnet-4-5", "anthropic.claude-haiku-4-5"],
        sampling: SamplingRule::OneOf,
        thinking: Thinking::Budget,
        prefill: Prefill::ContinuesTrimmed,
        ..ADAPTIVE_CLAUDE
    },
    Family {
        name: "claude-4.6",
        prefixes: &["anthropic.claude-opus-4-6", "anthropic.claude-sonnet-4-6", "anthropic.claude-haiku-4-6"],
        sampling: SamplingRule::OneOf,
        thinking: Thinking::Adaptive("max"),
        ..ADAPTIVE_CLAUDE
    },
    // From 4.7 on, Claude refuses every sampling parameter. These two also refuse strict tools and schemas.
    Family {
        name: "claude-4.7",
        prefixes: &["anthropic.claude-opus-4-7", "anthropic.claude-opus-4-8"],
        top_k: TopK::None,
        sampling: SamplingRule::None,
        tools: CLAUDE_TOOLS,
        structured: Structured::ForcedTool,
        ..ADAPTIVE_CLAUDE
    },
    // Everything newer.
    Family {
        name: "claude",
        prefixes: &["anthropic.claude"],
        top_k: TopK::None,
        sampling: SamplingRule::None,
        ..ADAPTIVE_CLAUDE
    },
    Family {
        name: "jamba",
        prefixes: &["ai21.jamba"],
        tools: Tools { choice: Choice::Auto, status: false, ..TOOLS },
        ..BASE
    },
    Family {
        name: "command-r",
        prefixes: &["cohere.command-r"],
        top_k: TopK::K,
        tools: Tools { status: false, ..TOOLS },
        ..BASE
    },
    Family { name: "command", prefixes: &["cohere.command"], top_k: TopK::K, system: false, ..BASE },
    Family { name: "llama", prefixes: &["meta.llama"], ..LLAMA },
    Family {
        name: "llama-no-tools",
        prefixes: &["meta.llama3-8b", "meta.llama3-70b", "meta.llama3-2-1b", "meta.llama3-2-3b"],
        ..LLAMA
    },
    Family { name: "mistral", prefixes: &["mistral."], structured: Structured::Native, ..MISTRAL },
    Family {
        name: "mistral-large",
        prefixes: &[
            "mistral.mistral-large-2402",
            "mistral.mistral-large-2407",
            "mistral.mistral-small",
            "mistral.pixtral-large",
        ],
        ..MISTRAL
    },
    Family {
        name: "mistral-7b",
        prefixes: &["mistral.mistral-7b", "mistral.mixtral"],
        system: false,
        structured: Structured::Instruction,
        ..MISTRAL
    },
    Family {
        name: "deepseek",
        prefixes: &["deepseek."],
        tools: ANY_TOOL,
        structured: Structured::Native,
        thinking: Thinking::EffortField,
        ..BASE
    },
    Family { name: "deepseek-r1", prefixes: &["deepseek.r1"], ..BASE },
    Family {
        name: "qwen",
        prefixes: &["qwen."],
        leading_assistant: true,
        structured: Structured::Native,
        thinking: Thinking::QwenConfig,
        ..BASE
    },
    Family { name: "gpt-oss", prefixes: &["openai.gpt-oss"], thinking: Thinking::EffortField, ..BASE },
    Family {
        name: "gpt-5",
        prefixes: &["openai.gpt-5"],
        tools: Tools { choice: Choice::All, ..TOOLS },
        structured: Structured::ForcedTool,
        thinking: Thinking::GptEffort,
        ..BASE
    },
    Family {
        name: "gpt",
        prefixes: &["openai.gpt-5.6", "openai.gpt-5-6", "openai.gpt-6", "openai.gpt-7"],
        sampling: SamplingRule::None,
        stop: false,
        tools: Tools { choice: Choice::All, ..TOOLS },
        structured: Structured::ForcedTool,
        thinking: Thinking::GptEffort,
        replay: Replay::Redacted,
        ..BASE
    },
    Family {
        name: "grok",
        prefixes: &["xai.grok"],
        sampling: SamplingRule::None,
        stop: false,
        tools: Tools { choice: Choice::All, ..TOOLS },
        structured: Structured::ForcedTool,
        replay: Replay::Redacted,
        ..BASE
    },
    Family {
        name: "kimi",
        prefixes: &["moonshot.", "moonshotai."],
        leading_assistant: true,
        tools: Tools { choice: Choice::Auto, ..TOOLS },
        structured: Structured::Native,
        ..BASE
    },
    Family {
        name: "glm",
        prefixes: &["zai."],
        leading_assistant: true,
        tools: ANY_TOOL,
        structured: Structured::Native,
        ..BASE
    },
    Family { name: "minimax", prefixes: &["minimax."], structured: Structured::Native, ..BASE },
    Family { name: "nemotron", prefixes: &["nvidia."], structured: Structured::Native, ..BASE },
    Family { name: "gemma", prefixes: &["google."], structured: Structured::Native, ..BASE },
    Family {
        name: "palmyra",
        prefixes: &["writer."],
        tools: Tools { status: false, beside_results: Beside::Nothing, ..TOOLS },
        ..BASE
    },
];
