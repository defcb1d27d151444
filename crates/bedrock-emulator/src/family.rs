//! What families of models can do.
//!
//! Source: [models and features](https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html).

/// What a family can do. What is not known of a family is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) maker: Maker,
    pub(crate) tools: Tools,
    /// The choices `any` and `tool`.
    pub(crate) any: bool,
    pub(crate) named: bool,
    pub(crate) images: bool,
    pub(crate) documents: bool,
    pub(crate) video: bool,
    pub(crate) caching: Caching,
    /// Whether it takes reasoning back.
    pub(crate) takes_reasoning: bool,
    pub(crate) thinks: Thinks,
    pub(crate) text_format: bool,
    /// Whether other content may stand beside results of tools.
    pub(crate) beside_results: bool,
    /// Whether schemas may refer to parts of themselves.
    pub(crate) references: bool,
}

/// Whose quirks a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// With its version.
    Claude(u32, u32),
    Nova,
    Nova2,
    Moonshot,
    Other,
}

/// Where tools can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tools {
    Nowhere,
    Converse,
    Everywhere,
}

/// What can be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    Nothing,
    /// All but tools.
    Messages,
    All,
    /// All, and for an hour where that is asked for.
    AllForAnHour,
}

/// When a family thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinks {
    Never,
    WhenAsked,
    Always,
}

/// A family behind an ARN, of which nothing is known.
const HIDDEN: Family = Family {
    maker: Maker::Other,
    tools: Tools::Everywhere,
    any: true,
    named: true,
    images: true,
    documents: true,
    video: true,
    caching: Caching::AllForAnHour,
    takes_reasoning: true,
    thinks: Thinks::Never,
    text_format: true,
    beside_results: true,
    references: true,
};

const OPEN: Family = Family { caching: Caching::Nothing, text_format: false, video: false, ..HIDDEN };
const TEXT: Family = Family { images: false, takes_reasoning: false, ..OPEN };
const WITHOUT_TOOLS: Family = Family { tools: Tools::Nowhere, ..TEXT };
const NOVA: Family = Family {
    maker: Maker::Nova,
    caching: Caching::Messages,
    takes_reasoning: false,
    references: false,
    video: true,
    ..OPEN
};
const LLAMA: Family = Family {
    tools: Tools::Converse,
    any: false,
    named: false,
    beside_results: false,
    references: false,
    ..TEXT
};
const MISTRAL: Family = Family { named: false, beside_results: false, takes_reasoning: false, ..OPEN };
const OLD_MISTRAL: Family = Family { tools: Tools::Converse, images: false, ..MISTRAL };
const FORMATTING: Family = Family { text_format: true, thinks: Thinks::WhenAsked, ..OPEN };
const MOONSHOT: Family = Family { maker: Maker::Moonshot, ..FORMATTING };
const CLAUDE: Family = Family { video: false, takes_reasoning: false, ..OPEN };

/// Families by the beginnings of their ids, the longest of which holds.
const FAMILIES: &[(&str, Family)] = &[
    ("ai21.", WITHOUT_TOOLS),
    ("ai21.jamba-1-5", Family { any: false, named: false, ..TEXT }),
    ("amazon.nova-", NOVA),
    (
        "amazon.nova-2-",
        Family { maker: Maker::Nova2, takes_reasoning: true, thinks: Thinks::WhenAsked, ..NOVA },
    ),
    ("amazon.nova-micro", Family { images: false, documents: false, video: false, ..NOVA }),
    ("amazon.titan-text", WITHOUT_TOOLS),
    ("amazon.titan-text-premier", Family { documents: false, ..WITHOUT_TOOLS }),
    ("cohere.command", WITHOUT_TOOLS),
    ("cohere.command-r", Family { any: false, named: false, ..TEXT }),
    ("deepseek.", Family { images: false, named: false, ..FORMATTING }),
    ("deepseek.r1", Family { thinks: Thinks::Always, ..WITHOUT_TOOLS }),
    ("google.gemma-3-12b", FORMATTING),
    ("google.gemma-3-27b", FORMATTING),
    ("meta.llama3-", Family { tools: Tools::Nowhere, ..LLAMA }),
    ("meta.llama3-1-", LLAMA),
    ("meta.llama3-2-11b", Family { images: true, ..LLAMA }),
    ("meta.llama3-2-90b", Family { images: true, ..LLAMA }),
    ("meta.llama3-3-", LLAMA),
    ("meta.llama4-", Family { images: true, ..LLAMA }),
    ("minimax.", FORMATTING),
    ("mistral.", MISTRAL),
    ("mistral.magistral", Family { text_format: true, ..MISTRAL }),
    ("mistral.ministral-3", Family { text_format: true, ..MISTRAL }),
    ("mistral.mistral-7b", Family { tools: Tools::Nowhere, ..OLD_MISTRAL }),
    ("mistral.mistral-large-2402", OLD_MISTRAL),
    ("mistral.mistral-large-2407", OLD_MISTRAL),
    ("mistral.mistral-large-3", Family { text_format: true, ..MISTRAL }),
    ("mistral.mistral-small", OLD_MISTRAL),
    ("mistral.mixtral", Family { tools: Tools::Nowhere, ..OLD_MISTRAL }),
    ("mistral.voxtral", Family { text_format: true, ..MISTRAL }),
    ("moonshot.", MOONSHOT),
    ("moonshot.kimi-k2-thinking", Family { thinks: Thinks::Always, images: false, ..MOONSHOT }),
    ("moonshotai.", MOONSHOT),
    ("moonshotai.kimi-k2-thinking", Family { thinks: Thinks::Always, images: false, ..MOONSHOT }),
    ("nvidia.nemotron", FORMATTING),
    ("openai.gpt-oss", Family { images: false, thinks: Thinks::Always, ..OPEN }),
    ("qwen.", Family { images: false, ..FORMATTING }),
    ("qwen.qwen3-vl", FORMATTING),
    ("writer.", Family { tools: Tools::Converse, beside_results: false, ..TEXT }),
    ("zai.", FORMATTING),
];

