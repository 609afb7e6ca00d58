use super::{Message, Request, read};
use crate::server::fault::Fault;

/// What is read, in short: `call <id> <method> <params>`, `told <method> <params>`, `invalid <id>`.
fn shown(request: &Request<'_>) -> String {
    match request {
        Request::Call(call_id, call) => {
            let params = call.params.map_or("none", |params| params.get());
            format!("call {} {} {params}", call_id.json(), call.method)
        }
        Request::Notification(call) => {
            format!("told {} {}", call.method, call.params.map_or("none", |params| params.get()))
        }
        Request::Invalid(call_id) => format!("invalid {}", call_id.json()),
    }
}

fn single(body: &str) -> String {
    match read(body.as_bytes(), 3) {
        Ok(Message::Single(request)) => shown(&request),
        Ok(Message::Batch(requests)) => format!("{:?}", requests.iter().map(shown).collect::<Vec<_>>()),
        Err(fault) => format!("{fault:?}"),
    }
}

#[test]
fn an_id_is_any_text_number_or_null_and_kept_as_it_was_written() {
    let cases = [
        ("1", "call 1 m none"),
        ("18446744073709551615", "call 18446744073709551615 m none"),
        ("18446744073709551616", "call 18446744073709551616 m none"),
        ("-1", "call -1 m none"),
        ("-0", "call -0 m none"),
        ("1.0", "call 1.0 m none"),
        ("1.5", "call 1.5 m none"),
        ("1e400", "call 1e400 m none"),
        (r#""""#, r#"call "" m none"#),
        (r#""a\u0062\n""#, r#"call "a\u0062\n" m none"#),
        ("null", "call null m none"),
        (r#""\ud800""#, "invalid null"),
        ("true", "invalid null"),
        ("[]", "invalid null"),
        ("{}", "invalid null"),
    ];
    for (id, expected) in cases {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
        assert_eq!(single(&body), expected, "{body}");
    }
}

#[test]
fn what_is_no_request_is_invalid_under_the_id_it_has() {
    let cases = [
        (r#"{"jsonrpc":"2.0","method":"m"}"#, "told m none"),
        (r#"{"jsonrpc":"2.0","method":"m","params":[1, 2]}"#, "told m [1, 2]"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":null}"#, "call 1 m none"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","more":[1e999]}"#, "call 1 m none"),
        (r#"{"jsonrpc":"2.0","id":1,"\u006dethod":"\"m"}"#, r#"call 1 "m none"#),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#, "invalid 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":7}"#, "invalid 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "invalid 1"),
        (r#"{"jsonrpc":"2.0","id":-7,"method":null}"#, "invalid -7"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "invalid 1"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, "invalid 1"),
        (r#"{"jsonrpc":2.0,"id":1,"method":"m"}"#, "invalid 1"),
        (r#"{"id":1,"method":"m"}"#, "invalid 1"),
        (r#"{"method":"m"}"#, "invalid null"),
        ("{}", "invalid null"),
        (r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"m"}"#, "invalid null"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","method":"m"}"#, "invalid 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[],"params":[]}"#, "invalid 1"),
        (r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"m"}"#, "invalid 1"),
    ];
    for (body, expected) in cases {
        assert_eq!(single(body), expected, "{body}");
    }
}

#[test]
fn a_batch_has_at_least_one_entry_and_each_counts_for_itself() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#;
    assert_eq!(single("[]"), format!("{:?}", Fault::NoRequest));
    assert_eq!(single("[1,[],\"x\"]"), r#"["invalid null", "invalid null", "invalid null"]"#);
    assert_eq!(single(&format!(" [{call} , {{}}]\n")), r#"["call 1 m none", "invalid null"]"#);
    assert_eq!(single(&format!("[[{call}]]")), r#"["invalid null"]"#);
    assert_eq!(single("[1,2,3,4]"), format!("{:?}", Fault::BatchTooLarge { limit: 3 }));
}

#[test]
fn what_is_no_json_is_told_apart_from_what_is_no_request() {
    let spaces = " ".repeat(1000);
    assert_eq!(
        single(&format!(r#"{spaces}{{"jsonrpc":"2.0","id":1,"method":"m"}}{spaces}"#)),
        "call 1 m none"
    );
    for scalar in ["1", "\"x\"", "null", "true"] {
        assert_eq!(single(scalar), format!("{:?}", Fault::NoRequest), "{scalar}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(single(&deep), r#"["invalid null"]"#);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#;
    let broken = [
        "",
        " ",
        "{",
        "[1,",
        "hello",
        "\u{feff}{}",
        "{'a':1}",
        "[1,]",
        "01",
        "NaN",
        &format!("{call}{call}"),
        &format!("{call}x"),
    ];
    for text in broken {
        assert_eq!(single(text), format!("{:?}", Fault::Parse), "{text}");
    }
    assert!(matches!(read(b"{\"jsonrpc\":\"2.0\",\"x\":\"\xff\"}", 3), Err(Fault::Parse)));
    assert_eq!(single(&"[".repeat(100_000)), format!("{:?}", Fault::Parse));
}
