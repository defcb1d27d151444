//! Where a model is called, and by which policy.

use std::time::Duration;

use bedrock::{EndpointChoice, EndpointUrl, ModelId, Policy};
use secrets::ResolvedModel;
use spicepod::Problem;

use crate::params::Reader;
use crate::provider::{Context, Limits};

/// The region that an emulator is called for where nothing names one.
const EMULATOR_REGION: &str = "us-east-1";

/// The parameter that names the regions.
const REGION: &str = "aws_region";

/// Finds the regions, in the order in which they are called: the parameter's, the ARN's, the environment's, the
/// profile's, the instance's. Never empty.
pub(super) async fn regions(
    model_id: Option<&ModelId>,
    context: Context<'_>,
    reader: &mut Reader<'_>,
) -> Option<Vec<String>> {
    let of_arn = model_id.and_then(ModelId::region);
    if reader.has(REGION) {
        return named(of_arn, reader);
    }
    match of_arn {
        Some(region) => Some(vec![region.to_owned()]),
        None => found(context, reader).await.map(|region| vec![region]),
    }
}

/// What to write where something is no region.
fn instead(written: &str) -> String {
    let small = written.trim().to_ascii_lowercase();
    if bedrock::is_region(&small) {
        return format!("write `{small}`");
    }
    let several: Vec<&str> = small.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|region| bedrock::is_region(region)) {
        return format!("write a list: `[{}]`", several.join(", "));
    }
    "write a region such as `us-east-1`".to_owned()
}

/// Reads the regions that the manifest names.
fn named(of_arn: Option<&str>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let regions = reader.texts(REGION)?;
    if regions.is_empty() {
        reader.error(REGION, "names no region", "write a region such as `us-east-1`");
    }
    let mut valid = !regions.is_empty();
    for (index, region) in regions.iter().enumerate() {
        let shown = reader.shown_item(REGION, index, region);
        let arn = of_arn.filter(|arn| arn != region);
        let (message, help) = if !bedrock::is_region(region) {
            (format!("is not a region: {shown}"), instead(region))
        } else if let Some(arn) = arn {
            let message = format!("is {shown}, but the ARN in `from` is of `{arn}`");
            (message, format!("write `aws_region: {arn}`, or leave it out"))
        } else if regions.iter().take(index).any(|before| before == region) {
            (format!("is {shown}, which stands in the list before"), "keep one of them".to_owned())
        } else {
            continue;
        };
        valid = false;
        reader.item_error(REGION, index, &message, help);
    }
    valid.then_some(regions)
}

/// Looks for the region outside of the manifest.
async fn found(context: Context<'_>, reader: &mut Reader<'_>) -> Option<String> {
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = context.environment.get(variable).filter(|region| !region.is_empty()) {
            if bedrock::is_region(&region) {
                return Some(region);
            }
            let message = format!("is not given, and `{variable}` is not a region");
            reader.error(REGION, message, format!("set `{variable}` to a region such as `us-east-1`"));
            return None;
        }
    }
    if context.options.emulator.is_some() {
        return Some(EMULATOR_REGION.to_owned());
    }
    let profile = reader.text("aws_profile").or_else(|| context.environment.get("AWS_PROFILE"));
    let found = bedrock::default_region(profile.as_deref()).await;
    if found.is_none() {
        let message =
            "is not given, and neither the environment, the profile nor the instance names a region";
        reader.error(REGION, message, "add `aws_region: us-east-1`, or set AWS_REGION");
    }
    found
}

/// Finds what cannot be the same in several regions.
pub(super) fn check_regions(regions: &[String], context: Context<'_>, reader: &mut Reader<'_>) {
    const ENDPOINT: &str = "aws_endpoint_url";
    const GUARDRAIL: &str = "bedrock_guardrail_identifier";
    if regions.len() < 2 {
        return;
    }
    let help = "declare a model for each region, and a worker that routes to them";
    if reader.has(ENDPOINT) && context.options.emulator.is_none() {
        reader.warn(ENDPOINT, "is called for every region of `aws_region`", help);
    }
    if reader.has(GUARDRAIL) {
        reader.error(GUARDRAIL, "is of one region, and `aws_region` names several", help);
    }
}

