//! What each family of models accepts: data, not code.
//!
//! A model that no row names gets [`UNKNOWN`], which sends what the client asked for and lets Bedrock judge.
//! Sources: the model pages of the
//! [Bedrock user guide](https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html) and its table of
//! [Converse features](https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html).

use crate::model_id::ModelId;

mod table;

pub use table::{FAMILIES, UNKNOWN};

/// Where a family takes the number of candidate tokens, inside `additionalModelRequestFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopK {
    /// The family has no such parameter, or none is known.
    None,
    /// `top_k` at the top.
    TopK,
    /// `k` at the top.
    K,
    /// `inferenceConfig.topK`.
    InferenceConfig,
}

/// Which of `temperature` and `topP` a family takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplingRule {
    /// Both.
    Both,
    /// One of them at a time; temperature is kept.
    OneOf,
    /// Neither, nor a number of candidate tokens.
    None,
}

/// What a family makes of a conversation that ends with the assistant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// It continues that turn.
    Continues,
    /// It continues that turn, and refuses white space at its end.
    ContinuesTrimmed,
    /// It refuses.
    Refused,
}

/// Which names of tools a family takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolNames {
    /// Letters, digits, `_` and `-`, up to 64.
    Any,
    /// A letter, then letters, digits and `_`: a model that stumbles over a hyphen.
    Identifier,
}

/// Which choices of tools a family takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The member must be absent.
    None,
    /// `auto` alone.
    Auto,
    /// `auto` and `any`.
    AutoAny,
    /// `auto`, `any` and one tool by its name.
    All,
}

/// What a family makes of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Which names it takes.
    pub names: ToolNames,
    /// Which choices it takes.
    pub choice: Choice,
    /// Whether it follows `$ref` in a schema.
    pub refs: bool,
    /// Whether it takes strict tools.
    pub strict: bool,
    /// Whether a result may say that the call failed.
    pub status: bool,
    /// What may stand beside results in one turn.
    pub beside_results: Beside,
    /// Whether results may hold documents that are no text.
    pub documents_in_results: bool,
}

/// What may stand beside results of calls in one turn of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Anything.
    Anything,
    /// Anything but documents and films.
    NoDocuments,
    /// Nothing.
    Nothing,
}

/// How a family is held to a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structured {
    /// By `outputConfig.textFormat`.
    Native,
    /// By a tool that it must call.
    ForcedTool,
    /// By words alone.
    Instruction,
}

/// How a family is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all, or it is not known how.
    None,
    /// `thinking` with a budget of tokens.
    Budget,
    /// `thinking` that adapts, and `output_config.effort`, whose highest word is given.
    Adaptive(&'static str),
    /// `reasoningConfig.maxReasoningEffort`.
    Nova,
    /// `reasoning_effort`.
    EffortField,
    /// `reasoning_config`, low or high.
    QwenConfig,
    /// `reasoning.effort`.
    GptEffort,
}

/// Which reasoning of earlier turns a family takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// None.
    None,
    /// What carries its signature, and what only the model can read.
    Signed,
    /// What only the model can read.
    Redacted,
}

/// Where a family takes cache points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptCache {
    /// Behind tools.
    pub in_tools: bool,
    /// Directly behind documents and films.
    pub behind_documents: bool,
    /// That live for an hour.
    pub one_hour: bool,
}

/// How many media of one kind a request may hold, and of which size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub count: usize,
    /// How many bytes each, where they are in the request itself.
    pub bytes: usize,
}

/// Which media a family takes. `None` leaves the judgement to Bedrock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// Pictures.
    pub images: Option<Limit>,
    /// Documents.
    pub documents: Option<Limit>,
    /// The bytes of a document that is no plain text, where it differs.
    pub binary_document_bytes: Option<usize>,
    /// Films.
    pub videos: Option<Limit>,
}

