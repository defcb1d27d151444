//! Objects whose members are listed, and lists of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::members::{Ignored, Seen};

/// An object of the API. Members that are not listed are named as having no effect.
pub(crate) trait Record: Default {
    /// Where it stands, as it is named when a member has no effect.
    const PATH: &'static str;
    /// What is wanted where something else stands.
    const EXPECTED: &'static str;
    /// The members that are read.
    const MEMBERS: &'static [&'static str];
    /// The most that a list of them may hold, and what they are.
    const MOST: Option<(usize, &'static str)> = None;

    /// Reads the value of one of [`Self::MEMBERS`].
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut A,
        ignored: &mut Ignored,
    ) -> Result<(), A::Error>;

    /// Judges it as a whole.
    fn check<E: Error>(&self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a record.
pub(crate) struct RecordSeed<'a, T> {
    ignored: &'a mut Ignored,
    record: PhantomData<T>,
}

impl<'a, T> RecordSeed<'a, T> {
    pub(crate) fn new(ignored: &'a mut Ignored) -> Self {
        Self { ignored, record: PhantomData }
    }
}

impl<'de, T: Record> DeserializeSeed<'de> for RecordSeed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Record> Visitor<'de> for RecordSeed<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut record = T::default();
        let mut seen = Seen::default();
        while let Some(key) = seen.next(&mut members, T::MEMBERS)? {
            if T::MEMBERS.contains(&&*key) {
                record.read(&key, &mut members, self.ignored)?;
            } else {
                members.next_value::<IgnoredAny>()?;
                self.ignored.add(&format!("{}.{key}", T::PATH));
            }
        }
        record.check()?;
        Ok(record)
    }
}

/// Reads a list of records; `null` is an empty one.
pub(crate) struct ListSeed<'a, T> {
    ignored: &'a mut Ignored,
    record: PhantomData<T>,
}

impl<'a, T> ListSeed<'a, T> {
    pub(crate) fn new(ignored: &'a mut Ignored) -> Self {
        Self { ignored, record: PhantomData }
    }
}

impl<'de, T: Record> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Record> Visitor<'de> for ListSeed<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array, each item {}", T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(RecordSeed::new(self.ignored))? {
            if let Some((most, what)) = T::MOST.filter(|(most, _)| list.len() >= *most) {
                return Err(A::Error::custom(format!("there are more than {most} {what}")));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// Reads what may be `null`.
pub(crate) struct Nullable<S>(pub(crate) S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Reads a record or `null`.
pub(crate) fn optional<'de, T: Record, A: MapAccess<'de>>(
    members: &mut A,
    ignored: &mut Ignored,
) -> Result<Option<T>, A::Error> {
    members.next_value_seed(Nullable(RecordSeed::new(ignored)))
}
