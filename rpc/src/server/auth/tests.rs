use super::*;

const SECRET: &str = "0123456789abcdef";

fn shows(header: Option<&str>) -> bool {
    let mut headers = HeaderMap::new();
    if let Some(header) = header {
        headers.insert(AUTHORIZATION, header.parse().unwrap());
    }
    Token::parse(SECRET).unwrap().is_shown(&headers)
}

#[test]
fn only_the_very_token_passes() {
    assert!(shows(Some("Bearer 0123456789abcdef")));
    assert!(shows(Some("bearer 0123456789abcdef")), "the scheme's name has no case");
    for other in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0",
        "Basic 0123456789abcdef",
    ] {
        assert!(!shows(Some(other)), "{other:?}");
    }
    assert!(!shows(None));
}

#[test]
fn a_file_holds_one_token_of_sufficient_length() {
    assert_eq!(Token::parse(" 0123456789abcdef\n"), Token::parse(SECRET));
    for wrong in ["", "short", "0123456789abcdef with spaces", "0123456789abcdeé"] {
        assert_eq!(Token::parse(wrong), Err(TokenError), "{wrong:?}");
    }
    assert_eq!(Token::parse(&"x".repeat(MAX_CHARACTERS + 1)), Err(TokenError));
}

#[test]
fn a_token_is_never_printed() {
    assert!(!format!("{:?}", Token::parse(SECRET)).contains(SECRET));
}