/// What one family of models accepts.
#[derive(Debug)]
pub struct Family {
    /// The name that the `bedrock_family` parameter takes.
    pub name: &'static str,
    /// Prefixes of the vendor's model ids. The longest match over all rows wins.
    pub prefixes: &'static [&'static str],
    /// Where the number of candidate tokens goes.
    pub top_k: TopK,
    /// Which sampling parameters are accepted.
    pub sampling: SamplingRule,
    /// Whether stop sequences are accepted.
    pub stop: bool,
    /// Whether system prompts are accepted.
    pub system: bool,
    /// Whether a conversation may begin with the assistant.
    pub leading_assistant: bool,
    /// What a last turn of the assistant means.
    pub prefill: Prefill,
    /// What becomes of tools.
    pub tools: Tools,
    /// How it is held to a JSON schema.
    pub structured: Structured,
    /// How it is told to think.
    pub thinking: Thinking,
    /// Which reasoning it takes back.
    pub replay: Replay,
    /// Where it takes cache points.
    pub cache: Option<PromptCache>,
    /// Which media it takes.
    pub media: Media,
    /// Whether it knows Anthropic's own fields: `anthropic_beta` and `tool_choice`.
    pub anthropic: bool,
}

/// Finds a family by the name that the `bedrock_family` parameter takes.
pub fn by_name(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// Finds the family of a model; [`UNKNOWN`] where the id hides it or no row names it.
pub fn of(id: &ModelId) -> &'static Family {
    let Some(base) = id.base() else { return &UNKNOWN };
    let matches = FAMILIES.iter().flat_map(|family| {
        family
            .prefixes
            .iter()
            .filter(|prefix| base.starts_with(**prefix))
            .map(move |prefix| (prefix.len(), family))
    });
    matches.max_by_key(|(length, _)| *length).map_or(&UNKNOWN, |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family_of(id: &str) -> &'static str {
        of(&ModelId::parse(id).unwrap()).name
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!(family_of("us.amazon.nova-lite-v1:0"), "nova");
        assert_eq!(family_of("us.anthropic.claude-3-7-sonnet-20250219-v1:0"), "claude-3.7");
        assert_eq!(family_of("us.anthropic.claude-3-5-sonnet-20241022-v2:0"), "claude-3.5");
        assert_eq!(family_of("us.amazon.nova-2-lite-v1:0"), "nova-2");
        assert_eq!(family_of("us.meta.llama3-2-3b-instruct-v1:0"), "llama-no-tools");
        assert_eq!(family_of("us.meta.llama3-3-70b-instruct-v1:0"), "llama");
        assert_eq!(family_of("us.deepseek.r1-v1:0"), "deepseek-r1");
        assert_eq!(family_of("moonshot.kimi-k2-thinking"), "kimi");
        assert_eq!(family_of("us.anthropic.claude-sonnet-4-20250514-v1:0"), "claude-4");
        assert_eq!(family_of("us.anthropic.claude-opus-4-1-20250805-v1:0"), "claude-4.1");
        assert_eq!(family_of("global.anthropic.claude-sonnet-4-5-20250929-v1:0"), "claude-4.5");
        assert_eq!(family_of("us.anthropic.claude-sonnet-4-6"), "claude-4.6");
        assert_eq!(family_of("us.anthropic.claude-opus-4-7-v1:0"), "claude-4.7");
        assert_eq!(family_of("us.anthropic.claude-opus-5-v1:0"), "claude");
        assert_eq!(family_of("mistral.mistral-7b-instruct-v0:2"), "mistral-7b");
        assert_eq!(family_of("us.mistral.pixtral-large-2502-v1:0"), "mistral-large");
        assert_eq!(family_of("mistral.ministral-3-8b-instruct"), "mistral");
        assert_eq!(family_of("openai.gpt-oss-120b-1:0"), "gpt-oss");
        assert_eq!(family_of("cohere.command-light-text-v14"), "command");
    }

    #[test]
    fn an_arn_names_its_family_only_where_it_names_a_model() {
        assert_eq!(family_of("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"), "nova");
        assert_eq!(
            family_of("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"),
            "nova"
        );
        assert_eq!(
            family_of("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"),
            "unknown"
        );
    }

    #[test]
    fn names_are_unique_and_findable() {
        for family in FAMILIES {
            assert!(std::ptr::eq(by_name(family.name).unwrap(), family), "{}", family.name);
        }
    }
}
