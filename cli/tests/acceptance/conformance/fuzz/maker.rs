//! Requests drawn from a seed: mostly right ones, by the schemas of the OpenRPC document and what the network holds; the
//! others broken in one place.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The longest that a drawn submission waits, in milliseconds.
const LONGEST_WAIT_MS: u64 = 50;
/// The most values of one kind that are remembered from answers.
const REMEMBERED: usize = 64;

/// Methods that are left alone, each with the reason.
const SPARED: [(&str, &str); 2] = [
    ("fault_set", "it is there to break the network"),
    ("fault_clear", "the harness decides what is broken"),
];

/// JSON that is wrong in most places, as text: some of it is beyond what values can hold.
const HOSTILE: [&str; 28] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    r#""""#,
    r#"" ""#,
    r#""0x""#,
    r#""0X00""#,
    r#""0x0""#,
    r#""0x00""#,
    r#""latest""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""😀\u202e""#,
    "[]",
    "{}",
    r#"[null,[{}],""]"#,
    r#"{"":{"":[]},"a":1,"a":2}"#,
    r#"{"op":"put"}"#,
    r#"{"__proto__":{"x":1}}"#,
];

/// A message, and what is known of its answer.
pub(crate) struct Message {
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Expected,
}

/// What a message has to be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One answer under this id, as it was written.
    One(String),
    /// An array of answers under these ids, in this order.
    Many(Vec<String>),
    /// Nothing.
    Nothing,
    /// One error that says it is no JSON.
    ParseError,
    /// Whatever the specification says: bytes of it were changed at random.
    Anything,
}

/// A parameter of a method.
struct Parameter {
    name: String,
    schema: Value,
    required: bool,
}

/// Where requests come from.
pub(crate) struct Maker {
    rng: StdRng,
    methods: Vec<(String, Vec<Parameter>)>,
    /// Right values, by the names of parameters.
    known: BTreeMap<String, Vec<Value>>,
    /// What schemas refer to.
    document: Value,
}

impl Maker {
    /// Draws by `seed` from an OpenRPC document and values known to be right.
    pub(crate) fn new(seed: u64, document: &Value, known: BTreeMap<String, Vec<Value>>) -> Maker {
        let parameter = |param: &Value| Parameter {
            name: param["name"].as_str().unwrap().into(),
            schema: param["schema"].clone(),
            required: param["required"] == true,
        };
        let methods = document["methods"].as_array().unwrap().iter().map(|method| {
            let parameters = method["params"].as_array().unwrap().iter().map(parameter).collect();
            (method["name"].as_str().unwrap().to_owned(), parameters)
        });
        let methods = methods.filter(|(name, _)| SPARED.iter().all(|(spared, _)| spared != name)).collect();
        Maker { rng: StdRng::seed_from_u64(seed), methods, known, document: document.clone() }
    }

    /// Remembers what later requests may name: cursors and ids of transactions.
    pub(crate) fn learn(&mut self, answer: &Value) {
        for (member, parameter) in [("nextCursor", "cursor"), ("txId", "txId")] {
            if let Some(value) = answer["result"].get(member).filter(|value| value.is_string()) {
                let known = self.known.entry(parameter.into()).or_default();
                if known.len() >= REMEMBERED {
                    let place = self.rng.random_range(0..known.len());
                    known.swap_remove(place);
                }
                known.push(value.clone());
            }
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())].clone()
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Message {
        let message = if self.chance(12) { self.batch() } else { self.single() };
        match self.rng.random_range(0..100) {
            0..6 => self.damaged(message.body),
            6..8 => self.noise(),
            _ => message,
        }
    }

    fn single(&mut self) -> Message {
        let (body, id) = self.request();
        Message { body: body.into_bytes(), expected: id.map_or(Expected::Nothing, Expected::One) }
    }

