//! Who may call.

use bedrock_emulator::{BEARER_KEY, Config, Emulator};

use crate::client::{Answer, NOVA, Signer, emulator, path, saying, send};

async fn signed_by(emulator: &Emulator, signer: &Signer) -> Answer {
    let body = saying("hello").to_string();
    send(emulator, &signer.request(emulator, &path(NOVA, "converse"), body.as_bytes())).await
}

fn refusal(kind: &str, message: &str) -> (u16, String, String) {
    (403, kind.to_owned(), message.to_owned())
}

const NO_MATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";
const UNKNOWN: &str = "The security token included in the request is invalid.";

#[tokio::test]
async fn a_signature_of_the_known_key_opens() {
    let emulator = emulator().await;
    for region in ["us-east-1", "eu-central-1"] {
        let answer = signed_by(&emulator, &Signer { region, ..Signer::default() }).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_wrong_secret_does_not_match() {
    let emulator = emulator().await;
    let answer = signed_by(&emulator, &Signer { secret: "wrong", ..Signer::default() }).await;
    assert_eq!(answer.error(), refusal("InvalidSignatureException", NO_MATCH));
}

#[tokio::test]
async fn an_unknown_key_is_invalid() {
    let emulator = emulator().await;
    let unknown = refusal("UnrecognizedClientException", UNKNOWN);
    let answer = signed_by(&emulator, &Signer { key_id: "AKIAUNKNOWN", ..Signer::default() }).await;
    assert_eq!(answer.error(), unknown);
    let answer = signed_by(&emulator, &Signer { session_token: Some("token"), ..Signer::default() }).await;
    assert_eq!(answer.error(), unknown);
}

#[tokio::test]
async fn a_temporary_key_needs_its_token() {
    let config = Config::default().key("ASIATEMPORARY", "temporary", Some("token"));
    let emulator = Emulator::start(config).await.unwrap();
    let signer = |session_token| Signer {
        key_id: "ASIATEMPORARY",
        secret: "temporary",
        session_token,
        ..Signer::default()
    };
    assert_eq!(signed_by(&emulator, &signer(Some("token"))).await.status, 200);
    for token in [None, Some("other")] {
        let answer = signed_by(&emulator, &signer(token)).await;
        assert_eq!(answer.error(), refusal("UnrecognizedClientException", UNKNOWN));
    }
}

#[tokio::test]
async fn a_clock_may_be_five_minutes_off() {
    let emulator = emulator().await;
    for (ahead, beginning) in [
        (-290, None),
        (290, None),
        (-330, Some("Signature expired: ")),
        (330, Some("Signature not yet current: ")),
    ] {
        let answer = signed_by(&emulator, &Signer { ahead, ..Signer::default() }).await;
        let Some(beginning) = beginning else {
            assert_eq!(answer.status, 200, "{ahead}");
            continue;
        };
        let (status, kind, message) = answer.error();
        assert_eq!((status, kind.as_str()), (403, "InvalidSignatureException"));
        assert!(message.starts_with(beginning), "{message}");
    }
}

#[tokio::test]
async fn a_signature_for_another_service_is_refused() {
    let emulator = emulator().await;
    let answer = signed_by(&emulator, &Signer { service: "s3", ..Signer::default() }).await;
    let message = "Credential should be scoped to correct service: 'bedrock'. ";
    assert_eq!(answer.error(), refusal("InvalidSignatureException", message));
}

#[tokio::test]
async fn what_was_changed_after_signing_does_not_match() {
    let emulator = emulator().await;
    let body = saying("hello").to_string();
    let request = Signer::default().request(&emulator, &path(NOVA, "converse"), body.as_bytes());
    let request = String::from_utf8(request).unwrap();
    for (from, to) in [
        ("hello", "hallo"),
        ("nova-lite", "nova-mini"),
        ("application/json", "application/text"),
        ("/converse HTTP", "/converse?a=b HTTP"),
    ] {
        let answer = send(&emulator, request.replacen(from, to, 1).as_bytes()).await;
        assert_eq!(answer.error(), refusal("InvalidSignatureException", NO_MATCH), "{to}");
    }
}

#[tokio::test]
async fn ids_of_every_form_are_signed_as_they_are_encoded() {
    let emulator = emulator().await;
    let body = saying("hello").to_string();
    for id in [
        "amazon.nova-micro-v1:0",
        "us.amazon.nova-lite-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
    ] {
        for path in [path(id, "converse"), format!("/model/{id}/converse")] {
            let request = Signer::default().request(&emulator, &path, body.as_bytes());
            let answer = send(&emulator, &request).await;
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        }
        assert_eq!(emulator.requests().last().map(|request| request.model_id.clone()).as_deref(), Some(id));
    }
}

fn with_authorization(value: Option<&str>) -> String {
    let body = saying("hello").to_string();
    let authorization = value.map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
    let (path, length) = (path(NOVA, "converse"), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn an_api_key_opens_as_well() {
    let emulator = emulator().await;
    for scheme in ["Bearer", "bearer"] {
        let request = with_authorization(Some(&format!("{scheme} {BEARER_KEY}")));
        assert_eq!(send(&emulator, request.as_bytes()).await.status, 200);
    }
    let answer = send(&emulator, with_authorization(Some("Bearer other")).as_bytes()).await;
    let message = "Authentication failed: Please make sure your API Key is valid.";
    assert_eq!(answer.error(), refusal("AccessDeniedException", message));
}

#[tokio::test]
async fn nobody_is_refused_and_so_is_half_a_signature() {
    let emulator = emulator().await;
    let answer = send(&emulator, with_authorization(None).as_bytes()).await;
    assert_eq!(
        answer.error(),
        refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    );
    let half = "AWS4-HMAC-SHA256 Credential=AKIAEMULATOR00000000/20261122/us-east-1/bedrock/aws4_request";
    let (status, kind, _) = send(&emulator, with_authorization(Some(half)).as_bytes()).await.error();
    assert_eq!((status, kind.as_str()), (403, "IncompleteSignatureException"));
}
