//! The list of models, and who may see what.

use serde_json::{Value, json};

use crate::support::{Gateway, Reply, hello};

const TWO: &str = "
version: v1
kind: Spicepod
name: test
runtime:
  auth:
    api-key:
      keys:
        - sk-all
        - { key: sk-one, name: team-a, models: [a/b] }
models:
  - { from: 'bedrock:us.amazon.nova-lite-v1:0', name: a/b, params: { aws_region: us-east-1 } }
  - { from: 'bedrock:us.amazon.nova-pro-v1:0', name: nova, params: { aws_region: us-east-1 } }
";

fn ids(reply: &Reply) -> Vec<String> {
    let data = reply.json()["data"].as_array().unwrap().clone();
    data.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let gateway = Gateway::start(&TWO.replace("api-key:", "api-key:\n      enabled: false"), &["--emulator"]);
    let list = gateway.http.get("/v1/models").await;
    assert_eq!(ids(&list), ["a/b", "nova"]);
    let model = &list.json()["data"][0];
    assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("bedrock")));
    assert!(model["created"].as_u64().unwrap() > 1_700_000_000);
    for path in ["/v1/models/a%2Fb", "/v1/models/a/b"] {
        assert_eq!(gateway.http.get(path).await.json(), *model, "{path}");
    }
    let unknown = gateway.http.get("/v1/models/..%2Fb").await;
    unknown.error((404, "invalid_request_error", Some("model_not_found"), Some("model")));
    assert_eq!(gateway.http.send("HEAD", "/v1/models", "").await.body.len(), 0);
}

#[tokio::test]
async fn spices_parameters_of_the_list_work() {
    let gateway = Gateway::start(&TWO.replace("api-key:", "api-key:\n      enabled: false"), &["--emulator"]);
    let csv = gateway.http.get("/v1/models?format=csv&status=true").await;
    let expected =
        "id,object,owned_by,datasets,status\na/b,model,bedrock,,Ready\nnova,model,bedrock,,Ready\n";
    assert_eq!((csv.header("content-type"), csv.text()), ("text/csv; charset=utf-8", expected));
    let json = gateway
        .http
        .get("/v1/models?status=true&metadata_fields=supports_responses_api&limit=3")
        .await
        .json();
    assert_eq!(json["data"][0]["status"], "Ready");
    assert_eq!(json["data"][0]["metadata"], json!({ "supports_responses_api": false }));
    for (query, param) in
        [("format=xml", "format"), ("status=yes", "status"), ("metadata_fields=x", "metadata_fields")]
    {
        let reply = gateway.http.get(&format!("/v1/models?{query}")).await;
        reply.error((400, "invalid_request_error", None, Some(param)));
    }
}

