//! Each source alone: the call is signed with exactly its keys.

use crate::support::{CONTAINER, ENVIRONMENT, INSTANCE, Machine, PARAMS, PROFILE, ROLE, WEB};
use fault_kit::in_an_hour;
use fault_kit::services::{container, imds_of, oidc, portal, sts};

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/bedrock";

const STATIC: &str =
    "[default]\naws_access_key_id = AKIACANARYPROFILE\naws_secret_access_key = profile-secret-CANARY\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_manifest() {
    let machine = Machine::new()
        .await
        .param(format!("aws_access_key_id: {}", PARAMS.id))
        .param(format!("aws_secret_access_key: {}", PARAMS.secret))
        .param(format!("aws_session_token: {}", PARAMS.token.unwrap()))
        .env_keys(ENVIRONMENT)
        .env("AWS_BEARER_TOKEN_BEDROCK", "bearer-CANARY");
    assert_eq!(machine.found(), "access key - ok");
    machine.serves_with(PARAMS, "access key").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_environment() {
    let machine = Machine::new().await.env_keys(ENVIRONMENT);
    assert_eq!(machine.found(), "environment - ok");
    machine.serves_with(ENVIRONMENT, "environment").await;
    let machine = machine.param("aws_iam_role_source: env");
    assert_eq!(machine.found(), "environment - ok");
    let log = machine.serves_with(ENVIRONMENT, "environment").await;
    assert!(log.contains("credentials found"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blank_variables_are_none() {
    let machine = Machine::new()
        .await
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .file(".aws/credentials", STATIC);
    assert_eq!(machine.found(), "profile default - ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_profile() {
    let machine = Machine::new().await.file(".aws/credentials", STATIC);
    assert_eq!(machine.found(), "profile default - ok");
    machine.serves_with(PROFILE, "profile default").await;
    let named = STATIC.replace("[default]", "[dev]");
    let machine = Machine::new().await.file(".aws/credentials", &named).env("AWS_PROFILE", "dev");
    machine.serves_with(PROFILE, "profile dev").await;
    let machine = Machine::new().await.file(".aws/credentials", &named).param("aws_profile: dev");
    machine.serves_with(PROFILE, "profile dev").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_a_profile() {
    let json = format!(
        r#"{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}","SessionToken":"{}","Expiration":"{}"}}"#,
        ROLE.id,
        ROLE.secret,
        ROLE.token.unwrap(),
        in_an_hour()
    );
    let machine = Machine::new().await.file("keys.json", &json);
    let config = format!("[profile dev]\ncredential_process = cat {}\n", machine.path("keys.json"));
    let machine = machine.file(".aws/config", &config).param("aws_profile: dev");
    assert_eq!(machine.found(), "profile dev (process) in 59m ok");
    machine.serves_with(ROLE, "profile dev (process)").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_gets_the_variables_of_aws_and_its_own_and_no_secret_of_the_manifest() {
    let json =
        format!(r#"{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}"}}"#, PROFILE.id, PROFILE.secret);
    let machine = Machine::new().await.file("keys.json", &json);
    let (seen, keys) = (machine.path("seen"), machine.path("keys.json"));
    let config = format!("[profile dev]\ncredential_process = env > {seen}; cat {keys}\n");
    let machine = machine
        .file(".aws/config", &config)
        .env("AWS_PROFILE", "dev")
        .env("VAULT_ADDR", "http://vault.internal")
        .env("OWN_LIMIT", "77")
        .env("SPICE_HEAT", "0.5")
        .param("maxTokens: ${ env:OWN_LIMIT }")
        .param("temperature: ${ secrets:heat }");
    assert_eq!(machine.found(), "profile dev (process) - ok");
    let seen = std::fs::read_to_string(seen).unwrap();
    for name in ["AWS_PROFILE=dev\n", "VAULT_ADDR=", "HOME="] {
        assert!(seen.contains(name), "{name}: {seen}");
    }
    for name in ["OWN_LIMIT", "SPICE_HEAT"] {
        assert!(!seen.contains(name), "{name}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_a_profile_assumes_with_another_profile() {
    let sts = sts(ROLE).await.unwrap();
    let config = format!(
        "[profile app]\nrole_arn = {ROLE_ARN}\nsource_profile = base\nexternal_id = outside\nrole_session_name = me\n\
         [profile base]\nregion = eu-west-1\n"
    );
    let machine = Machine::new()
        .await
        .file(".aws/config", &config)
        .file(".aws/credentials", &STATIC.replace("[default]", "[base]"))
        .env("AWS_ENDPOINT_URL_STS", sts.url())
        .param("aws_profile: app");
    assert_eq!(machine.found(), "profile app, assumed role in 59m ok");
    machine.serves_with(ROLE, "profile app, assumed role").await;
    let asked = sts.asked();
    let last = asked.last().unwrap();
    assert!(last.header("authorization").contains(&format!("Credential={}/", PROFILE.id)), "{last:?}");
    for part in ["Action=AssumeRole&", "RoleSessionName=me", "ExternalId=outside", "role%2Fbedrock"] {
        assert!(last.body.contains(part), "{part}: {last:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_a_profile_assumes_with_a_named_source() {
    let (sts, imds) = (sts(ROLE).await.unwrap(), imds_of(INSTANCE).await.unwrap());
    let pod = container(CONTAINER, "Basic CANARY").await.unwrap();
    for (source, base) in
        [("Environment", ENVIRONMENT), ("Ec2InstanceMetadata", INSTANCE), ("EcsContainer", CONTAINER)]
    {
        let config = format!("[profile app]\nrole_arn = {ROLE_ARN}\ncredential_source = {source}\n");
        let machine = Machine::new()
            .await
            .file(".aws/config", &config)
            .env_keys(ENVIRONMENT)
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url())
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", pod.url()))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic CANARY")
            .env("AWS_ENDPOINT_URL_STS", sts.url())
            .param("aws_profile: app");
        machine.serves_with(ROLE, "profile app (credential source), assumed role").await;
        let asked = sts.asked();
        let last = asked.last().unwrap();
        assert!(
            last.header("authorization").contains(&format!("Credential={}/", base.id)),
            "{source}: {last:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_identity() {
    let sts = sts(WEB).await.unwrap();
    let machine = Machine::new().await.file("token", "the-jwt-CANARY");
    let token = machine.path("token");
    let machine = machine
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
        .env("AWS_ROLE_ARN", ROLE_ARN)
        .env("AWS_ENDPOINT_URL_STS", sts.url());
    assert_eq!(machine.found(), "web identity in 59m ok");
    machine.serves_with(WEB, "web identity").await;
    let asked = sts.asked();
    let last = asked.last().unwrap();
    for part in
        ["Action=AssumeRoleWithWebIdentity", "WebIdentityToken=the-jwt-CANARY", "RoleSessionName=spicerack"]
    {
        assert!(last.body.contains(part), "{part}: {last:?}");
    }
    // A rotated token is read afresh.
    let machine = machine.file("token", "another-jwt-CANARY");
    machine.found();
    assert!(sts.asked().last().unwrap().body.contains("another-jwt-CANARY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_with_its_authorization_token() {
    let pod = container(CONTAINER, "Basic CANARY").await.unwrap();
    let url = format!("{}/v1/credentials", pod.url());
    let machine = Machine::new()
        .await
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic CANARY");
    assert_eq!(machine.found(), "container in 59m ok");
    machine.serves_with(CONTAINER, "container").await;
    let machine = Machine::new().await.file("token", "Basic CANARY");
    let token = machine.path("token");
    let machine = machine
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
        .param("aws_iam_role_source: metadata")
        .env_keys(ENVIRONMENT);
    machine.serves_with(CONTAINER, "container").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance() {
    let imds = imds_of(INSTANCE).await.unwrap();
    let machine = Machine::new().await.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url());
    assert_eq!(machine.found(), "instance metadata in 59m ok");
    machine.serves_with(INSTANCE, "instance metadata").await;
    assert!(imds.asked().iter().any(|asked| asked.method == "PUT"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_of_the_manifest() {
    let sts = sts(ROLE).await.unwrap();
    let machine = Machine::new()
        .await
        .env_keys(ENVIRONMENT)
        // An API key that happens to be there cannot assume the role that is asked for.
        .env("AWS_BEARER_TOKEN_BEDROCK", "bearer-CANARY")
        .env("AWS_ENDPOINT_URL_STS", sts.url())
        .param(format!("aws_assume_role_arn: {ROLE_ARN}"))
        .param("aws_assume_role_session_name: gateway")
        .param("aws_assume_role_external_id: outside");
    assert_eq!(machine.found(), "environment, assumed role in 59m ok");
    machine.serves_with(ROLE, "environment, assumed role").await;
    let asked = sts.asked();
    let last = asked.last().unwrap();
    assert!(last.header("authorization").contains(&format!("Credential={}/", ENVIRONMENT.id)), "{last:?}");
    assert!(
        last.body.contains("RoleSessionName=gateway") && last.body.contains("ExternalId=outside"),
        "{last:?}"
    );
}

/// The file in which a session named `dev` is kept.
const SESSION: &str = ".aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json";

const SSO: &str = "[profile dev]\nsso_session = dev\nsso_account_id = 123456789012\nsso_role_name = app\n\
                   [sso-session dev]\nsso_region = us-east-1\nsso_start_url = https://dev.awsapps.com/start\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sso_session_is_renewed_by_its_refresh_token() {
    let (portal, oidc) = (
        portal(ROLE, "access-CANARY-new").await.unwrap(),
        oidc("refresh-CANARY", "access-CANARY-new").await.unwrap(),
    );
    let session = r#"{"accessToken":"access-CANARY-old","expiresAt":"2020-01-01T00:00:00Z","refreshToken":"refresh-CANARY","clientId":"client","clientSecret":"client-CANARY","registrationExpiresAt":"2099-01-01T00:00:00Z","region":"us-east-1","startUrl":"https://dev.awsapps.com/start"}"#;
    let machine = Machine::new()
        .await
        .file(".aws/config", SSO)
        .file(SESSION, session)
        .env("AWS_ENDPOINT_URL_SSO", portal.url())
        .env("AWS_ENDPOINT_URL_SSO_OIDC", oidc.url())
        .param("aws_profile: dev");
    machine.serves_with(ROLE, "profile dev (SSO)").await;
    let asked = portal.asked();
    assert!(asked.last().unwrap().path.contains("role_name=app&account_id=123456789012"), "{asked:?}");
    let kept = std::fs::read_to_string(machine.home.path().join(SESSION)).unwrap();
    assert!(kept.contains("access-CANARY-new") && kept.contains("next-CANARY"), "{kept}");
    // The renewed session serves as it is.
    let renewals = oidc.asked().len();
    assert_eq!(machine.found().split(' ').take(3).collect::<Vec<_>>(), ["profile", "dev", "(SSO)"]);
    assert_eq!(oidc.asked().len(), renewals);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legacy_sso_profile() {
    let portal = portal(ROLE, "access-CANARY").await.unwrap();
    let config = "[profile old]\nsso_start_url = https://legacy.awsapps.com/start\nsso_region = us-east-1\n\
                  sso_account_id = 123456789012\nsso_role_name = app\n";
    let session = r#"{"accessToken":"access-CANARY","expiresAt":"2099-01-01T00:00:00Z"}"#;
    let machine = Machine::new()
        .await
        .file(".aws/config", config)
        .file(".aws/sso/cache/79e435d7a515078e81c9dffc35f38d5687ebd3a7.json", session)
        .env("AWS_ENDPOINT_URL_SSO", portal.url())
        .param("aws_profile: old");
    machine.serves_with(ROLE, "profile old (SSO)").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_keys() {
    let bearer = |machine: &Machine| {
        let requests = machine.emulator.requests();
        let last = requests.last().unwrap();
        assert_eq!(last.header("authorization"), Some("Bearer emulator-bearer-key"));
    };
    let machine =
        Machine::new().await.param("aws_bearer_token_bedrock: emulator-bearer-key").env_keys(ENVIRONMENT);
    assert_eq!(machine.found(), "API key - ok");
    let gateway = machine.serve();
    assert_eq!(gateway.chat().await.0, 200);
    bearer(&machine);
    let log = gateway.stop().await;
    assert!(!log.contains("emulator-bearer-key"), "{log}");
    let machine =
        Machine::new().await.env("AWS_BEARER_TOKEN_BEDROCK", "emulator-bearer-key").env_keys(ENVIRONMENT);
    let gateway = machine.serve();
    assert_eq!(gateway.chat().await.0, 200);
    bearer(&machine);
}
