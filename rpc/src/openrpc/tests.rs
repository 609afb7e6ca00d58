use super::*;
use crate::method::Arguments;
use crate::methods::{self, for_every_method};
use serde_json::Map;

/// Every `$ref` in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_something() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "the document is full of references: {}", found.len());
    for reference in found {
        let path = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_example_is_what_its_method_reads() {
    macro_rules! read {
        ($request:ident) => {
            let mut generator = SchemaSettings::draft2020_12().into_generator();
            let described = methods::$request::describe(&mut generator);
            let example: Map<String, Value> = serde_json::from_value(described.example).unwrap();
            let json = serde_json::to_string(&example).unwrap();
            let read = Arguments::split(Some(&json), methods::$request::NAMES)
                .and_then(|arguments| methods::$request::read(&arguments));
            assert!(read.is_ok(), "{}: {read:?}", described.name);
        };
    }
    use crate::method::Method as _;
    for_every_method!(read);
}

#[test]
fn every_method_says_what_its_answer_looks_like() {
    for method in document()["methods"].as_array().unwrap() {
        let schema = &method["result"]["schema"];
        let free_form = schema == &serde_json::json!(true);
        assert!(schema["$ref"].is_string() || (free_form && method["name"] == "rpc.discover"), "{method}");
    }
}
