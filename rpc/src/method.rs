//! What a method is, and how its parameters are read, by name or by position.

use crate::error::RpcError;
use crate::parameter::Parameter;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A method, as the type of its parameters.
pub trait Method: Serialize + Sized {
    /// Its name.
    const NAME: &'static str;

    /// The names of its parameters, in the order of their positions.
    const NAMES: &'static [&'static str];

    /// What it answers.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Clone + Send;

    /// Reads the parameters.
    ///
    /// # Errors
    /// The first that is missing, unknown or of the wrong kind.
    fn read(arguments: &Arguments<'_>) -> Result<Self, RpcError>;

    /// Describes the method; the generator collects the schemas of what it takes and answers.
    fn describe(generator: &mut SchemaGenerator) -> MethodDescription;
}

/// A method, as documents show it.
#[derive(Clone, PartialEq, Debug)]
pub struct MethodDescription {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: String,
    /// Its parameters, in the order of their positions.
    pub parameters: Vec<ParameterDescription>,
    /// What it answers.
    pub answer: &'static str,
    /// The same as JSON Schema.
    pub answer_schema: Value,
    /// Parameters by name that any node can answer.
    pub example: Value,
    /// What a call counts for against the limit of its address, in plain calls.
    pub cost: u32,
}

/// A parameter, as documents show it.
#[derive(Clone, PartialEq, Debug)]
pub struct ParameterDescription {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub about: String,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What a right value looks like, as JSON Schema.
    pub schema: Value,
}

/// Makes the type of a method's parameters, and the method of it.
macro_rules! request {
    (
        $(#[doc = $summary:literal])+
        $name:literal $request:ident {
            $( $(#[doc = $about:literal])+ $field:ident $wire:literal: $kind:ty, )*
        } -> $answer:ty, $answer_about:literal, $example:tt, $cost:expr
    ) => {
        $(#[doc = $summary])+
        #[derive(Clone, PartialEq, Debug, serde::Serialize)]
        pub struct $request {
            $(
                $(#[doc = $about])+
                #[serde(rename = $wire, skip_serializing_if = "crate::parameter::Parameter::is_absent")]
                pub $field: $kind,
            )*
        }

        impl $crate::method::Method for $request {
            const NAME: &'static str = $name;
            const NAMES: &'static [&'static str] = &[$($wire),*];
            type Answer = $answer;

            fn read(arguments: &$crate::method::Arguments<'_>) -> Result<Self, $crate::error::RpcError> {
                let _ = arguments;
                Ok($request { $($field: arguments.take($wire)?,)* })
            }

            fn describe(generator: &mut schemars::SchemaGenerator) -> $crate::method::MethodDescription {
                $crate::method::MethodDescription {
                    name: $name,
                    summary: concat!($($summary),+).trim().to_owned(),
                    parameters: vec![$($crate::method::ParameterDescription {
                        name: $wire,
                        about: concat!($($about),+).trim().to_owned(),
                        required: <$kind as $crate::parameter::Parameter>::REQUIRED,
                        schema: <$kind as $crate::parameter::Parameter>::schema(generator),
                    },)*],
                    answer: $answer_about,
                    answer_schema: generator.subschema_for::<$answer>().to_value(),
                    example: serde_json::json!($example),
                    cost: $cost,
                }
            }
        }
    };
}
pub(crate) use request;

/// The parameters of one request, not yet read.
pub struct Arguments<'a> {
    given: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// Parameters before positions have names.
enum Given<'a> {
    ByName(Vec<(Cow<'a, str>, &'a RawValue)>),
    ByPosition(Vec<&'a RawValue>),
}

impl<'a> Arguments<'a> {
    /// Splits `json`, an object, an array or nothing, into the parameters called `names`.
    ///
    /// # Errors
    /// For a parameter too many, an unknown name, or one given twice.
    pub fn split(json: Option<&'a str>, names: &'static [&'static str]) -> Result<Arguments<'a>, RpcError> {
        let shape = || RpcError::parameter("params", "an object or an array of distinct parameters");
        let given = match json {
            None => Given::ByPosition(Vec::new()),
            Some(json) => {
                let mut json = serde_json::Deserializer::from_str(json);
                json.deserialize_any(GivenVisitor).map_err(|_| shape())?
            }
        };
        let given = match given {
            Given::ByName(given) => given,
            Given::ByPosition(values) if values.len() <= names.len() => {
                names.iter().map(|name| Cow::Borrowed(*name)).zip(values).collect()
            }
            Given::ByPosition(values) => {
                let expected =
                    format!("at most {} ({}), got {}", names.len(), names.join(", "), values.len());
                return Err(RpcError::parameter("params", expected));
            }
        };
        match given.iter().find(|(name, _)| !names.contains(&name.as_ref())) {
            None => Ok(Arguments { given }),
            Some((unknown, _)) => {
                let known = if names.is_empty() { "no parameters".into() } else { names.join(", ") };
                let unknown: String = unknown.chars().take(60).collect();
                Err(RpcError::parameter(unknown, format!("no such parameter; the method takes {known}")))
            }
        }
    }

    /// Reads the parameter of that name.
    ///
    /// # Errors
    /// If it is missing or not of its kind.
    pub fn take<T: Parameter>(&self, name: &'static str) -> Result<T, RpcError> {
        let raw = self.given.iter().find(|(given, _)| given == name).map(|(_, raw)| *raw);
        T::read(raw).map_err(|_| {
            let found = raw.map_or("nothing", RawValue::get);
            let (start, more) = match found.char_indices().nth(60) {
                Some((end, _)) => (found.get(..end).unwrap_or_default(), "…"),
                None => (found, ""),
            };
            RpcError::parameter(name, format!("{}, got {start}{more}", T::expected()))
        })
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_unit<E>(self) -> Result<Given<'de>, E> {
        Ok(Given::ByPosition(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Given<'de>, A::Error> {
        let mut given = Vec::new();
        while let Some(value) = items.next_element()? {
            given.push(value);
        }
        Ok(Given::ByPosition(given))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Given<'de>, A::Error> {
        let mut given: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
        while let Some((name, value)) = fields.next_entry::<String, &'de RawValue>()? {
            if given.iter().any(|(earlier, _)| *earlier == name) || given.len() == MAX_NAMES {
                return Err(A::Error::custom("a parameter given twice, or too many"));
            }
            given.push((Cow::Owned(name), value));
        }
        Ok(Given::ByName(given))
    }
}

/// The most parameters that are looked at: more than any method has.
const MAX_NAMES: usize = 32;
