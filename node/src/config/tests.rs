use super::*;
use proptest::prelude::*;
use std::time::Duration;

const NODE: &str = "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Loads a file with this text, under this environment and these flags.
fn load(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let mut overrides = Overrides::default();
    flags.iter().for_each(|(key, value)| overrides.set(*key, *value));
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load_from(Some(&path), environment, &overrides).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    load(text, &[], &[]).unwrap_err()
}

#[test]
fn an_empty_file_and_no_file_are_the_defaults() {
    assert_eq!(load("", &[], &[]).unwrap(), Config::default());
    assert_eq!(Config::load_from(None, [], &Overrides::default()).unwrap(), Config::default());
}

#[test]
fn the_rendered_defaults_say_every_key_and_read_back_as_themselves() {
    let text = Config::default().render();
    let table: toml::Table = text.parse().unwrap();
    for (section, names) in settings::KEYS {
        for name in *names {
            assert!(table[*section].as_table().unwrap().contains_key(*name), "{section}.{name}");
        }
    }
    assert_eq!(load(&text, &[], &[]).unwrap(), Config::default());
}

#[test]
fn a_configuration_with_every_kind_of_value_reads_back_as_itself() {
    let mut config = Config::default();
    config.node.name = "with \"quotes\" and = signs".into();
    config.p2p.peers = vec![
        format!("{NODE}@198.51.100.1:27000").parse().unwrap(),
        format!("{}@[2001:db8::1]:1", NODE.replace("00", "01")).parse().unwrap(),
    ];
    config.rpc.hosts = vec!["node.example".into()];
    config.rpc.limit_loopback = true;
    config.rpc.auth = Optional(Some("rpc.token".into()));
    config.metrics.listen = Optional(None);
    config.log.level = LogLevel::Debug;
    config.log.format = LogFormat::Json;
    config.node.shutdown_timeout = Duration::from_millis(1500);
    assert_eq!(load(&config.render(), &[], &[]).unwrap(), config);
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file_which_wins_over_the_default() {
    let file = "[rpc]\nlisten = \"127.0.0.1:1111\"\n";
    let variable = [("WITAN_RPC__LISTEN", "127.0.0.1:2222")];
    let flag = [("rpc.listen", "127.0.0.1:3333")];
    let port = |config: Result<Config, String>| config.unwrap().rpc.listen.port();
    assert_eq!(port(load("", &[], &[])), 27001);
    assert_eq!(port(load(file, &[], &[])), 1111);
    assert_eq!(port(load(file, &variable, &[])), 2222);
    assert_eq!(port(load(file, &variable, &flag)), 3333);
}

#[test]
fn an_unknown_key_is_named_with_its_file_and_the_key_that_was_meant() {
    let text = refusal("[rpc]\nlisen = \"127.0.0.1:1\"\n");
    assert!(text.contains("`rpc.lisen` in ") && text.contains("config.toml"), "{text}");
    assert!(text.ends_with("did you mean `listen`?"), "{text}");
}

#[test]
fn an_unknown_key_is_looked_for_in_other_sections_too() {
    assert!(refusal("[rpc]\npeers = []\n").contains("did you mean `p2p.peers`?"));
    assert!(refusal("[rcp]\n").contains("did you mean `[rpc]`?"));
    assert!(refusal("max_per_signer = 1\n").contains("did you mean `mempool.max_per_signer`?"));
    assert!(refusal("[quite_unlike]\n").contains("sections are node, p2p, rpc"));
}

#[test]
fn an_unknown_variable_or_flag_is_answered_in_its_own_spelling() {
    let text = load("", &[("WITAN_RPC__LISEN", "x")], &[]).unwrap_err();
    assert!(
        text.contains("`WITAN_RPC__LISEN` in the environment: did you mean `WITAN_RPC__LISTEN`?"),
        "{text}"
    );
    let text = load("", &[], &[("rpc.lisen", "x")]).unwrap_err();
    assert!(text.contains("the command line: did you mean `rpc.listen`?"), "{text}");
}

#[test]
fn variables_of_other_programs_and_other_uses_are_left_alone() {
    let environment = [("WITAN_RPC", "http://x"), ("WITAN_KEY_PASSWORD_FILE", "y"), ("OTHER__THING", "z")];
    assert_eq!(load("", &environment, &[]).unwrap(), Config::default());
}

#[test]
fn every_problem_is_told_at_once() {
    let text = refusal(
        "[rpc]\nlisten = 7\nmax_batch = -1\n[log]\nlevel = \"loud\"\n[node]\nshutdown_timeout = \"5 parsecs\"\n",
    );
    assert!(text.starts_with("the configuration has 4 problems:"), "{text}");
    for expected in ["an address and a port", "a whole number", "one of error, warn", "\"500ms\""] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn values_that_do_not_fit_together_are_told_all() {
    let text = refusal(
        "[rpc]\nlisten = \"127.0.0.1:5\"\nmax_batch = 0\n[p2p]\nlisten = \"0.0.0.0:5\"\n[node]\nname = \"\"\n",
    );
    assert!(text.contains("a port that another listener has"), "{text}");
    assert!(text.contains("`rpc.max_batch`") && text.contains("`node.name`"), "{text}");
}

#[test]
fn a_peer_without_identity_host_or_port_is_refused() {
    for peer in
        ["127.0.0.1:1", "0x12@h:1", &format!("{NODE}@:1"), &format!("{NODE}@h:0"), &format!("{NODE}@a b:1")]
    {
        let text = refusal(&format!("[p2p]\npeers = [\"{peer}\"]\n"));
        assert!(text.contains("a peer such as"), "{peer}: {text}");
    }
    let twice = refusal(&format!("[p2p]\npeers = [\"{NODE}@a:1\", \"{NODE}@b:1\"]\n"));
    assert!(twice.contains("twice"), "{twice}");
}

#[test]
fn text_sources_give_lists_numbers_and_off() {
    let flags = [
        ("p2p.peers", &*format!("{NODE}@localhost:9")),
        ("rpc.max_batch", "1_0"),
        ("metrics.listen", "off"),
        ("rpc.hosts", "a.example, b.example"),
    ];
    let config = load("", &[], &flags).unwrap();
    assert_eq!(config.p2p.peers[0].host, "localhost");
    assert_eq!((config.rpc.max_batch, config.metrics.listen), (10, Optional(None)));
    assert_eq!(config.rpc.hosts, ["a.example", "b.example"]);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_line() {
    let text = refusal("[rpc\n");
    assert!(text.contains("config.toml is not TOML") && text.contains("line 1"), "{text}");
}

proptest! {
    #[test]
    fn every_duration_is_shown_as_it_is_read(ms in 0_u64..10_000_000_000) {
        let duration = Duration::from_millis(ms);
        let shown = duration.show();
        prop_assert_eq!(Duration::read_text(shown.trim_matches('"')), Ok(duration));
    }

    #[test]
    fn every_text_is_shown_as_it_is_read(text in "\\PC{0,40}") {
        let table: toml::Table = format!("text = {}", text.show()).parse().unwrap();
        prop_assert_eq!(String::read(&table["text"]), Ok(text));
    }

    #[test]
    fn any_file_is_an_answer_never_a_panic(text in "\\PC{0,100}") {
        prop_assert!(load(&text, &[], &[]).is_ok() || !refusal(&text).is_empty());
    }
}
