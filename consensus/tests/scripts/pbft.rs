//! PBFT in its stories' words.
//!
//! Messages: `proposal` (a pre-prepare), `prepare`, `commit`, `viewchange`, `newview`, `final`, `hello`, `fetch`, `blocks`,
//! `gone`. A prepare `as chosen` is of a block that the new view proposes again: no leader's signature stands beside it.
//! Timers: `timeout` (a view's and the wait for a new one), `resend`, `fetch`.
//!
//! What liars say. Certificates are put together from what was said before, so a liar has those of a quorum:
//!
//! ```text
//! forge n3 proposal v=0 on=base [time=2]                     a block, later than its parent by `time` ms
//! forge n3 prepare v=0 block=101
//! forge n3 commit v=0 block=101
//! forge n3 viewchange v=1 [decided=101] [prepared=102,103]   without `prepared`, it hides what it committed
//! ```

use super::command::Command;
use super::told::{Names, Scene, Told};
use crate::common::base;
use crate::common::pbft::block;
use std::collections::BTreeMap;
use std::time::Duration;
use witan_consensus::engine::{EngineStatus, Seq};
use witan_consensus::pbft::{
    FinalCertificate, Finality, Kind, Message, NewView, Pbft, Point, PrePrepare, Prepare,
    PreparedCertificate, Record, Timer, View, ViewChange, Vote,
};
use witan_types::{Header, Height, QuorumSignatures, Signature, ValidatorIndex};

impl Told for Pbft {
    const VIEW: &'static str = "v";

