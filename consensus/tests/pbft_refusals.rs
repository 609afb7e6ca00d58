//! What PBFT members refuse before it reaches any state: messages that prove less than they claim.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::pbft::{Stage, block, leader};
use common::{base, instance, key};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_consensus::engine::Rejected;
use witan_consensus::fetch::Blocks;
use witan_consensus::pbft::{
    FinalCertificate, Finality, Hello, Kind, Message, NewView, Point, PrePrepare, PreparedCertificate, View,
    ViewChange,
};
use witan_types::codec::encode;
use witan_types::{Block, Header, QuorumSignatures, Scheme, Signature, ValidatorIndex, Wire, sha256};

const ALL: [usize; 4] = [0, 1, 2, 3];

fn index(place: usize) -> ValidatorIndex {
    ValidatorIndex(u16::try_from(place).unwrap())
}

/// Signatures of the first `count` members.
fn signed(count: usize, kind: Kind, view: View, header: &Header) -> QuorumSignatures {
    let point = Point { height: header.height, id: header.id() };
    let bytes = kind.signing_bytes(&instance(), &(view, point));
    QuorumSignatures::collect(
        (0..count).map(|place| (index(place), key(place, Scheme::StandIn).sign_bytes(&bytes))),
    )
}

fn prepared(view: View, block: &Block) -> PreparedCertificate {
    let header = block.header.clone();
    PreparedCertificate { view, signatures: signed(3, Kind::Prepare, view, &header), header }
}

fn decided(view: View, block: &Block) -> FinalCertificate {
    let header = block.header.clone();
    let finality = Finality::Commits(view, signed(3, Kind::Commit, view, &header));
    FinalCertificate { header, finality }
}

fn of_base() -> FinalCertificate {
    FinalCertificate { header: base(), finality: Finality::Base }
}

/// Three blocks in a chain above the base.
fn chain(stage: &Stage) -> [Arc<Block>; 3] {
    let setup = stage.setup(3);
    let first = block(setup, 3, &base(), 9_000);
    let second = block(setup, 3, &first.header, 9_001);
    let third = block(setup, 3, &second.header, 9_002);
    [first, second, third]
}

fn change(
    place: usize,
    view: View,
    decided: FinalCertificate,
    prepared: Vec<PreparedCertificate>,
) -> ViewChange {
    ViewChange::sign(&instance(), &key(place, Scheme::StandIn), view, decided, prepared)
}

fn refusal(stage: &Stage, from: usize, message: Message) -> Option<Rejected> {
    stage.verify(from, 0, message).err()
}

#[test]
fn a_view_change_whose_claims_contradict_each_other_is_refused() {
    let stage = Stage::of_four();
    let [first, second, third] = chain(&stage);
    let judged = |change: ViewChange| refusal(&stage, 2, Message::ViewChange(change));
    let (one, two) = (prepared(0, &first), prepared(0, &second));
    assert_eq!(judged(change(2, 1, of_base(), vec![one.clone(), two.clone()])), None);
    let do_not_ascend = Some(Rejected::Inconsistent("claims that do not ascend"));
    assert_eq!(judged(change(2, 1, of_base(), vec![two.clone(), one.clone()])), do_not_ascend);
    assert_eq!(
        judged(change(2, 1, of_base(), vec![one.clone(), one.clone()])),
        do_not_ascend,
        "two of one height"
    );
    assert_eq!(judged(change(2, 1, decided(0, &third), vec![two])), do_not_ascend, "below what is decided");
    let later = Some(Rejected::Inconsistent("a prepared block of a later view"));
    assert_eq!(judged(change(2, 1, of_base(), vec![prepared(1, &first)])), later);
    let none = Some(Rejected::Inconsistent("the first view follows no other"));
    assert_eq!(judged(change(2, 0, of_base(), Vec::new())), none);
}

#[test]
fn a_view_change_without_the_proof_of_what_it_claims_is_refused() {
    let stage = Stage::of_four();
    let [first, second, _] = chain(&stage);
    let judged = |change: ViewChange| refusal(&stage, 2, Message::ViewChange(change));
    let few = signed(2, Kind::Prepare, 0, &first.header);
    let header = first.header.clone();
    let weak = PreparedCertificate { view: 0, header: header.clone(), signatures: few };
    let bad = Some(Rejected::BadSignature("a prepared certificate"));
    assert_eq!(judged(change(2, 1, of_base(), vec![weak])), bad, "no quorum");
    let other = PreparedCertificate { header: second.header.clone(), ..prepared(0, &first) };
    assert_eq!(judged(change(2, 1, of_base(), vec![other])), bad, "another block's");
    let commits = PreparedCertificate {
        view: 0,
        header: header.clone(),
        signatures: signed(3, Kind::Commit, 0, &header),
    };
    assert_eq!(judged(change(2, 1, of_base(), vec![commits])), bad, "commits are no prepares");
    let prepares = Finality::Commits(0, signed(3, Kind::Prepare, 0, &header));
    let unproven = FinalCertificate { header, finality: prepares };
    assert_eq!(
        judged(change(2, 1, unproven, Vec::new())),
        Some(Rejected::BadSignature("a commit certificate"))
    );
    let anothers = change(1, 1, of_base(), Vec::new());
    assert_eq!(judged(anothers), Some(Rejected::BadSignature("the sender's signature")));
}

