//! Declarations into stores: what all kinds have in common.

use indexmap::IndexMap;
use secrecy::SecretString;
use spicepod::{Location, ParamValue, Problem, SecretStore as Declaration, nearest};

use super::ALL;
use super::kind::{OpenError, Opening, Selector, StoreKind, StoreKinds};
use crate::env::Environment;
use crate::expose::Draft;
use crate::reference::{Piece, pieces};
use crate::store::SecretStore;

/// Kinds of store that Spice has; some of them nobody may serve here.
const OF_SPICE: &[&str] =
    &["aws_secrets_manager", "azure_keyvault", "hashicorp_vault", "keyring", "kubernetes"];

/// Opens the store of a declaration. Problems with it that are said already leave nothing to say at the end.
pub(super) fn open(
    declaration: &Declaration,
    environment: &Environment,
    kinds: &StoreKinds,
    problems: &mut Vec<Problem>,
) -> Option<Box<dyn SecretStore>> {
    let kind = report(problems, kind(declaration, kinds))?;
    let selector = report(problems, selector(declaration, kind))?;
    let params = params(declaration, kind, environment, problems)?;
    let mut opening = Opening { selector, params, environment, problems: Vec::new() };
    let opened = (kind.open)(&mut opening);
    problems.append(&mut opening.problems);
    let opened = opened.map_err(|OpenError { param, message, help }| {
        let at = match &param {
            Some(param) => declaration.at.clone().key("params").key(param),
            None => declaration.at.clone().key("from"),
        };
        Problem::error(at, message).help(help)
    });
    report(problems, opened)
}

fn report<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn kind<'a>(declaration: &Declaration, kinds: &'a StoreKinds) -> Result<&'a StoreKind, Problem> {
    let name = declaration.kind.as_str();
    if let Some(kind) = kinds.served.iter().find(|kind| kind.name == name) {
        return Ok(kind);
    }
    let at = declaration.at.clone().key("from");
    if let Some((_, feature)) = kinds.left_out.iter().find(|(kind, _)| *kind == name) {
        let problem = Problem::error(at, format!("this build has no secret store `{name}`"));
        return Err(problem.help(format!("build it with `--features {feature}`")));
    }
    let served: Vec<&str> = kinds.served.iter().map(|kind| kind.name).collect();
    let known = served.iter().copied().chain(kinds.left_out.iter().map(|(kind, _)| *kind));
    Err(if OF_SPICE.contains(&name) {
        let problem = Problem::error(at, format!("the secret store `{name}` is not served by this version"));
        problem.help(format!("stores: {}", served.join(", ")))
    } else {
        Problem::error(at, format!("there is no secret store `{name}`")).help(match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("stores: {}", served.join(", ")),
        })
    })
}

fn selector<'a>(declaration: &'a Declaration, kind: &StoreKind) -> Result<&'a str, Problem> {
    let name = kind.name;
    let problem = |message| Problem::error(declaration.at.clone().key("from"), message);
    let given = declaration.selector.as_deref();
    match (kind.selector, given.filter(|selector| !selector.trim().is_empty())) {
        (Selector::None, None) if given.is_none() => Ok(""),
        (Selector::None, _) => Err(problem(format!("the store `{name}` takes nothing behind a colon"))
            .help(format!("write `from: {name}`"))),
        (Selector::Required { .. }, Some(selector)) => Ok(selector.trim()),
        (Selector::Required { what, example }, None) => {
            Err(problem(format!("the store `{name}` wants {what} behind a colon"))
                .help(format!("write for example `from: {example}`")))
        }
    }
}

/// Checks and resolves the parameters; `None` where one has no value.
fn params<'a>(
    declaration: &'a Declaration,
    kind: &StoreKind,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Option<IndexMap<&'a str, SecretString>> {
    let mut params = IndexMap::with_capacity(declaration.params.len());
    let mut complete = true;
    for (name, value) in &declaration.params {
        let at = declaration.at.clone().key("params").key(name);
        if !kind.params.contains(&name.as_str()) {
            problems.push(unknown(kind, name, at));
            continue;
        }
        let resolved = match value {
            ParamValue::String(text) => resolve(text, environment),
            ParamValue::Null => continue,
            ParamValue::Bool(_) | ParamValue::Number(_) | ParamValue::List(_) | ParamValue::Map(_) => {
                Err((format!("`{name}` is not text"), "write text, in quotes".to_owned()))
            }
        };
        match resolved {
            Ok(value) => {
                params.insert(name.as_str(), value);
            }
            Err((message, help)) => {
                problems.push(Problem::error(at, message).help(help));
                complete = false;
            }
        }
    }
    complete.then_some(params)
}

fn unknown(kind: &StoreKind, name: &str, at: Location) -> Problem {
    let problem = Problem::error(at.name(), format!("the store `{}` has no parameter `{name}`", kind.name));
    problem.help(match (nearest(name, kind.params.iter().copied()), kind.params) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "it takes none".to_owned(),
        (None, [one]) => format!("it takes `{one}` alone"),
        (None, all) => format!("it takes {}", all.join(", ")),
    })
}

/// Resolves references to the environment: no other store is open yet. The error is what is wrong, and what helps.
fn resolve(text: &str, environment: &Environment) -> Result<SecretString, (String, String)> {
    let mut resolved = Draft::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => resolved.push_str(text),
            Piece::Malformed { reason, .. } => {
                let message = format!("`${{` begins no reference to a secret here: {reason}");
                return Err((message, "write `${ env:KEY }`".to_owned()));
            }
            Piece::Reference { store, key } if store == super::env::KIND.name || store == ALL => {
                let Some(secret) = environment.secret(key) else {
                    let message = format!("`${{ {store}:{key} }}` is not in {}", environment.describe());
                    let help = format!("set {} in the environment or in .env", key.to_ascii_uppercase());
                    return Err((message, help));
                };
                resolved.append(&secret);
            }
            Piece::Reference { store, key } => {
                let message = format!(
                    "`${{ {store}:{key} }}`: parameters of stores are looked up in the environment alone"
                );
                return Err((message, format!("write `${{ env:{key} }}`, and set it there")));
            }
        }
    }
    Ok(resolved.secret())
}
