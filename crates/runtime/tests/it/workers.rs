//! Workers: names for several models, of which one answers.

use bedrock_emulator::{Config, Emulator, Ending, Gate, Reply};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{Events, Gateway, Reply as Answer, hello, params_for, pod, run, spicerack};

/// Longer than any test, so that a window that has opened stays open.
const FOR_LONG: &str = "300";

fn throttled() -> Reply {
    Reply::error(429, "ThrottlingException", "Too many requests").header("retry-after", FOR_LONG)
}

/// A gateway with the models `east` and `west`, each with an emulator of its own, and workers.
struct Fleet {
    gateway: Gateway,
    east: Emulator,
    west: Emulator,
    manifest: String,
}

const FALLBACK: &str = "{from: east, order: 1}, {from: west, order: 2}";

impl Fleet {
    async fn with(routing: &str) -> Self {
        Self::with_params(routing, &[]).await
    }

    async fn with_params(routing: &str, params: &[&str]) -> Self {
        let [east, west] =
            [Emulator::start(Config::default()).await, Emulator::start(Config::default()).await];
        let (east, west) = (east.unwrap(), west.unwrap());
        let mut manifest = "version: v1\nkind: Spicepod\nname: test\nmodels:\n".to_owned();
        for (name, region, emulator) in [("east", "us-east-1", &east), ("west", "us-west-2", &west)] {
            manifest.push_str(&format!(
                "  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: {name}\n    params:\n      aws_region: {region}\n"
            ));
            let own = params_for(emulator);
            for line in own.iter().map(String::as_str).chain(params.iter().copied()) {
                manifest.push_str(&format!("      {line}\n"));
            }
        }
        manifest
            .push_str(&format!("workers:\n  - name: nova\n    load_balance:\n      routing: [{routing}]\n"));
        let gateway = Gateway::start(&manifest, &["--metrics", "127.0.0.1:0"]);
        Self { gateway, east, west, manifest }
    }

    async fn ask(&self, body: &Value) -> Answer {
        self.gateway.http.post(body).await
    }

    /// How many calls each region got.
    fn calls(&self) -> (usize, usize) {
        (self.east.requests().len(), self.west.requests().len())
    }
}

fn streamed() -> Value {
    crate::support::hello_streamed("hi")
}

fn leg(reply: &Answer) -> (&str, &str) {
    (reply.header("x-spicerack-model"), reply.header("x-spicerack-region"))
}

const EAST: (&str, &str) = ("east", "us-east-1");
const WEST: (&str, &str) = ("west", "us-west-2");

#[tokio::test]
async fn a_region_that_throttles_everything_costs_no_client_an_error_and_one_call_a_window() {
    let mut fleet = Fleet::with(FALLBACK).await;
    fleet.east.always(Some(throttled()));
    for body in [hello("hi"), streamed(), hello("hi"), streamed()] {
        let reply = fleet.ask(&body).await;
        assert_eq!((reply.status.as_u16(), leg(&reply)), (200, WEST), "{:?}", reply.body);
        if body["stream"] == true {
            let events = reply.events();
            assert!(events.done && events.chunks.iter().all(|chunk| chunk["model"] == "nova"));
        } else {
            assert_eq!(reply.json()["model"], "nova", "the answer is the worker's");
        }
    }
    assert_eq!(fleet.calls(), (1, 4));
    let told = fleet.gateway.log(|log| log["model"] == "east" && log["kind"] == "throttled");
    assert_eq!((&told["level"], &told["window_s"]), (&json!("WARN"), &json!(300)), "{told}");
    let first = fleet.gateway.request_line();
    assert_eq!(
        (&first["model"], &first["leg"], &first["region"]),
        (&json!("nova"), &json!("west"), &json!("us-west-2"))
    );
    assert_eq!((&first["passed"], &first["attempts"]), (&json!("east us-east-1 throttled"), &json!(2)));
    assert!(fleet.gateway.request_line().get("passed").is_none());
    // The model itself is asked as ever.
    let mut body = hello("hi");
    body["model"] = "east".into();
    let reply = fleet.ask(&body).await;
    assert_eq!((reply.status.as_u16(), leg(&reply)), (429, ("", "")));
}