/// View 1 as it should be: 0 has decided the first block, 1 and 2 have prepared the ones above.
fn new_view(stage: &Stage) -> NewView {
    let [first, second, third] = chain(stage);
    let changes = BTreeMap::from([
        (index(0), change(0, 1, decided(0, &first), Vec::new())),
        (index(1), change(1, 1, of_base(), vec![prepared(0, &first), prepared(0, &second)])),
        (index(2), change(2, 1, decided(0, &first), vec![prepared(0, &second), prepared(0, &third)])),
    ]);
    let maker = leader(1, 102);
    NewView::sign(&instance(), &key(maker, Scheme::StandIn), 1, &changes).unwrap()
}

/// The new view, signed again by a member after somebody changed it.
fn signed_again(new_view: NewView, place: usize) -> Message {
    let NewView { view, signatories, decided, prepared, .. } = &new_view;
    let grounds = sha256(&[b"witan pbft grounds", &encode(signatories), &encode(decided), &encode(prepared)]);
    let bytes = Kind::NewView.signing_bytes(&instance(), &(*view, grounds));
    Message::NewView(NewView { signature: key(place, Scheme::StandIn).sign_bytes(&bytes), ..new_view })
}

#[test]
fn a_new_view_that_rests_on_less_than_it_must_is_refused() {
    let stage = Stage::of_four();
    let (genuine, maker) = (new_view(&stage), leader(1, 102));
    let judged = |by: usize, changed: &dyn Fn(&mut NewView)| {
        let mut new_view = genuine.clone();
        changed(&mut new_view);
        refusal(&stage, 3, signed_again(new_view, by))
    };
    assert_eq!(judged(maker, &|_| ()), None, "whoever passes it on");
    let no_quorum = Some(Rejected::Inconsistent("a new view without a quorum"));
    assert_eq!(judged(maker, &|it| drop(it.signatories.pop())), no_quorum);
    let twice = |it: &mut NewView| it.signatories[1] = it.signatories[0].clone();
    assert_eq!(judged(maker, &twice), no_quorum, "one member counts once");
    let unproven = Some(Rejected::Inconsistent("a claim without proof"));
    assert_eq!(judged(maker, &|it| drop(it.prepared.pop())), unproven);
    let [first, ..] = chain(&stage);
    let elsewhere = Some(Rejected::Inconsistent("a new view that starts elsewhere"));
    assert_eq!(judged(maker, &|it| it.decided = of_base()), elsewhere, "below the highest");
    let third = chain(&stage)[2].clone();
    assert_eq!(judged(maker, &|it| it.decided = decided(0, &third)), elsewhere, "above what anyone claims");
    let sender = Some(Rejected::BadSignature("the sender's signature"));
    let other = ALL.into_iter().find(|place| *place != maker).unwrap();
    assert_eq!(judged(other, &|_| ()), sender, "another made it");
    let hides = |it: &mut NewView| it.signatories[2].claims.prepared.clear();
    assert_eq!(judged(maker, &hides), sender, "a claim that its author never made");
    let view = |it: &mut NewView| it.view = 2;
    assert!(judged(leader(2, 102), &view).is_some(), "another view");
    let weak = |it: &mut NewView| {
        it.decided.finality = Finality::Commits(0, signed(2, Kind::Commit, 0, &first.header));
    };
    assert_eq!(judged(maker, &weak), Some(Rejected::BadSignature("a commit certificate")));
    let weak = |it: &mut NewView| {
        it.prepared[0].signatures = signed(2, Kind::Prepare, 0, &it.prepared[0].header.clone())
    };
    assert_eq!(judged(maker, &weak), Some(Rejected::BadSignature("a prepared certificate")));
}

