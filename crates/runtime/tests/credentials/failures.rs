//! Each way to have no credentials, and what is said about it. `Machine::online` sees to it that no secret is.

use tokio::net::TcpSocket;

use crate::support::{CONTAINER, ENVIRONMENT, Machine, ROLE};
use fault_kit::Web;
use fault_kit::services::{container, imds, imds_token, oidc, portal, sts_refusing};

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/app";

/// `check --online` fails and says all of this.
fn fails(machine: &Machine, said: &[&str]) {
    let (code, stdout, stderr) = machine.online();
    assert_eq!(code, 1, "{stdout} {stderr}");
    assert!(stdout.lines().nth(1).is_some_and(|line| line.ends_with("-        failed")), "{stdout}");
    assert!(stderr.starts_with("nova: "), "{stderr}");
    assert!(stderr.ends_with("error: 1 of the models have no credentials\n"), "{stderr}");
    for said in said {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

async fn with_config(config: &str) -> Machine {
    Machine::new().await.file(".aws/config", config).param("aws_profile: dev")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_set_up() {
    let machine = Machine::new().await;
    let all = "nova: tried in this order: environment: AWS_ACCESS_KEY_ID is not set | profile default: the shared files \
               (~/.aws/config, ~/.aws/credentials) have no such profile | web identity: AWS_WEB_IDENTITY_TOKEN_FILE is \
               not set | container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor \
               AWS_CONTAINER_CREDENTIALS_FULL_URI is set | instance metadata: switched off by \
               AWS_EC2_METADATA_DISABLED (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an `aws_profile`, run \
               `aws sso login`, or attach a role to where this runs)\n";
    fails(&machine, &[all]);
    let mut gateway = machine.serve();
    let warning = gateway.says("no AWS credentials were found");
    let ready = gateway.ready().await;
    assert_eq!(ready["models"][0]["reason"], warning["reason"]);
    let (status, body) = gateway.chat().await;
    assert!(status == 503 && body.contains("upstream_credentials_unavailable"), "{body}");
    assert!(!body.contains("AWS_ACCESS_KEY_ID"), "{body}");
    let log = gateway.stop().await;
    assert_eq!(log.matches("no AWS credentials were found").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_pair() {
    let machine = Machine::new().await.env("AWS_SECRET_ACCESS_KEY", "secret-CANARY");
    fails(
        &machine,
        &["environment: AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID; set both or neither"],
    );
    fails(
        &with_config("[profile dev]\naws_access_key_id = AKIACANARY\n").await,
        &["profile dev: `dev` has `aws_access_key_id` without `aws_secret_access_key`; add it"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_pair_in_a_store_is_told_and_the_next_source_serves() {
    for (half, said) in [
        ("AWS_ACCESS_KEY_ID=AKIACANARY\n", "`aws_access_key_id` is in the secret stores without"),
        (
            "AWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=CANARY\n",
            "`aws_secret_access_key` is in the secret stores",
        ),
    ] {
        let profile = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
        let machine = Machine::new().await.file(".env", half).file(".aws/credentials", profile);
        let (code, stdout, stderr) = machine.online();
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.contains("profile default") && stderr.contains(said), "{stdout}{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_with_a_line_end_are_told_and_the_next_source_serves() {
    let machine = Machine::new().await.env("AWS_ACCESS_KEY_ID", "AKIACANARY\r");
    let machine = machine.env("AWS_SECRET_ACCESS_KEY", "secret-CANARY");
    let why = "the access key id holds characters that no header may hold";
    let role = "aws_assume_role_arn: 'arn:aws:iam::123456789012:role/r'";
    let (_, _, stderr) = machine.online();
    assert!(stderr.contains(why), "{stderr}");
    let (code, _, stderr) = machine.param(role).online();
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains(why), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_tells_of_sources_that_do_not_work_beside_the_one_that_serves() {
    let profile = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
    let machine = Machine::new().await.file(".aws/credentials", profile);
    let (code, stdout, stderr) = machine.env("AWS_ACCESS_KEY_ID", "AKIACANARY").online();
    assert_eq!(code, 0, "{stdout}");
    assert!(
        stderr.contains("warning: nova: a source does not work; another one serves: environment:"),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_that_cannot_be_used() {
    for (config, said) in [
        ("[profile dev]\nregion = x\n", "`dev` holds no credentials; add keys"),
        (
            "[profile dev]\nrole_arn = x\nsource_profile = gone\n",
            "`dev` names the `source_profile` `gone`, which does not exist",
        ),
        ("[profile dev]\nrole_arn = x\n", "has a `role_arn` and neither `source_profile` nor"),
        (
            "[profile dev]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = dev\n",
            "comes back to `dev`",
        ),
        ("[profile dev]\nrole_arn = x\ncredential_source = Cloud\n", "is not one of Environment"),
        (
            "[profile dev]\nrole_arn = x\ncredential_source = Environment\n",
            "its `credential_source = Environment`: AWS_ACCESS_KEY_ID is not set",
        ),
        ("[profile dev]\nlogin_session = x\n", "uses `aws login`, which is not read here"),
        (
            "[profile dev]\nsso_session = gone\nsso_account_id = 1\nsso_role_name = x\n",
            "SSO settings of `dev` are not complete",
        ),
        ("[profile dev]\nweb_identity_token_file = /none\n", "`web_identity_token_file` without `role_arn`"),
        (
            "[profile dev]\nrole_arn = x\nweb_identity_token_file = /none/token\n",
            "the token file `/none/token` does not exist",
        ),
    ] {
        fails(&with_config(config).await, &["profile dev: ", said]);
    }
    // A name that is not there is a problem of the manifest.
    let (code, _, stderr) = Machine::new().await.param("aws_profile: gone").online();
    assert!(code == 78 && stderr.contains("names a profile that does not exist"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_fail() {
    for (command, said) in [
        (
            "echo secret-CANARY >&2; exit 7",
            "its `credential_process` ended with status 7; run the command by hand",
        ),
        ("echo secret-CANARY", "printed something that is not a JSON object"),
        ("yes secret-CANARY", "printed more than 64 KiB"),
        ("/no/such/program CANARY", "ended with status 127"),
    ] {
        fails(
            &with_config(&format!("[profile dev]\ncredential_process = {command}\n")).await,
            &["profile dev: ", said],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sso_sessions_that_are_over() {
    const SESSION: &str = ".aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json";
    let config = "[profile dev]\nsso_session = dev\nsso_account_id = 123456789012\nsso_role_name = app\n\
                  [sso-session dev]\nsso_region = us-east-1\nsso_start_url = https://dev.awsapps.com/start\n";
    let login = "run `aws sso login --profile dev`";
    fails(&with_config(config).await, &["~/.aws/sso/cache holds no SSO session for it", login]);
    fails(
        &with_config(config).await.file(SESSION, "not CANARY json"),
        &["~/.aws/sso/cache holds no SSO session for it", login],
    );
    let over = r#"{"accessToken":"access-CANARY","expiresAt":"2020-01-01T00:00:00Z"}"#;
    fails(&with_config(config).await.file(SESSION, over), &["its SSO session has expired", login]);
    // The portal knows better, and a refresh token that is over as well renews nothing.
    let (portal, oidc) = (portal(ROLE, "another").await.unwrap(), oidc("another", "another").await.unwrap());
    let online = |machine: Machine| {
        machine.env("AWS_ENDPOINT_URL_SSO", portal.url()).env("AWS_ENDPOINT_URL_SSO_OIDC", oidc.url())
    };
    let revoked = r#"{"accessToken":"access-CANARY","expiresAt":"2099-01-01T00:00:00Z"}"#;
    let machine = online(with_config(config).await.file(SESSION, revoked));
    fails(&machine, &["its SSO session has expired", login]);
    let stale = r#"{"accessToken":"access-CANARY","expiresAt":"2020-01-01T00:00:00Z","refreshToken":"refresh-CANARY","clientId":"c","clientSecret":"s-CANARY","registrationExpiresAt":"2099-01-01T00:00:00Z"}"#;
    let machine = online(with_config(config).await.file(SESSION, stale));
    fails(&machine, &["its SSO session has expired", login]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sts_refuses() {
    for (code, said) in [
        (
            "AccessDenied",
            "(AccessDenied); the role's trust policy must allow `sts:AssumeRoleWithWebIdentity`",
        ),
        (
            "InvalidIdentityToken",
            "its issuer must be an OIDC provider in IAM, with the audience sts.amazonaws.com",
        ),
        ("ExpiredTokenException", "has expired; is it still renewed?"),
        ("RegionDisabledException", "STS is not switched on in us-east-1"),
    ] {
        let sts = sts_refusing(code).await.unwrap();
        let machine = Machine::new().await.file("token", "jwt-CANARY");
        let token = machine.path("token");
        let machine = machine
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
            .env("AWS_ROLE_ARN", ROLE_ARN)
            .env("AWS_ENDPOINT_URL_STS", sts.url());
        fails(&machine, &["web identity: ", said]);
    }
    for (code, said) in [
        (
            "AccessDenied",
            "STS refused to let it (environment) assume `arn:aws:iam::123456789012:role/app` (AccessDenied); give it `sts:AssumeRole`",
        ),
        ("InvalidClientTokenId", "STS does not accept the keys (environment) with which"),
        ("Weird", "cannot be assumed: STS answered Weird"),
    ] {
        let sts = sts_refusing(code).await.unwrap();
        let machine = Machine::new()
            .await
            .env_keys(ENVIRONMENT)
            .env("AWS_ENDPOINT_URL_STS", sts.url())
            .param(format!("aws_assume_role_arn: {ROLE_ARN}"));
        fails(&machine, &[said]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_identities_that_are_not_complete() {
    let machine = Machine::new().await.env("AWS_WEB_IDENTITY_TOKEN_FILE", "/none");
    fails(&machine, &["AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN; set both"]);
    fails(&machine.env("AWS_ROLE_ARN", ROLE_ARN), &["the token file `/none` does not exist"]);
    let machine =
        Machine::new().await.env("AWS_WEB_IDENTITY_TOKEN_FILE", "/tmp").env("AWS_ROLE_ARN", ROLE_ARN);
    fails(&machine, &["the token file `/tmp` is not a file"]);
    let machine = Machine::new().await.file("token", &"x".repeat(10 << 20));
    let token = machine.path("token");
    let machine = machine.env("AWS_WEB_IDENTITY_TOKEN_FILE", token).env("AWS_ROLE_ARN", ROLE_ARN);
    fails(&machine, &["is too large for a token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sts_is_out_of_reach() {
    let nowhere = Nowhere::new();
    let machine = Machine::new().await.file("token", "jwt-CANARY");
    let token = machine.path("token");
    let machine = machine.env("AWS_WEB_IDENTITY_TOKEN_FILE", token).env("AWS_ROLE_ARN", ROLE_ARN);
    let machine = machine.env("AWS_ENDPOINT_URL_STS", nowhere.url());
    fails(&machine, &["STS cannot be reached (us-east-1); check the network"]);
}

/// An address at which nothing listens, and that nobody else gets.
struct Nowhere(TcpSocket);

impl Nowhere {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_endpoints_that_do_not_serve() {
    const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let pod = container(CONTAINER, "right").await.unwrap();
    let url = format!("{}/v1/credentials", pod.url());
    let machine =
        Machine::new().await.env(URI, &url).env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong-CANARY");
    fails(
        &machine,
        &["container: the endpoint of AWS_CONTAINER_CREDENTIALS_FULL_URI answered with status 403; check"],
    );
    let machine = Machine::new().await.env(URI, &url).env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/none");
    fails(&machine, &["the authorization token file `/none` does not exist"]);
    let machine = Machine::new().await.file("token", "token-CANARY\n").env(URI, &url);
    let token = machine.path("token");
    let machine = machine.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
    fails(&machine, &["holds what no header may hold, such as a newline"]);
    fails(&Machine::new().await.env(URI, "http://192.0.2.1/x"), &["FULL_URI is not allowed; it is https"]);
    let nowhere = Nowhere::new();
    fails(&Machine::new().await.env(URI, nowhere.url()), &["FULL_URI cannot be reached"]);
    let garbage = Web::start(|_| (200, "text/plain", "CANARY".to_owned())).await.unwrap();
    fails(&Machine::new().await.env(URI, garbage.url()), &["answered with something that is no credentials"]);
    let broken = Web::start(|_| (500, "text/plain", "CANARY".to_owned())).await.unwrap();
    fails(
        &Machine::new().await.env(URI, broken.url()),
        &["answered with status 500; see the log of the ECS or pod"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_services_that_do_not_serve() {
    const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    let nowhere = Nowhere::new();
    let address = nowhere.url();
    fails(
        &Machine::new().await.env(ENDPOINT, &address),
        &[&format!("instance metadata: no metadata service answers at {address}; this is no EC2 instance")],
    );
    let off = Web::start(|_| (403, "text/plain", "Forbidden".to_owned())).await.unwrap();
    fails(
        &Machine::new().await.env(ENDPOINT, off.url()),
        &["the metadata service is switched off for this instance"],
    );
    let without_role = Web::start(|asked| match asked.method.as_str() {
        "PUT" => imds_token(),
        _ => (404, "text/plain", String::new()).into(),
    })
    .await
    .unwrap();
    fails(
        &Machine::new().await.env(ENDPOINT, without_role.url()),
        &["the instance has no role; attach an instance profile"],
    );
    for (status, body, said) in [
        (500, "CANARY", "the metadata service answered with status 500"),
        (200, "CANARY", "the metadata service answered with something that is no credentials"),
        (
            200,
            r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"CANARY"}"#,
            "the instance's role does not trust EC2",
        ),
        (
            200,
            r#"{"Code":"Failed","Message":"CANARY"}"#,
            "has no credentials of the role; look at the instance profile",
        ),
    ] {
        let imds = imds(move || (status, "application/json", body.to_owned())).await.unwrap();
        fails(&Machine::new().await.env(ENDPOINT, imds.url()), &["instance metadata: ", said]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_region() {
    let machine = Machine::new().await.env_keys(ENVIRONMENT).without_region();
    let (code, _, stderr) = machine.online();
    assert_eq!(code, 78, "{stderr}");
    let said =
        "`aws_region` is not given, and neither the environment, the profile nor the instance names a region";
    assert!(stderr.contains(said) && stderr.contains("set AWS_REGION"), "{stderr}");
}
