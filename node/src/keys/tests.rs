use super::*;
use proptest::prelude::*;
use std::path::PathBuf;

const PASSWORD: &str = "correct horse battery";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn password_file(folder: &tempfile::TempDir, text: &str) -> PasswordSource {
    let path = folder.path().join("password");
    std::fs::write(&path, text).unwrap();
    PasswordSource::File(path)
}

/// A source that can't answer: for keys that must not ask.
fn no_password() -> PasswordSource {
    PasswordSource::File(PathBuf::from("/nonexistent/password"))
}

fn why(result: Result<SecretKey, NodeError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_plain_key_comes_back_without_a_password() {
    let folder = folder();
    let path = folder.path().join("node.key");
    let secret = generate();
    write_plain(&path, &secret).unwrap();
    assert_eq!(load(&path, &no_password()).unwrap().seed(), secret.seed());
    assert_eq!(read_public(&path).unwrap(), secret.public());
    assert!(!is_encrypted(&path).unwrap());
}

#[test]
fn an_encrypted_key_opens_with_its_password_alone_and_shows_no_seed() {
    let folder = folder();
    let path = folder.path().join("validator.key");
    let secret = generate();
    write_encrypted(&path, &secret, &Password::new(PASSWORD)).unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains(&hex::encode(secret.seed())));
    assert!(is_encrypted(&path).unwrap());
    assert_eq!(read_public(&path).unwrap(), secret.public());
    let right = password_file(&folder, &format!("{PASSWORD}\nthe second line is no part of it\n"));
    assert_eq!(load(&path, &right).unwrap().seed(), secret.seed());
    let wrong = password_file(&folder, "incorrect horse battery");
    assert!(why(load(&path, &wrong)).contains("the password is wrong"));
}

#[test]
fn an_encrypted_key_under_another_public_key_does_not_open() {
    let folder = folder();
    let path = folder.path().join("validator.key");
    let secret = generate();
    write_encrypted(&path, &secret, &Password::new(PASSWORD)).unwrap();
    let swapped = std::fs::read_to_string(&path).unwrap().replace(&shown(&secret), &shown(&generate()));
    std::fs::write(&path, swapped).unwrap();
    let source = password_file(&folder, PASSWORD);
    assert!(why(load(&path, &source)).contains("the file was changed"));
}

#[test]
fn a_plain_seed_beside_another_public_key_is_refused() {
    let folder = folder();
    let path = folder.path().join("node.key");
    let secret = generate();
    write_plain(&path, &secret).unwrap();
    let swapped = std::fs::read_to_string(&path).unwrap().replace(&shown(&secret), &shown(&generate()));
    std::fs::write(&path, swapped).unwrap();
    assert!(why(load(&path, &no_password())).contains("its seed belongs to"));
}

#[test]
fn a_key_file_is_for_its_owner_alone() {
    let folder = folder();
    let path = folder.path().join("node.key");
    write_plain(&path, &generate()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = why(load(&path, &no_password()));
    assert!(text.contains("mode 0644") && text.contains("chmod 600"), "{text}");
}

#[test]
fn an_existing_key_is_never_overwritten() {
    let folder = folder();
    let path = folder.path().join("node.key");
    let first = generate();
    write_plain(&path, &first).unwrap();
    assert!(matches!(write_plain(&path, &generate()), Err(NodeError::Exists { .. })));
    assert_eq!(read_public(&path).unwrap(), first.public());
}

#[test]
fn a_file_that_asks_for_endless_work_is_refused_before_any_is_done() {
    let folder = folder();
    let path = folder.path().join("validator.key");
    write_encrypted(&path, &generate(), &Password::new(PASSWORD)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let greedy =
        text.replace(&format!("\"memory_kib\": {}", STRETCH.memory_kib), "\"memory_kib\": 4000000000");
    assert_ne!(text, greedy);
    std::fs::write(&path, greedy).unwrap();
    let source = password_file(&folder, PASSWORD);
    assert!(why(load(&path, &source)).contains("more work than allowed"));
}

#[test]
fn a_broken_key_file_is_refused_without_quoting_what_may_be_a_secret() {
    let folder = folder();
    let path = folder.path().join("node.key");
    write_plain(&path, &generate()).unwrap();
    std::fs::write(&path, r#"{"scheme":"ed25519","public":"0x00","sed":"0xdeadbeef"}"#).unwrap();
    let text = why(load(&path, &no_password()));
    assert!(text.contains("line 1") && !text.contains("deadbeef"), "{text}");
}

#[test]
fn a_new_password_must_not_be_short_and_no_password_may_be_endless() {
    let folder = folder();
    assert!(password_file(&folder, "1234567\n").ask_new().is_err());
    assert!(password_file(&folder, "12345678\n").ask_new().is_ok());
    let endless = password_file(&folder, &"a".repeat(5000));
    assert!(endless.ask(Path::new("k")).is_err());
}

proptest! {
    #[test]
    fn any_seed_survives_a_plain_file(seed: [u8; 32]) {
        let folder = folder();
        let path = folder.path().join("node.key");
        write_plain(&path, &SecretKey::from_seed(seed)).unwrap();
        prop_assert_eq!(load(&path, &no_password()).unwrap().seed(), seed);
    }

    #[test]
    fn any_text_for_a_key_file_is_an_answer_never_a_panic(text in "\\PC{0,200}") {
        let folder = folder();
        let path = folder.path().join("node.key");
        write_plain(&path, &generate()).unwrap();
        std::fs::write(&path, text).unwrap();
        prop_assert!(load(&path, &no_password()).is_err());
    }
}
