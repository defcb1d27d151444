//! Values of parameters, as written.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A value of any kind, as written: references to secrets are still text.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamValue {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; always finite.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in the order of the text.
    Map(IndexMap<String, Self>),
}

impl<'de> Deserialize<'de> for ParamValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = ParamValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<ParamValue, E> {
        Ok(ParamValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<ParamValue, E> {
        Ok(ParamValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ParamValue, E> {
        Ok(ParamValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ParamValue, E> {
        Ok(ParamValue::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<ParamValue, E> {
        Number::from_f64(value).map(ParamValue::Number).ok_or_else(|| E::custom("a number is finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<ParamValue, E> {
        Ok(ParamValue::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<ParamValue, E> {
        Ok(ParamValue::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ParamValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(ParamValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ParamValue, A::Error> {
        let mut map = IndexMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
        }
        Ok(ParamValue::Map(map))
    }
}