impl Family {
    /// The family of a model by its vendor's own id, which is empty where it is hidden.
    pub(crate) fn of(base: &str) -> Self {
        if base.is_empty() {
            return HIDDEN;
        }
        if base.starts_with("anthropic.") {
            return claude(base);
        }
        let rows = FAMILIES.iter().filter(|(prefix, _)| base.starts_with(prefix));
        rows.max_by_key(|(prefix, _)| prefix.len()).map_or(OPEN, |(_, family)| *family)
    }

    pub(crate) fn is_nova(&self) -> bool {
        matches!(self.maker, Maker::Nova | Maker::Nova2)
    }

    pub(crate) fn is_claude(&self) -> bool {
        matches!(self.maker, Maker::Claude(..))
    }
}

fn claude(base: &str) -> Family {
    let version = claude_version(base);
    let family = Family { maker: Maker::Claude(version.0, version.1), ..CLAUDE };
    let caching = match version {
        (4, 5..) | (5.., _) => Caching::AllForAnHour,
        (3, 7..) | (4, _) => Caching::All,
        // Sonnet's second version kept it for those who had its preview.
        (3, 5) if base.contains("haiku") || base.contains("20241022") => Caching::All,
        _ => Caching::Nothing,
    };
    if version < (3, 0) {
        return Family { tools: Tools::Nowhere, images: false, ..family };
    }
    let thinks = version >= (3, 7);
    Family {
        caching,
        images: !base.contains("claude-3-5-haiku"),
        takes_reasoning: thinks,
        thinks: if thinks { Thinks::WhenAsked } else { Thinks::Never },
        text_format: version >= (4, 5),
        ..family
    }
}

/// The version in ids such as `anthropic.claude-sonnet-4-5-20250929-v1:0`; dates are no part of it.
fn claude_version(base: &str) -> (u32, u32) {
    let mut numbers =
        base.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Family, Tools, claude_version};

    #[test]
    fn versions_are_read_past_names_and_dates() {
        for (id, version) in [
            ("anthropic.claude-v2:1", (0, 0)),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", (3, 5)),
            ("anthropic.claude-sonnet-4-20250514-v1:0", (4, 0)),
            ("anthropic.claude-opus-4-6-v1", (4, 6)),
            ("anthropic.claude-sonnet-5", (5, 0)),
        ] {
            assert_eq!(claude_version(id), version, "{id}");
        }
    }

    #[test]
    fn the_longest_beginning_holds() {
        for (id, tools) in [
            ("meta.llama3-8b-instruct-v1:0", Tools::Nowhere),
            ("meta.llama3-1-8b-instruct-v1:0", Tools::Converse),
            ("amazon.nova-micro-v1:0", Tools::Everywhere),
            ("mistral.mistral-large-3-675b-instruct", Tools::Everywhere),
            ("xai.grok-4", Tools::Everywhere),
            ("", Tools::Everywhere),
        ] {
            assert_eq!(Family::of(id).tools, tools, "{id}");
        }
        assert!(!Family::of("amazon.nova-micro-v1:0").images);
    }
}
