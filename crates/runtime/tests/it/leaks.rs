//! What errors do not tell callers: accounts, hosts, files and the inside of the program.

use std::net::TcpListener;

use bedrock_emulator::Reply;
use serde_json::{Value, json};

use crate::support::{Gateway, hello, hello_streamed, manifest, params_for};

/// What AWS and proxies on the way may say.
const SAID: &str = "User: arn:aws:sts::123456789012:assumed-role/gateway/i-0abc is not authorized to perform: \
                    bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:123456789012:inference-profile/x \
                    (account 123456789012) at https://bedrock-runtime.us-east-1.amazonaws.com/model/x";

/// Says what of a text is nobody's business.
fn leaks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in [
        "arn:aws",
        "amazonaws",
        "127.0.0.1",
        "localhost",
        "/tmp",
        "/home",
        "/root",
        "/proc",
        "/src",
        ".rs",
        "::",
        "panick",
        "backtrace",
        "Error {",
        "Os {",
        "os error",
        "hyper",
        "serde",
        "tokio",
        "Some(",
        "None,",
    ] {
        if text.contains(word) {
            found.push(word.to_owned());
        }
    }
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    found.extend(numbers.filter(|number| number.len() == 12).map(ToOwned::to_owned));
    found
}

/// The error of a reply, whole or at the end of a stream.
fn error(text: &str) -> Value {
    let last = text.trim_end().rsplit("\n\n").next().unwrap().trim_start_matches("data: ").to_owned();
    let body: Value = serde_json::from_str(&last).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(body["error"].is_object(), "no error: {text}");
    body["error"].clone()
}

async fn ask_both(gateway: &Gateway, what: &str) -> usize {
    let mut asked = 0;
    for body in [hello("hi"), hello_streamed("hi")] {
        let reply = gateway.http.post(&body).await;
        // Ids are random.
        let told = reply.headers.iter().filter(|(name, _)| !name.as_str().ends_with("id"));
        let headers: Vec<&str> = told.filter_map(|(_, value)| value.to_str().ok()).collect();
        let all = format!("{} {}", error(reply.text()), headers.join(" "));
        assert_eq!(leaks(&all), [""; 0], "{what}: {all}");
        asked += 1;
    }
    asked
}

#[tokio::test]
async fn errors_tell_callers_no_accounts_hosts_files_or_types() {
    let (gateway, emulator) = Gateway::with_emulator(&["max_attempts: 1"]).await;
    let mut asked = 0;
    for (status, kind) in [
        (400, "ValidationException"),
        (400, "ServiceQuotaExceededException"),
        (403, "AccessDeniedException"),
        (403, "ExpiredTokenException"),
        (403, "InvalidSignatureException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (429, "ModelNotReadyException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (418, "TeapotException"),
    ] {
        emulator.always(Some(Reply::error(status, kind, SAID)));
        asked += ask_both(&gateway, kind).await;
    }
    let exceptions = [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
        "teapotException",
    ];
    for kind in exceptions {
        for begun in [false, true] {
            let start = Reply::events();
            let start = if begun {
                start.event("messageStart", &json!({ "role": "assistant" })).text_delta("a")
            } else {
                start
            };
            emulator.always(Some(start.exception(kind, SAID)));
            let reply = gateway.http.post(&hello_streamed("hi")).await;
            let all = error(reply.text()).to_string();
            assert_eq!(leaks(&all), [""; 0], "{kind}: {all}");
            asked += 1;
        }
    }
    for (what, reply) in [
        ("a page", Reply::text(502, "<html>nginx at bedrock-runtime.us-east-1.amazonaws.com</html>")),
        ("a page that is fine", Reply::text(200, "<html>arn:aws:x 123456789012</html>")),
        ("a redirect", Reply::text(307, "").header("location", "http://169.254.169.254/latest")),
        ("no answer", Reply::text(200, "").reset()),
        ("nothing", Reply::json(200, &json!({}))),
    ] {
        emulator.always(Some(reply));
        asked += ask_both(&gateway, what).await;
    }
    assert_eq!(asked, 2 * 13 + 12 + 2 * 5);
}

#[tokio::test]
async fn a_way_that_does_not_lead_to_bedrock_is_not_described() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default()).await.unwrap();
    let own = params_for(&emulator);
    // A port where nobody listens any more, and a name that nobody has.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for address in [format!("http://127.0.0.1:{port}"), "https://nobody.invalid".to_owned()] {
        let endpoint = format!("aws_endpoint_url: {address}");
        let params = [&*endpoint, &*own[1], &*own[2], "max_attempts: 1"];
        let gateway = Gateway::start(&manifest(&params), &[]);
        let said = ask_both(&gateway, &address).await;
        assert_eq!(said, 2);
    }
    // Credentials that are searched for in files.
    let params = [&*own[0], "aws_iam_role_source: env"];
    let gateway = Gateway::start(&manifest(&params), &[]);
    ask_both(&gateway, "no credentials").await;
}
