//! More failures, and more requests, than a gateway can bear: what is repeated, what waits, and what is sent away.

use bedrock_emulator::Reply;
use futures_util::future::join_all;

use crate::support::{Gateway, Http, hello, manifest, pod, run, spicerack};

const METRICS: &[&str] = &["--metrics", "127.0.0.1:0"];

/// The server of the gateway's numbers.
fn numbers(gateway: &mut Gateway) -> Http {
    let line = gateway.log(|log| log["message"].as_str().is_some_and(|text| text.starts_with("metrics on")));
    let address = line["message"].as_str().unwrap().trim_start_matches("metrics on http://");
    Http::to(address.trim_end_matches("/metrics").parse().unwrap())
}

/// A number of the page; 0 where it is not there.
async fn number(numbers: &Http, name: &str) -> u64 {
    let page = numbers.get("/metrics").await;
    let value = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn a_storm_of_failures_is_repeated_within_the_budget_alone() {
    let (mut gateway, emulator) = Gateway::with_emulator_and("", &["max_attempts: 5"], METRICS).await;
    let numbers = numbers(&mut gateway);
    emulator.always(Some(Reply::error(500, "InternalServerException", "no")));
    let replies = join_all((0..400).map(|_| {
        let http = gateway.http.clone();
        async move { http.post(&hello("hi")).await }
    }))
    .await;
    for reply in &replies {
        reply.error((502, "api_error", Some("upstream_error"), None));
    }
    // The reserve of 100, and one call to ten requests; not five times as many.
    let calls = emulator.requests().len();
    assert!((500..=540).contains(&calls), "{calls}");
    let refused = number(&numbers, "spicerack_retry_budget_exhausted_total{model=\"nova\"}").await;
    assert!(refused > 0, "{}", numbers.get("/metrics").await.text());

    // Without a budget the error comes at once, and a call that succeeds is not touched by any of it.
    emulator.always(None);
    assert_eq!(gateway.http.post(&hello("hi")).await.status, 200);
}

#[test]
fn the_check_shows_the_policy_of_each_model() {
    let folder = pod(&manifest(&["idle_timeout: 500ms", "max_attempts: 1", "retry_budget_percent: 20"]));
    let output = run(spicerack().arg("check").arg("--verbose").arg(folder.path()));
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, policies) = said.split_once("\n\n").unwrap_or_else(|| panic!("{said}"));
    assert_eq!(
        policies,
        "\
NAME  CONNECT  FIRST EVENT  IDLE   REQUEST  ATTEMPTS  RETRY BUDGET
nova  3s       120s         500ms  3600s    1         20%
"
    );
}
