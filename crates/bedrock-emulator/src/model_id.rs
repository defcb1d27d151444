//! Which model ids there are.

/// The vendors whose models Bedrock has.
const VENDORS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// The prefixes of cross-region inference profiles.
const PROFILES: &[&str] = &["us", "us-gov", "eu", "apac", "global", "jp", "au", "ca", "in"];

/// The vendor's own id behind an id that Bedrock knows: empty where an ARN hides it, and `None` where there is none.
pub(crate) fn base<'a>(id: &'a str, region: &str) -> Option<&'a str> {
    if let Some(arn) = id.strip_prefix("arn:") {
        return of_arn(arn, region);
    }
    let base = match id.split_once('.') {
        Some((prefix, rest)) if PROFILES.contains(&prefix) => rest,
        _ => id,
    };
    let (vendor, model) = base.split_once('.')?;
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._:".contains(c);
    let starts = model.starts_with(|c: char| c.is_ascii_alphanumeric());
    (VENDORS.contains(&vendor) && starts && model.len() <= 63 && model.chars().all(valid)).then_some(base)
}

fn of_arn<'a>(arn: &'a str, region: &str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, service, arn_region, account, resource] = parts.as_slice() else { return None };
    // A request with an API key is signed for no region.
    let right_region = region.is_empty() || *arn_region == region;
    let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    if !partition.starts_with("aws") || !right_region {
        return None;
    }
    let (kind, name) = resource.split_once('/')?;
    let token = |text: &str, length: Option<usize>| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._:/".contains(c))
            && length.is_none_or(|length| text.len() == length)
    };
    match (*service, kind, is_account) {
        ("bedrock", "foundation-model", false) if account.is_empty() => base(name, ""),
        ("bedrock", "inference-profile", true) => base(name, ""),
        ("bedrock", "provisioned-model" | "custom-model-deployment" | "imported-model", true) => {
            token(name, Some(12)).then_some("")
        }
        (
            "bedrock",
            "application-inference-profile"
            | "custom-model"
            | "prompt"
            | "prompt-router"
            | "default-prompt-router",
            true,
        )
        | ("sagemaker", "endpoint", true) => token(name, None).then_some(""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn known_ids_lead_to_the_vendors_own() {
        for id in [
            "amazon.nova-lite-v1:0",
            "us.amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        ] {
            assert_eq!(base(id, "us-east-1"), Some("amazon.nova-lite-v1:0"), "{id}");
        }
        assert_eq!(
            base("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1", "us-east-1"),
            Some("")
        );
    }

    #[test]
    fn others_are_unknown() {
        for id in [
            "",
            "nova",
            "acme.model-1",
            "xx.amazon.nova-lite-v1:0",
            "amazon.",
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(base(id, "us-east-1"), None, "{id}");
        }
    }
}