/// Warns where an inference profile is not known to be called from the region.
pub(super) fn check_geography(model: &ResolvedModel, id: &ModelId, region: &str, reader: &mut Reader<'_>) {
    if !id.geography_contradicts(region) {
        return;
    }
    let geography = id.geography().unwrap_or_default();
    let message =
        format!("`from: {}`: profiles of `{geography}` are not known to be called from {region}", model.from);
    let problem = Problem::warning(model.at.clone().key("from"), message);
    reader.push(problem.help("check the model's inference profiles in the Bedrock console"));
}

/// Finds the endpoint: the parameter's, the environment's, the profile's, or the region's own.
pub(super) async fn endpoint(context: Context<'_>, reader: &mut Reader<'_>) -> Option<EndpointChoice> {
    const NAME: &str = "aws_endpoint_url";
    let insecure = reader.switch("aws_endpoint_insecure").unwrap_or(false);
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    let switched_on = |name: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut choice = EndpointChoice {
        url: None,
        fips: switched_on("AWS_USE_FIPS_ENDPOINT"),
        dual_stack: switched_on("AWS_USE_DUALSTACK_ENDPOINT"),
    };
    let (text, source) = if let Some(emulator) = &context.options.emulator {
        (emulator.endpoint_url.clone(), "the emulator")
    } else if reader.has(NAME) {
        (reader.text(NAME)?, NAME)
    } else if switched_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return Some(choice);
    } else if let Some(url) = variable("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") {
        (url, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
    } else if let Some(url) = variable("AWS_ENDPOINT_URL") {
        (url, "AWS_ENDPOINT_URL")
    } else {
        let profile = reader.text("aws_profile").or_else(|| variable("AWS_PROFILE"));
        match bedrock::profile_endpoint(profile.as_deref()).await {
            Some(url) => (url, "the profile"),
            None => return Some(choice),
        }
    };
    match EndpointUrl::parse(&text, insecure) {
        Ok(url) => choice.url = Some(url),
        Err(error) => {
            let message = format!("cannot be called (from {source}): {error}");
            reader.error(
                NAME,
                message,
                "write `https://<host>`, or `http://127.0.0.1:<port>` on this machine",
            );
            return None;
        }
    }
    Some(choice)
}

/// Reads the timeouts, the number of attempts and the budget of retries.
pub(super) fn policy(reader: &mut Reader<'_>) -> Policy {
    let defaults = Policy::default();
    Policy {
        connect: reader.duration("connect_timeout").unwrap_or(defaults.connect),
        first_event: reader.duration("first_event_timeout").unwrap_or(defaults.first_event),
        idle: reader.duration("idle_timeout").unwrap_or(defaults.idle),
        request: reader.duration("request_timeout").unwrap_or(defaults.request),
        max_attempts: reader.integer("max_attempts").unwrap_or(defaults.max_attempts),
        retry_budget_percent: reader.integer("retry_budget_percent").unwrap_or(defaults.retry_budget_percent),
    }
}

/// Reads how much of the model is let through.
pub(super) fn limits(reader: &mut Reader<'_>) -> Limits {
    let mut limit = |name| reader.integer(name).filter(|limit| *limit > 0);
    Limits {
        max_concurrency: limit("max_concurrency"),
        requests_per_minute: limit("requests_per_minute_limit"),
    }
}

/// Shows a policy and limits, a column each.
pub(super) fn describe(policy: &Policy, limits: Limits) -> Vec<(&'static str, String)> {
    let Policy { connect, first_event, idle, request, max_attempts, retry_budget_percent } = *policy;
    let Limits { max_concurrency, requests_per_minute } = limits;
    let limit = |limit: Option<u32>| limit.map_or("-".to_owned(), |limit| limit.to_string());
    vec![
        ("CONNECT", shown(connect)),
        ("FIRST EVENT", shown(first_event)),
        ("IDLE", shown(idle)),
        ("REQUEST", shown(request)),
        ("ATTEMPTS", max_attempts.to_string()),
        ("RETRY BUDGET", format!("{retry_budget_percent}%")),
        ("AT ONCE", limit(max_concurrency)),
        ("PER MINUTE", limit(requests_per_minute)),
    ]
}

/// Shows a length of time as manifests write it.
fn shown(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}
