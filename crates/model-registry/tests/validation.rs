//! Manifests in, verdicts out: what a user of `spicerack check` sees of a model's declaration.

#![expect(clippy::panic, reason = "a failed assertion names its case")]

use model_registry::{ModelSpec, Options, validate};
use secrets::{Environment, Stores, resolve};

const NOVA: &str = "bedrock:us.amazon.nova-lite-v1:0";

struct Verdict {
    specs: Vec<ModelSpec>,
    shown: String,
}

/// Checks one model whose `params` are given line by line, with no region from outside.
async fn check(from: &str, params: &[&str], variables: &[(&str, &str)]) -> Verdict {
    let mut manifest =
        format!("version: v1\nkind: Spicepod\nname: demo\nmodels:\n  - from: {from}\n    name: nova\n");
    if !params.is_empty() {
        manifest.push_str("    params:\n");
    }
    for line in params {
        manifest.push_str(&format!("      {line}\n"));
    }
    let loaded = spicepod::parse("spicepod.yaml", &manifest);
    // Nothing of the machine that runs the tests gets in.
    let hermetic = [("AWS_EC2_METADATA_DISABLED", "true")];
    let environment = Environment::from_pairs(variables.iter().copied().chain(hermetic));
    let stores = Stores::environment(&environment);
    let (resolved, mut problems) = resolve(&loaded.spicepod, &stores, &|_| false).await;
    let (specs, found) = validate(&resolved.models, &stores, &environment, &Options::default()).await;
    problems.extend(loaded.problems);
    problems.extend(found);
    Verdict { specs, shown: loaded.sources.render(&problems) }
}

async fn refused(from: &str, params: &[&str], expected: &[&str]) {
    let verdict = check(from, params, &[]).await;
    for text in expected {
        assert!(verdict.shown.contains(text), "{params:?} lacks {text:?}:\n{}", verdict.shown);
    }
    assert!(verdict.shown.contains("error: "), "{params:?} is no error:\n{}", verdict.shown);
    assert!(verdict.specs.is_empty(), "{params:?}");
}

async fn accepted(from: &str, params: &[&str]) -> ModelSpec {
    let mut verdict = check(from, params, &[]).await;
    assert_eq!(verdict.shown, "", "{from} {params:?}");
    match verdict.specs.pop() {
        Some(spec) => spec,
        None => panic!("{from} {params:?} gave no model"),
    }
}

#[tokio::test]
async fn every_form_of_model_id_is_taken() {
    let ids = [
        "amazon.nova-micro-v1:0",
        "amazon.nova-lite-v1:0",
        "amazon.nova-pro-v1:0",
        "amazon.nova-premier-v1:0",
        "us.amazon.nova-micro-v1:0",
        "us.amazon.nova-premier-v1:0",
        "eu.amazon.nova-pro-v1:0",
        "apac.amazon.nova-lite-v1:0",
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-lite-v1:0:300k",
    ];
    for id in ids {
        let region = if id.starts_with("eu.") {
            "eu-west-1"
        } else if id.starts_with("apac.") {
            "ap-northeast-1"
        } else {
            "us-east-1"
        };
        let spec = accepted(&format!("bedrock:{id}"), &[&format!("aws_region: {region}")]).await;
        assert_eq!(spec.summary().region(), region);
    }
    let arns = [
        "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3d4e5f6",
        "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/a1b2c3d4e5f6",
        "arn:aws:bedrock:us-west-2:123456789012:custom-model-deployment/a1b2c3d4e5f6",
        "arn:aws:bedrock:us-west-2:123456789012:imported-model/a1b2c3d4e5f6",
        "arn:aws:bedrock:us-west-2:123456789012:prompt-router/a1b2c3d4e5f6",
        "arn:aws:bedrock:us-west-2:123456789012:default-prompt-router/anthropic.claude:1",
        "arn:aws:bedrock:us-west-2:123456789012:prompt/A1B2C3D4E5:1",
        "arn:aws:sagemaker:us-west-2:123456789012:endpoint/my-endpoint",
    ];
    for arn in arns {
        let spec = accepted(&format!("bedrock:{arn}"), &[]).await;
        assert_eq!(spec.summary().region(), "us-west-2", "the region of {arn} counts");
    }
}

