//! HotStuff on the stage: its messages by kind and round, its timers, its blocks.

use super::BASE_TIMEOUT;
use super::cluster::Subject;
use super::stage::{Letter, Staged};
use std::sync::Arc;
use witan_consensus::engine::{Engine as _, Input, Instance, Outputs, Rejected, Seq, Setup, To, Verified};
use witan_consensus::hotstuff::{HotStuff, Message, PlantedFault, Record, Round, Timer};
use witan_types::{Block, Committee, Header, Payload, ValidatorIndex};

/// A stage of HotStuff members.
pub type Stage = super::stage::Stage<HotStuff>;

impl Staged for HotStuff {
    type Fault = PlantedFault;

    fn open_with(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: Option<PlantedFault>,
    ) -> (HotStuff, Outputs<HotStuff>) {
        match fault {
            Some(fault) => HotStuff::open_with_fault(setup, records, fault),
            None => HotStuff::open(setup, records),
        }
    }

    fn verify_with(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Message,
        fault: Option<PlantedFault>,
    ) -> Result<Verified<Message>, Rejected> {
        match fault {
            Some(fault) => HotStuff::verify_with_fault(instance, committee, from, message, fault),
            None => HotStuff::verify(instance, committee, from, message),
        }
    }

    fn is_greeting(message: &Message) -> bool {
        matches!(message, Message::Hello(_))
    }
}

impl Subject for HotStuff {
    fn commitments(_: usize, _: To, message: &Message) -> Vec<(String, String)> {
        let one = |question: String, answer: String| vec![(question, answer)];
        match message {
            Message::Proposal(proposal) => {
                one(format!("proposal of round {}", proposal.round()), format!("{}", proposal.block.id()))
            }
            Message::Vote(vote) => one(format!("vote in round {}", vote.round), format!("{}", vote.block)),
            Message::OrderVote(vote) => {
                one(format!("order vote in round {}", vote.round), format!("{}", vote.block))
            }
            Message::Timeout(timeout) => {
                one(format!("time-out of round {}", timeout.round), format!("{}", timeout.high_qc.round))
            }
            Message::Certificates(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => Vec::new(),
        }
    }
}

impl Letter<Message> {
    /// Whether it is a vote in `round`.
    pub fn is_vote(&self, round: Round) -> bool {
        matches!(&self.message, Message::Vote(vote) if vote.round == round)
    }

    /// Whether it is an order vote for the block of `round`.
    pub fn is_order_vote(&self, round: Round) -> bool {
        matches!(&self.message, Message::OrderVote(vote) if vote.round == round)
    }

    /// Whether it is the proposal of `round`.
    pub fn is_proposal(&self, round: Round) -> bool {
        matches!(&self.message, Message::Proposal(proposal) if proposal.round() == round)
    }

    /// Whether it is a time-out of `round`.
    pub fn is_timeout(&self, round: Round) -> bool {
        matches!(&self.message, Message::Timeout(timeout) if timeout.round == round)
    }

    /// Whether it asks for blocks or brings some.
    pub fn is_fetching(&self) -> bool {
        matches!(&self.message, Message::Fetch(_) | Message::Blocks(_))
    }
}

impl Stage {
    /// A member's round timer fires.
    pub fn give_up(&mut self, place: usize) {
        let round = self.round(place);
        self.give(place, Input::Timeout(Timer::Round(round)));
    }

    /// A member's resend timer fires, a while later.
    pub fn resend(&mut self, place: usize) {
        self.now += BASE_TIMEOUT;
        let round = self.round(place);
        self.give(place, Input::Timeout(Timer::Resend(round)));
    }

    /// The round a member is in.
    pub fn round(&self, place: usize) -> Round {
        self.status(place).view
    }
}

/// An empty block of a round.
pub fn block(setup: &Setup, round: Round, parent: &Header, time_ms: u64) -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: setup.instance.chain,
        group: setup.instance.group,
        epoch: setup.instance.epoch,
        height: parent.height + 1,
        tag: round,
        parent: parent.id(),
        proposer: witan_consensus::hotstuff::home_of(round, setup.committee.size()),
        time_ms,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
}
