//! An OpenRPC document as Markdown.

use serde_json::Value;
use std::fmt::Write as _;

/// What stands before the methods.
const HEAD: &str = include_str!("head.md");
/// What stands after the errors.
const TAIL: &str = include_str!("tail.md");

/// The whole page.
pub(crate) fn reference(document: &Value) -> String {
    let schemas = &document["components"]["schemas"];
    let mut page = format!("{HEAD}\n## Methods\n\n");
    for described in items(&document["methods"]) {
        method(&mut page, described, schemas);
    }
    errors(&mut page, &document["components"]["errors"]);
    types(&mut page, schemas);
    page
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// What a schema allows, in a few words.
pub(crate) fn kind(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{}`", constant.as_str().map_or_else(|| constant.to_string(), str::to_owned));
    }
    if schema["enum"].is_array() {
        let names: Vec<String> =
            items(&schema["enum"]).map(|name| format!("`{}`", name.as_str().unwrap_or("null"))).collect();
        return names.join(", ");
    }
    if let Some(options) = ["anyOf", "oneOf"].iter().find_map(|name| schema[*name].as_array()) {
        return options.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => plain(name).to_owned(),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(plain).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

fn plain(name: &str) -> &str {
    if name == "integer" { "number" } else { name }
}

fn method(page: &mut String, described: &Value, schemas: &Value) {
    writeln!(page, "### `{}`\n\n{}\n", text(described, "name"), text(described, "summary")).unwrap();
    if described["params"].as_array().is_some_and(|parameters| !parameters.is_empty()) {
        page.push_str("| parameter | kind | |\n|---|---|---|\n");
        for parameter in items(&described["params"]) {
            let optional = if parameter["required"] == true { "" } else { " Optional." };
            let about = format!("{}{optional}", text(parameter, "description"));
            let kind = cell(&kind(&parameter["schema"]));
            writeln!(page, "| `{}` | {kind} | {} |", text(parameter, "name"), cell(&about)).unwrap();
        }
        page.push('\n');
    }
    let result = &described["result"];
    writeln!(page, "Answers: {}\n", text(result, "description")).unwrap();
    fields(page, resolve(&result["schema"], schemas), "answer");
    let example =
        items(&described["examples"]).next().map(|example| request(text(described, "name"), example));
    writeln!(page, "```json\n{}\n```\n", example.unwrap_or_default()).unwrap();
}

/// A request with the parameters of an example.
fn request(name: &str, example: &Value) -> String {
    let parameters = items(&example["params"])
        .map(|parameter| format!("{}: {}", parameter["name"], parameter["value"]))
        .collect::<Vec<_>>()
        .join(", ");
    format!("{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"{name}\", \"params\": {{{parameters}}}}}")
}

fn resolve<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => &schemas[name],
        None => schema,
    }
}

/// A table of an object's fields; nothing for what is no object.
fn fields(page: &mut String, schema: &Value, title: &str) {
    let Some(properties) = schema["properties"].as_object() else { return };
    writeln!(page, "| {title} | kind | |\n|---|---|---|").unwrap();
    for (name, property) in properties {
        let required = items(&schema["required"]).any(|required| required == name);
        let optional = if required { "" } else { " May be absent." };
        let about = format!("{}{optional}", text(property, "description"));
        writeln!(page, "| `{name}` | {} | {} |", cell(&kind(property)), cell(&about)).unwrap();
    }
    page.push('\n');
}

fn errors(page: &mut String, examples: &Value) {
    page.push_str(
        "## Errors\n\n`{code, message, data: {reason, retryable, hint, ...}}`; an example of each:\n\n",
    );
    page.push_str("| code | reason | more in `data` | retry | message |\n|---|---|---|---|---|\n");
    let mut errors: Vec<&Value> =
        examples.as_object().into_iter().flat_map(serde_json::Map::values).collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error["code"].as_i64()));
    for error in errors {
        let data = error["data"].as_object().unwrap();
        let shared = ["reason", "retryable", "hint"];
        let more =
            data.keys().filter(|name| !shared.contains(&name.as_str())).map(|name| format!("`{name}`"));
        let more = more.collect::<Vec<_>>().join(", ");
        let retry = if data["retryable"] == true { "yes" } else { "no" };
        let (code, reason, message) =
            (&error["code"], text(&error["data"], "reason"), cell(text(error, "message")));
        writeln!(page, "| {code} | `{reason}` | {more} | {retry} | {message} |").unwrap();
    }
    writeln!(page, "\n{TAIL}").unwrap();
}

/// Every named type that is an object, a choice or a name.
fn types(page: &mut String, schemas: &Value) {
    page.push_str("## Types\n\nThe types that answers and parameters name.\n\n");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let about = text(schema, "description").replace('\n', " ");
        writeln!(page, "### {name}\n\n{about}\n").unwrap();
        if schema["properties"].is_object() {
            fields(page, schema, "field");
        } else {
            choices(page, schema);
        }
    }
}

/// What a type that is no object allows.
fn choices(page: &mut String, schema: &Value) {
    let options = ["oneOf", "anyOf"].iter().find_map(|name| schema[*name].as_array());
    let Some(options) = options else {
        writeln!(page, "{}\n", pattern(schema)).unwrap();
        return;
    };
    for option in options {
        let about = text(option, "description").replace('\n', " ");
        let shape = match option["properties"].as_object() {
            Some(properties) => {
                let field = |(name, property): (&String, &Value)| format!("`{name}`: {}", kind(property));
                properties.iter().map(field).collect::<Vec<_>>().join(", ")
            }
            None => kind(option),
        };
        writeln!(page, "- {shape}. {about}").unwrap();
    }
    page.push('\n');
}

fn pattern(schema: &Value) -> String {
    match schema["pattern"].as_str() {
        Some(pattern) => format!("{}, `{pattern}`", kind(schema)),
        None => kind(schema),
    }
}