#[tokio::test]
async fn calls_that_are_under_way_when_a_region_fails_are_its_last_ones() {
    let fleet = Fleet::with(FALLBACK).await;
    let gate = Gate::default();
    fleet.east.always(Some(Reply::silence().wait(&gate).then(throttled())));
    let fifty = || {
        let requests = (0..50).map(|number| {
            let body = if number % 2 == 0 { hello("hi") } else { streamed() };
            let http = fleet.gateway.http.clone();
            async move { http.post(&body).await }
        });
        join_all(requests)
    };
    let failing = async {
        fleet.east.wait_for_requests(50).await;
        gate.open();
    };
    let (replies, ()) = futures_util::future::join(fifty(), failing).await;
    for reply in replies.into_iter().chain(fifty().await) {
        assert_eq!((reply.status.as_u16(), leg(&reply)), (200, WEST), "{:?}", reply.body);
    }
    assert_eq!(fleet.calls(), (50, 100));
}

#[tokio::test]
async fn a_reload_does_not_forget_who_fails() {
    let mut fleet = Fleet::with(FALLBACK).await;
    fleet.east.always(Some(throttled()));
    assert_eq!(leg(&fleet.ask(&hello("hi")).await), WEST);
    // Request defaults of both are no change of the models.
    for number in 2..4 {
        let changed =
            fleet.manifest.replace("    params:\n", &format!("    params:\n      maxTokens: {number}\n"));
        fleet.gateway.write(&changed);
        assert_eq!(fleet.gateway.reloaded()["generation"], number);
        assert_eq!(leg(&fleet.ask(&streamed()).await), WEST);
        assert_eq!(fleet.calls().0, 1, "{number}");
    }
    // Another timeout is one: it may answer now.
    let changed = fleet.manifest.replacen("    params:\n", "    params:\n      idle_timeout: 7s\n", 1);
    fleet.gateway.write(&changed);
    assert_eq!(fleet.gateway.reloaded()["generation"], 4);
    fleet.east.always(None);
    assert_eq!(leg(&fleet.ask(&hello("hi")).await), EAST);
}

#[tokio::test]
async fn a_models_limit_counts_requests_that_come_by_way_of_a_worker() {
    let mut fleet = Fleet::with_params(FALLBACK, &["max_concurrency: 1"]).await;
    let gate = Gate::default();
    let held = || Reply::events().event("messageStart", &json!({ "role": "assistant" })).wait(&gate);
    let ended = |reply: Reply| reply.event("messageStop", &json!({ "stopReason": "end_turn" }));
    fleet.east.push(ended(held()));
    fleet.west.push(ended(held()));
    let begin = || fleet.gateway.http.begin("POST", "/v1/chat/completions", streamed().to_string());
    let first = begin().await;
    assert_eq!(first.headers()["x-spicerack-model"], "east");
    let second = begin().await;
    assert_eq!(second.headers()["x-spicerack-model"], "west");
    // All are full: the refusal is that of the last one.
    let reply = fleet.ask(&hello("hi")).await;
    let message = reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    assert_eq!(message, "This model is at its limit of concurrent chats: 1.");
    assert_eq!((leg(&reply), reply.header("retry-after")), (WEST, "1"));
    // Who names the model meets the same limit.
    let mut body = hello("hi");
    body["model"] = "east".into();
    fleet.ask(&body).await.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    gate.open();
    for answer in [first, second] {
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(Events::of(std::str::from_utf8(&body).unwrap()).done);
    }
    // In any order.
    let lines = [(); 2].map(|()| fleet.gateway.log(|log| log["status"] == json!(200)));
    let west = lines.iter().find(|line| line["leg"] == "west").unwrap();
    assert_eq!(west["passed"], "east us-east-1 rate_limit_exceeded");
    assert!(lines.iter().all(|line| line["attempts"] == 1), "{lines:?}");
    assert_eq!(leg(&fleet.ask(&hello("hi")).await), EAST, "it was not to blame");
    assert_eq!(fleet.calls(), (2, 1));
}

