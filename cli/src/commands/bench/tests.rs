use super::*;
use clap::Parser as _;

#[derive(clap::Parser, Debug)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn args(line: &[&str]) -> Args {
    Command::try_parse_from([&["bench"], line].concat()).unwrap().args
}

#[test]
fn engines_come_in_a_list_or_one_by_one_in_the_order_given() {
    use EngineKind::{HotStuff, Pbft, Raft};
    for (line, expected) in [
        (&[][..], &[HotStuff][..]),
        (&["-e", "raft"], &[Raft]),
        (&["-e", "pbft,hotstuff"], &[Pbft, HotStuff]),
        (&["-e", "pbft|hotstuff|raft"], &[Pbft, HotStuff, Raft]),
        (&["-e", "raft", "-e", "pbft", "--engine", "hotstuff"], &[Raft, Pbft, HotStuff]),
        (&["-e", "hotstuff,hotstuff"], &[HotStuff, HotStuff]),
    ] {
        assert_eq!(args(line).engines(), expected, "{line:?}");
    }
    for wrong in ["paxos", "raft,", "", "raft;pbft"] {
        let error = Command::try_parse_from(["bench", "-e", wrong]).unwrap_err().to_string();
        assert!(error.contains("hotstuff, pbft or raft"), "{error}");
    }
}

#[test]
fn no_engine_is_measured_with_more_dead_than_it_can_do_without() {
    let check = |line: &[&str], engine| check_dead(&args(line), engine).map_err(|error| error.to_string());
    for engine in EngineKind::ALL {
        assert_eq!(check(&["-n", "4", "--dead", "1"], engine), Ok(()));
        assert_eq!(check(&["-n", "1"], engine), Ok(()), "none dead");
        let why = check(&["-n", "4", "--dead", "2"], engine).unwrap_err();
        assert!(why.contains("decides with 3 of 4 validators, so at most 1 may be dead"), "{why}");
    }
    assert_eq!(
        check(&["-n", "5", "--dead", "2"], EngineKind::Raft),
        Ok(()),
        "a majority is enough where nobody lies"
    );
    assert!(check(&["-n", "5", "--dead", "2"], EngineKind::Pbft).is_err());
    assert!(check(&["-n", "4", "--dead", "9"], EngineKind::Raft).is_err());
}

#[test]
fn sizes_are_read_or_refused_with_what_is_possible() {
    assert_eq!(parse_size("256"), Ok(256));
    assert!(parse_size("10").is_err() && parse_size("1000000").is_err() && parse_size("x").is_err());
}

#[test]
fn rates_are_numbers_or_shares_of_the_full_load() {
    assert_eq!("5000".parse(), Ok(Rate::PerSecond(5_000)));
    assert_eq!("50%".parse(), Ok(Rate::Share(50)));
    for wrong in ["0", "0%", "101%", "100001", "x", "", "%", "-1"] {
        let why = wrong.parse::<Rate>().unwrap_err();
        assert!(why.contains("1 to 100000 transactions a second, or 1% to 100%"), "{why}");
    }
}

#[test]
fn an_open_loop_has_no_clients_and_a_value_has_one_size() {
    assert_eq!(args(&[]).closed(), Offer::Target(Duration::from_millis(250)));
    assert_eq!(args(&["--clients", "256"]).closed(), Offer::Clients(256));
    assert_eq!((args(&["--size", "300"]).tx_bytes(), args(&["--value-size", "256"]).tx_bytes()), (300, 427));
    for wrong in [
        &["--rate", "1", "--clients", "2"][..],
        &["--size", "300", "--value-size", "256"],
        &["--keys", "0"],
        &["--clients", "0"],
        &["--batch", "101"],
    ] {
        assert!(Command::try_parse_from([&["bench"], wrong].concat()).is_err(), "{wrong:?}");
    }
}
