//! The identifiers that `Converse` takes.
//!
//! Source: the `modelId` member of [Converse](https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

use std::fmt;
use std::ops::Range;

use snafu::Snafu;

/// The longest identifier that the API takes.
const MAX_LENGTH: usize = 2048;

/// Prefixes of cross-region inference profiles, with the AWS region prefixes that they are called from.
///
/// Only hints are made of it: Bedrock adds profiles without notice, so nothing is refused because of this table.
const GEOGRAPHIES: &[(&str, &[&str])] = &[
    ("us", &["us-east-", "us-west-"]),
    ("us-gov", &["us-gov-"]),
    ("eu", &["eu-", "il-"]),
    ("apac", &["ap-", "me-"]),
    ("jp", &["ap-northeast-"]),
    ("au", &["ap-southeast-"]),
    ("ca", &["ca-", "us-"]),
    ("in", &["ap-south-"]),
    ("global", &[]),
];

/// Why a text is no model identifier.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum ModelIdError {
    /// Nothing stands after the provider's prefix.
    #[snafu(display("the model id is empty"))]
    Empty,

    /// More than 2,048 characters.
    #[snafu(display("the model id has {length} characters, and Bedrock takes at most {MAX_LENGTH}"))]
    TooLong {
        /// How long it is.
        length: usize,
    },

    /// A character that no identifier has.
    #[snafu(display("{found:?} cannot stand in a model id"))]
    Character {
        /// The first such character.
        found: char,
    },

    /// An ARN that is not one of the documented forms.
    #[snafu(display("{reason}"))]
    Arn {
        /// Which part is wrong, and what it should be.
        reason: String,
    },

    /// An id with a `/`, or otherwise not of the documented form.
    #[snafu(display("this is neither a model id, an inference profile id nor an ARN"))]
    Form,
}

/// A model id, inference profile id or ARN of a form that Bedrock documents.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelId {
    text: String,
    region: Option<String>,
    /// Where in `text` the id stands whose vendor and model are readable.
    named: Option<Range<usize>>,
}

