//! HotStuff in its stories' words.
//!
//! Messages: `proposal`, `vote`, `order` (an order vote), `timeout`, `certificates`, `hello`, `fetch`, `blocks`, `gone`.
//! Timers: `timeout`, `resend`, `fetch`.
//!
//! What liars say. Certificates are put together from what was said before, so a liar has those of a quorum:
//!
//! ```text
//! forge n1 proposal r=1 on=base [time=2] [tc=2] [claim=5]    a block, later than its parent by `time` ms
//! forge n1 vote r=1 block=101@1
//! forge n1 order r=1 block=101@1
//! forge n1 timeout r=2 high=101@1 [tc=1] [claim=5]
//! forge n1 certificates high=101@1 [tc=2] [order=101@1] [claim=5]
//! ```
//!
//! `claim` changes the round of the quorum certificate, under the same signatures.

use super::command::Command;
use super::told::{Names, Scene, Told};
use crate::common::hotstuff::block;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{EngineStatus, Seq};
use witan_consensus::hotstuff::{
    Certificates, HotStuff, Kind, Message, OrderCertificate, Proposal, QuorumCertificate, Record, Round,
    SafetyState, Timeout, TimeoutCertificate, Timer, Vote,
};
use witan_types::{BlockId, QuorumSignatures, Signature, ValidatorIndex};

impl Told for HotStuff {
    const VIEW: &'static str = "r";

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Proposal(_) => "proposal",
            Message::Vote(_) => "vote",
            Message::OrderVote(_) => "order",
            Message::Timeout(_) => "timeout",
            Message::Certificates(_) => "certificates",
            Message::Hello(_) => "hello",
            Message::Fetch(_) => "fetch",
            Message::Blocks(_) => "blocks",
            Message::Gone(_) => "gone",
        }
    }

    fn view(message: &Message) -> Option<u64> {
        match message {
            Message::Proposal(proposal) => Some(proposal.round()),
            Message::Vote(vote) | Message::OrderVote(vote) => Some(vote.round),
            Message::Timeout(timeout) => Some(timeout.round),
            Message::Certificates(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => None,
        }
    }

    fn message(message: &Message, names: &Names) -> String {
        let high = |qc: &QuorumCertificate| names.claimed(qc.block, qc.round);
        let by = |tc: &Option<TimeoutCertificate>| {
            tc.as_ref().map_or(String::new(), |tc| format!(" by tc r{}", tc.round))
        };
        let text = match message {
            Message::Proposal(it) => {
                let (id, on) = (names.of(it.block.id()), high(&it.justify));
                format!("r{} {id} on {on}{}", it.round(), by(&it.tc))
            }
            Message::Vote(it) | Message::OrderVote(it) => format!("r{} {}", it.round, names.of(it.block)),
            Message::Timeout(it) => {
                format!("r{} high {}{}", it.round, high(&it.high_qc), by(&it.tc))
            }
            Message::Certificates(it) => {
                let tc = it.tc.as_ref().map(|tc| format!(", tc r{}", tc.round));
                let order = it.order.as_ref().map(|order| format!(", order {}", names.of(order.block)));
                let (tc, order) = (tc.unwrap_or_default(), order.unwrap_or_default());
                format!("high {}{tc}{order}", high(&it.high_qc))
            }
            Message::Hello(it) => format!("r{} decided {}", it.round, it.decided),
            Message::Fetch(it) => format!("{} above {}", names.of(it.block), it.above),
            Message::Blocks(it) => {
                let blocks: Vec<&str> = it.0.iter().map(|block| names.of(block.id())).collect();
                blocks.join(" ")
            }
            Message::Gone(height) => format!("{height}"),
        };
        format!("{} {text}", HotStuff::kind(message))
    }

    fn records(before: &[(Seq, Record)], new: &[(Seq, Record)], names: &Names) -> Vec<String> {
        let mut words = Vec::new();
        let mut last = before.iter().rev().find_map(|(_, record)| state(record)).cloned();
        for (_, record) in new {
            match record {
                Record::Block(block) => words.push(format!("block {}", names.of(block.id()))),
                Record::Safety(state) => {
                    let old = last.replace((**state).clone());
                    words.extend(promised(old.as_ref(), state, names));
                }
            }
        }
        words
    }

    fn timers(name: &str, status: &EngineStatus, _: &[(Timer, Duration)]) -> Vec<(Timer, Duration)> {
        let timer = match name {
            "timeout" => Some(Timer::Round(status.view)),
            "resend" => Some(Timer::Resend(status.view)),
            "fetch" => Some(Timer::Fetch),
            _ => None,
        };
        timer.into_iter().map(|timer| (timer, Duration::ZERO)).collect()
    }

    fn forge(scene: &mut Scene<HotStuff>, liar: usize, command: &mut Command) -> Result<Message, String> {
        let what = command.word()?;
        let round: Option<Round> = command.number("r")?;
        let tc = command.number("tc")?.map(|round| timeout_certificate(scene, round)).transpose()?;
        let setup = scene.stage.setup(liar).clone();
        let (instance, key) = (&setup.instance, &setup.key);
        let round = || round.ok_or("r= is missing");
        match what.as_str() {
            "proposal" => {
                let parent = scene.names.header(&command.needed("on")?)?.clone();
                let later = command.number("time")?.unwrap_or(1);
                let justify = claimed(command, certificate(scene, parent.id()))?;
                let lie = block(&setup, round()?, &parent, parent.time_ms + later);
                Ok(Message::Proposal(Proposal::sign(instance, key, Arc::clone(&lie), justify, tc)))
            }
            "vote" | "order" => {
                let kind = if what == "vote" { Kind::Vote } else { Kind::OrderVote };
                let id = scene.names.header(&command.needed("block")?)?.id();
                let vote = Vote::sign(instance, key, kind, round()?, id);
                Ok(if what == "vote" { Message::Vote(vote) } else { Message::OrderVote(vote) })
            }
            "timeout" => {
                let id = scene.names.header(&command.needed("high")?)?.id();
                let high_qc = claimed(command, certificate(scene, id))?;
                Ok(Message::Timeout(Timeout::sign(instance, key, round()?, high_qc, tc)))
            }
            "certificates" => {
                let id = scene.names.header(&command.needed("high")?)?.id();
                let high_qc = claimed(command, certificate(scene, id))?;
                let order =
                    command.option("order").map(|name| scene.names.header(&name).cloned()).transpose()?;
                let order = order.map(|header| order_certificate(scene, header.id(), header.tag));
                Ok(Message::Certificates(Certificates { high_qc, tc, order }))
            }
            _ => Err(format!("no liar can say {what}")),
        }
    }
}

