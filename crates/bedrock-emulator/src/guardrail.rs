//! The guardrail that an emulator knows: a word for prompts, and a word for answers.

use serde_json::{Map, Value, json};

use crate::config::{BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS, GUARDRAIL_ID};
use crate::reply::Refusal;

/// What the guardrail says in place of what it blocks.
pub(crate) const BLOCKED: &str = "Sorry, the model cannot answer this question.";

const VERSIONS: &[&str] = &["DRAFT", "1"];

/// The account of the emulator's own resources.
const ACCOUNT: &str = "123456789012";

/// The characters of a text unit, by which policies are billed.
const TEXT_UNIT: usize = 1000;

/// A guardrail as a request names it.
#[derive(Clone, Debug)]
pub(crate) struct Guardrail {
    identifier: String,
    version: String,
    traced: bool,
}

/// What the guardrail found in a text.
#[derive(Clone, Debug)]
pub(crate) struct Assessment {
    found: Option<&'static str>,
    /// The characters that were looked at, of so many.
    guarded: usize,
    total: usize,
}

impl Assessment {
    pub(crate) fn is_blocked(&self) -> bool {
        self.found.is_some()
    }
}

/// Looks for the word that prompts may not have, in what is guarded of all of one.
pub(crate) fn assess_prompt(guarded: &str, all: &str) -> Assessment {
    let assessment = assess(guarded, BLOCKED_IN_PROMPTS);
    Assessment { total: all.chars().count().max(assessment.guarded), ..assessment }
}

/// Looks for the word that answers may not have.
pub(crate) fn assess_answer(text: &str) -> Assessment {
    assess(text, BLOCKED_IN_ANSWERS)
}

fn assess(text: &str, word: &'static str) -> Assessment {
    let found = text.to_lowercase().contains(word).then_some(word);
    let characters = text.chars().count();
    Assessment { found, guarded: characters, total: characters }
}

impl Guardrail {
    /// Reads a configuration whose shape is right.
    pub(crate) fn read(config: &Value) -> Option<Self> {
        let text = |name: &str| config.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let traced = matches!(text("trace").as_deref(), Some("enabled" | "enabled_full"));
        Some(Self { identifier: text("guardrailIdentifier")?, version: text("guardrailVersion")?, traced })
    }

    /// Refuses a guardrail that the emulator does not have in this region.
    pub(crate) fn check(&self, region: &str) -> Result<(), Refusal> {
        if self.identifier.is_empty() {
            return Err(Refusal::validation("The provided guardrail identifier is invalid."));
        }
        let id = match self.identifier.split_once(":guardrail/") {
            // A request with an API key is signed for no region.
            Some((arn, id)) if region.is_empty() || arn.split(':').nth(3) == Some(region) => id,
            Some(_) => "",
            None => self.identifier.as_str(),
        };
        if id == GUARDRAIL_ID && VERSIONS.contains(&self.version.as_str()) {
            return Ok(());
        }
        Err(Refusal::validation(
            "The guardrail identifier or version provided in the request does not exist.",
        ))
    }

    /// The trace of a request, where it asks for one; `answer` is what the model said.
    pub(crate) fn trace(
        &self,
        region: &str,
        prompt: &Assessment,
        answer: Option<(&Assessment, &str)>,
    ) -> Option<Value> {
        if !self.traced {
            return None;
        }
        let blocked = prompt.is_blocked() || answer.is_some_and(|(answer, _)| answer.is_blocked());
        let mut trace = Map::new();
        let reason = if blocked { "Guardrail blocked." } else { "No action." };
        trace.insert("actionReason".to_owned(), reason.into());
        trace.insert("inputAssessment".to_owned(), json!({ GUARDRAIL_ID: self.assessment(region, prompt) }));
        if let Some((assessment, said)) = answer {
            let output = json!({ GUARDRAIL_ID: [self.assessment(region, assessment)] });
            trace.insert("outputAssessments".to_owned(), output);
            let said = if assessment.is_blocked() { json!([said]) } else { json!([]) };
            trace.insert("modelOutput".to_owned(), said);
        }
        Some(json!({ "guardrail": trace }))
    }

    fn assessment(&self, region: &str, assessment: &Assessment) -> Value {
        let region = if region.is_empty() { "us-east-1" } else { region };
        let units = assessment.guarded.div_ceil(TEXT_UNIT);
        let mut value = json!({
            "appliedGuardrailDetails": {
                "guardrailArn": format!("arn:aws:bedrock:{region}:{ACCOUNT}:guardrail/{GUARDRAIL_ID}"),
                "guardrailId": GUARDRAIL_ID,
                "guardrailOrigin": ["REQUEST"],
                "guardrailOwnership": "SELF",
                "guardrailVersion": self.version,
            },
            "invocationMetrics": {
                "guardrailCoverage": {
                    "textCharacters": { "guarded": assessment.guarded, "total": assessment.total },
                },
                "guardrailProcessingLatency": 1,
                "usage": {
                    "contentPolicyUnits": 0,
                    "contextualGroundingPolicyUnits": 0,
                    "sensitiveInformationPolicyFreeUnits": 0,
                    "sensitiveInformationPolicyUnits": 0,
                    "topicPolicyUnits": 0,
                    "wordPolicyUnits": units,
                },
            },
        });
        if let (Some(word), Value::Object(members)) = (assessment.found, &mut value) {
            let words = json!([{ "action": "BLOCKED", "detected": true, "match": word }]);
            members.insert("wordPolicy".to_owned(), json!({ "customWords": words, "managedWordLists": [] }));
        }
        value
    }
}