#[tokio::test]
async fn a_region_that_does_not_know_the_model_is_passed_over_and_the_last_one_says_so() {
    for (status, kind, message) in [
        (400, "ValidationException", "The provided model identifier is invalid."),
        (
            404,
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the provided model identifier.",
        ),
        (
            400,
            "ValidationException",
            "Invocation of model ID amazon.nova-lite-v1:0 with on-demand throughput isn’t supported. Retry your \
             request with the ID or ARN of an inference profile that contains this model.",
        ),
    ] {
        let emulator = Emulator::start(Config::default()).await.unwrap();
        let own = params_for(&emulator);
        let params: Vec<&str> = own.iter().map(String::as_str).collect();
        let manifest = crate::support::manifest(&params)
            .replace("aws_region: us-east-1", "aws_region: [us-east-1, us-west-2]");
        let gateway = Gateway::start(&manifest, &[]);
        let unknown = || Reply::error(status, kind, message);
        for body in [hello("hi"), streamed()] {
            emulator.push(unknown());
            let reply = gateway.http.post(&body).await;
            assert_eq!((reply.status.as_u16(), leg(&reply)), (200, ("nova", "us-west-2")), "{message}");
        }
        emulator.always(Some(unknown()));
        let reply = gateway.http.post(&hello("hi")).await;
        let said = reply.error((404, "invalid_request_error", Some("model_not_found"), None));
        assert!(said.starts_with(message), "{said}");
    }
}

#[tokio::test]
async fn what_workers_asked_is_counted() {
    let mut fleet = Fleet::with(FALLBACK).await;
    let line =
        fleet.gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("metrics on")));
    let address = line["message"].as_str().unwrap().rsplit("//").next().unwrap().to_owned();
    let address = address.strip_suffix("/metrics").unwrap().parse().unwrap();
    fleet.east.always(Some(throttled()));
    fleet.ask(&hello("hi")).await;
    fleet.ask(&hello("hi")).await;
    fleet.gateway.request_line();
    fleet.gateway.request_line();
    let page = crate::support::Http::to(address).get("/metrics").await;
    for line in [
        r#"spicerack_legs_total{model="nova",leg="east",region="us-east-1",outcome="throttled"} 1"#,
        r#"spicerack_legs_total{model="nova",leg="west",region="us-west-2",outcome="completed"} 2"#,
        r#"spicerack_leg_left_out{model="nova",leg="east",region="us-east-1"} 1"#,
        r#"spicerack_leg_left_out{model="nova",leg="west",region="us-west-2"} 0"#,
    ] {
        assert!(page.text().contains(line), "{line} is not in {}", page.text());
    }
}

#[tokio::test]
async fn every_failure_of_a_leg_before_its_first_event_moves_on() {
    let whole: &[Reply] = &[
        throttled(),
        Reply::error(503, "ServiceUnavailableException", "busy"),
        Reply::error(500, "InternalServerException", "oops"),
        Reply::error(400, "ServiceQuotaExceededException", "all used up"),
        Reply::error(429, "ModelNotReadyException", "soon"),
        Reply::error(403, "AccessDeniedException", "no"),
        Reply::error(403, "UnrecognizedClientException", "who?"),
        Reply::error(404, "ResourceNotFoundException", "what?"),
        Reply::silence().close(),
    ];
    let in_streams: &[Reply] = &[
        Reply::events().exception("throttlingException", "slow down"),
        Reply::events().exception("internalServerException", "oops"),
        Reply::events().stall(),
        Reply::silence().stall(),
        Reply::silence().raw("HTTP/1.1 429 X\r\ncontent-length: 100\r\n\r\n").stall(),
        Reply::events(),
    ];
    for (reply, streams) in whole
        .iter()
        .flat_map(|reply| [(reply, false), (reply, true)])
        .chain(in_streams.iter().map(|reply| (reply, true)))
    {
        let fleet = Fleet::with_params(FALLBACK, &["first_event_timeout: 150ms"]).await;
        fleet.east.always(Some(reply.clone()));
        let body = if streams { streamed() } else { hello("hi") };
        let answer = fleet.ask(&body).await;
        assert_eq!((answer.status.as_u16(), leg(&answer)), (200, WEST), "{reply:?}: {:?}", answer.body);
        assert_eq!(fleet.calls(), (1, 1), "a leg that is not the last one is called once: {reply:?}");
    }
}

