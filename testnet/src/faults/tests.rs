//! Faults read and print as people write them.

use super::*;

fn read(text: &str) -> Result<Fault, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn faults_read_from_a_file_as_they_are_written() {
    let cases = [
        ("kind = 'kill'\nnodes = ['n3', 'leader']", "n3, leader killed"),
        ("kind = 'partition'\nsides = [['n0', 'n1'], ['n2']]", "partition n0, n1 | n2"),
        ("kind = 'partition'\nsides = [['n0'], ['n2']]\none-way = true", "partition n0 not heard by n2"),
        (
            "kind = 'link'\nfrom = ['leader:2']\nline = { delay = '40ms', jitter = '5ms', loss-percent = 30 }",
            "lines from leader:2 to everyone: 40ms later, up to 5ms more, 30% lost",
        ),
        ("kind = 'twin'\nnode = 'n2'\naudience = ['n0']", "n2 runs twice, the second heard by n0"),
        ("kind = 'byzantine'\nnode = 'n1'\nbehaviour = 'equivocate'", "n1 lies (equivocate)"),
        ("kind = 'clock'\nnodes = ['n1']\noffset-ms = -400", "clock of n1 400 ms behind"),
        ("kind = 'disk'\nnodes = ['n1']\ntrouble = { slow = '50ms' }", "disk of n1 50ms slower a sync"),
        ("kind = 'disk'\nnodes = ['n1']\ntrouble = 'full'", "disk of n1 full"),
        ("kind = 'two-phase'\nfrom = 1\nto = 2", "nothing that group 1 says reaches group 2"),
    ];
    for (text, words) in cases {
        let fault = read(text).unwrap();
        assert_eq!(fault.to_string(), words);
        assert!(text.contains(&format!("'{}'", fault.kind())), "{text}");
        let again: Fault = toml::from_str(&toml::to_string(&fault).unwrap()).unwrap();
        assert_eq!(again, fault);
    }
}

#[test]
fn what_is_wrong_in_a_fault_is_told() {
    for (text, why) in [
        ("kind = 'kill'\nnodes = ['x3']", "\"x3\" is no node"),
        ("kind = 'melt'\nnodes = ['n3']", "melt"),
        ("kind = 'link'\nfrom = ['n0']\nline = { delay = 'soon' }", "\"soon\" is no time"),
        ("kind = 'byzantine'\nnode = 'n1'\nbehaviour = 'sing'", "sing"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_leader_is_whoever_leads_at_that_moment() {
    let fault = Fault::Kill { nodes: vec![Who::Leader(GroupId(2)), Who::Node(0)] };
    let leads = |group: GroupId| (group == GroupId(2)).then_some(3);
    assert_eq!(fault.resolve(&leads), Ok(Fault::Kill { nodes: vec![Who::Node(3), Who::Node(0)] }));
    let other = Fault::Pause { nodes: vec![Who::Leader(GroupId(1))] };
    assert_eq!(other.resolve(&leads), Err(GroupId(1)));
}

#[test]
fn a_line_reads_from_one_word() {
    let line: Line = "delay=40ms,jitter=5ms,loss=1%,bandwidth=500".parse().unwrap();
    assert_eq!(line.to_string(), "40ms later, up to 5ms more, 1% lost, 500 kB/s");
    for (wrong, why) in
        [("delay", "says nothing"), ("loss=101%", "no share"), ("speed=1", "nothing that a line does")]
    {
        assert!(wrong.parse::<Line>().unwrap_err().contains(why), "{wrong}");
    }
}
