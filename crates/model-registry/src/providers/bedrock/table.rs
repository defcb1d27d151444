//! The parameters of a Bedrock model.

use crate::params::{ParamKind, ParamSpec};

/// What an emulator brings itself, and what therefore needs no value when one answers.
pub(super) const EMULATOR_BRINGS: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_profile",
    "aws_iam_role_source",
    "aws_bearer_token_bedrock",
    "aws_assume_role_arn",
    "aws_assume_role_session_name",
    "aws_assume_role_external_id",
    "aws_endpoint_url",
];

const MAX_INTEGER: u32 = i32::MAX.unsigned_abs();

const BASE: ParamSpec =
    ParamSpec { name: "", aliases: &[], prefixed: false, kind: ParamKind::Text, default: None, doc: "" };

const fn plain(
    name: &'static str,
    kind: ParamKind,
    default: Option<&'static str>,
    doc: &'static str,
) -> ParamSpec {
    ParamSpec { name, kind, default, doc, ..BASE }
}

const fn request_default(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: ParamKind,
    doc: &'static str,
) -> ParamSpec {
    ParamSpec { name, aliases, prefixed: true, kind, doc, ..BASE }
}

const fn refused(name: &'static str, reason: &'static str) -> ParamSpec {
    ParamSpec { name, prefixed: true, kind: ParamKind::Refused(reason), ..BASE }
}

const fn ignored(name: &'static str) -> ParamSpec {
    ParamSpec { name, kind: ParamKind::Ignored, ..BASE }
}

const NO_SUCH_THING: &str = "Converse has no such parameter";
const PER_REQUEST: &str = "each request decides for itself";

