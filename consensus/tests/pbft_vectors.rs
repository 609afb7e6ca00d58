//! Known answers for everything that PBFT puts on the wire or into its log: see `common/vectors.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::vectors::{INSTANCE, block, check, key, signed, wire};
use std::collections::BTreeMap;
use witan_consensus::fetch::{Blocks, Fetch};
use witan_consensus::pbft::{
    Commit, FinalCertificate, Finality, Hello, Kind, Message, NewView, Point, PrePrepare, Prepare,
    PreparedCertificate, Record, Timer, View, ViewChange, Vote,
};
use witan_types::{Block, Hash, Header, Outcome, Seal, ValidatorIndex};

fn point(header: &Header) -> Point {
    Point { height: header.height, id: header.id() }
}

/// The block above the common one.
fn child() -> Block {
    let parent = block(0);
    let header =
        Header { height: 6, parent: parent.id(), time_ms: 1_700_000_000_001, ..parent.header.clone() };
    Block { header, payload: parent.payload.clone() }
}

fn prepared(view: View) -> PreparedCertificate {
    let header = child().header;
    let signatures = signed(&Kind::Prepare.signing_bytes(&INSTANCE, &(view, point(&header))));
    PreparedCertificate { view, header, signatures }
}

fn committed() -> FinalCertificate {
    let header = block(0).header.clone();
    let signatures = signed(&Kind::Commit.signing_bytes(&INSTANCE, &(2_u64, point(&header))));
    FinalCertificate { header, finality: Finality::Commits(2, signatures) }
}

fn sealed() -> FinalCertificate {
    let header = block(0).header.clone();
    let outcome = Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root: Hash([4; 32]),
        receipts_root: Hash([5; 32]),
        outbox_root: Hash([6; 32]),
        next_epoch: None,
    };
    let seal = Seal { signatures: signed(b"not what a seal signs: only the form counts here"), outcome };
    FinalCertificate { header, finality: Finality::Seal(seal) }
}

fn of_base() -> FinalCertificate {
    FinalCertificate { header: block(0).header.clone(), finality: Finality::Base }
}

fn vote(kind: Kind) -> Vote {
    Vote::sign(&INSTANCE, &key(0), kind, 3, point(&child().header))
}

fn prepare() -> Prepare {
    let leader = PrePrepare::sign(&INSTANCE, &key(1), 3, child().into());
    Prepare { vote: vote(Kind::Prepare), leader: Some(leader.prepare.signature) }
}

fn view_change(place: u8) -> ViewChange {
    ViewChange::sign(&INSTANCE, &key(place), 4, committed(), vec![prepared(u64::from(place))])
}

fn new_view() -> NewView {
    let changes = (0..3).map(|place: u8| (ValidatorIndex(place.into()), view_change(place)));
    NewView::sign(&INSTANCE, &key(1), 4, &BTreeMap::from_iter(changes)).unwrap()
}

fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let pre_prepare = PrePrepare::sign(&INSTANCE, &key(1), 3, child().into());
    let again = Prepare { leader: None, ..prepare() };
    let fetch = Fetch { block: block(0).id(), above: 3 };
    let commit = Commit { certificate: prepared(3), vote: vote(Kind::Commit) };
    vec![
        ("pre-prepare", wire(&Message::PrePrepare(pre_prepare))),
        ("prepare", wire(&Message::Prepare(prepare()))),
        ("prepare-of-chosen", wire(&Message::Prepare(again))),
        ("commit", wire(&Message::Commit(vote(Kind::Commit)))),
        ("view-change", wire(&Message::ViewChange(view_change(0)))),
        ("new-view", wire(&Message::NewView(new_view()))),
        ("final-by-base", wire(&Message::Final(of_base()))),
        ("final-by-commits", wire(&Message::Final(committed()))),
        ("final-by-seal", wire(&Message::Final(sealed()))),
        ("hello", wire(&Message::Hello(Hello { view: 3, decided: 5 }))),
        ("fetch", wire(&Message::Fetch(fetch))),
        ("blocks", wire(&Message::Blocks(Blocks(vec![child().into(), block(0)])))),
        ("gone", wire(&Message::Gone(4))),
        ("record-block", wire(&Record::Block(block(0)))),
        ("record-prepare", wire(&Record::Prepare(prepare()))),
        ("record-commit", wire(&Record::Commit(commit))),
        ("record-view-change", wire(&Record::ViewChange(Box::new(view_change(0))))),
        ("record-new-view", wire(&Record::NewView(Box::new(new_view())))),
        ("timer-progress", wire(&Timer::Progress(3, 5))),
        ("timer-new-view", wire(&Timer::NewView(4))),
        ("timer-resend", wire(&Timer::Resend(3, 5))),
        ("timer-fetch", wire(&Timer::Fetch)),
    ]
}

#[test]
fn every_message_and_record_has_the_bytes_it_always_had() {
    check("pbft", &vectors());
}
