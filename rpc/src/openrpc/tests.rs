use super::*;
use crate::method::{Arguments, Method};
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

/// Whether a method reads its own example.
fn reads_its_example<M: Method>() {
    let described = M::describe(&mut SchemaSettings::draft2020_12().into_generator());
    let example: Map<String, Value> = serde_json::from_value(described.example).unwrap();
    let json = serde_json::to_string(&example).unwrap();
    let read = Arguments::split(Some(&json), M::NAMES).and_then(|arguments| M::read(&arguments));
    assert!(read.is_ok(), "{}: {:?}", described.name, read.err());
}

#[test]
fn every_example_is_what_its_method_reads() {
    macro_rules! read {
        ($request:ident) => {
            reads_its_example::<$request>();
        };
    }
    {
        use crate::methods::*;
        for_every_method!(read);
    }
    {
        use crate::subscriptions::*;
        for_every_subscription!(read);
    }
    {
        use crate::methods::admin::{for_every_method as for_every_admin_method, *};
        for_every_admin_method!(read);
    }
}

#[test]
fn every_method_says_what_its_answer_looks_like() {
    for method in document()["methods"].as_array().unwrap() {
        let schema = &method["result"]["schema"];
        let free_form = schema == &serde_json::json!(true);
        let is_subscription = method["name"].as_str().unwrap().contains("ubscribe");
        let typed = if is_subscription { schema["type"].is_string() } else { schema["$ref"].is_string() };
        assert!(typed || (free_form && method["name"] == "rpc.discover"), "{method}");
    }
}