impl ModelId {
    /// Reads an identifier.
    ///
    /// # Errors
    ///
    /// [`ModelIdError`] where the text has none of the forms that `Converse` takes.
    pub fn parse(text: &str) -> Result<Self, ModelIdError> {
        if text.is_empty() {
            return EmptySnafu.fail();
        }
        if text.len() > MAX_LENGTH {
            return TooLongSnafu { length: text.chars().count() }.fail();
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
        if let Some(found) = text.chars().find(|&c| !allowed(c)) {
            return CharacterSnafu { found }.fail();
        }
        if text.starts_with("arn:") {
            let arn = Arn::parse(text)?;
            return Ok(Self {
                text: text.to_owned(),
                region: Some(arn.region.to_owned()),
                named: arn.model.and_then(|model| text.find(model).map(|at| at..at + model.len())),
            });
        }
        let edges_are_alphanumeric = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric());
        if text.contains('/') || text.contains("..") || !edges_are_alphanumeric {
            return FormSnafu.fail();
        }
        Ok(Self { text: text.to_owned(), region: None, named: Some(0..text.len()) })
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region that an ARN names; the request must go there.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The vendor's own id, such as `amazon.nova-lite-v1:0`, without the prefix of an inference profile; `None`
    /// where an ARN hides it.
    pub fn base(&self) -> Option<&str> {
        let id = self.named()?;
        Some(match split_geography(id) {
            Some((_, base)) => base,
            None => id,
        })
    }

    fn named(&self) -> Option<&str> {
        self.text.get(self.named.clone()?)
    }

    /// The geography of a cross-region inference profile, such as `us`.
    pub fn geography(&self) -> Option<&str> {
        let id = self.named()?;
        split_geography(id).map(|(geography, _)| geography)
    }

    /// Says whether the geography is known not to be called from `region`.
    pub fn geography_contradicts(&self, region: &str) -> bool {
        let Some(geography) = self.geography() else {
            return false;
        };
        let known = GEOGRAPHIES.iter().find(|(name, _)| *name == geography);
        known.is_some_and(|(_, regions)| {
            !regions.is_empty() && !regions.iter().any(|prefix| region.starts_with(prefix))
        })
    }

    /// The identifier as it stands in a request's path: percent-encoded once.
    pub fn path_segment(&self) -> String {
        let mut path = String::with_capacity(self.text.len() + 8);
        for character in self.text.chars() {
            match character {
                ':' => path.push_str("%3A"),
                '/' => path.push_str("%2F"),
                other => path.push(other),
            }
        }
        path
    }
}

/// Suggests the inference profile to use for a base id in a region.
pub(crate) fn profile_hint(base: &str, region: &str) -> Option<String> {
    let fits = |(name, regions): &&(&str, &[&str])| {
        !matches!(*name, "jp" | "au" | "ca" | "in") && regions.iter().any(|prefix| region.starts_with(prefix))
    };
    GEOGRAPHIES.iter().rev().find(fits).map(|(name, _)| format!("{name}.{base}"))
}

fn split_geography(id: &str) -> Option<(&str, &str)> {
    let (head, rest) = id.split_once('.')?;
    let known = GEOGRAPHIES.iter().any(|(name, _)| *name == head);
    (known && rest.contains('.')).then_some((head, rest))
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelId").field(&self.text).finish()
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Arn<'a> {
    region: &'a str,
    /// The model or profile id that the ARN ends in, where it names one.
    model: Option<&'a str>,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Result<Self, ModelIdError> {
        let fail = |reason: String| ArnSnafu { reason }.fail();
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (_, partition, service, region, account, resource) =
            (next(), next(), next(), next(), next(), next());
        let partition_is_known = partition == "aws"
            || partition.strip_prefix("aws-").is_some_and(|rest| {
                matches!(rest, "cn" | "us-gov" | "eusc") || rest.starts_with("iso") && is_lower_id(rest)
            });
        if !partition_is_known {
            return fail(format!(
                "`{partition}` is not an AWS partition; write `aws`, `aws-us-gov` or `aws-cn`"
            ));
        }
        if service != "bedrock" && service != "sagemaker" {
            return fail(format!("an ARN of `{service}` is no model; write `arn:{partition}:bedrock:…`"));
        }
        if !is_region(region) {
            return fail(format!(
                "`{region}` is not a region; an ARN of a model names one, such as `us-east-1`"
            ));
        }
        let Some((kind, id)) = resource.split_once('/') else {
            return fail(
                "the ARN ends before its resource, such as `foundation-model/amazon.nova-lite-v1:0`".into(),
            );
        };
        let account_is_right =
            if kind == "foundation-model" { account.is_empty() } else { is_account(account) };
        if !account_is_right {
            return fail(match kind {
                "foundation-model" => {
                    "the account of a foundation model's ARN is empty: `…:us-east-1::foundation-model/…`"
                        .into()
                }
                _ => format!("`{account}` is not an account id of 12 digits"),
            });
        }
        let model = Self::resource(service, kind, id).map_err(|reason| ModelIdError::Arn { reason })?;
        Ok(Self { region, model })
    }

    /// Checks the resource of an ARN and finds the model that it names.
    fn resource(service: &str, kind: &str, id: &'a str) -> Result<Option<&'a str>, String> {
        let dotted =
            |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c));
        let wants = |ok: bool, what: &str| ok.then_some(()).ok_or(format!("`{id}` is not the id of {what}"));
        if service == "sagemaker" {
            if kind != "endpoint" {
                return Err("the only SageMaker resource that is a model is `endpoint/<name>`".into());
            }
            wants(
                !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
                "an endpoint",
            )?;
            return Ok(None);
        }
        match kind {
            "foundation-model" => {
                wants(dotted(id) && id.contains('.'), "a foundation model").map(|()| Some(id))
            }
            "inference-profile" => wants(dotted(id), "an inference profile").map(|()| Some(id)),
            "application-inference-profile" => {
                wants(dotted(id), "an application inference profile").map(|()| None)
            }
            "provisioned-model" | "custom-model-deployment" | "imported-model" => {
                wants(is_short_id(id), "such a model (12 lower-case letters and digits)").map(|()| None)
            }
            "custom-model" => {
                let (base, short) = id.rsplit_once('/').unwrap_or(("", id));
                wants(
                    dotted(base) && is_short_id(short),
                    "a custom model (`<base model>/<12 letters and digits>`)",
                )?;
                Ok(Some(base))
            }
            "prompt" => {
                let (prompt, version) = id.split_once(':').unwrap_or((id, "1"));
                let version_is_right =
                    (1..=5).contains(&version.len()) && version.chars().all(|c| c.is_ascii_digit());
                let prompt_is_right = prompt.len() == 10 && prompt.chars().all(|c| c.is_ascii_alphanumeric());
                wants(prompt_is_right && version_is_right, "a prompt (`<10 letters and digits>[:<version>]`)")
                    .map(|()| None)
            }
            "prompt-router" | "default-prompt-router" => wants(dotted(id), "a prompt router").map(|()| None),
            other => Err(format!("`{other}` is not a kind of model that Converse takes")),
        }
    }
}