#[tokio::test]
async fn a_leg_that_cannot_be_reached_moves_on() {
    let Fleet { gateway, east, west, .. } = Fleet::with(FALLBACK).await;
    drop(east);
    for body in [hello("hi"), streamed()] {
        let reply = gateway.http.post(&body).await;
        assert_eq!((reply.status.as_u16(), leg(&reply)), (200, WEST), "{:?}", reply.body);
    }
    assert_eq!(west.requests().len(), 2);
}

#[tokio::test]
async fn an_error_of_the_caller_is_the_callers() {
    for (message, code) in [
        ("no such thing", "invalid_request"),
        ("Input is too long for requested model.", "context_length_exceeded"),
    ] {
        for body in [hello("hi"), streamed()] {
            let fleet = Fleet::with(FALLBACK).await;
            fleet.east.always(Some(Reply::error(400, "ValidationException", message)));
            for _ in 0..2 {
                let reply = fleet.ask(&body).await;
                assert_eq!((reply.status.as_u16(), leg(&reply)), (400, EAST));
                assert_eq!(reply.json()["error"]["code"], code);
            }
            assert_eq!(fleet.calls(), (2, 0), "and the leg is not left out");
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_paid_for_is_not_asked_for_again() {
    let paid: &[Reply] = &[
        Reply::silence().raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").close(),
        Reply::json(200, &json!({ "output": 5 })),
    ];
    for reply in paid {
        let fleet = Fleet::with(FALLBACK).await;
        fleet.east.push(reply.clone());
        let answer = fleet.ask(&hello("hi")).await;
        assert_eq!((answer.status.as_u16(), leg(&answer)), (502, EAST), "{reply:?}");
        assert_eq!(fleet.calls(), (1, 0), "{reply:?}");
    }
    let fleet = Fleet::with_params(FALLBACK, &["request_timeout: 150ms"]).await;
    fleet.east.push(Reply::silence().stall());
    assert_eq!(fleet.ask(&hello("hi")).await.status, 504);
    assert_eq!(fleet.calls(), (1, 0), "a whole answer that takes long was being made");
    // In the middle of a stream there is no way back.
    let fleet = Fleet::with(FALLBACK).await;
    let begun = Reply::events().event("messageStart", &json!({ "role": "assistant" })).text_delta("half");
    fleet.east.push(begun.exception("throttlingException", "slow down"));
    let answer = fleet.ask(&streamed()).await;
    assert_eq!((answer.status.as_u16(), leg(&answer)), (200, EAST));
    let events: Events = answer.events();
    assert!(events.error.is_some() && !events.done);
    assert_eq!(fleet.calls(), (1, 0));
}

#[tokio::test]
async fn when_every_leg_fails_the_error_is_the_last_one_with_its_delay() {
    let mut fleet = Fleet::with_params(FALLBACK, &["max_attempts: 1"]).await;
    let after = |seconds: &str| throttled().header("retry-after", seconds);
    fleet.east.push(after("21"));
    fleet.west.push(after("23"));
    let reply = fleet.ask(&hello("hi")).await;
    reply.error((429, "rate_limit_error", Some("rate_limit_exceeded"), None));
    assert_eq!((reply.header("retry-after"), leg(&reply)), ("23", WEST));
    let line = fleet.gateway.request_line();
    assert_eq!((&line["attempts"], &line["end_reason"]), (&json!(2), &json!("throttled")));
    // Both are left out now; the one that failed the longest ago is asked, and answers.
    let reply = fleet.ask(&hello("hi")).await;
    assert_eq!((reply.status.as_u16(), leg(&reply)), (200, EAST));
    assert_eq!(fleet.calls(), (2, 1));
}

#[tokio::test]
async fn the_last_leg_has_its_own_retries() {
    let fleet = Fleet::with(FALLBACK).await;
    fleet.east.push(throttled());
    fleet.west.push(Reply::error(500, "InternalServerException", "oops"));
    let reply = fleet.ask(&hello("hi")).await;
    assert_eq!((reply.status.as_u16(), leg(&reply)), (200, WEST));
    assert_eq!(fleet.calls(), (1, 2));
}

#[tokio::test]
async fn a_session_stays_with_its_leg_and_says_so_in_three_ways() {
    let fleet = Fleet::with("{from: east}, {from: west}").await;
    let mut homes = Vec::new();
    for index in 0..12 {
        let session = format!("session-{index}");
        let http = fleet.gateway.http.with("x-session-id", &session);
        let by_header = http.post(&hello("hi")).await;
        let home = leg(&by_header).0.to_owned();
        for member in ["prompt_cache_key", "user"] {
            let mut body = hello("hi");
            body[member] = session.as_str().into();
            let reply = fleet.ask(&body).await;
            assert_eq!(leg(&reply).0, home, "{session} {member}");
            assert_eq!(reply.header("x-spicerack-ignored"), "", "{member} had an effect");
        }
        // The header comes first, then the cache's key.
        let mut body = hello("hi");
        body["prompt_cache_key"] = session.as_str().into();
        body["user"] = "somebody".into();
        let reply = fleet.ask(&body).await;
        assert_eq!((leg(&reply).0, reply.header("x-spicerack-ignored")), (home.as_str(), "user"));
        body["prompt_cache_key"] = "other".into();
        let reply = http.post(&body).await;
        assert_eq!(
            (leg(&reply).0, reply.header("x-spicerack-ignored")),
            (home.as_str(), "prompt_cache_key, user")
        );
        homes.push(home);
    }
    assert!(homes.iter().any(|home| home == "east") && homes.iter().any(|home| home == "west"), "{homes:?}");
    let sent = fleet.east.requests().into_iter().chain(fleet.west.requests());
    for request in sent {
        assert!(!String::from_utf8_lossy(&request.body).contains("session-"), "the key goes nowhere");
    }
}

#[tokio::test]
async fn without_a_session_models_take_turns() {
    let fleet = Fleet::with("{from: east}, {from: west}").await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(leg(&fleet.ask(&hello("hi")).await).0.to_owned());
    }
    assert_eq!(seen, ["east", "west", "east", "west"]);
}

#[tokio::test]
async fn a_client_that_goes_ends_the_call_of_the_leg_and_both_calls_are_counted() {
    let mut fleet = Fleet::with(FALLBACK).await;
    fleet.east.push(throttled());
    fleet.west.push(Reply::silence().stall());
    let http = fleet.gateway.http.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { http.post(&streamed()).await });
    fleet.west.wait_for_requests(1).await;
    tasks.abort_all();
    assert_eq!(fleet.west.wait_for_end(0).await, Ending::ClientClosed);
    // Both calls may be billed, and the line says who was asked when the client went.
    let line = fleet.gateway.request_line();
    assert_eq!((&line["end_reason"], &line["attempts"]), (&json!("client_closed"), &json!(2)), "{line}");
    assert_eq!((&line["model"], &line["leg"]), (&json!("nova"), &json!("west")), "{line}");
    assert_eq!(
        (&line["region"], &line["passed"]),
        (&json!("us-west-2"), &json!("east us-east-1 throttled")),
        "{line}"
    );
}

#[tokio::test]
async fn a_worker_is_listed_ready_and_checked_like_a_model() {
    let fleet = Fleet::with("{from: east, order: 1, weight: 3}, {from: west, order: 1, weight: 1}").await;
    let list = fleet.gateway.http.get("/v1/models?status=true").await.json();
    let names: Vec<(&str, &str, &str)> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| {
            let text = |key: &str| model[key].as_str().unwrap_or_default();
            (text("id"), text("owned_by"), text("status"))
        })
        .collect();
    let expected =
        [("east", "bedrock", "Ready"), ("west", "bedrock", "Ready"), ("nova", "spicerack", "Ready")];
    assert_eq!(names, expected);
    assert_eq!(fleet.gateway.http.get("/v1/models/nova").await.status, 200);
    let ready = fleet.gateway.http.get("/v1/ready?verbose=true").await.json();
    assert_eq!(ready["models"][2], json!({ "name": "nova", "status": "ready", "reason": null }));
}

