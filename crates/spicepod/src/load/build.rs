//! Typed values with their places.

use serde::de::DeserializeOwned;

use super::{Loaded, workers};
use crate::duration::parse_duration;
use crate::location::Location;
use crate::problem::Problem;
use crate::spicepod::{ApiKey, Auth, KeyLimits, Model, Runtime, SecretStore, Spicepod, Version, raw};
use crate::yaml::{Document, Node, NodeKind};

/// Reads a section, and reports where the two parsers disagree.
fn read<T: DeserializeOwned + Default>(
    loaded: &mut Loaded,
    document: &Document,
    place: (&[&str], Option<usize>),
    at: &Location,
) -> Option<T> {
    if loaded.is_broken(at) {
        return None;
    }
    match document.read(place.0, place.1) {
        Ok(value) => Some(value),
        Err(message) => {
            loaded.problems.push(Problem::error(at.clone(), format!("this cannot be read: {message}")));
            None
        }
    }
}

/// Reads everything but models and workers.
pub(super) fn spicepod(document: &Document, loaded: &mut Loaded, file: usize) -> Spicepod {
    let root = Location::root(file);
    let mut text = |key: &'static str| -> String {
        read(loaded, document, (&[key], None), &root.clone().key(key)).unwrap_or_default()
    };
    let version = if text("version") == "v2" { Version::V2 } else { Version::V1 };
    let name = text("name");
    let metadata =
        read(loaded, document, (&["metadata"], None), &root.clone().key("metadata")).unwrap_or_default();
    Spicepod {
        version,
        name,
        metadata,
        secrets: secret_stores(document, loaded, &root),
        runtime: runtime(document, loaded, &root),
        ..Spicepod::default()
    }
}

fn secret_stores(document: &Document, loaded: &mut Loaded, root: &Location) -> Vec<SecretStore> {
    let section = root.clone().key("secrets");
    let raws: Vec<raw::SecretStore> =
        read(loaded, document, (&["secrets"], None), &section).unwrap_or_default();
    let stores = raws.into_iter().enumerate().map(|(index, store)| {
        let (kind, selector) = match store.from.split_once(':') {
            Some((kind, selector)) => (kind.to_owned(), Some(selector.to_owned())),
            None => (store.from.clone(), None),
        };
        let name = store.name.unwrap_or_else(|| kind.clone());
        let params = store.params.unwrap_or_default();
        SecretStore { kind, selector, name, params, at: section.clone().index(index) }
    });
    stores.collect()
}

fn runtime(document: &Document, loaded: &mut Loaded, root: &Location) -> Runtime {
    let section = root.clone().key("runtime");
    let raw: raw::Runtime = read(loaded, document, (&["runtime"], None), &section).unwrap_or_default();
    let auth = auth(document, loaded, &section);
    let shutdown_timeout = raw.shutdown_timeout.as_deref().and_then(parse_duration);
    Runtime { auth, cors: raw.cors, tls: raw.tls, shutdown_timeout }
}

fn auth(document: &Document, loaded: &mut Loaded, runtime: &Location) -> Option<Auth> {
    let auth = loaded.tree(runtime.file)?.get("runtime")?.get("auth")?.clone();
    let spelled = ["api-key", "api_key"].into_iter().find(|key| auth.get(key).is_some())?;
    let section = runtime.clone().key("auth").key(spelled);
    let path = ["runtime", "auth", spelled];
    let enabled: Option<bool> = read(
        loaded,
        document,
        (&[path[0], path[1], path[2], "enabled"], None),
        &section.clone().key("enabled"),
    )
    .unwrap_or_default();
    let keys_at = section.clone().key("keys");
    let mut keys = Vec::new();
    match auth.get(spelled)?.get("keys") {
        // One text is a list of one.
        Some(item) if matches!(item.kind, NodeKind::Scalar { .. }) && !item.is_null() => {
            let place = [path[0], path[1], path[2], "keys"];
            keys.extend(api_key(document, loaded, item, (&place, None), keys_at));
        }
        Some(list) => {
            for (index, item) in list.items().iter().enumerate() {
                let place = ([path[0], path[1], path[2], "keys"], Some(index));
                keys.extend(api_key(
                    document,
                    loaded,
                    item,
                    (&place.0, place.1),
                    keys_at.clone().index(index),
                ));
            }
        }
        None => {}
    }
    Some(Auth { enabled: enabled.unwrap_or(true), keys })
}

fn api_key(
    document: &Document,
    loaded: &mut Loaded,
    item: &Node,
    place: (&[&str], Option<usize>),
    at: Location,
) -> Option<ApiKey> {
    if let NodeKind::Scalar { .. } = item.kind {
        let key: String = read(loaded, document, place, &at)?;
        return Some(ApiKey { key, name: None, models: None, limits: KeyLimits::default(), at });
    }
    let raw: raw::ApiKey = read(loaded, document, place, &at)?;
    let raw::ApiKey { key, name, models, max_concurrency, requests_per_minute, tokens_per_minute } = raw;
    let limits = KeyLimits { max_concurrency, requests_per_minute, tokens_per_minute };
    Some(ApiKey { key, name, models, limits, at: at.key("key") })
}

/// Reads one model or worker of a section.
pub(super) fn component(
    loaded: &mut Loaded,
    spicepod: &mut Spicepod,
    document: &Document,
    place: (&[&str], Option<usize>),
    at: &Location,
) {
    if place.0 == ["models"] {
        let raw: Option<raw::Model> = read(loaded, document, place, at);
        spicepod.models.extend(raw.map(|raw| model(raw, at)));
    } else {
        let raw: Option<raw::Worker> = read(loaded, document, place, at);
        if let Some(raw) = raw {
            worker(loaded, spicepod, raw, at);
        }
    }
}

/// Reads a model or worker that has a file of its own.
pub(super) fn referenced(
    loaded: &mut Loaded,
    spicepod: &mut Spicepod,
    document: &Document,
    section: &str,
    at: &Location,
) {
    if section == "models" {
        let raw: Option<raw::Model> = read(loaded, document, (&[], None), at);
        spicepod.models.extend(raw.map(|raw| model(raw, at)));
    } else {
        let raw: Option<raw::Worker> = read(loaded, document, (&[], None), at);
        if let Some(raw) = raw {
            worker(loaded, spicepod, raw, at);
        }
    }
}

fn model(raw: raw::Model, at: &Location) -> Model {
    let raw::Model { from, name, description, metadata, params } = raw;
    Model {
        from,
        name,
        description,
        metadata: metadata.unwrap_or_default(),
        params: params.unwrap_or_default(),
        at: at.clone(),
    }
}

fn worker(loaded: &mut Loaded, spicepod: &mut Spicepod, raw: raw::Worker, at: &Location) {
    let (worker, found) = workers::worker(raw, at);
    loaded.problems.extend(found);
    spicepod.workers.extend(worker);
}
