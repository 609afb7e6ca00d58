//! Whether JSON has the shape that is written down: by a template of formats, and by a JSON Schema.

use regex::Regex;
use serde_json::Value;

/// Where a value differs from a template; none if it fits. In a template, a text in angle brackets is a format, an array
/// of one template stands for any number of such, a member whose name ends in `?` may be missing, and everything else
/// stands for itself. Members that the template does not name are allowed.
pub(crate) fn differs(value: &Value, template: &Value, path: &str) -> Option<String> {
    match template {
        Value::String(format) if format.starts_with('<') => {
            (!has_format(value, format)).then(|| format!("{path}: {value} is no {format}"))
        }
        Value::Object(members) => {
            let Some(object) = value.as_object() else {
                return Some(format!("{path}: {value} is no object"));
            };
            members.iter().find_map(|(name, template)| {
                let optional = name.ends_with('?');
                let name = name.trim_end_matches('?');
                match object.get(name) {
                    Some(value) => differs(value, template, &format!("{path}.{name}")),
                    None => (!optional).then(|| format!("{path}.{name} is missing in {value}")),
                }
            })
        }
        Value::Array(items) if items.len() == 1 => {
            let Some(array) = value.as_array() else { return Some(format!("{path}: {value} is no array")) };
            let differ = |(place, value)| differs(value, &items[0], &format!("{path}[{place}]"));
            array.iter().enumerate().find_map(differ)
        }
        _ => (value != template).then(|| format!("{path}: {value} instead of {template}")),
    }
}

fn has_format(value: &Value, format: &str) -> bool {
    if let Some(format) = format.strip_suffix("|null>") {
        return value.is_null() || has_format(value, &format!("{format}>"));
    }
    let text = |pattern: &str| value.as_str().is_some_and(|text| Regex::new(pattern).unwrap().is_match(text));
    match format {
        "<hash>" => text("^0x[0-9a-f]{64}$"),
        "<signature>" => text("^0x[0-9a-f]{128}$"),
        "<hex>" => text("^0x([0-9a-f]{2})*$"),
        "<account>" => text("^witan1[02-9ac-hj-np-z]{20,90}$"),
        "<decimal>" => text("^(0|-?[1-9][0-9]*)$"),
        "<number>" => value.is_u64(),
        "<ms>" => value.as_u64().is_some_and(|ms| (1_600_000_000_000..4_000_000_000_000).contains(&ms)),
        "<bool>" => value.is_boolean(),
        "<text>" => value.as_str().is_some_and(|text| !text.is_empty()),
        "<engine>" => text("^(hotstuff|pbft|raft)$"),
        "<faults>" => text("^(byzantine|crash)$"),
        "<status>" => text("^(unknown|accepted|pending|committed|failed|aborted|expired)$"),
        "<any>" => true,
        other => panic!("no format {other}"),
    }
}

/// Where a value breaks a JSON Schema; none if it is valid. `document` is what `$ref` leads into. A keyword that is not
/// known here is a failure of its own, so that no part of a schema goes unchecked.
pub(crate) fn violates(value: &Value, schema: &Value, document: &Value, path: &str) -> Option<String> {
    let keywords = match schema {
        Value::Bool(true) => return None,
        Value::Object(keywords) => keywords,
        _ => return Some(format!("{path}: nothing is valid under {schema}")),
    };
    keywords.iter().find_map(|(keyword, rule)| match keyword.as_str() {
        "title" | "description" | "examples" | "example" | "default" | "$comment" | "format" => None,
        // These two are looked at with the one they belong to.
        "additionalProperties" | "$defs" => None,
        "properties" => members(value, rule, keywords.get("additionalProperties"), document, path),
        "$ref" | "items" | "allOf" | "oneOf" | "anyOf" => within(value, keyword, rule, document, path),
        _ => alone(value, keyword, rule).map(|what| format!("{path}: {value} {what}")),
    })
}