fn state(record: &Record) -> Option<&SafetyState> {
    match record {
        Record::Safety(state) => Some(state),
        Record::Block(_) => None,
    }
}

/// What a state says that the one before did not.
fn promised(old: Option<&SafetyState>, new: &SafetyState, names: &Names) -> Vec<String> {
    let old = old.cloned().unwrap_or_else(|| SafetyState::of_base(BlockId::default()));
    let mut words = Vec::new();
    if let Some(it) = new.last_proposed.as_ref().filter(|_| new.last_proposed != old.last_proposed) {
        words.push(format!("proposed r{} {}", it.round, names.of(it.block)));
    }
    if let Some(it) = new.last_vote.as_ref().filter(|_| new.last_vote != old.last_vote) {
        words.push(format!("voted r{} {}", it.round, names.of(it.block)));
    }
    if let Some(it) = new.last_order_vote.as_ref().filter(|_| new.last_order_vote != old.last_order_vote) {
        words.push(format!("ordered r{} {}", it.round, names.of(it.block)));
    }
    if let Some(it) = new.last_timeout.as_ref().filter(|_| new.last_timeout != old.last_timeout) {
        words.push(format!("gave up r{}", it.round));
    }
    if new.promises.one_chain_round != old.promises.one_chain_round {
        words.push(format!("lock r{}", new.promises.one_chain_round));
    }
    words
}

/// The first signature of each author of what `part` picks.
fn signatures(
    scene: &Scene<HotStuff>,
    part: impl Fn(&Message) -> Option<(Round, BlockId, Signature)>,
) -> (Option<Round>, QuorumSignatures) {
    let parts: Vec<_> =
        scene.said.iter().filter_map(|(author, message)| part(message).map(|part| (*author, part))).collect();
    let round = parts.first().map(|(_, (round, _, _))| *round);
    let signed = parts.iter().map(|(author, (_, _, signature))| (index(*author), *signature));
    (round, QuorumSignatures::collect(signed))
}

fn index(place: usize) -> ValidatorIndex {
    ValidatorIndex(u16::try_from(place).unwrap())
}

/// A block's certificate, from all votes ever said for it.
fn certificate(scene: &Scene<HotStuff>, id: BlockId) -> QuorumCertificate {
    let (round, signatures) = signatures(scene, |message| match message {
        Message::Vote(it) if it.block == id => Some((it.round, it.block, it.signature)),
        _ => None,
    });
    QuorumCertificate { round: round.unwrap_or_default(), block: id, signatures }
}

fn order_certificate(scene: &Scene<HotStuff>, id: BlockId, round: Round) -> OrderCertificate {
    let (_, signatures) = signatures(scene, |message| match message {
        Message::OrderVote(it) if it.block == id => Some((it.round, it.block, it.signature)),
        _ => None,
    });
    OrderCertificate { round, block: id, signatures }
}

fn claimed(command: &mut Command, qc: QuorumCertificate) -> Result<QuorumCertificate, String> {
    let round = command.number("claim")?.unwrap_or(qc.round);
    Ok(QuorumCertificate { round, ..qc })
}

/// A round's time-out certificate, from all time-outs ever said in it.
fn timeout_certificate(scene: &Scene<HotStuff>, round: Round) -> Result<TimeoutCertificate, String> {
    let mut by_author: BTreeMap<usize, &Timeout> = BTreeMap::new();
    for (author, message) in &scene.said {
        if let Message::Timeout(timeout) = message
            && timeout.round == round
        {
            by_author.entry(*author).or_insert(timeout);
        }
    }
    let highest = by_author.values().map(|timeout| &timeout.high_qc).max_by_key(|qc| qc.round);
    let high_qc = highest.ok_or_else(|| format!("nobody gave r{round} up"))?.clone();
    let high_rounds = by_author.values().map(|timeout| timeout.high_qc.round).collect();
    let signed = by_author.iter().map(|(author, timeout)| (index(*author), timeout.signature));
    let signatures = QuorumSignatures::collect(signed);
    Ok(TimeoutCertificate { round, high_qc, high_rounds, signatures })
}
