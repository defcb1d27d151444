//! What Bedrock refuses: the log says what to do, and the client learns no account.

use fault_kit::{Reply, http_date};

use crate::support::{ENVIRONMENT, Machine};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named() {
    let machine = Machine::new().await.env_keys(ENVIRONMENT);
    let mut gateway = machine.serve();
    let user = "User: arn:aws:iam::123456789012:user/someone is not authorized to perform: ";
    for (stream, said, action) in [
        (false, "no", "bedrock:InvokeModel"),
        (true, "no", "bedrock:InvokeModelWithResponseStream"),
        (false, "bedrock:ApplyGuardrail on resource: x", "bedrock:ApplyGuardrail"),
    ] {
        let message = format!("{user}{said}");
        machine.emulator.push(Reply::error(403, "AccessDeniedException", &message));
        let (status, body) = gateway.post(stream).await;
        assert!(status == 502 && body.contains("upstream_access_denied"), "{body}");
        assert!(!body.contains("123456789012") && !body.contains("arn:"), "{body}");
        let warning = gateway.says("AWS refused the gateway");
        assert_eq!(warning["action"], action);
        assert!(warning["help"].as_str().unwrap().starts_with("allow the action"), "{warning}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_told_apart() {
    let machine = Machine::new()
        .await
        .param(format!("aws_access_key_id: {}", ENVIRONMENT.id))
        .param("aws_secret_access_key: wrong-CANARY")
        .param(format!("aws_session_token: {}", ENVIRONMENT.token.unwrap()));
    let mut gateway = machine.serve();
    let (status, body) = gateway.chat().await;
    assert!(status == 502 && body.contains("upstream_credentials_rejected"), "{body}");
    let warning = gateway.says("AWS refused the gateway");
    assert!(
        warning["help"].as_str().unwrap().starts_with("the secret access key does not belong"),
        "{warning}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_corrected_by_the_reply() {
    for (ahead, said) in
        [(240, "Signature expired: a is now earlier than b"), (-240, "Signature not yet current: a")]
    {
        let machine = Machine::new().await.env_keys(ENVIRONMENT);
        let mut gateway = machine.serve();
        let before = http_date(0);
        let refusal = Reply::error(403, "InvalidSignatureException", said).header("date", &http_date(ahead));
        machine.emulator.push(refusal);
        assert_eq!(gateway.chat().await.0, 200);
        let warning = gateway.log(|log| log["clock_skew_s"].is_i64());
        let skew = warning["clock_skew_s"].as_i64().unwrap();
        assert!((skew - ahead).abs() <= 2, "{warning}");
        assert_eq!(gateway.says("request")["attempts"], 2);
        // From then on at once, and dated by the other clock.
        assert_eq!(gateway.chat().await.0, 200);
        assert_eq!(gateway.says("request")["attempts"], 1);
        let requests = machine.emulator.requests();
        let dates: Vec<&str> = requests.iter().map(|request| request.header("x-amz-date").unwrap()).collect();
        assert_eq!(dates.len(), 3, "{dates:?}");
        assert_eq!(dates[1] > dates[0], ahead > 0, "{dates:?} {before}");
        assert_eq!(dates[2] > dates[0], ahead > 0, "{dates:?}");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_stays_wrong_ends_the_request() {
    let machine = Machine::new().await.env_keys(ENVIRONMENT);
    let mut gateway = machine.serve();
    machine.emulator.always(Some(Reply::error(403, "InvalidSignatureException", "Signature expired: a")));
    let (status, body) = gateway.chat().await;
    assert!(status == 502 && body.contains("upstream_credentials_rejected"), "{body}");
    assert_eq!(gateway.says("request")["attempts"], 2);
    assert_eq!(machine.emulator.requests().len(), 2);
}
