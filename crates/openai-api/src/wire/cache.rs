//! `cache_control`: a point up to which the prompt is worth caching.

use chat::Cache;
use serde::de::{Error, MapAccess};

use super::members::Ignored;
use super::record::{Record, optional};
use super::word::{Word, Words};

#[derive(Debug, Default)]
struct CacheControl {
    kind: Option<Word<Ephemeral>>,
    ttl: Option<Word<Cache>>,
}

/// The one kind there is.
#[derive(Clone, Copy, Debug)]
struct Ephemeral;

impl Words for Ephemeral {
    const WORDS: &'static [(&'static str, Self)] = &[("ephemeral", Self)];
}

impl Words for Cache {
    const WORDS: &'static [(&'static str, Self)] = &[("5m", Self::Default), ("1h", Self::OneHour)];
}

impl Record for CacheControl {
    const PATH: &'static str = "cache_control";
    const EXPECTED: &'static str = "an object such as {\"type\": \"ephemeral\"}";
    const MEMBERS: &'static [&'static str] = &["type", "ttl"];

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        _: &mut Ignored,
    ) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = Some(members.next_value()?),
            _ => self.ttl = members.next_value()?,
        }
        Ok(())
    }

    fn check<E: Error>(&self) -> Result<(), E> {
        self.kind.map(|_| ()).ok_or_else(|| E::missing_field("type"))
    }
}

/// Reads the value of a `cache_control`, which may be `null`.
pub(crate) fn read<'de, A: MapAccess<'de>>(
    members: &mut A,
    ignored: &mut Ignored,
) -> Result<Option<Cache>, A::Error> {
    let control: Option<CacheControl> = optional(members, ignored)?;
    Ok(control.map(|control| control.ttl.map_or(Cache::Default, |ttl| ttl.0)))
}