/// Every parameter, in the order of the documentation.
pub(super) static PARAMS: &[ParamSpec] = &[
    plain(
        "aws_region",
        ParamKind::Forms { example: "us-east-1", max: 16 },
        Some("the ARN's, then `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, the instance's"),
        "Region whose endpoint is called; of a list, the next one where one fails. Must agree with an ARN in `from`.",
    ),
    plain(
        "aws_access_key_id",
        ParamKind::Secret,
        Some("from the secret stores"),
        "Access key id; only together with `aws_secret_access_key`.",
    ),
    plain("aws_secret_access_key", ParamKind::Secret, Some("from the secret stores"), "Secret access key."),
    plain(
        "aws_session_token",
        ParamKind::Secret,
        Some("from the secret stores"),
        "Token of temporary credentials.",
    ),
    plain(
        "aws_profile",
        ParamKind::Text,
        None,
        "Profile of the shared configuration files (`~/.aws/config`, `~/.aws/credentials`).",
    ),
    plain(
        "aws_iam_role_source",
        ParamKind::Choice(&["auto", "metadata", "env"]),
        Some("`auto`"),
        "Where credentials are looked for: AWS's whole chain, the workload's identity (web identity, container, instance), or the environment.",
    ),
    plain(
        "aws_bearer_token_bedrock",
        ParamKind::Secret,
        Some("`AWS_BEARER_TOKEN_BEDROCK`"),
        "Bedrock API key, sent instead of a signature.",
    ),
    plain(
        "aws_assume_role_arn",
        ParamKind::Form { example: "arn:aws:iam::123456789012:role/bedrock" },
        None,
        "Role to assume with the credentials that were found.",
    ),
    plain(
        "aws_assume_role_session_name",
        ParamKind::Form { example: "spicerack" },
        Some("`spicerack`"),
        "Name of the assumed role's session in AWS's logs.",
    ),
    plain(
        "aws_assume_role_external_id",
        ParamKind::Text,
        None,
        "External id that the role's trust policy asks for.",
    ),
    plain(
        "aws_endpoint_url",
        ParamKind::Form { example: "https://vpce-0123-abcd.bedrock-runtime.us-east-1.vpce.amazonaws.com" },
        Some(
            "`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, then `AWS_ENDPOINT_URL`, then the profile's, then the region's own",
        ),
        "Endpoint to call: https, or http on this machine.",
    ),
    plain(
        "aws_endpoint_insecure",
        ParamKind::Switch,
        Some("`false`"),
        "Allows an `aws_endpoint_url` with http to another machine.",
    ),
    plain(
        "bedrock_guardrail_identifier",
        ParamKind::Form { example: "abc123" },
        None,
        "Guardrail that every request carries: its id or ARN; only together with its version.",
    ),
    plain(
        "bedrock_guardrail_version",
        ParamKind::Form { example: "DRAFT" },
        None,
        "Version of the guardrail: `DRAFT` or a number.",
    ),
    plain(
        "bedrock_trace",
        ParamKind::Choice(&["enabled", "disabled", "enabled_full"]),
        Some("`disabled`"),
        "Whether the guardrail's assessment comes back as `bedrock.trace`. It holds the matched text.",
    ),
    plain(
        "bedrock_guardrail_override",
        ParamKind::Choice(&["denied", "allowed"]),
        Some("`denied`"),
        "Whether a request may bring a `guardrail` of its own.",
    ),
    plain(
        "bedrock_guardrail_stream_mode",
        ParamKind::Choice(&["sync", "async"]),
        Some("`sync`"),
        "Whether a streamed answer is assessed before (`sync`) or while (`async`) it is sent on.",
    ),
    plain(
        "bedrock_guardrail_scope",
        ParamKind::Choice(&["marked", "all", "last_turn"]),
        Some("`marked`"),
        "What the guardrail assesses: what a request marks as `guarded_text`, and everything (`marked`) or the user's \
         last turn (`last_turn`) where it marks nothing; or always everything, and no request may mark (`all`).",
    ),
    plain(
        "bedrock_family",
        ParamKind::Form { example: "nova" },
        Some("from the model id"),
        "Family of models whose rules apply, for ARNs that hide the model.",
    ),
    request_default(
        "maxTokens",
        &["max_tokens", "max_completion_tokens"],
        ParamKind::Integer { min: 1, max: MAX_INTEGER },
        "Most tokens to generate.",
    ),
    plain(
        "max_tokens_ceiling",
        ParamKind::Integer { min: 1, max: MAX_INTEGER },
        None,
        "Most tokens that any request gets, whatever it asks for; also what is sent where it asks for nothing.",
    ),
    request_default("temperature", &[], ParamKind::Number { min: 0.0, max: 1.0 }, "Randomness."),
    request_default(
        "topP",
        &["top_p"],
        ParamKind::Number { min: 0.0, max: 1.0 },
        "Probability mass to choose from.",
    ),
    request_default(
        "topK",
        &["top_k"],
        ParamKind::Integer { min: 0, max: MAX_INTEGER },
        "Number of candidates to choose from; sent where the model's family takes it.",
    ),
    request_default("stopSequences", &["stop"], ParamKind::Texts { max: 2500 }, "Texts that end the answer."),
    request_default(
        "reasoning_effort",
        &[],
        ParamKind::Choice(&["none", "minimal", "low", "medium", "high", "xhigh"]),
        "How much the model thinks; sent in the form of the model's family, where it has one.",
    ),
    request_default(
        "parallel_tool_calls",
        &[],
        ParamKind::Switch,
        "Whether the model may ask for several calls at once.",
    ),
    request_default(
        "service_tier",
        &[],
        ParamKind::Choice(&["default", "flex", "priority"]),
        "Tier that serves the request.",
    ),
    plain(
        "bedrock_latency",
        ParamKind::Choice(&["standard", "optimized"]),
        Some("`standard`"),
        "Latency that requests ask for, where the model has another.",
    ),
    plain(
        "bedrock_cache",
        ParamKind::Choice(&["off", "auto"]),
        Some("`off`"),
        "Whether cache points are placed behind the tools, the instructions and the last user turn, where the model's family caches.",
    ),
    plain(
        "bedrock_thinking_text",
        ParamKind::Choice(&["keep", "lift"]),
        Some("`keep`"),
        "Whether a leading `<thinking>` in the text of Nova becomes reasoning.",
    ),
    plain(
        "remote_content",
        ParamKind::Choice(&["denied", "allowed"]),
        Some("`denied`"),
        "Whether pictures, documents and films at `https://` addresses are fetched; never from addresses that are not public.",
    ),
    plain(
        "remote_content_hosts",
        ParamKind::Texts { max: 1000 },
        Some("all public hosts"),
        "Hosts that content is fetched from: `images.example.com`, or `*.example.com` for all below.",
    ),
    plain("system_prompt", ParamKind::Text, None, "System prompt in front of every request's own."),
    plain(
        "parameterized_prompt",
        ParamKind::Choice(&["enabled", "disabled"]),
        Some("`disabled`"),
        "Whether `{{ name }}` in the system prompt stands for a value of the request's `metadata`.",
    ),
    plain(
        "connect_timeout",
        ParamKind::Duration,
        Some("`3s`"),
        "For a connection: name, TCP and TLS together.",
    ),
    plain("first_event_timeout", ParamKind::Duration, Some("`120s`"), "For the first event of a stream."),
    plain(
        "idle_timeout",
        ParamKind::Duration,
        Some("`120s`"),
        "Between two events of a stream, and between two pieces of a reply.",
    ),
    plain(
        "request_timeout",
        ParamKind::Duration,
        Some("`3600s`"),
        "For everything together; Bedrock may take an hour.",
    ),
    plain(
        "max_attempts",
        ParamKind::Integer { min: 1, max: 10 },
        Some("`3`"),
        "Calls that one request may make, the first included.",
    ),
    plain(
        "retry_budget_percent",
        ParamKind::Integer { min: 0, max: 100 },
        Some("`10`"),
        "Calls that may be repeated, in percent of the model's requests, once a reserve of 100 is spent.",
    ),
    plain(
        "max_concurrency",
        ParamKind::Integer { min: 0, max: MAX_INTEGER },
        None,
        "Chats that the model may answer at the same time; further ones get a 429. `0` is without a limit.",
    ),
    plain(
        "requests_per_minute_limit",
        ParamKind::Integer { min: 0, max: MAX_INTEGER },
        None,
        "Chats that the model may answer in a minute; further ones get a 429. `0` is without a limit.",
    ),
    refused("response_format", PER_REQUEST),
    refused("tool_choice", PER_REQUEST),
    refused("metadata", PER_REQUEST),
    refused(
        "prompt_cache_key",
        "Amazon Bedrock caches by the prompt alone; `bedrock_cache: auto` places the points",
    ),
    refused("prompt_cache_retention", "cache points carry their own lifetime; see `cache_control`"),
    refused("frequency_penalty", NO_SUCH_THING),
    refused("presence_penalty", NO_SUCH_THING),
    refused("logit_bias", NO_SUCH_THING),
    refused("logprobs", NO_SUCH_THING),
    refused("top_logprobs", NO_SUCH_THING),
    refused("n", "Converse gives one answer to a request"),
    refused("seed", NO_SUCH_THING),
    refused("store", NO_SUCH_THING),
    refused("user", NO_SUCH_THING),
    refused("stream", PER_REQUEST),
    refused("stream_options", PER_REQUEST),
    ignored("tools"),
    ignored("spice_tools"),
    ignored("tool_embedding_model"),
    ignored("tool_recursion_limit"),
];