#[test]
fn a_proposal_by_another_than_its_leader_or_of_another_block_is_refused() {
    let stage = Stage::of_four();
    let [first, second, _] = chain(&stage);
    let sign = |place: usize, view: View, block: &Arc<Block>| {
        PrePrepare::sign(&instance(), &key(place, Scheme::StandIn), view, Arc::clone(block))
    };
    let judged = |from: usize, proposal: PrePrepare| refusal(&stage, from, Message::PrePrepare(proposal));
    assert_eq!(judged(3, sign(3, 0, &first)), None);
    let not_leader = Some(Rejected::Inconsistent("a block from another than the height's leader"));
    assert_eq!(judged(1, sign(1, 0, &first)), not_leader);
    assert_eq!(judged(3, sign(3, 1, &first)), not_leader, "not in that view");
    let other = PrePrepare { block: Arc::clone(&second), ..sign(3, 0, &first) };
    assert_eq!(judged(3, other), Some(Rejected::Inconsistent("a leader's prepare for another block")));
    let mut tagged = first.clone();
    Arc::make_mut(&mut tagged).header.tag = 1;
    assert_eq!(judged(3, sign(3, 0, &tagged)), Some(Rejected::Inconsistent("a block with a tag")));
    let blocks = Message::Blocks(Blocks(vec![first, second]));
    assert_eq!(refusal(&stage, 3, blocks), Some(Rejected::Inconsistent("blocks that are no chain")));
    let stranger = Message::Hello(Hello { view: 0, decided: 0 });
    assert_eq!(refusal(&stage, 4, stranger), Some(Rejected::NotAMember(index(4))));
}

/// Every kind of signed message that a running group says, with its author.
fn sample() -> (Stage, Vec<(usize, Message)>) {
    let mut stage = Stage::of_four();
    let mut said: Vec<(usize, Message)> = Vec::new();
    let mut keep =
        |stage: &Stage| said.extend(stage.pool.iter().map(|letter| (letter.from, letter.message.clone())));
    stage.deliver(|letter| letter.is_pre_prepare(0, 101));
    keep(&stage);
    stage.deliver(|letter| letter.is_prepare(0, 101));
    keep(&stage);
    stage.deliver(|letter| letter.is_commit(0, 101) && letter.to == 0);
    stage.deliver(|letter| letter.is_pre_prepare(0, 102));
    stage.deliver(|letter| letter.is_prepare(0, 102));
    ALL.iter().for_each(|place| stage.change_view(*place));
    keep(&stage);
    stage.deliver(|letter| letter.is_view_change(1));
    keep(&stage);
    stage.say(3, 0, Message::Hello(Hello { view: 0, decided: 0 }));
    keep(&stage);
    said.sort_by_key(|(from, message)| (*from, message.encode()));
    said.dedup();
    said.retain(|(_, message)| !matches!(message, Message::Hello(_) | Message::Fetch(_)));
    (stage, said)
}

#[test]
fn the_sample_has_every_kind_of_signed_message() {
    let kinds = |message: &Message| match message {
        Message::PrePrepare(_) => 0,
        Message::Prepare(it) => 1 + usize::from(it.leader.is_none()),
        Message::Commit(_) => 3,
        Message::ViewChange(_) => 4,
        Message::NewView(_) => 5,
        Message::Final(_) => 6,
        _ => 7,
    };
    let mut found: Vec<usize> = sample().1.iter().map(|(_, message)| kinds(message)).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6]);
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_signed_message_verifies(pick: prop::sample::Index, at: prop::sample::Index, flip in 1_u8..) {
        let (stage, said) = sample();
        let (from, message) = pick.get(&said);
        let mut bytes = message.encode();
        *at.get_mut(&mut bytes) ^= flip;
        if let Ok(changed) = Message::decode(&bytes) {
            prop_assert!(stage.verify(*from, 2, changed).is_err());
        }
        prop_assert!(stage.verify(*from, 2, message.clone()).is_ok());
    }

    #[test]
    fn what_one_member_signed_does_not_verify_as_anothers(pick: prop::sample::Index, other in 0_usize..6) {
        let (stage, said) = sample();
        let authored = |message: &Message| !matches!(message, Message::NewView(_) | Message::Final(_));
        let signed: Vec<_> = said.into_iter().filter(|(_, message)| authored(message)).collect();
        let (from, message) = pick.get(&signed).clone();
        prop_assert_eq!(stage.verify(other, 2, message).is_ok(), other == from);
    }
}

#[test]
fn a_prepare_with_a_false_word_of_the_leader_is_refused() {
    let (stage, said) = sample();
    let found = said.into_iter().find_map(|(from, message)| match message {
        Message::Prepare(prepare) if prepare.leader.is_some() => Some((from, prepare)),
        _ => None,
    });
    let (from, mut prepare) = found.expect("somebody prepares");
    prepare.leader = Some(Signature([0; 64]));
    assert!(refusal(&stage, from, Message::Prepare(prepare)).is_some());
}