#[tokio::test]
async fn only_known_keys_are_let_in() {
    let mut gateway = Gateway::start(TWO, &["--emulator"]);
    let open = ["/health", "/v1/ready", "/v1/ready?verbose=true"];
    let closed = [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/nova"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/"),
        ("GET", "/V1/models"),
        ("GET", "//v1/models"),
        ("DELETE", "/v1/models"),
    ];
    for path in open {
        assert_eq!(gateway.http.get(path).await.status, 200, "{path}");
    }
    let mut bodies = Vec::new();
    for (method, path) in closed {
        for client in [
            gateway.http.clone(),
            gateway.http.with("authorization", "Bearer "),
            gateway.http.with("authorization", "Bearer sk-al"),
            gateway.http.with("authorization", "Bearer sk-all2"),
            gateway.http.with("authorization", "Basic c2stYWxs"),
            gateway.http.with("authorization", "Bearer sk-all").with("authorization", "Bearer sk-all"),
            gateway.http.with("x-api-key", "nope").with("authorization", "Bearer sk-all"),
        ] {
            let reply = client.send(method, &format!("{path}?api_key=sk-all"), hello("hi").to_string()).await;
            bodies.push(reply.error((401, "invalid_request_error", Some("invalid_api_key"), None)));
            assert_eq!(reply.header("www-authenticate"), "Bearer", "{path}");
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    for (name, value) in
        [("authorization", "Bearer sk-all"), ("authorization", "bearer  sk-all"), ("x-api-key", "sk-all")]
    {
        assert_eq!(ids(&gateway.http.with(name, value).get("/v1/models").await).len(), 2, "{name}: {value}");
    }
    let line = gateway.log(|log| log["status"] == 401);
    assert_eq!(line["end_reason"], "invalid_api_key");
    assert!(!gateway.stop().contains("sk-all"));
}

#[tokio::test]
async fn a_key_reaches_its_own_models_alone() {
    let mut gateway = Gateway::start(TWO, &["--emulator"]);
    let one = gateway.http.with("authorization", "Bearer sk-one");
    assert_eq!(ids(&one.get("/v1/models").await), ["a/b"]);
    assert_eq!(one.get("/v1/models/nova").await.status, 404);
    let seen = |reply: Reply| reply.json()["models"].as_array().unwrap().len();
    assert_eq!(seen(one.get("/v1/ready?verbose=true").await), 1);
    assert_eq!(seen(gateway.http.get("/v1/ready?verbose=true").await), 0);
    one.post(&hello("hi")).await.error((
        404,
        "invalid_request_error",
        Some("model_not_found"),
        Some("model"),
    ));
    let mut own = hello("hi");
    own["model"] = "a/b".into();
    assert_eq!(one.post(&own).await.status, 200);
    let line = gateway.log(|log| log["route"] == "chat_completions" && log["status"] == 200);
    assert_eq!((&line["key"], &line["model"]), (&json!("team-a"), &json!("a/b")));
}

#[tokio::test]
async fn a_model_without_credentials_does_not_hold_up_the_others() {
    let manifest = "
version: v1
kind: Spicepod
name: test
models:
  - { from: 'bedrock:us.amazon.nova-lite-v1:0', name: good, params: { aws_region: us-east-1, aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: x } }
  - { from: 'bedrock:us.amazon.nova-lite-v1:0', name: nova, params: { aws_region: us-east-1, aws_iam_role_source: env } }
";
    let mut gateway = Gateway::start(manifest, &[]);
    gateway.log(|log| log["message"].as_str().is_some_and(|text| text.contains("no AWS credentials")));
    let ready = gateway.http.get("/v1/ready").await;
    assert_eq!((ready.status.as_u16(), ready.text()), (200, "ready"));
    let states = gateway.http.get("/v1/ready?verbose=true").await.json();
    assert_eq!((&states["status"], &states["models"][0]["status"]), (&json!("ready"), &json!("ready")));
    assert_eq!(states["models"][1]["status"], "error");
    assert!(states["models"][1]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{states}");
    let reply = gateway.http.post(&hello("hi")).await;
    reply.error((503, "authentication_error", Some("upstream_credentials_unavailable"), None));
    assert_eq!(reply.header("retry-after"), "5");
}

#[tokio::test]
async fn nothing_is_ready_where_nothing_is_declared() {
    let gateway = Gateway::start("version: v1\nkind: Spicepod\nname: test\nmodels:\n", &[]);
    let ready = gateway.http.get("/v1/ready").await;
    assert_eq!((ready.status.as_u16(), ready.text()), (503, "not ready"));
    assert_eq!(gateway.http.get("/v1/models").await.json()["data"], Value::Array(Vec::new()));
    assert_eq!((gateway.http.get("/health").await.text()), "ok\n");
}

#[tokio::test]
async fn rejected_credentials_are_the_gateways_fault() {
    let emulator = bedrock_emulator::Emulator::start(bedrock_emulator::Config::default()).await.unwrap();
    let own = crate::support::params_for(&emulator);
    let params = [&*own[0], &*own[1], "aws_secret_access_key: not-the-secret"];
    let gateway = Gateway::start(&crate::support::manifest(&params), &[]);
    let reply = gateway.http.post(&hello("hi")).await;
    reply.error((502, "authentication_error", Some("upstream_credentials_rejected"), None));
    assert!(!reply.text().contains("not-the-secret"));
}
