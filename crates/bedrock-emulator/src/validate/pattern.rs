//! The patterns of text members.

/// A regular expression of the service's model, and what it means. A whole text has to match.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) expression: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

/// The name of a tool.
pub(super) const TOOL_NAME: Pattern =
    Pattern { expression: "[a-zA-Z0-9_-]+", matches: |text| all_of(text, "_-") };

/// The id of a tool's use.
pub(super) const TOOL_USE_ID: Pattern =
    Pattern { expression: "[a-zA-Z0-9_.:-]+", matches: |text| all_of(text, "_.:-") };

/// The key of request metadata.
pub(super) const METADATA_KEY: Pattern =
    Pattern { expression: r"[a-zA-Z0-9\s:_@$#=/+,-.]{1,256}", matches: metadata };

/// The value of request metadata.
pub(super) const METADATA_VALUE: Pattern =
    Pattern { expression: r"[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}", matches: metadata };

/// The id or ARN of a guardrail.
pub(super) const GUARDRAIL_ID: Pattern = Pattern {
    expression: "(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))",
    matches: guardrail_id,
};

/// The version of a guardrail.
pub(super) const GUARDRAIL_VERSION: Pattern = Pattern {
    expression: "(|([1-9][0-9]{0,7})|(DRAFT))",
    matches: |text| {
        let number = text.len() <= 8 && !text.starts_with('0') && text.chars().all(|c| c.is_ascii_digit());
        text.is_empty() || text == "DRAFT" || number
    },
};

/// The place of an object in S3.
pub(super) const S3_URI: Pattern =
    Pattern { expression: r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?", matches: s3_uri };

/// The id of an account.
pub(super) const ACCOUNT: Pattern = Pattern { expression: "[0-9]{12}", matches: is_account };

fn all_of(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn metadata(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " \t\n\r\u{b}\u{c}:_@$#=/+,-.".contains(c);
    text.len() <= 256 && text.chars().all(allowed)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

fn guardrail_id(text: &str) -> bool {
    let id = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let Some(arn) = text.strip_prefix("arn:aws") else { return id(text) };
    let parts: Vec<&str> = arn.split(':').collect();
    let [partition, "bedrock", region, account, resource] = parts.as_slice() else { return false };
    let partition = partition.is_empty() || partition.strip_prefix('-').is_some_and(|rest| !rest.is_empty());
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let region = (1..=20).contains(&region.len()) && region.chars().all(lower);
    let name = resource.strip_prefix("guardrail/").is_some_and(|name| !name.is_empty() && id(name));
    partition && region && is_account(account) && name
}

fn s3_uri(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("s3://") else { return false };
    let bucket = rest.split_once('/').map_or(rest, |(bucket, _)| bucket);
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&bucket.len())
        && bucket.starts_with(edge)
        && bucket.ends_with(edge)
        && bucket.chars().all(|c| edge(c) || c == '.' || c == '-')
}
