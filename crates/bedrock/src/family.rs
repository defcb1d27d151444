//! What each family of models accepts: data, not code.
//!
//! A model that no row names gets [`UNKNOWN`], which sends what the client asked for and lets Bedrock judge.
//! Sources: the model pages of the
//! [Bedrock user guide](https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html) and its table of
//! [Converse features](https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html).

use crate::model_id::ModelId;

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
}

/// What is assumed of a model that no row names.
pub static UNKNOWN: Family = Family { name: "unknown", prefixes: &[], ..BASE };

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
};

const CLAUDE: Family =
    Family { top_k: TopK::TopK, leading_assistant: true, prefill: Prefill::ContinuesTrimmed, ..BASE };

/// The families, in the order in which the documentation lists them.
pub static FAMILIES: &[Family] = &[
    Family { name: "nova", prefixes: &["amazon.nova-"], top_k: TopK::InferenceConfig, ..BASE },
    Family {
        name: "titan-text",
        prefixes: &["amazon.titan-text", "amazon.titan-tg1"],
        system: false,
        ..BASE
    },
    Family {
        name: "claude-2",
        prefixes: &["anthropic.claude-v2", "anthropic.claude-2", "anthropic.claude-instant"],
        ..CLAUDE
    },
    Family { name: "claude-3", prefixes: &["anthropic.claude-3"], ..CLAUDE },
    Family {
        name: "claude-4",
        prefixes: &["anthropic.claude-sonnet-4-2025", "anthropic.claude-opus-4-2025"],
        ..CLAUDE
    },
    Family {
        name: "claude-4.5",
        prefixes: &[
            "anthropic.claude-opus-4-1",
            "anthropic.claude-opus-4-5",
            "anthropic.claude-sonnet-4-5",
            "anthropic.claude-haiku-4-5",
        ],
        sampling: SamplingRule::OneOf,
        ..CLAUDE
    },
    Family {
        name: "claude-4.6",
        prefixes: &["anthropic.claude-opus-4-6", "anthropic.claude-sonnet-4-6", "anthropic.claude-haiku-4-6"],
        sampling: SamplingRule::OneOf,
        prefill: Prefill::Refused,
        ..CLAUDE
    },
    // Everything newer: from 4.7 on, Claude refuses every sampling parameter.
    Family {
        name: "claude",
        prefixes: &["anthropic.claude"],
        top_k: TopK::None,
        sampling: SamplingRule::None,
        prefill: Prefill::Refused,
        ..CLAUDE
    },
    Family { name: "jamba", prefixes: &["ai21.jamba"], ..BASE },
    Family { name: "command-r", prefixes: &["cohere.command-r"], top_k: TopK::K, ..BASE },
    Family { name: "command", prefixes: &["cohere.command"], top_k: TopK::K, system: false, ..BASE },
    Family { name: "llama", prefixes: &["meta.llama"], ..BASE },
    Family { name: "mistral", prefixes: &["mistral."], top_k: TopK::TopK, ..BASE },
    Family {
        name: "mistral-7b",
        prefixes: &["mistral.mistral-7b", "mistral.mixtral"],
        top_k: TopK::TopK,
        system: false,
        ..BASE
    },
    Family { name: "deepseek", prefixes: &["deepseek."], ..BASE },
    Family { name: "qwen", prefixes: &["qwen."], leading_assistant: true, ..BASE },
    Family { name: "gpt-oss", prefixes: &["openai.gpt-oss"], ..BASE },
    Family { name: "gpt-5", prefixes: &["openai.gpt-5"], ..BASE },
    Family {
        name: "gpt",
        prefixes: &["openai.gpt-5.6", "openai.gpt-5-6", "openai.gpt-6", "openai.gpt-7"],
        sampling: SamplingRule::None,
        stop: false,
        ..BASE
    },
    Family { name: "grok", prefixes: &["xai.grok"], sampling: SamplingRule::None, stop: false, ..BASE },
    Family { name: "kimi", prefixes: &["moonshot.", "moonshotai."], leading_assistant: true, ..BASE },
    Family { name: "glm", prefixes: &["zai."], leading_assistant: true, ..BASE },
    Family { name: "minimax", prefixes: &["minimax."], ..BASE },
    Family { name: "nemotron", prefixes: &["nvidia."], ..BASE },
    Family { name: "gemma", prefixes: &["google."], ..BASE },
    Family { name: "palmyra", prefixes: &["writer."], ..BASE },
];

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
        assert_eq!(family_of("us.anthropic.claude-3-7-sonnet-20250219-v1:0"), "claude-3");
        assert_eq!(family_of("us.anthropic.claude-sonnet-4-20250514-v1:0"), "claude-4");
        assert_eq!(family_of("us.anthropic.claude-opus-4-1-20250805-v1:0"), "claude-4.5");
        assert_eq!(family_of("global.anthropic.claude-sonnet-4-5-20250929-v1:0"), "claude-4.5");
        assert_eq!(family_of("us.anthropic.claude-sonnet-4-6"), "claude-4.6");
        assert_eq!(family_of("us.anthropic.claude-opus-4-7-v1:0"), "claude");
        assert_eq!(family_of("mistral.mistral-7b-instruct-v0:2"), "mistral-7b");
        assert_eq!(family_of("us.mistral.pixtral-large-2502-v1:0"), "mistral");
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