    fn batch(&mut self) -> Message {
        let length = if self.chance(5) { self.rng.random_range(0..120) } else { self.rng.random_range(1..6) };
        let (mut bodies, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..length {
            let (body, id) = match self.rng.random_range(0..20) {
                0 => (self.pick(&["1", "\"x\"", "[]", "null", "{}"]).to_owned(), Some("null".to_owned())),
                _ => self.request(),
            };
            bodies.push(body);
            ids.extend(id);
        }
        let expected = match (length, ids.len()) {
            (0 | 101.., _) => Expected::One("null".into()),
            (_, 0) => Expected::Nothing,
            _ => Expected::Many(ids),
        };
        Message { body: format!("[{}]", bodies.join(",")).into_bytes(), expected }
    }

    /// A request as text, and the id under which it has to be answered, if it has to.
    fn request(&mut self) -> (String, Option<String>) {
        let place = self.rng.random_range(0..self.methods.len());
        let method = self.methods[place].0.clone();
        let mut members = vec![("jsonrpc", "\"2.0\"".to_owned()), ("method", json!(method).to_string())];
        if let Some(params) = self.params(place) {
            members.push(("params", params));
        }
        let mut id = self.id();
        if let Some(id) = &id {
            members.push(("id", id.clone()));
        }
        if self.chance(4) {
            id = Some(self.break_envelope(&mut members, id));
        }
        if self.chance(20) {
            let by = self.rng.random_range(0..members.len());
            members.rotate_left(by);
        }
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        (format!("{{{}}}", members.join(",")), id)
    }

    fn id(&mut self) -> Option<String> {
        match self.rng.random_range(0..20) {
            0 => None,
            1 => {
                Some(self.pick(&["null", "-1", "1.5", "1e400", "18446744073709551616", "\"\"", "-0"]).into())
            }
            2 => Some(json!("ä\n\"😀").to_string()),
            _ => Some(self.rng.random::<u32>().to_string()),
        }
    }

    /// Makes one member of a request wrong. Returns the id of the error that has to come.
    fn break_envelope(&mut self, members: &mut Vec<(&'static str, String)>, id: Option<String>) -> String {
        let id = id.unwrap_or_else(|| "null".into());
        match self.rng.random_range(0..5) {
            0 => members[0].1 = self.pick(&["\"1.0\"", "2.0", "null", "\"2.0 \""]).into(),
            1 => members[1].1 = self.pick(&["null", "7", "[]", "{}"]).into(),
            2 => members.retain(|(name, _)| *name != "method"),
            3 => members.push(("jsonrpc", "\"2.0\"".into())),
            _ => {
                members.retain(|(name, _)| *name != "id");
                members.push(("id", self.pick(&["true", "[1]", "{}", "\"\\ud800\""]).into()));
                return "null".into();
            }
        }
        id
    }

    fn params(&mut self, place: usize) -> Option<String> {
        let count = self.methods[place].1.len();
        if count == 0 && self.chance(50) {
            return None;
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for at in 0..count {
            let Parameter { name, schema, required } = &self.methods[place].1[at];
            let (name, schema, required) = (name.clone(), schema.clone(), *required);
            if required || self.rng.random_range(0..100) < 35 {
                let value = self.value(&name, &schema).to_string();
                given.push((name, value));
            }
        }
        if self.chance(25) {
            self.break_params(&mut given);
        }
        if self.chance(15) {
            let values: Vec<&str> = given.iter().map(|(_, value)| value.as_str()).collect();
            return Some(format!("[{}]", values.join(",")));
        }
        let members: Vec<String> =
            given.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        Some(format!("{{{}}}", members.join(",")))
    }

    fn break_params(&mut self, given: &mut Vec<(String, String)>) {
        let place = (!given.is_empty()).then(|| self.rng.random_range(0..given.len()));
        match (self.rng.random_range(0..9), place) {
            (0..4, Some(place)) => given[place].1 = self.hostile(),
            (4, Some(place)) => drop(given.remove(place)),
            (5, Some(place)) => given.push(given[place].clone()),
            (6, Some(place)) => given[place].1 = self.bent(&given[place].1.clone()),
            (7, Some(place)) => given.swap(0, place),
            _ => {
                let name = self.pick(&["", "x", "KEY", "params", "ключ"]);
                given.push((name.into(), self.hostile()));
            }
        }
    }

    fn hostile(&mut self) -> String {
        match self.rng.random_range(0..40) {
            0 => format!("{}{}", "[".repeat(500), "]".repeat(500)),
            1 => format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200)),
            2 => format!("\"{}\"", "x".repeat(self.rng.random_range(1..20_000))),
            3 => format!("\"0x{}\"", "00".repeat(self.rng.random_range(1..3_000))),
            4 => format!("[{}]", vec!["\"0x61\""; self.rng.random_range(1..300)].join(",")),
            _ => self.pick(&HOSTILE).into(),
        }
    }

    /// A value with one of its characters changed for another one that JSON allows there.
    fn bent(&mut self, value: &str) -> String {
        let places: Vec<usize> = value
            .bytes()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_alphanumeric())
            .map(|(at, _)| at)
            .collect();
        let Ok(mut changed) = serde_json::from_str::<Value>(value) else { return value.to_owned() };
        if places.is_empty() {
            return value.to_owned();
        }
        let place = self.pick(&places);
        let mut bytes = value.as_bytes().to_vec();
        bytes[place] = self.pick(b"0123456789abcdefxyz");
        if let Ok(value) = serde_json::from_slice(&bytes) {
            changed = value;
        }
        changed.to_string()
    }

