//! Faults read from the command line.

use super::*;
use clap::Parser as _;

#[derive(clap::Parser, Debug)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn asked(line: &str) -> Result<String, String> {
    let parsed =
        Line::try_parse_from(format!("fault {line}").split(' ')).map_err(|error| error.to_string())?;
    let What::Ask(ask) = parsed.args.what else { return Err("no fault".into()) };
    let nodes: Vec<String> = (0..4).map(|place| format!("n{place}")).collect();
    ask.fault(&nodes).map(|fault| fault.to_string())
}

#[test]
fn each_fault_reads_as_it_is_written() {
    for (line, fault) in [
        ("kill n3 leader", "n3, leader killed"),
        ("pause n1", "n1 paused"),
        ("partition n0,n1 n2,n3", "partition n0, n1 | n2, n3"),
        ("partition n0 n1,n2 --one-way", "partition n0 not heard by n1, n2"),
        ("isolate n3", "n3 isolated"),
        ("link --from n0 --delay 40ms --loss 1%", "lines from n0 to everyone: 40ms later, 1% lost"),
        ("twin n3", "n3 runs twice, the second heard by n0, n1"),
        ("twin n3 --audience n1,n2", "n3 runs twice, the second heard by n1, n2"),
        ("byzantine n1 equivocate", "n1 lies (equivocate)"),
        ("clock n1 --behind 400ms", "clock of n1 400 ms behind"),
        ("disk n2 --slow 50ms", "disk of n2 50ms slower a sync"),
        ("disk n2 --fail-sync", "disk of n2 failing to sync"),
        ("two-phase --from 1 --to 2", "nothing that group 1 says reaches group 2"),
    ] {
        assert_eq!(asked(line).as_deref(), Ok(fault), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_told() {
    for (line, why) in [
        ("kill", "required"),
        ("kill x3", "no node"),
        ("partition n0", "2 values"),
        ("link --from n0 --loss 101%", "0% to 100%"),
        ("byzantine n1 sing", "equivocate"),
        ("byzantine n1 twin", "a fault of its own"),
        ("disk n2", "required"),
        ("disk n2 --full --fail-sync", "cannot be used with"),
        ("clock n1", "required"),
    ] {
        let told = asked(line).unwrap_err();
        assert!(told.contains(why), "{line}: {told}");
    }
}
