//! Kinds of store, and how one is opened.

use indexmap::IndexMap;
use secrecy::SecretString;
use spicepod::Problem;

use crate::env::Environment;
use crate::expose;
use crate::store::SecretStore;

/// A kind of store: what `from` calls it, what it takes, and how it is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreKind {
    /// What stands in front of the colon of `from`.
    pub name: &'static str,
    /// What stands behind it.
    pub selector: Selector,
    /// The names of its parameters.
    pub params: &'static [&'static str],
    /// Opens a store. What is wrong with the place itself is said by the store when it is asked.
    pub open: Open,
}

/// Opens a store of a kind.
pub type Open = fn(&mut Opening<'_>) -> Result<Box<dyn SecretStore>, OpenError>;

/// What stands behind the colon of `from`.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// Nothing.
    None,
    /// A text that is not empty.
    Required {
        /// What it selects: `the folder`.
        what: &'static str,
        /// All of `from`, as it may look.
        example: &'static str,
    },
}

/// The kinds of store that a program knows; to begin with, those that need no client.
#[derive(Clone, Debug)]
pub struct StoreKinds {
    pub(super) served: Vec<StoreKind>,
    /// Kinds that this build does not hold, each with the feature that brings it.
    pub(super) left_out: Vec<(&'static str, &'static str)>,
}

impl Default for StoreKinds {
    fn default() -> Self {
        Self { served: vec![super::env::KIND, super::file::KIND], left_out: Vec::new() }
    }
}

impl StoreKinds {
    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, kind: StoreKind) -> Self {
        self.served.push(kind);
        self
    }

    /// Names a kind that this build does not hold, and the cargo feature that would bring it.
    #[must_use]
    pub fn without(mut self, kind: &'static str, feature: &'static str) -> Self {
        self.left_out.push((kind, feature));
        self
    }
}

/// A store on its way to be opened: its declaration, checked against its kind, with its references resolved.
#[derive(Debug)]
pub struct Opening<'a> {
    pub(super) selector: &'a str,
    pub(super) params: IndexMap<&'a str, SecretString>,
    pub(super) environment: &'a Environment,
    /// What is said though the store opens.
    pub(super) problems: Vec<Problem>,
}

impl Opening<'_> {
    /// What stands behind the colon of `from`; empty for kinds that take nothing.
    pub fn selector(&self) -> &str {
        self.selector
    }

    /// A parameter that is no secret: it may be shown.
    pub fn text(&self, name: &str) -> Option<String> {
        self.params.get(name).map(expose::public)
    }

    /// A parameter that is a secret.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.params.get(name).cloned()
    }

    /// The environment, with the `.env` files of the manifest's folder.
    pub fn environment(&self) -> &Environment {
        self.environment
    }
}

/// A declaration that opens no store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    pub(super) param: Option<String>,
    pub(super) message: String,
    pub(super) help: String,
}

impl OpenError {
    /// Says what is wrong with what stands behind the colon of `from`.
    pub fn of_selector(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { param: None, message: message.into(), help: help.into() }
    }

    /// Says what is wrong with a parameter.
    pub fn of_param(name: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { param: Some(name.to_owned()), message: message.into(), help: help.into() }
    }
}