#[tokio::test]
async fn a_wrong_from_says_what_to_write() {
    let region = ["aws_region: us-east-1"];
    refused("nova", &region, &["names no provider", "write `bedrock:<model id>`"]).await;
    refused("bedrok:amazon.nova-lite-v1:0", &region, &["did you mean `bedrock:amazon.nova-lite-v1:0`?"])
        .await;
    refused("openai:gpt-4o", &region, &["`openai` is not a provider", "providers: bedrock"]).await;
    refused("'bedrock:'", &region, &["spicepod.yaml:5:"]).await;
    refused("'bedrock:nova lite'", &region, &["write an id such as"]).await;
    refused("bedrock:arn:aws:bedrock:us-east-1:12345:inference-profile/x", &[], &["arn"]).await;
    for id in
        ["../../etc/passwd", "amazon%2fnova", "a b", "a\\nb", "a?b", "a#b", "a/b", "..", "a\\u0000b", "é"]
    {
        refused(&format!("\"bedrock:{id}\""), &region, &["spicepod.yaml:5:", "write an id such as"]).await;
    }
    refused(&format!("bedrock:{}", "a".repeat(2049)), &region, &["spicepod.yaml:5:"]).await;
    for arn in [
        "arn:aws:bedrock::123456789012:inference-profile/x",
        "arn:aws:bedrock:us-east-1:12345678901:inference-profile/x",
        "arn:aws:s3:us-east-1:123456789012:inference-profile/x",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/",
        "arn:aws:bedrock:us-east-1:123456789012",
        "arn:",
    ] {
        refused(&format!("\"bedrock:{arn}\""), &[], &["arn"]).await;
    }
    refused("bedrock:arn:awz:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", &[], &["arn"]).await;
}

#[tokio::test]
async fn every_param_is_held_to_its_kind_range_and_pattern() {
    let cases: &[(&str, &[&str])] = &[
        ("temperature: 42", &["spicepod.yaml:9:20: error", "42, which is out of range"]),
        ("bedrock_temperature: 42", &["`bedrock_temperature` is 42"]),
        ("temperature: -0.1", &["out of range"]),
        ("temperature: \"0.2\"", &["text in quotes"]),
        ("temperature: warm", &["`temperature` is"]),
        ("temperature:", &["has no value"]),
        ("temperature: [0.2]", &["is a list"]),
        ("topP: 1.01", &["out of range"]),
        ("topK: -1", &["out of range"]),
        ("topK: 1.5", &["out of range"]),
        ("maxTokens: 0", &["out of range"]),
        ("maxTokens: 99999999999", &["out of range"]),
        ("stopSequences: {a: b}", &["is a mapping"]),
        ("stopSequences: [a, 1]", &["`stopSequences[1]` is 1, which is a number"]),
        ("stopSequences: ['']", &["is empty"]),
        ("temprature: 0.2", &["did you mean `temperature`?"]),
        ("bedrock_guardrail_id: abc", &["did you mean `bedrock_guardrail_identifier`?"]),
        ("frobnicate: 1", &["is not a parameter", "docs/parameters.md"]),
        ("bedrock_guardrail_identifier: abc123", &["has no version"]),
        ("bedrock_guardrail_version: DRAFT", &["has no guardrail"]),
        ("bedrock_trace: verbose", &["`enabled`"]),
        ("bedrock_family: lama", &["names no family"]),
        ("aws_access_key_id: AKIDEXAMPLE", &["stands without `aws_secret_access_key`"]),
        ("aws_secret_access_key: hunter2", &["stands without `aws_access_key_id`"]),
        ("aws_session_token: hunter2", &["stands without `aws_access_key_id`"]),
        ("aws_profile: spicerack-no-such-profile", &["a profile that does not exist"]),
        ("aws_iam_role_source: magic", &["`metadata`"]),
        ("aws_assume_role_arn: admin", &["is not the ARN of a role"]),
        ("aws_assume_role_session_name: demo", &["stands without `aws_assume_role_arn`"]),
        ("aws_endpoint_url: http://example.com", &["cannot be called"]),
        ("aws_endpoint_url: http://169.254.169.254/", &["cannot be called"]),
        ("aws_endpoint_url: ftp://127.0.0.1/", &["cannot be called"]),
        ("aws_endpoint_insecure: maybe", &["`aws_endpoint_insecure` is"]),
        ("connect_timeout: 5", &["`connect_timeout` is"]),
        ("idle_timeout: soon", &["is not a duration"]),
        ("request_timeout: 0s", &["is zero, and must be more"]),
        ("max_attempts: 0", &["out of range"]),
        ("seed: 1", &["cannot be served"]),
        ("response_format: json", &["cannot be served"]),
        ("system_prompt: ''", &["is empty"]),
        ("system_prompt: 5", &["is 5, which is a number"]),
    ];
    for (line, expected) in cases {
        refused(NOVA, &["aws_region: us-east-1", line], expected).await;
    }
    refused(NOVA, &["aws_region: nowhere"], &["is not a region"]).await;
    refused(NOVA, &["aws_region: US-WEST-2"], &["write `us-west-2`"]).await;
    refused(NOVA, &["aws_region: us-east-1, us-west-2"], &["write a list: `[us-east-1, us-west-2]`"]).await;
    refused(NOVA, &["aws_region: 5"], &["`aws_region` is 5"]).await;
    let arn = "bedrock:arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0";
    refused(arn, &["aws_region: us-east-1"], &["the ARN in `from` is of `us-west-2`"]).await;
}

