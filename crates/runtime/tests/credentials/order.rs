//! Several sources at once: which one serves, and what is said of those that do not work.

use crate::support::{CONTAINER, ENVIRONMENT, INSTANCE, Machine, PARAMS, PROFILE, WEB};
use fault_kit::Web;
use fault_kit::services::{Key, container, imds_of, imds_token, sts, sts_refusing};

const FILES: &str =
    "[default]\naws_access_key_id = AKIACANARYPROFILE\naws_secret_access_key = profile-secret-CANARY\n";

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/app";

/// The sources from the `first` of the order on.
const ORDER: [(&str, Key); 5] = [
    ("environment", ENVIRONMENT),
    ("profile default", PROFILE),
    ("web identity", WEB),
    ("container", CONTAINER),
    ("instance metadata", INSTANCE),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_source_of_the_order_serves() {
    let (sts, pod, imds) = (
        sts(WEB).await.unwrap(),
        container(CONTAINER, "token-CANARY").await.unwrap(),
        imds_of(INSTANCE).await.unwrap(),
    );
    for (first, (source, key)) in ORDER.into_iter().enumerate() {
        let mut machine = Machine::new()
            .await
            .file("token", "jwt")
            .env("AWS_ENDPOINT_URL_STS", sts.url())
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url());
        if first < 1 {
            machine = machine.env_keys(ENVIRONMENT);
        }
        if first < 2 {
            machine = machine.file(".aws/credentials", FILES);
        }
        if first < 3 {
            let token = machine.path("token");
            machine = machine.env("AWS_WEB_IDENTITY_TOKEN_FILE", token).env("AWS_ROLE_ARN", ROLE_ARN);
        }
        if first < 4 {
            machine = machine
                .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", pod.url()))
                .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-CANARY");
        }
        assert!(machine.found().starts_with(source), "{source}");
        let log = machine.serves_with(key, source).await;
        assert!(!log.contains("\"WARN\""), "{log}");
        let explicit = machine.param(format!("aws_access_key_id: {}", PARAMS.id));
        let explicit = explicit
            .param(format!("aws_secret_access_key: {}", PARAMS.secret))
            .param(format!("aws_session_token: {}", PARAMS.token.unwrap()));
        explicit.serves_with(PARAMS, "access key").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_does_not_work_is_told_once_and_the_next_one_serves() {
    let (sts, imds) = (sts_refusing("AccessDenied").await.unwrap(), imds_of(INSTANCE).await.unwrap());
    let pod = container(CONTAINER, "another").await.unwrap();
    let machine =
        Machine::new().await.file("token", "jwt").file(".aws/config", "[profile other]\nregion = x\n");
    let token = machine.path("token");
    let machine = machine
        .env("AWS_ACCESS_KEY_ID", ENVIRONMENT.id)
        .env("AWS_PROFILE", "missing")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
        .env("AWS_ROLE_ARN", ROLE_ARN)
        .env("AWS_ENDPOINT_URL_STS", sts.url())
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", pod.url()))
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-CANARY")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url());
    let log = machine.serves_with(INSTANCE, "instance metadata").await;
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for said in [
        "another one serves",
        "environment: AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY",
        "profile missing: there is no such profile in the shared files, which hold: other",
        "web identity: STS refused to let the token assume `arn:aws:iam::123456789012:role/app` (AccessDenied)",
        "container: the endpoint of AWS_CONTAINER_CREDENTIALS_FULL_URI answered with status 403",
    ] {
        assert!(warnings[0].contains(said), "{said}: {}", warnings[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_manifest_names_never_falls_through() {
    let config = "[profile empty]\nregion = us-east-1\n[profile broken]\ncredential_process = exit 1\n";
    for (params, said) in [
        (&["aws_profile: empty"][..], "profile empty: `empty` holds no credentials"),
        (&["aws_profile: broken"], "profile broken: its `credential_process` ended with status 1"),
        (&["aws_iam_role_source: metadata"], "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set"),
    ] {
        let mut machine = Machine::new().await.file(".aws/config", config).env_keys(ENVIRONMENT);
        for line in params {
            machine = machine.param(*line);
        }
        let (code, stdout, stderr) = machine.online();
        assert_eq!(code, 1, "{stdout}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_is_taken_from_the_environment_the_profile_or_the_instance() {
    let imds = Web::start(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", _) => imds_token(),
        (_, "/latest/meta-data/placement/region") => (200, "text/plain", "eu-north-1".to_owned()).into(),
        _ => (404, "text/plain", String::new()).into(),
    })
    .await
    .unwrap();
    let region = |machine: &Machine| {
        let (code, stdout, stderr) = machine.online();
        assert_eq!(code, 0, "{stderr}");
        stdout.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    let machine = Machine::new().await.env_keys(ENVIRONMENT).without_region();
    let machine = machine.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url());
    assert_eq!(region(&machine), "eu-north-1");
    let machine = machine.file(".aws/config", "[default]\nregion = eu-west-1\n");
    assert_eq!(region(&machine), "eu-west-1");
    let machine = machine.env("AWS_REGION", "eu-central-1");
    assert_eq!(region(&machine), "eu-central-1");
}
