//! How genesis writes keys, accounts and amounts in JSON.

/// 32-byte values as `0x` hex in JSON.
pub(super) mod hex32 {
    use crate::crypto::PublicKey;
    use crate::hash::Hash;
    use crate::ids::NodeId;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::genesis) trait Bytes32 {
        fn bytes(&self) -> [u8; 32];
        fn from_bytes(bytes: [u8; 32]) -> Self;
    }

    impl Bytes32 for PublicKey {
        fn bytes(&self) -> [u8; 32] {
            self.0
        }
        fn from_bytes(bytes: [u8; 32]) -> Self {
            PublicKey(bytes)
        }
    }

    impl Bytes32 for NodeId {
        fn bytes(&self) -> [u8; 32] {
            self.0.0
        }
        fn from_bytes(bytes: [u8; 32]) -> Self {
            NodeId(Hash(bytes))
        }
    }

    pub(in crate::genesis) fn serialize<T: Bytes32, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hash(value.bytes()))
    }

    pub(in crate::genesis) fn deserialize<'de, T: Bytes32, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Hash>().map(|hash| T::from_bytes(hash.0)).map_err(D::Error::custom)
    }
}

/// Lists of 32-byte values, each as `0x` hex in JSON.
pub(super) mod hex32_list {
    use super::hex32::Bytes32;
    use crate::hash::Hash;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::genesis) fn serialize<T: Bytes32, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| Hash(value.bytes()).to_string()))
    }

    pub(in crate::genesis) fn deserialize<'de, T: Bytes32, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read =
            |text: &String| text.parse::<Hash>().map(|hash| T::from_bytes(hash.0)).map_err(D::Error::custom);
        texts.iter().map(read).collect()
    }
}

/// Values that are written as text in JSON.
pub(super) mod text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::fmt;
    use std::str::FromStr;

    pub(in crate::genesis) fn serialize<T: fmt::Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::genesis) fn deserialize<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Lists of values that are written as text each.
pub(super) mod text_list {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::fmt;
    use std::str::FromStr;

    pub(in crate::genesis) fn serialize<T: fmt::Display, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(in crate::genesis) fn deserialize<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
