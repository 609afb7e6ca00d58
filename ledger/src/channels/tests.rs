//! Channels alone: what is consumed, kept and forgotten. Seals are not judged here, so none is signed.

use super::*;
use witan_types::{BlockId, ChainId, Epoch, Outcome, QuorumSignatures, Seal};

const OTHER: GroupId = GroupId(2);
const ME: GroupId = GroupId(1);

/// What the other group says, from a place on.
fn envelope(first: u64, consumed: u64, messages: &[&str]) -> Envelope {
    let outcome = Outcome {
        chain: ChainId::default(),
        group: OTHER,
        epoch: Epoch(1),
        height: 1,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    let messages = messages.iter().map(|message| message.as_bytes().to_vec()).collect();
    let contents = Contents { destination: ME, first, consumed, messages };
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    Envelope { seal: Seal { outcome, signatures: QuorumSignatures::default() }, contents, proof }
}

/// Channels, with the records of their changes thrown away.
#[derive(Default)]
struct End {
    channels: Channels,
    height: Height,
}

impl End {
    fn hears(&mut self, first: u64, consumed: u64, messages: &[&str]) -> Vec<String> {
        let envelope = envelope(first, consumed, messages);
        let news = self.channels.receive(&envelope, &mut Records::default());
        news.iter().map(|message| String::from_utf8(message.clone()).unwrap()).collect()
    }

    /// Hears this many messages that come next.
    fn hears_many(&mut self, count: usize) {
        let first = self.channels.consumed(OTHER);
        assert_eq!(self.hears(first, 0, &vec!["x"; count]).len(), count);
    }

    fn says(&mut self, message: &str) -> u64 {
        self.channels.send(OTHER, message.as_bytes().to_vec(), false)
    }

    /// Ends a block.
    fn closes(&mut self) {
        self.height += 1;
        self.channels.close(self.height, false, &mut Records::default());
    }

    /// Ends a block without anything in it.
    fn closes_idle(&mut self) {
        self.height += 1;
        self.channels.close(self.height, true, &mut Records::default());
    }

    fn kept(&self) -> Vec<Height> {
        self.channels.kept().map(|(_, height)| height).collect()
    }
}

#[test]
fn a_gap_is_skipped_and_blocks_nothing() {
    let mut end = End::default();
    assert_eq!(end.hears(1, 0, &["b"]), [""; 0]);
    assert_eq!(end.hears(u64::MAX, 0, &["z", "z"]), [""; 0]);
    assert_eq!(end.channels.consumed(OTHER), 0);
    assert_eq!(end.hears(0, 0, &["a"]), ["a"]);
    assert_eq!(end.hears(1, 0, &["b"]), ["b"]);
    assert_eq!(end.channels.consumed(OTHER), 2);
}

#[test]
fn an_idle_block_tells_what_is_untold_once() {
    let mut end = End::default();
    end.hears_many(3);
    end.closes();
    assert_eq!(end.kept(), [0; 0], "the other one may hear of it with something else");
    end.closes_idle();
    assert_eq!(end.kept(), [2]);
    end.closes_idle();
    assert_eq!(end.kept(), [2], "and nothing more is said of it");
}

#[test]
fn what_comes_again_or_overlaps_is_consumed_once() {
    let mut end = End::default();
    assert_eq!(end.hears(0, 0, &["a", "b"]), ["a", "b"]);
    assert_eq!(end.hears(0, 0, &["a", "b"]), [""; 0]);
    assert_eq!(end.hears(1, 0, &["b", "c", "d"]), ["c", "d"]);
    assert_eq!(end.hears(2, 0, &["c"]), [""; 0]);
    assert_eq!(end.channels.consumed(OTHER), 4);
}

#[test]
fn an_acknowledgement_frees_the_outbox_whatever_becomes_of_the_messages_beside_it() {
    let mut end = End::default();
    end.says("a");
    end.closes();
    end.says("b");
    end.closes();
    assert_eq!(end.kept(), [1, 2]);
    assert_eq!(end.hears(7, 1, &["behind a gap"]), [""; 0]);
    assert_eq!((end.channels.acknowledged(OTHER), end.kept()), (1, vec![2]));
    end.hears(0, 2, &[]);
    assert_eq!((end.channels.acknowledged(OTHER), end.kept()), (2, vec![]));
}

#[test]
fn part_of_a_block_that_is_acknowledged_frees_nothing_yet() {
    let mut end = End::default();
    end.says("a");
    end.says("b");
    end.closes();
    end.hears(0, 1, &[]);
    assert_eq!((end.channels.acknowledged(OTHER), end.kept()), (1, vec![1]));
}

#[test]
fn an_acknowledgement_of_what_was_not_sent_or_an_old_one_has_no_effect() {
    let mut end = End::default();
    end.hears(0, 1, &[]);
    assert_eq!(end.channels.acknowledged(OTHER), 0, "nothing was ever sent");
    end.says("a");
    end.says("b");
    end.closes();
    for lie in [3, u64::MAX] {
        end.hears(0, lie, &[]);
        assert_eq!((end.channels.acknowledged(OTHER), end.kept()), (0, vec![1]));
    }
    end.hears(0, 2, &[]);
    end.hears(0, 1, &[]);
    assert_eq!(end.channels.acknowledged(OTHER), 2);
}

#[test]
fn who_has_nothing_to_say_tells_what_it_consumed_once_that_is_much() {
    let mut end = End::default();
    end.hears_many(255);
    end.closes();
    assert!(end.kept().is_empty());
    end.hears_many(1);
    end.closes();
    assert_eq!(end.kept(), [2]);
    end.closes();
    assert_eq!(end.kept(), [2], "told once");
}

#[test]
fn what_only_tells_of_consumption_is_kept_until_something_later_tells_it() {
    let mut end = End::default();
    for _ in 0..5 {
        end.hears_many(300);
        end.closes();
        assert_eq!(end.kept(), [end.height], "the newest alone");
    }
    end.says("a");
    end.closes();
    assert_eq!(end.kept(), [6]);
    end.hears(0, 1, &[]);
    assert!(end.kept().is_empty());
}

#[test]
fn a_message_with_the_news_of_consumption_leaves_nothing_to_tell() {
    let mut end = End::default();
    end.hears_many(256);
    end.says("a");
    end.closes();
    end.hears(0, 1, &[]);
    end.closes();
    assert!(end.kept().is_empty());
}

#[test]
fn at_the_bound_of_the_outbox_prepares_wait_and_all_else_goes() {
    let mut end = End::default();
    for _ in 0..MAX_OUTBOX - 1 {
        end.says("x");
    }
    end.closes();
    assert!(end.channels.has_room_for_prepare(OTHER, 1));
    end.says("x");
    end.closes();
    assert!(!end.channels.has_room_for_prepare(OTHER, 1));
    assert!(end.channels.has_room(OTHER, SMALL_BYTES - 4));
    assert!(end.channels.has_room_for_prepare(GroupId(3), 1), "another group's outbox is empty");
    end.hears(0, 1, &[]);
    assert!(end.channels.has_room_for_prepare(OTHER, 1));
}

#[test]
fn the_contents_of_a_full_block_fit_an_envelope() {
    let mut end = End::default();
    let mut prepares = 0;
    while end.channels.has_room_for_prepare(OTHER, 700) {
        end.channels.send(OTHER, vec![0; 700], true);
        prepares += 1;
    }
    assert_eq!(prepares, MAX_PREPARES, "small ones are bounded in number");
    while end.channels.has_room(OTHER, 100) {
        end.channels.send(OTHER, vec![0; 100], false);
    }
    let drafted = end.channels.drafts[&OTHER].messages.len();
    for _ in drafted..MAX_ENVELOPE_MESSAGES {
        assert!(end.channels.has_room(OTHER, SMALL_BYTES - 4));
        end.channels.send(OTHER, vec![0; SMALL_BYTES - 4], false);
    }
    let draft = end.channels.drafts.remove(&OTHER).unwrap();
    let contents = end.channels.contents(OTHER, draft, &mut Records::default());
    assert_eq!(contents.messages.len(), MAX_ENVELOPE_MESSAGES);
    assert_eq!(Contents::decode(&contents.encode()), Ok(contents));
}