/// What is wrong by a keyword that leads to other schemas.
fn within(value: &Value, keyword: &str, rule: &Value, document: &Value, path: &str) -> Option<String> {
    let rules = || rule.as_array().expect("a list of schemas").iter();
    match keyword {
        "$ref" => {
            let target = rule.as_str().and_then(|target| target.strip_prefix('#'));
            match target.and_then(|pointer| document.pointer(pointer)) {
                Some(target) => violates(value, target, document, path),
                None => Some(format!("{path} can't be judged: {rule} leads nowhere")),
            }
        }
        "items" => value
            .as_array()?
            .iter()
            .enumerate()
            .find_map(|(place, item)| violates(item, rule, document, &format!("{path}[{place}]"))),
        "allOf" => rules().find_map(|one| violates(value, one, document, path)),
        _ => {
            let faults: Vec<Option<String>> =
                rules().map(|one| violates(value, one, document, path)).collect();
            let fits = faults.iter().filter(|fault| fault.is_none()).count();
            let right = fits == 1 || (fits > 1 && keyword == "anyOf");
            (!right).then(|| format!("{path}: {value} fits {fits} of {}: {faults:?}", faults.len()))
        }
    }
}

/// What is wrong by a keyword that stands for itself.
fn alone(value: &Value, keyword: &str, rule: &Value) -> Option<String> {
    let limit = || rule.as_f64().expect("a number");
    let text = || value.as_str();
    let length = |length: usize| length as f64;
    let right = match keyword {
        "type" => match rule {
            Value::Array(kinds) => kinds.iter().any(|kind| is_kind(value, kind)),
            kind => is_kind(value, kind),
        },
        "enum" => rule.as_array().expect("a list of values").contains(value),
        "const" => rule == value,
        "pattern" => text().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= limit()),
        "maximum" => value.as_f64().is_none_or(|number| number <= limit()),
        "minLength" => text().is_none_or(|text| length(text.chars().count()) >= limit()),
        "maxLength" => text().is_none_or(|text| length(text.chars().count()) <= limit()),
        "minItems" => value.as_array().is_none_or(|items| length(items.len()) >= limit()),
        "maxItems" => value.as_array().is_none_or(|items| length(items.len()) <= limit()),
        "required" => value.as_object().is_none_or(|object| {
            let mut names = rule.as_array().expect("a list of names").iter();
            names.all(|name| object.contains_key(name.as_str().unwrap()))
        }),
        _ => return Some(format!("can't be judged by the keyword {keyword}")),
    };
    (!right).then(|| format!("breaks {keyword} {rule}"))
}

fn members(
    value: &Value,
    rules: &Value,
    others: Option<&Value>,
    document: &Value,
    path: &str,
) -> Option<String> {
    value.as_object()?.iter().find_map(|(name, member)| {
        let path = format!("{path}.{name}");
        match (rules.get(name), others) {
            (Some(rule), _) => violates(member, rule, document, &path),
            (None, Some(rule)) => violates(member, rule, document, &path),
            (None, None) => None,
        }
    })
}

fn is_kind(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[test]
fn a_schema_that_is_broken_is_noticed() {
    use serde_json::json;
    let document = json!({"hash": {"type": "string", "pattern": "^0x[0-9a-f]{2}$"}});
    let schema = json!({"type": "object", "required": ["id"], "additionalProperties": false, "properties": {
        "id": {"$ref": "#/hash"}, "count": {"type": ["integer", "null"], "minimum": 0},
        "items": {"type": "array", "items": {"oneOf": [{"enum": ["a"]}, {"type": "boolean"}]}}}});
    let judge = |value: Value| violates(&value, &schema, &document, "").is_none();
    assert!(judge(json!({"id": "0xab", "count": null, "items": ["a", true]})));
    let wrong = [
        json!([]),
        json!({}),
        json!({"id": "0xAB"}),
        json!({"id": "0xab", "count": -1}),
        json!({"id": "0xab", "count": "1"}),
        json!({"id": "0xab", "items": ["b"]}),
        json!({"id": "0xab", "other": 1}),
    ];
    for value in wrong {
        assert!(!judge(value.clone()), "{value}");
    }
    assert!(
        violates(&json!(1), &json!({"multipleOf": 1}), &document, "").is_some(),
        "a keyword nobody judges"
    );
}
