//! Guardrails as `Converse` takes them.
//!
//! Source: [GuardrailConfiguration](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConfiguration.html).

use chat::{GuardrailMode, GuardrailTrace};
use snafu::{Snafu, ensure};

use crate::model_id::is_region;

/// What of a prompt the model's guardrail assesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuardrailScope {
    /// What the request marks, and everything where it marks nothing.
    #[default]
    Marked,
    /// Everything: a request may mark nothing.
    All,
    /// What the request marks, and the text of the user's last turn where it marks nothing.
    LastTurn,
}

/// Why a guardrail's id or version is malformed.
#[derive(Debug, Snafu, PartialEq, Eq)]
pub enum GuardrailError {
    /// The identifier has neither of the two published forms.
    #[snafu(display(
        "a guardrail identifier is lower-case letters and digits, or an ARN like `arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123`"
    ))]
    Identifier,

    /// The version has neither of the two published forms.
    #[snafu(display("a guardrail version is `DRAFT` or a number from 1 to 99999999"))]
    Version,
}

/// A guardrail's id or ARN, of the published form and never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardrailIdentifier(String);

impl GuardrailIdentifier {
    /// Checks the published pattern.
    ///
    /// # Errors
    ///
    /// [`GuardrailError::Identifier`].
    pub fn parse(text: &str) -> Result<Self, GuardrailError> {
        let plain =
            |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        ensure!(text.len() <= 2048 && (plain(text) || is_guardrail_arn(text, plain)), IdentifierSnafu);
        Ok(Self(text.to_owned()))
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_guardrail_arn(text: &str, plain: impl Fn(&str) -> bool) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, resource) =
        (next(), next(), next(), next(), next(), next());
    arn == "arn"
        && (partition == "aws" || partition.strip_prefix("aws-").is_some_and(|rest| !rest.is_empty()))
        && service == "bedrock"
        && is_region(region)
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && resource.strip_prefix("guardrail/").is_some_and(plain)
}

/// A guardrail's version, of the published form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardrailVersion(String);

impl GuardrailVersion {
    /// Checks the published pattern.
    ///
    /// # Errors
    ///
    /// [`GuardrailError::Version`].
    pub fn parse(text: &str) -> Result<Self, GuardrailError> {
        let number = (1..=8).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_digit())
            && !text.starts_with('0');
        ensure!(number || text == "DRAFT", VersionSnafu);
        Ok(Self(text.to_owned()))
    }

    /// The version as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A guardrail that every request of a model carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guardrail {
    /// Which guardrail.
    pub identifier: GuardrailIdentifier,
    /// Which version of it.
    pub version: GuardrailVersion,
    /// How much of its assessment comes back.
    pub trace: GuardrailTrace,
    /// When it assesses a streamed answer.
    pub stream_mode: GuardrailMode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_published_form() {
        for good in ["abc123", "a", "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123"] {
            assert!(GuardrailIdentifier::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ABC",
            "abc-123",
            "arn:aws:bedrock:us-east-1:12345:guardrail/abc",
            "arn:aws:bedrock:us-east-1:123456789012:guardrail/",
            "arn:aws:bedrock:us-east-1:123456789012:guardrails/abc",
            "arn:aws:bedrock::123456789012:guardrail/abc",
        ] {
            assert_eq!(GuardrailIdentifier::parse(bad), Err(GuardrailError::Identifier), "{bad}");
        }
    }

    #[test]
    fn versions_have_the_published_form() {
        for good in ["DRAFT", "1", "10", "99999999"] {
            assert!(GuardrailVersion::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "0", "-1", "draft", "123456789", "01", "1.0"] {
            assert_eq!(GuardrailVersion::parse(bad), Err(GuardrailError::Version), "{bad}");
        }
    }
}
