//! A scenario at a venue that writes down what is asked of it.

use super::*;
use std::collections::VecDeque;

#[derive(Default)]
struct Script {
    done: Vec<String>,
    /// Who leads, each time it is asked; the last one stays.
    leaders: VecDeque<Option<u16>>,
    height: u64,
    refuses: bool,
}

impl Venue for Script {
    async fn begin(&mut self, place: usize, fault: &Fault) -> Result<(), String> {
        self.done.push(format!("begin {place}: {fault}"));
        if self.refuses { Err("it can't".into()) } else { Ok(()) }
    }

    async fn end(&mut self, place: usize, fault: &Fault) -> Result<(), String> {
        self.done.push(format!("end {place}: {fault}"));
        Ok(())
    }

    async fn heal(&mut self) -> Result<(), String> {
        self.done.push("heal".into());
        Ok(())
    }

    async fn standings(&mut self) -> Vec<Standing> {
        self.height += 1;
        vec![Standing { node: 0, group: GroupId(1), height: self.height }]
    }

    async fn leader(&mut self, _: GroupId) -> Option<u16> {
        if self.leaders.len() > 1 { self.leaders.pop_front()? } else { self.leaders.front().copied()? }
    }

    async fn begin_load(&mut self, load: Load) {
        self.done.push(format!("{} transactions a second", load.tps));
    }

    async fn end_load(&mut self) {
        self.done.push("no more".into());
    }

    async fn check(&mut self) -> Vec<Checked> {
        vec![check(Kind::Fork, Some(true))]
    }
}

async fn played(rest: &str, mut venue: Script) -> (Verdict, Vec<String>) {
    let scenario = Scenario::read("test.toml", &format!("{HEAD}{rest}").replace("10s", "700ms")).unwrap();
    let mut told = Vec::new();
    let verdict = play(&scenario, &mut venue, &mut |note| told.push(note.clone())).await;
    assert_eq!(verdict.timeline, told, "what happens is told as it goes");
    (verdict, venue.done)
}

#[tokio::test]
async fn faults_begin_and_end_in_order_and_everything_heals_before_it_is_judged() {
    let text = "load = { tps = 7 }\n\
        [[fault]]\nkind = 'kill'\nnodes = ['n1']\nat = '10ms'\nfor = '20ms'\n\
        [[fault]]\nkind = 'pause'\nnodes = ['n2']\nat = '30ms'\n\
        [[expect]]\nfrom = '30ms'\nto = '40ms'\nprogress = true\nbecause = 'x'";
    let (verdict, done) = played(text, Script::default()).await;
    let expected = [
        "7 transactions a second",
        "begin 0: n1 killed",
        "end 0: n1 killed",
        "begin 1: n2 paused",
        "end 1: n2 paused",
        "no more",
        "heal",
    ];
    assert_eq!(done, expected);
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict}");
    assert!(verdict.expectations[0].evidence.contains("n0 1 to 2"), "{verdict}");
}

#[tokio::test]
async fn lines_of_whoever_leads_stay_theirs_and_other_faults_wait_for_a_leader() {
    let text = "[[fault]]\nkind = 'link'\nfrom = ['leader']\nline = { delay = '9s' }\nat = '5ms'\n\
        [[fault]]\nkind = 'kill'\nnodes = ['leader']\nat = '10ms'";
    let leaders = [None, None, Some(1)].into();
    let (verdict, done) = played(text, Script { leaders, ..Script::default() }).await;
    let begun: Vec<&String> = done.iter().filter(|line| line.starts_with("begin")).collect();
    assert_eq!(begun, ["begin 0: lines from leader to everyone: 9s later", "begin 1: n1 killed"], "{done:?}");
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict}");
}

#[tokio::test]
async fn what_can_not_be_staged_is_no_pass() {
    let text = "[[fault]]\nkind = 'kill'\nnodes = ['leader']\nat = '10ms'\nfor = '20ms'";
    let (verdict, _) = played(text, Script { leaders: [None].into(), ..Script::default() }).await;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(verdict.reasons[0].contains("no leader was there"), "{verdict}");
    let refused = Script { leaders: [Some(0)].into(), refuses: true, ..Script::default() };
    let (verdict, _) = played(text, refused).await;
    assert!(verdict.reasons[0].contains("it can't"), "{verdict}");
}
