//! What workers route to.

use std::collections::HashSet;

use crate::location::Location;
use crate::nearest::nearest;
use crate::problem::{Problem, clip};
use crate::spicepod::{Routing, Spicepod, Worker, raw};

/// Names of models and workers that are declared, and could not be read for another reason.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) models: Vec<String>,
    pub(super) workers: Vec<String>,
    /// Whether there are other models, whose names are not known either.
    pub(super) nameless: bool,
}

/// Reads a worker, with what is wrong with it by itself; `None` where it routes nothing.
pub(super) fn worker(raw: raw::Worker, at: &Location) -> (Option<Worker>, Vec<Problem>) {
    let raw::Worker { name, description, load_balance, sql } = raw;
    let mut problems = Vec::new();
    let Some(balance) = load_balance else {
        // What does something else in Spice has its warning.
        if sql.is_none() {
            let problem = Problem::error(at.clone(), "the worker has no `load_balance`, so it does nothing");
            problems.push(problem.help("add `load_balance: { routing: [{ from: my-model }] }`"));
        }
        return (None, problems);
    };
    if sql.is_some() {
        let problem = Problem::error(at.clone().key("sql").name(), "a worker either routes or runs SQL");
        problems.push(problem.help("keep one of `load_balance` and `sql`"));
    }
    let routing = balance.routing.unwrap_or_default();
    problems.extend(mixed(&routing, at));
    (Some(Worker { name, description, routing, at: at.clone() }), problems)
}

fn place(worker: &Location) -> Location {
    worker.clone().key("load_balance").key("routing")
}

/// Says what keeps routes from being one list: turns for all of them or for none, and likewise shares among those
/// whose turn is the same.
fn mixed(routing: &[Routing], worker: &Location) -> Vec<Problem> {
    let Some(first) = routing.first() else {
        let problem = Problem::error(place(worker), "a worker routes to at least one model");
        return vec![problem.help("add `- from: my-model`")];
    };
    let mut problems = Vec::new();
    let mut differs = |index, help: &str| {
        let message = "the routes of a worker are of several kinds";
        problems.push(Problem::error(place(worker).index(index), message).help(help.to_owned()));
    };
    if let Some(index) = routing.iter().position(|route| route.order.is_some() != first.order.is_some()) {
        differs(index, "give each of them an `order`, or none of them");
    }
    for (index, route) in routing.iter().enumerate() {
        let peer = routing.iter().find(|peer| peer.order == route.order).unwrap_or(route);
        if peer.weight.is_some() != route.weight.is_some() {
            let help = if route.order.is_some() {
                "give each of those with the same `order` a `weight`, or none of them"
            } else {
                "give each of them a `weight`, or none of them"
            };
            differs(index, help);
            break;
        }
    }
    problems
}

/// Finds routes to what is no model, and routes that stand twice.
pub(super) fn problems(spicepod: &Spicepod, unread: &Unread) -> Vec<Problem> {
    let read = || spicepod.models.iter().map(|model| model.name.as_str());
    let models = || read().chain(unread.models.iter().map(String::as_str));
    let known: HashSet<&str> = models().collect();
    let workers = spicepod.workers.iter().map(|worker| &worker.name).chain(&unread.workers);
    let workers: HashSet<&str> = workers.map(String::as_str).collect();
    let mut problems = Vec::new();
    for worker in &spicepod.workers {
        let mut seen = HashSet::new();
        for (index, Routing { from, .. }) in worker.routing.iter().enumerate() {
            let at = place(&worker.at).index(index).key("from");
            let name = clip(from);
            let (message, help) = if !seen.insert(from.as_str()) {
                (format!("the worker routes to `{name}` twice"), "keep one of them".to_owned())
            } else if known.contains(from.as_str()) {
                continue;
            } else if workers.contains(from.as_str()) {
                let message = format!("`{name}` is a worker, and workers route to models alone");
                (message, format!("name the models that `{name}` routes to"))
            } else if unread.nameless {
                // It may be the one that could not be read, which is told already.
                continue;
            } else {
                let help = match nearest(from, models()) {
                    Some(meant) => format!("did you mean `{}`?", clip(meant)),
                    None if known.is_empty() => "declare it under `models`".to_owned(),
                    None => format!("models: {}", some(models())),
                };
                (format!("there is no model `{name}`"), help)
            };
            problems.push(Problem::error(at, message).help(help));
        }
    }
    problems
}

/// The first few of a list.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let mut names = names.map(clip);
    let mut shown: Vec<String> = names.by_ref().take(SHOWN).map(|name| name.to_string()).collect();
    if names.next().is_some() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