#[tokio::test]
async fn a_leg_without_credentials_is_not_asked_and_a_worker_without_any_is_not_ready() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let keys: String = params_for(&emulator).iter().map(|line| format!("      {line}\n")).collect();
    let model = |name: &str, params: &str| {
        format!(
            "  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: {name}\n    params:\n      aws_region: us-east-1\n{params}"
        )
    };
    let manifest = format!(
        "version: v1\nkind: Spicepod\nname: test\nmodels:\n{}{}workers:\n  - name: nova\n    load_balance:\n      routing: [{{from: bare, order: 1}}, {{from: keyed, order: 2}}]\n  - name: stuck\n    load_balance:\n      routing: [{{from: bare}}]\n",
        model("bare", "      aws_iam_role_source: env\n"),
        model("keyed", &keys),
    );
    let mut gateway = Gateway::start(&manifest, &[]);
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("credentials")));
    let reply = gateway.http.post(&hello("hi")).await;
    assert_eq!((reply.status.as_u16(), leg(&reply).0), (200, "keyed"), "{:?}", reply.body);
    let mut body = hello("hi");
    body["model"] = "stuck".into();
    let reply = gateway.http.post(&body).await;
    assert_eq!((reply.status.as_u16(), leg(&reply).0), (503, "bare"));
    let ready = gateway.http.get("/v1/ready?verbose=true").await.json();
    assert_eq!((&ready["status"], &ready["models"][3]["status"]), (&json!("ready"), &json!("error")));
    assert!(ready["models"][3]["reason"].as_str().unwrap().starts_with("bare: "), "{ready}");
}

