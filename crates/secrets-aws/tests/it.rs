//! A store in a manifest, against a server on loopback that speaks Secrets Manager's protocol.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assertion names its case"
)]

use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret as _;
use secrets::{Environment, StoreKinds, Stores, Value};
use spicepod::Problem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "hunter2";

/// A server that gives every request the same answer, and keeps the requests.
struct Aws {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _task: tokio::task::JoinSet<()>,
}

async fn aws(status: u16, body: impl Into<String>) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (kept, body) = (Arc::clone(&requests), body.into());
    let mut task = tokio::task::JoinSet::new();
    task.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            kept.lock().unwrap().push(request);
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Aws { url, requests, _task: task }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

struct Outcome {
    values: Vec<Value>,
    shown: String,
    /// Whether all errors may be over by themselves.
    may_pass: bool,
}

impl Outcome {
    fn value(&self, index: usize) -> &str {
        let Value::Secret(secret) = &self.values[index] else { panic!("{index}: {}", self.shown) };
        secret.expose_secret()
    }
}

async fn resolve(from: &str, params: &str, keys: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut manifest = format!(
        "version: v1\nkind: Spicepod\nname: demo\nsecrets:\n  - from: {from}\n    name: aws\n    params: {{{params}}}\nmodels:\n  - from: bedrock:m\n    name: m\n    params:\n"
    );
    for (index, key) in keys.iter().enumerate() {
        manifest.push_str(&format!("      p{index}: ${{ aws:{key} }}\n"));
    }
    let loaded = spicepod::parse("spicepod.yaml", &manifest);
    let environment = Environment::from_pairs(variables.iter().copied());
    let kinds = StoreKinds::default().with(secrets_aws::KIND);
    let (stores, mut problems) = Stores::open(&loaded.spicepod.secrets, &environment, &kinds);
    let (resolved, found) = secrets::resolve(&loaded.spicepod, &stores, &|_| false).await;
    problems.extend(found);
    let shown = loaded.sources.render(&problems);
    assert!(!format!("{stores:?} {resolved:?} {problems:?} {shown}").contains(SECRET), "{shown}");
    let may_pass = problems.iter().all(Problem::may_pass);
    Outcome { may_pass, values: resolved.models[0].params.values().cloned().collect(), shown }
}

/// The keys of the environment, and where to ask.
fn variables(aws: &Aws) -> [(&str, &str); 5] {
    [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.url),
    ]
}