    /// A right value of a parameter, or one that its schema allows.
    fn value(&mut self, name: &str, schema: &Value) -> Value {
        match name {
            "timeoutMs" => return self.rng.random_range(0..LONGEST_WAIT_MS).into(),
            "group" => return self.rng.random_range(0..3).into(),
            "limit" => return self.rng.random_range(1..1_001).into(),
            "strict" => return self.chance(10).into(),
            "keys" | "txs" => {
                let one = if name == "keys" { "key" } else { "tx" };
                let length = self.rng.random_range(0..6);
                let known = self.known[one].clone();
                return (0..length).map(|_| self.pick(&known)).collect();
            }
            _ => {}
        }
        if let Some(known) = self.known.get(name).filter(|known| !known.is_empty()).cloned() {
            return self.pick(&known);
        }
        self.by_schema(schema)
    }

    fn by_schema(&mut self, schema: &Value) -> Value {
        if let Some(place) = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            let meant = self.document.pointer(place).expect("what a schema refers to is there").clone();
            return self.by_schema(&meant);
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(schemas) = schema[keyword].as_array() {
                let one = self.pick(schemas);
                return self.by_schema(&one);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(values);
        }
        match schema["type"].as_str() {
            Some("boolean") => self.chance(50).into(),
            Some("integer") => self.rng.random_range(0..40).into(),
            Some("array") => {
                let length = self.rng.random_range(0..4);
                (0..length).map(|_| self.by_schema(&schema["items"])).collect()
            }
            Some("object") => self.object(schema),
            _ => format!("0x{:02x}", self.rng.random::<u8>()).into(),
        }
    }

    /// An object with what it must have, and some of what it may have.
    fn object(&mut self, schema: &Value) -> Value {
        let Some(properties) = schema["properties"].as_object() else { return json!({}) };
        let is_required = |name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
        };
        let mut object = serde_json::Map::new();
        for (name, schema) in properties {
            if is_required(name) || self.chance(50) {
                object.insert(name.clone(), self.value(name, schema));
            }
        }
        object.into()
    }

    /// The message with bytes changed, cut or put in at random.
    fn damaged(&mut self, mut body: Vec<u8>) -> Message {
        for _ in 0..self.rng.random_range(1..4) {
            let place = self.rng.random_range(0..body.len());
            match self.rng.random_range(0..4) {
                0 => body[place] = self.rng.random(),
                1 => body.truncate(place),
                2 => drop(body.remove(place)),
                _ => body.insert(place, self.pick(b"{}[],:\"\\0e-\xff\x00")),
            }
            if body.is_empty() {
                break;
            }
        }
        Maker::judged(body)
    }

    fn noise(&mut self) -> Message {
        let length = self.rng.random_range(0..200);
        let body = match self.rng.random_range(0..3) {
            0 => (0..length).map(|_| self.rng.random()).collect(),
            1 => vec![self.pick(b"[{\"0-"); length * 100],
            _ => vec![b' '; length],
        };
        Maker::judged(body)
    }

    /// Bytes of which nothing is known but whether they are JSON.
    fn judged(body: Vec<u8>) -> Message {
        let is_json = std::str::from_utf8(&body)
            .is_ok_and(|text| serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok());
        Message { body, expected: if is_json { Expected::Anything } else { Expected::ParseError } }
    }
}