#[tokio::test]
async fn one_model_of_several_regions_fails_over_by_one_key() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    let own = params_for(&emulator);
    let params: Vec<&str> = own.iter().map(String::as_str).collect();
    let manifest = crate::support::manifest(&params)
        .replace("aws_region: us-east-1", "aws_region: [us-east-1, us-west-2]");
    let mut gateway = Gateway::start(&manifest, &[]);
    emulator.push(throttled());
    for body in [hello("hi"), streamed()] {
        let reply = gateway.http.post(&body).await;
        assert_eq!((reply.status.as_u16(), leg(&reply)), (200, ("nova", "us-west-2")), "{:?}", reply.body);
    }
    let signed: Vec<String> = emulator
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    let regions: Vec<&str> =
        signed.iter().filter_map(|header| header.split('/').find(|part| part.starts_with("us-"))).collect();
    assert_eq!(regions, ["us-east-1", "us-west-2", "us-west-2"]);
    assert_eq!(gateway.request_line()["passed"], "nova us-east-1 throttled");
}

#[test]
fn check_shows_regions_and_workers() {
    let manifest = "version: v1\nkind: Spicepod\nname: test\nmodels:\n  - from: bedrock:us.amazon.nova-lite-v1:0\n    name: nova\n    params: {aws_region: [us-east-1, us-west-2], aws_iam_role_source: env}\n  - from: bedrock:us.amazon.nova-pro-v1:0\n    name: pro\n    params: {aws_region: us-east-1, aws_iam_role_source: env}\nworkers:\n  - name: any\n    load_balance: {routing: [{from: pro, order: 2}, {from: nova, order: 1}]}\n";
    let folder = pod(manifest);
    let output = run(spicerack().arg("check").arg(folder.path()));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("us-east-1, us-west-2  environment"), "{shown}");
    assert!(shown.ends_with("\n\nWORKER  ROUTING\nany     nova; then pro\n"), "{shown}");
}