fn answer(secret: &str) -> String {
    let secret = secret.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{{\"Name\":\"team/gateway\",\"SecretString\":\"{secret}\"}}")
}

#[tokio::test]
async fn the_keys_of_a_secret_are_fetched_by_one_signed_call() {
    let aws =
        aws(200, answer("{\"A\":\"hunter2\",\"B\":7,\"C\":true,\"D\":null,\"E\":{\"F\":\"hunter2\"}}")).await;
    let outcome =
        resolve("aws_secrets_manager:team/gateway", "", &["A", "B", "C", "D", "E"], &variables(&aws)).await;
    assert_eq!((outcome.value(0), outcome.value(1), outcome.value(2)), (SECRET, "7", "true"));
    for expected in [
        "`${ aws:D }` is not in any of the stores searched: `aws` (AWS Secrets Manager, team/gateway)",
        "help: add the key D to the secret team/gateway",
        "the key E of the secret team/gateway is not text",
    ] {
        assert!(outcome.shown.contains(expected), "{}", outcome.shown);
    }
    let requests = aws.requests.lock().unwrap();
    assert_eq!(requests.len(), 1, "five keys, one call");
    let request = requests[0].to_ascii_lowercase();
    for expected in [
        "x-amz-target: secretsmanager.getsecretvalue",
        "content-type: application/x-amz-json-1.1",
        "authorization: aws4-hmac-sha256 credential=akidexample/",
        "/eu-west-1/secretsmanager/aws4_request",
        "x-amz-security-token: token",
        "{\"secretid\":\"team/gateway\"}",
    ] {
        assert!(request.contains(expected), "{expected}: {request}");
    }
    assert!(!requests[0].contains(SECRET));
}

#[tokio::test]
async fn binary_secrets_are_read_like_text() {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode("{\"A\":\"hunter2\"}");
    let aws = aws(200, format!("{{\"SecretBinary\":\"{encoded}\"}}")).await;
    let outcome = resolve("aws_secrets_manager:s", "", &["A"], &variables(&aws)).await;
    assert_eq!(outcome.value(0), SECRET);
}

#[tokio::test]
async fn parameters_win_over_the_environment_and_an_arn_names_its_region() {
    let aws = aws(200, answer("{\"A\":\"a\"}")).await;
    let own = "endpoint_url: '${ env:URL }', aws_access_key_id: '${ env:ID }', aws_secret_access_key: '${ env:KEY }'";
    let variables = [
        ("URL", aws.url.as_str()),
        ("ID", "AKIDPARAM"),
        ("KEY", SECRET),
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let arn = "aws_secrets_manager:arn:aws:secretsmanager:us-west-2:111122223333:secret:gateway-AbCdEf";
    for (from, params, region) in [
        (arn, own.to_owned(), "us-west-2"),
        (arn, format!("{own}, aws_region: us-east-2"), "us-east-2"),
        ("aws_secrets_manager:s", own.to_owned(), "eu-west-1"),
    ] {
        let outcome = resolve(from, &params, &["A"], &variables).await;
        assert_eq!(outcome.value(0), "a");
        let request = aws.requests.lock().unwrap().pop().unwrap();
        assert!(request.contains("Credential=AKIDPARAM/"), "{request}");
        assert!(request.contains(&format!("/{region}/secretsmanager/")), "{request}");
        assert!(!request.to_ascii_lowercase().contains("x-amz-security-token"), "{request}");
    }
}

#[tokio::test]
async fn refusals_say_what_to_do_in_words_of_our_own() {
    for (status, code, expected) in [
        (400, "ResourceNotFoundException", "there is no secret s in eu-west-1"),
        (400, "AccessDeniedException", "AWS lets nobody with these credentials read the secret s"),
        (400, "AccessDeniedException", "help: allow `secretsmanager:GetSecretValue` on it"),
        (400, "DecryptionFailure", "AWS cannot decrypt the secret s"),
        (
            400,
            "UnrecognizedClientException",
            "AWS does not accept the credentials (UnrecognizedClientException)",
        ),
        (400, "ExpiredTokenException", "help: renew them, and check the clock"),
        (400, "InvalidRequestException", "help: see whether it is about to be deleted"),
        (400, "Strange hunter2", "AWS refused to hand out the secret s (no code)"),
        (500, "InternalServiceError", "AWS refused to hand out the secret s (InternalServiceError)"),
    ] {
        let body =
            format!("{{\"__type\":\"{code}\",\"message\":\"quotes hunter2\",\"Message\":\"hunter2\"}}");
        let aws = aws(status, body).await;
        let outcome = resolve("aws_secrets_manager:s", "", &["A", "B"], &variables(&aws)).await;
        assert!(outcome.shown.contains(expected), "{code}: {}", outcome.shown);
        assert!(outcome.shown.contains("`${ aws:B }` cannot be looked up"), "{}", outcome.shown);
        let may_pass = ["ExpiredTokenException", "Strange hunter2", "InternalServiceError"].contains(&code);
        assert_eq!(outcome.may_pass, may_pass, "{code}");
        // A failure is kept like a success: the second key asks nothing.
        assert_eq!(aws.requests.lock().unwrap().len(), if status == 500 { 3 } else { 1 }, "{code}");
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_not_quoted() {
    for body in [answer(SECRET), answer("[\"hunter2\"]"), answer("\"hunter2\""), "{}".to_owned()] {
        let aws = aws(200, body).await;
        let outcome = resolve("aws_secrets_manager:s", "", &["A"], &variables(&aws)).await;
        assert!(outcome.shown.contains("the secret s is not a JSON object"), "{}", outcome.shown);
        assert!(outcome.shown.contains("help: store it as {\"KEY\": \"value\"}"), "{}", outcome.shown);
        assert!(!outcome.may_pass);
    }
}

#[tokio::test]
async fn a_place_where_nobody_answers_is_named() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let outcome = resolve("aws_secrets_manager:s", "", &["A"], &variables).await;
    let expected = "AWS cannot be reached in eu-west-1: Connection refused";
    assert!(outcome.shown.contains(expected) && outcome.may_pass, "{}", outcome.shown);
    let plain = [("AWS_ENDPOINT_URL", "http://example.com"), variables[0], variables[1], variables[2]];
    let outcome = resolve("aws_secrets_manager:s", "", &["A"], &plain).await;
    let expected = "AWS_ENDPOINT_URL: the endpoint would be asked without encryption";
    assert!(outcome.shown.contains(expected), "{}", outcome.shown);
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_named_and_nothing_else_is_tried() {
    let aws = aws(200, answer("{\"A\":\"a\"}")).await;
    let params = "aws_profile: no-such-profile-of-spicerack";
    let outcome = resolve("aws_secrets_manager:s", params, &["A"], &variables(&aws)).await;
    assert!(!outcome.may_pass, "{}", outcome.shown);
    for expected in ["no AWS credentials were found: ", "--profile no-such-profile-of-spicerack"] {
        assert!(outcome.shown.contains(expected), "{}", outcome.shown);
    }
    assert!(aws.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn declarations_that_contradict_themselves_open_nothing() {
    for (from, params, expected) in [
        ("aws_secrets_manager", "", "wants the name of a secret behind a colon"),
        (
            "'aws_secrets_manager:'",
            "",
            "help: write for example `from: aws_secrets_manager:production/gateway`",
        ),
        ("aws_secrets_manager:s", "aws_region: ''", "`aws_region` is empty"),
        ("aws_secrets_manager:s", "aws_regoin: x", "did you mean `aws_region`?"),
        ("aws_secrets_manager:s", "aws_access_key_id: x", "stands without `aws_secret_access_key`"),
        ("aws_secrets_manager:s", "aws_secret_access_key: x", "stands without `aws_access_key_id`"),
        ("aws_secrets_manager:s", "aws_session_token: x", "stands without `aws_access_key_id`"),
        (
            "aws_secrets_manager:s",
            "aws_access_key_id: x, aws_secret_access_key: y, aws_profile: z",
            "`aws_profile` and `aws_access_key_id` contradict each other",
        ),
        ("aws_secrets_manager:s", "endpoint_url: 'http://10.0.0.1'", "without encryption on another machine"),
        ("aws_secrets_manager:s", "endpoint_url: 'ftp://localhost'", "is no URL that begins with https://"),
        ("aws_secrets_manager:s", "endpoint_url: nonsense", "is no URL that begins with https://"),
    ] {
        let outcome = resolve(from, params, &[], &[]).await;
        assert!(outcome.shown.contains(expected), "{from} {params}: {}", outcome.shown);
    }
}