#[tokio::test]
async fn values_that_are_nearly_right_are_refused() {
    let cases: &[(&str, &[&str])] = &[
        ("temperature: .nan", &["temperature"]),
        ("temperature: .inf", &["temperature"]),
        ("temperature: 2.1", &["out of range"]),
        ("temperature: 1e400", &["temperature"]),
        ("temperature: 0x1F", &["temperature"]),
        ("maxTokens: 1_000", &["`maxTokens`"]),
        ("aws_endpoint_url: file:///etc/passwd", &["cannot be called"]),
        ("aws_endpoint_url: https://user:pass@example.com", &["cannot be called"]),
        ("aws_endpoint_url: 'https://example.com/#a'", &["cannot be called"]),
        ("aws_endpoint_url: https://169.254.169.254/", &["cannot be called"]),
        ("aws_endpoint_url: 'https://[fe80::1]/'", &["cannot be called"]),
    ];
    for (line, expected) in cases {
        refused(NOVA, &["aws_region: us-east-1", line], expected).await;
    }
    for version in ["0", "-1", "draft", "123456789", "'1.0'", "''", "'DRAFT '", "١"] {
        let lines =
            ["bedrock_guardrail_identifier: abc123", &format!("bedrock_guardrail_version: {version}")];
        refused(NOVA, &["aws_region: us-east-1", lines[0], lines[1]], &["bedrock_guardrail_version"]).await;
    }
    let stops = format!("stopSequences: [{}]", vec!["a"; 2501].join(", "));
    refused(NOVA, &["aws_region: us-east-1", &stops], &["stopSequences"]).await;
}