fn is_lower_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Says whether a text has the form of a region, such as `us-gov-west-1`.
pub fn is_region(text: &str) -> bool {
    let digits_at_end = text.rsplit_once('-').is_some_and(|(head, tail)| {
        head.contains('-') && !tail.is_empty() && tail.len() <= 2 && tail.chars().all(|c| c.is_ascii_digit())
    });
    text.len() <= 20
        && is_lower_id(text)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && digits_at_end
        && !text.contains("--")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

fn is_short_id(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_accepted() {
        let cases = [
            ("amazon.nova-lite-v1:0", None, Some("amazon.nova-lite-v1:0")),
            ("amazon.nova-lite-v1:0:300k", None, Some("amazon.nova-lite-v1:0:300k")),
            ("us.amazon.nova-premier-v1:0", None, Some("amazon.nova-premier-v1:0")),
            ("us-gov.amazon.nova-pro-v1:0", None, Some("amazon.nova-pro-v1:0")),
            (
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                None,
                Some("anthropic.claude-sonnet-4-5-20250929-v1:0"),
            ),
            ("us.anthropic.claude-sonnet-4-6", None, Some("anthropic.claude-sonnet-4-6")),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                Some("us-east-1"),
                Some("amazon.nova-lite-v1:0"),
            ),
            (
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
                Some("eu-west-1"),
                Some("amazon.nova-lite-v1:0"),
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
                Some("us-east-1"),
                None,
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123def456",
                Some("us-east-1"),
                None,
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0/abc123def456",
                Some("us-east-1"),
                Some("amazon.nova-lite-v1:0"),
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc123def456",
                Some("us-east-1"),
                None,
            ),
            ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc123def456", Some("us-east-1"), None),
            ("arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDE12345:3", Some("us-east-1"), None),
            (
                "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
                Some("us-east-1"),
                None,
            ),
            (
                "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
                Some("us-gov-west-1"),
                Some("amazon.nova-pro-v1:0"),
            ),
            ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint", Some("us-east-1"), None),
        ];
        for (text, region, base) in cases {
            let id = ModelId::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(id.region(), region, "{text}");
            assert_eq!(id.base(), base, "{text}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        for text in [
            "",
            "a b",
            "../../etc/passwd",
            "amazon.nova/lite",
            "amazon.nova%2flite",
            "amazon.nova-lite\n",
            "arn:awz:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1:12345678901:inference-profile/us.amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/SHORT",
            "arn:aws:s3:us-east-1:123456789012:bucket/x",
            "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc",
        ] {
            assert!(ModelId::parse(text).is_err(), "{text:?}");
        }
        assert!(ModelId::parse(&"a".repeat(2049)).is_err());
        assert!(ModelId::parse(&"a".repeat(2048)).is_ok());
    }

    #[test]
    fn the_path_is_encoded_once() {
        let id = ModelId::parse("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc")
            .unwrap();
        assert_eq!(
            id.path_segment(),
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc"
        );
    }

    #[test]
    fn a_profile_far_from_its_region_is_noticed() {
        let id = ModelId::parse("eu.amazon.nova-lite-v1:0").unwrap();
        assert!(id.geography_contradicts("us-east-1"));
        assert!(!id.geography_contradicts("eu-west-1"));
        assert!(
            !ModelId::parse("global.amazon.nova-2-lite-v1:0").unwrap().geography_contradicts("sa-east-1")
        );
        assert_eq!(
            profile_hint("amazon.nova-lite-v1:0", "eu-west-1").as_deref(),
            Some("eu.amazon.nova-lite-v1:0")
        );
        assert_eq!(
            profile_hint("amazon.nova-lite-v1:0", "us-gov-west-1").as_deref(),
            Some("us-gov.amazon.nova-lite-v1:0")
        );
        assert_eq!(
            profile_hint("amazon.nova-lite-v1:0", "ap-south-1").as_deref(),
            Some("apac.amazon.nova-lite-v1:0")
        );
    }

    #[test]
    fn regions_have_a_form() {
        for region in ["us-east-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1", "us-iso-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for text in
            ["", "us", "us-east", "US-EAST-1", "us-east-1.evil.example", "us-east-1/", "-east-1", "us-east-"]
        {
            assert!(!is_region(text), "{text}");
        }
    }
}