    /// Every tag is 0, and a later view proposes a block again under the same id.
    fn block_name(header: &Header) -> String {
        format!("{}", header.height)
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::PrePrepare(_) => "proposal",
            Message::Prepare(_) => "prepare",
            Message::Commit(_) => "commit",
            Message::ViewChange(_) => "viewchange",
            Message::NewView(_) => "newview",
            Message::Final(_) => "final",
            Message::Hello(_) => "hello",
            Message::Fetch(_) => "fetch",
            Message::Blocks(_) => "blocks",
            Message::Gone(_) => "gone",
        }
    }

    fn view(message: &Message) -> Option<View> {
        match message {
            Message::PrePrepare(it) => Some(it.prepare.view),
            Message::Prepare(it) => Some(it.vote.view),
            Message::Commit(it) => Some(it.view),
            Message::ViewChange(it) => Some(it.view),
            Message::NewView(it) => Some(it.view),
            Message::Final(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => None,
        }
    }

    fn height(message: &Message) -> Option<Height> {
        match message {
            Message::PrePrepare(it) => Some(it.prepare.block.height),
            Message::Prepare(it) => Some(it.vote.block.height),
            Message::Commit(it) => Some(it.block.height),
            Message::Final(it) => Some(it.header.height),
            Message::ViewChange(_)
            | Message::NewView(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => None,
        }
    }

    fn message(message: &Message, names: &Names) -> String {
        let vote = |it: &Vote| format!("v{} {}", it.view, names.of(it.block.id));
        let text = match message {
            Message::PrePrepare(it) => {
                format!("{} on {}", vote(&it.prepare), names.of(it.block.header.parent))
            }
            Message::Prepare(it) => {
                let chosen = if it.leader.is_none() { " as chosen" } else { "" };
                format!("{}{chosen}", vote(&it.vote))
            }
            Message::Commit(it) => vote(it),
            Message::ViewChange(it) => {
                format!("v{} {}", it.view, known(&it.decided, &it.prepared, names))
            }
            Message::NewView(it) => {
                let known = known(&it.decided, &it.prepared, names);
                format!("v{} of {}: {known}", it.view, authors(it))
            }
            Message::Final(it) => names.of(it.header.id()).to_owned(),
            Message::Hello(it) => format!("v{} decided {}", it.view, it.decided),
            Message::Fetch(it) => format!("{} above {}", names.of(it.block), it.above),
            Message::Blocks(it) => {
                let blocks: Vec<&str> = it.0.iter().map(|block| names.of(block.id())).collect();
                blocks.join(" ")
            }
            Message::Gone(height) => format!("{height}"),
        };
        format!("{} {text}", Pbft::kind(message))
    }

    fn records(_before: &[(Seq, Record)], new: &[(Seq, Record)], names: &Names) -> Vec<String> {
        let vote = |it: &Vote| format!("v{} {}", it.view, names.of(it.block.id));
        let told = |record: &Record| match record {
            Record::Block(block) => format!("block {}", names.of(block.id())),
            Record::Prepare(it) => format!("prepared {}", vote(&it.vote)),
            Record::Commit(it) => format!("committed {}", vote(&it.vote)),
            Record::ViewChange(it) => format!("view change v{}", it.view),
            Record::NewView(it) => format!("new view v{}", it.view),
        };
        new.iter().map(|(_, record)| told(record)).collect()
    }

    fn timers(name: &str, status: &EngineStatus, _: &[(Timer, Duration)]) -> Vec<(Timer, Duration)> {
        let timers = match name {
            "timeout" => vec![Timer::Progress(status.view, status.decided), Timer::NewView(status.view)],
            "resend" => vec![Timer::Resend(status.view, status.decided)],
            "fetch" => vec![Timer::Fetch],
            _ => Vec::new(),
        };
        timers.into_iter().map(|timer| (timer, Duration::ZERO)).collect()
    }

    fn forge(scene: &mut Scene<Pbft>, liar: usize, command: &mut Command) -> Result<Message, String> {
        let what = command.word()?;
        let view: View = command.number("v")?.ok_or("v= is missing")?;
        let setup = scene.stage.setup(liar).clone();
        let (instance, key) = (&setup.instance, &setup.key);
        match what.as_str() {
            "proposal" => {
                let parent = scene.names.header(&command.needed("on")?)?.clone();
                let later = command.number("time")?.unwrap_or(1);
                let lie = block(&setup, liar, &parent, parent.time_ms + later);
                Ok(Message::PrePrepare(PrePrepare::sign(instance, key, view, lie)))
            }
            "prepare" => {
                let block = point(scene.names.header(&command.needed("block")?)?);
                let vote = Vote::sign(instance, key, Kind::Prepare, view, block);
                let leader = proposed(scene, view, block);
                Ok(Message::Prepare(Prepare { vote, leader }))
            }
            "commit" => {
                let block = point(scene.names.header(&command.needed("block")?)?);
                Ok(Message::Commit(Vote::sign(instance, key, Kind::Commit, view, block)))
            }
            "viewchange" => {
                let decided = command.option("decided").unwrap_or_else(|| "base".to_owned());
                let decided = final_certificate(scene, scene.names.header(&decided)?)?;
                let prepared = command.option("prepared").unwrap_or_default();
                let prepared = prepared.split(',').filter(|name| !name.is_empty());
                let prepared: Result<Vec<_>, String> =
                    prepared.map(|name| prepared_certificate(scene, scene.names.header(name)?)).collect();
                Ok(Message::ViewChange(ViewChange::sign(instance, key, view, decided, prepared?)))
            }
            _ => Err(format!("no liar can say {what}")),
        }
    }
}

/// What a view change or a new view says is known.
fn known(decided: &FinalCertificate, prepared: &[PreparedCertificate], names: &Names) -> String {
    let proof = |it: &PreparedCertificate| format!(", {} prepared in v{}", names.of(it.header.id()), it.view);
    let prepared: String = prepared.iter().map(proof).collect();
    format!("{} decided{prepared}", names.of(decided.header.id()))
}

/// Whose view changes a new view is made of.
fn authors(new_view: &NewView) -> String {
    let names = new_view.signatories.iter().map(|signatory| format!("n{}", signatory.author.at()));
    names.collect::<Vec<String>>().join(",")
}

fn point(header: &Header) -> Point {
    Point { height: header.height, id: header.id() }
}

/// The signature by which the leader proposed a block in a view, if it did.
fn proposed(scene: &Scene<Pbft>, view: View, block: Point) -> Option<Signature> {
    scene.said.iter().find_map(|(_, message)| match message {
        Message::PrePrepare(PrePrepare { prepare, .. }) if (prepare.view, prepare.block) == (view, block) => {
            Some(prepare.signature)
        }
        _ => None,
    })
}

/// The highest view in which a quorum voted for a block, with its signatures, of all votes ever said.
fn voted(
    scene: &Scene<Pbft>,
    block: Point,
    part: impl Fn(&Message) -> Option<&Vote>,
) -> Result<(View, QuorumSignatures), String> {
    let mut views: BTreeMap<View, BTreeMap<usize, Signature>> = BTreeMap::new();
    for (author, message) in &scene.said {
        if let Some(vote) = part(message).filter(|vote| vote.block == block) {
            views.entry(vote.view).or_default().insert(*author, vote.signature);
        }
    }
    let quorum = scene.stage.setup(0).committee.quorum();
    let highest = views.into_iter().rev().find(|(_, votes)| votes.len() >= quorum);
    let (view, votes) = highest.ok_or_else(|| format!("no quorum for a block at {}", block.height))?;
    let index = |place: usize| ValidatorIndex(u16::try_from(place).unwrap());
    let signed = votes.into_iter().map(|(author, signature)| (index(author), signature));
    Ok((view, QuorumSignatures::collect(signed)))
}

fn prepared_certificate(scene: &Scene<Pbft>, header: &Header) -> Result<PreparedCertificate, String> {
    let (view, signatures) = voted(scene, point(header), |message| match message {
        Message::PrePrepare(it) => Some(&it.prepare),
        Message::Prepare(it) => Some(&it.vote),
        _ => None,
    })?;
    Ok(PreparedCertificate { view, header: header.clone(), signatures })
}

fn final_certificate(scene: &Scene<Pbft>, header: &Header) -> Result<FinalCertificate, String> {
    if *header == base() {
        return Ok(FinalCertificate { header: base(), finality: Finality::Base });
    }
    let (view, signatures) = voted(scene, point(header), |message| match message {
        Message::Commit(it) => Some(it),
        _ => None,
    })?;
    Ok(FinalCertificate { header: header.clone(), finality: Finality::Commits(view, signatures) })
}
