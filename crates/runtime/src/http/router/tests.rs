//! Who gets in: every route with every method and every kind of key.

use std::net::{IpAddr, Ipv4Addr};

use http_body_util::Full;
use hyper::body::Bytes;
use model_registry::ModelRegistry;
use secrets::{ApiKey, Auth};
use spicepod::KeyLimits;

use super::*;
use crate::clock::Clock;
use crate::http::{Door, Keys, Limits};
use crate::shutdown::Shutdown;

/// What anybody may ask.
const OPEN: [&str; 2] = ["/health", "/v1/ready"];

fn application() -> Application {
    let limits = KeyLimits::default();
    let keys =
        Keys::new(&Auth { keys: vec![ApiKey { key: "sk-1".into(), name: None, models: None, limits }] });
    let door = Door { keys: Some(keys), ..Door::default() };
    let registry: ModelRegistry = [].into_iter().collect();
    let clock = Clock::new(|| 1_700_000_000);
    Application::new(Arc::new(Gateway::new(registry, door, Limits::default(), clock, Shutdown::default())))
}

async fn status(application: &Application, method: &str, path: &str, key: Option<&str>) -> u16 {
    let mut request = http::Request::builder().method(method).uri(path).header("host", "localhost");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), encrypted: false };
    application.call(request, peer).await.status().as_u16()
}

#[tokio::test]
async fn no_route_is_open_but_those_that_are_meant_to_be() {
    let application = application();
    let known = routes().map(|(path, _)| path.replace("{*id}", "nova"));
    let made_up =
        ["/", "/metrics", "/health/", "/v1/ready/", "/HEALTH", "/v1/models/../../health", "//health"];
    let paths = known.iter().map(String::as_str).chain(made_up);
    let mut tried = 0;
    for path in paths {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MADE-UP"] {
            let open = OPEN.contains(&path);
            for key in [None, Some(""), Some("sk-"), Some("sk-12"), Some("SK-1")] {
                let found = status(&application, method, path, key).await;
                assert_eq!(found == 401, !open, "{method} {path} with {key:?}: {found}");
                tried += 1;
            }
            let found = status(&application, method, path, Some("sk-1")).await;
            // There is no model that could be ready.
            let sound = found < 500 || (found == 503 && path == "/v1/ready");
            assert!(found != 401 && sound, "{method} {path}: {found}");
        }
    }
    assert_eq!(tried, (known.len() + made_up.len()) * 9 * 5);
    assert!(OPEN.iter().all(|path| known.iter().any(|known| known == path)));
}