#[tokio::test]
async fn regions_are_one_or_a_list_in_the_order_of_the_calls() {
    let spec = accepted(NOVA, &["aws_region: [us-west-2, us-east-1]"]).await;
    assert_eq!(spec.summary().regions, ["us-west-2", "us-east-1"]);
    assert_eq!(spec.summary().region(), "us-west-2, us-east-1");
    let spare = "aws_region: [us-east-1, '${ env:SPARE }']";
    let verdict = check(NOVA, &[spare], &[("SPARE", "us-west-2")]).await;
    assert_eq!((verdict.shown.as_str(), verdict.specs.len()), ("", 1));
    let cases: &[(&str, &[&str])] = &[
        ("aws_region: []", &["spicepod.yaml:8:", "`aws_region` names no region"]),
        (
            "aws_region: [us-east-1, nowhere, us-east-1]",
            &[
                ":8:31: error",
                "`aws_region[1]` is not a region: `nowhere`",
                "`aws_region[2]` is `us-east-1`, which",
            ],
        ),
        ("aws_region: [us-east-1, 5]", &["`aws_region[1]` is 5"]),
        ("aws_region: {a: b}", &["`aws_region` is a mapping"]),
    ];
    for (line, expected) in cases {
        refused(NOVA, &[line], expected).await;
    }
    let verdict = check(NOVA, &[spare], &[("SPARE", "hunter2")]).await;
    assert!(verdict.shown.contains("is not a region: the value of the reference"), "{}", verdict.shown);
    let arn = "bedrock:arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0";
    let other = "`aws_region[1]` is `us-east-1`, but the ARN in `from` is of `us-west-2`";
    refused(arn, &["aws_region: [us-west-2, us-east-1]"], &[other]).await;
    let guardrail = ["bedrock_guardrail_identifier: abc123", "bedrock_guardrail_version: DRAFT"];
    let regions = "aws_region: [us-east-1, us-west-2]";
    refused(NOVA, &[regions, guardrail[0], guardrail[1]], &["is of one region", "a worker that routes"])
        .await;
    let verdict = check(NOVA, &[regions, "aws_endpoint_url: http://127.0.0.1:1/"], &[]).await;
    assert!(verdict.shown.contains("warning: ") && verdict.shown.contains("is called for every region"));
    assert_eq!(verdict.specs.len(), 1);
    let verdict =
        check("bedrock:eu.amazon.nova-lite-v1:0", &["aws_region: [eu-west-1, us-east-1]"], &[]).await;
    assert_eq!(verdict.shown.matches("are not known to be called from us-east-1").count(), 1);
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_problems() {
    let region = "aws_region: us-east-1";
    refused(NOVA, &[region, "topP: 0.1", "top_p: 0.2"], &["`top_p` and `topP` are the same setting"]).await;
    let keys = ["aws_access_key_id: AKIDEXAMPLE", "aws_secret_access_key: hunter2"];
    refused(NOVA, &[region, keys[0], keys[1], "aws_profile: default"], &["contradict each other"]).await;
    let bearer = "aws_bearer_token_bedrock: hunter2";
    let role = "aws_assume_role_arn: arn:aws:iam::123456789012:role/bedrock";
    refused(NOVA, &[region, bearer, role], &["cannot be assumed with an API key"]).await;
    let template = ["system_prompt: '{% if x %}'", "parameterized_prompt: enabled"];
    refused(NOVA, &[region, template[0], template[1]], &["is not a template"]).await;
}

#[tokio::test]
async fn all_problems_of_a_model_come_at_once() {
    let verdict = check(
        NOVA,
        &[
            "aws_region: us-east-1",
            "aws_access_key_id: ${ secrets:AWS_ACCESS_KEY_ID }",
            "aws_secret_access_key: ${ secrets:AWS_SECRET_ACCESS_KEY }",
            "bedrock_guardrail_identifier: arn:aws:bedrock:us-east-1:1:guardrail/x",
            "bedrock_guardrail_version: DRAFT",
            "bedrock_temperature: 42",
        ],
        &[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")],
    )
    .await;
    assert_eq!(verdict.shown.matches("error: ").count(), 3, "{}", verdict.shown);
    for place in [":10:", ":11:", ":13:"] {
        assert!(verdict.shown.contains(&format!("spicepod.yaml{place}")), "{place}: {}", verdict.shown);
    }
    let first = verdict.shown.find("${ secrets:AWS_SECRET_ACCESS_KEY }");
    assert!(first < verdict.shown.find("is not a guardrail's id"), "{}", verdict.shown);
}

#[tokio::test]
async fn request_defaults_have_the_spellings_of_spice() {
    let spellings = [
        ["maxTokens: 5", "temperature: 0.7", "topP: 0.5", "topK: 7", "stopSequences: [END]"],
        ["max_tokens: 5", "bedrock_temperature: 0.7", "top_p: 0.5", "top_k: 7", "stop: END"],
        [
            "bedrock_max_completion_tokens: 5",
            "temperature: 0.7",
            "bedrock_topP: 0.5",
            "bedrock_top_k: 7",
            "stop: [END]",
        ],
    ];
    for params in spellings {
        let lines: Vec<&str> = ["aws_region: us-east-1"].into_iter().chain(params).collect();
        let spec = accepted(NOVA, &lines).await;
        let sampling = spec.sampling();
        assert_eq!(sampling.max_tokens, Some(5), "{params:?}");
        assert_eq!(sampling.temperature, Some(0.7));
        assert_eq!(sampling.top_p, Some(0.5));
        assert_eq!(sampling.top_k, Some(7));
        assert_eq!(sampling.stop.as_deref(), Some(&["END".to_owned()][..]));
    }
}

#[tokio::test]
async fn limits_are_numbers_and_zero_is_none() {
    let refused = check(NOVA, &["aws_region: us-east-1", "max_concurrency: many"], &[]).await;
    assert!(
        refused.shown.contains("error: models[0].params.max_concurrency: `max_concurrency` is text"),
        "{}",
        refused.shown
    );
    let params = ["aws_region: us-east-1", "max_concurrency: 0", "requests_per_minute_limit: 60"];
    let verdict = check(NOVA, &params, &[]).await;
    assert_eq!(verdict.shown, "");
    let registry = model_registry::build(verdict.specs, &[], &model_registry::ModelRegistry::default()).await;
    let limiter = registry.iter().next().unwrap().limiter.as_ref().unwrap();
    let allowance = limiter.allowance();
    assert_eq!((allowance.concurrency, allowance.requests, allowance.tokens), (None, Some(60), None));
}

#[tokio::test]
async fn what_has_no_effect_is_a_warning_and_the_model_loads() {
    let cases = [
        ("openai_temperature: 0.5", "is a deprecated spelling"),
        ("tools: auto", "is not served here"),
        ("tool_recursion_limit: 5", "is not served here"),
    ];
    for (line, expected) in cases {
        let verdict = check(NOVA, &["aws_region: us-east-1", line], &[]).await;
        assert!(verdict.shown.contains("warning: ") && verdict.shown.contains(expected), "{}", verdict.shown);
        assert!(!verdict.shown.contains("error: "), "{}", verdict.shown);
        assert_eq!(verdict.specs.len(), 1);
    }
}

#[tokio::test]
async fn a_reference_stands_for_any_scalar() {
    let params = ["aws_region: ${ env:WHERE }", "temperature: ${ env:HOT }", "maxTokens: ${ env:MOST }"];
    let verdict = check(NOVA, &params, &[("WHERE", "eu-west-1"), ("HOT", "0.3"), ("MOST", "9")]).await;
    let Some(spec) = verdict.specs.first() else { panic!("{}", verdict.shown) };
    assert_eq!(spec.summary().region(), "eu-west-1");
    assert_eq!((spec.sampling().temperature, spec.sampling().max_tokens), (Some(0.3), Some(9)));
    let verdict = check(NOVA, &params, &[("WHERE", "eu-west-1"), ("HOT", "hunter2"), ("MOST", "9")]).await;
    assert!(verdict.shown.contains("temperature") && !verdict.shown.contains("hunter2"), "{}", verdict.shown);
}

#[tokio::test]
async fn the_region_and_the_keys_come_from_outside_where_the_manifest_has_none() {
    let verdict = check(
        NOVA,
        &[],
        &[("AWS_REGION", "us-west-2"), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s")],
    )
    .await;
    let Some(spec) = verdict.specs.first() else { panic!("{}", verdict.shown) };
    assert_eq!(spec.summary().region(), "us-west-2");
    let verdict = check(NOVA, &[], &[("AWS_DEFAULT_REGION", "nowhere")]).await;
    assert!(verdict.shown.contains("`AWS_DEFAULT_REGION` is not a region"), "{}", verdict.shown);
}

#[test]
fn the_schema_and_the_documentation_name_every_parameter() {
    let schema = model_registry::params_schema();
    let page = model_registry::params_markdown();
    let names = [
        "aws_region",
        "maxTokens",
        "max_completion_tokens",
        "bedrock_guardrail_identifier",
        "connect_timeout",
    ];
    for name in names {
        assert!(schema["properties"].get(name).is_some(), "{name} is not in the schema");
        assert!(page.contains(name), "{name} is not in the page");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[tokio::test]
async fn no_parameter_that_is_a_secret_is_ever_shown() {
    const CANARY: &str = "canary-5517";
    let table = model_registry::params_markdown();
    let secret = |row: &&str| row.split('|').nth(2).is_some_and(|values| values.trim() == "secret");
    let names: Vec<&str> = table.lines().filter(secret).filter_map(|row| row.split('`').nth(1)).collect();
    assert!(names.contains(&"aws_secret_access_key") && names.len() >= 4, "{names:?}");
    for name in names {
        for form in [
            "canary-5517",
            "'canary-5517'",
            "[canary-5517]",
            "{ a: canary-5517 }",
            "|\n        canary-5517\n        canary-5517",
            "${ canary-5517",
            "${ env:NOPE } canary-5517",
            "canary-5517: x",
            "\"canary-5517",
            "*canary-5517",
            "!canary-5517 x",
            "&canary-5517 x",
            "@canary-5517",
            "%canary-5517",
            "`canary-5517",
            "\"\\q canary-5517\"",
            "x canary-5517: # y",
            "- canary-5517",
            "? canary-5517",
            "\tcanary-5517",
        ] {
            let line = format!("{name}: {form}");
            let twice = [&*line, &line];
            for params in [&twice[..1], &twice, &[&line, "no_such_parameter: 1"]] {
                let verdict = check(NOVA, params, &[]).await;
                let everything = format!(
                    "{} {:?} {:?}",
                    verdict.shown,
                    verdict.specs,
                    verdict.specs.iter().map(ModelSpec::summary).collect::<Vec<_>>()
                );
                assert!(!everything.contains(CANARY), "{params:?}: {everything}");
            }
        }
    }
}
