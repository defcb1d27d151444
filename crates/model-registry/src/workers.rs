//! Workers: names for several models of the registry, one of which answers.

use std::fmt::Write as _;
use std::sync::Arc;

use routing::{Leg, Router};
use spicepod::{Routing, Worker};

use crate::provider::{RemoteContent, Summary};
use crate::registry::{Entry, ModelRegistry};

/// What stands in the place of a worker's provider.
pub const WORKER: &str = "spicerack";

/// Builds a worker over models that are there.
pub(crate) fn entry(worker: &Worker, models: &ModelRegistry) -> Entry {
    let found = worker.routing.iter().filter_map(|route| Some((route, models.get(&route.from)?)));
    let found: Vec<(&Routing, &Arc<Entry>)> = found.collect();
    let legs = found.iter().map(|(route, entry)| Leg {
        name: Arc::clone(&entry.name),
        region: only(&entry.summary.regions).map(Arc::from),
        order: route.order.unwrap_or_default(),
        weight: route.weight,
        model: Arc::clone(&entry.model),
        breaker: Arc::clone(&entry.breaker),
        limiter: entry.limiter.clone(),
    });
    let router = Router::new(legs.collect());
    let mut regions: Vec<String> = Vec::new();
    for region in found.iter().flat_map(|(_, entry)| &entry.summary.regions) {
        if !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    Entry {
        name: worker.name.as_str().into(),
        from: describe(worker),
        provider: WORKER,
        description: worker.description.clone(),
        remote: found.iter().map(|(_, entry)| &entry.remote).fold(None, narrowed).unwrap_or_default(),
        // Its models have theirs.
        limiter: None,
        summary: Summary {
            regions,
            credentials: "-".to_owned(),
            guardrail: "-".to_owned(),
            policy: Vec::new(),
        },
        breaker: Arc::default(),
        keeps_sessions: router.keeps_sessions(),
        model: Arc::new(router),
    }
}

fn only(regions: &[String]) -> Option<&str> {
    match regions {
        [only] => Some(only),
        [] | [_, _, ..] => None,
    }
}

/// What may be fetched for all of several models: it is fetched before one of them is chosen.
fn narrowed(so_far: Option<RemoteContent>, next: &RemoteContent) -> Option<RemoteContent> {
    let Some(so_far) = so_far else { return Some(next.clone()) };
    Some(match (so_far, next) {
        (RemoteContent::Denied, _) | (_, RemoteContent::Denied) => RemoteContent::Denied,
        (RemoteContent::Allowed { hosts: None }, other) => other.clone(),
        (some, RemoteContent::Allowed { hosts: None }) => some,
        (RemoteContent::Allowed { hosts: Some(one) }, RemoteContent::Allowed { hosts: Some(other) }) => {
            let within = |list: &[String], host: &String| list.iter().any(|known| covers(known, host));
            let mut hosts: Vec<String> = one.iter().filter(|host| within(other, host)).cloned().collect();
            hosts.extend(other.iter().filter(|host| within(&one, host) && !one.contains(host)).cloned());
            RemoteContent::Allowed { hosts: Some(hosts) }
        }
    })
}

/// Whether every host of `name` is one of `known`; either may be `*.` with a name for all below it.
fn covers(known: &str, name: &str) -> bool {
    known == name || known.strip_prefix('*').is_some_and(|below| name.ends_with(below))
}

/// Says in words how a worker chooses: `by weight: a 3, b 1; then c`.
pub fn describe(worker: &Worker) -> String {
    let mut routes: Vec<&Routing> = worker.routing.iter().collect();
    routes.sort_by_key(|route| route.order);
    let mut text = String::new();
    for tier in routes.chunk_by(|one, other| one.order == other.order) {
        if !text.is_empty() {
            text.push_str("; then ");
        }
        let is_weighted = tier.iter().any(|route| route.weight.is_some());
        match (tier.len() > 1, is_weighted) {
            (false, _) => {}
            (true, true) => text.push_str("by weight: "),
            (true, false) => text.push_str("in turn: "),
        }
        for (index, route) in tier.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}{}", route.from);
            if let Some(weight) = route.weight.filter(|_| tier.len() > 1) {
                let _ = write!(text, " {weight}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_in_the_order_in_which_it_asks() {
        let text = "version: v1\nkind: Spicepod\nname: x\nmodels: [{from: 'x:y', name: a}, {from: 'x:y', name: b}, {from: 'x:y', name: c}]\nworkers:\n";
        for (routes, told) in [
            ("{from: b}, {from: a}", "in turn: b, a"),
            ("{from: a, weight: 3}, {from: b, weight: 1}", "by weight: a 3, b 1"),
            ("{from: a, order: 2}, {from: c, order: 1}", "c; then a"),
            (
                "{from: c, order: 2, weight: 1}, {from: a, order: 1, weight: 3}, {from: b, order: 1, weight: 1}",
                "by weight: a 3, b 1; then c",
            ),
        ] {
            let line = format!("  - {{name: w, load_balance: {{routing: [{routes}]}}}}\n");
            let loaded = spicepod::parse("spicepod.yaml", &format!("{text}{line}"));
            assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
            assert_eq!(loaded.spicepod.workers.first().map(describe).as_deref(), Some(told));
        }
    }

    #[test]
    fn only_what_all_models_allow_is_fetched() {
        let hosts = |list: &[&str]| RemoteContent::Allowed {
            hosts: Some(list.iter().map(|host| (*host).to_owned()).collect()),
        };
        let any = RemoteContent::Allowed { hosts: None };
        for (one, other, expected) in [
            (any.clone(), any.clone(), any.clone()),
            (any.clone(), RemoteContent::Denied, RemoteContent::Denied),
            (any.clone(), hosts(&["a.org"]), hosts(&["a.org"])),
            (hosts(&["*.a.org", "b.org"]), hosts(&["x.a.org", "*.b.org"]), hosts(&["x.a.org"])),
            (hosts(&["*.a.org"]), hosts(&["*.x.a.org", "a.org"]), hosts(&["*.x.a.org"])),
            (hosts(&["a.org"]), hosts(&["b.org"]), hosts(&[])),
        ] {
            for (one, other) in [(&one, &other), (&other, &one)] {
                assert_eq!(narrowed(Some(one.clone()), other), Some(expected.clone()), "{one:?} {other:?}");
            }
        }
    }
}
