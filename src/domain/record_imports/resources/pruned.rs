//! Parses JSON and keeps only a part of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Parses a value and keeps only the wanted members of its outer objects, one list per level; deeper levels
/// are kept whole. Everything else is skipped, however long it is. Once the room is used up, the rest is
/// skipped too, and `room` is 0.
pub(super) struct Pruned<'a> {
    /// Member names, from the outermost object inwards.
    pub wanted: &'a [&'a [&'a str]],
    /// How many bytes may still be kept, counted as JSON without white space, so never more
    /// than the input has.
    pub room: &'a mut usize,
}

impl Pruned<'_> {
    /// Whether there was room for this many more bytes.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        *self.room = left.unwrap_or_default();
        *self.room > 0
    }

    fn within_room(mut self, bytes: usize, value: impl FnOnce() -> Value) -> Value {
        if self.takes(bytes) { value() } else { Value::Null }
    }

    fn is_wanted(&self, key: &str) -> bool {
        self.wanted.first().is_none_or(|wanted| wanted.contains(&key))
    }
}

impl<'de> DeserializeSeed<'de> for Pruned<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pruned<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(self.within_room(4, || Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(self.within_room(4, || value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.within_room(1, || value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.within_room(1, || value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.within_room(1, || value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.within_room(value.len() + 2, || value.into()))
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<Value, S::Error> {
        let mut items = Vec::new();
        self.takes(2);
        while let Some(value) =
            seq.next_element_seed(Pruned { wanted: self.wanted, room: &mut *self.room })?
        {
            if *self.room > 0 {
                items.push(value);
            }
        }
        Ok(items.into())
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<Value, M::Error> {
        let mut members = Map::new();
        self.takes(2);
        while let Some(key) = map.next_key::<String>()? {
            if self.is_wanted(&key) && self.takes(key.len() + 3) {
                let wanted = self.wanted.get(1..).unwrap_or_default();
                let value = map.next_value_seed(Pruned { wanted, room: &mut *self.room })?;
                members.insert(key, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(members.into())
    }
}
