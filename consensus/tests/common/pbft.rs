//! PBFT on the stage: its messages by kind, view and height, its timers, its blocks.

use super::stage::{Letter, Staged};
use super::{BASE_TIMEOUT, base};
use std::sync::Arc;
use witan_consensus::engine::{Engine as _, Input, Instance, Outputs, Rejected, Seq, Setup, Verified};
use witan_consensus::pbft::{Message, Pbft, PlantedFault, Record, Timer, View, leader_of};
use witan_types::{Block, Committee, Header, Height, Payload, ValidatorIndex};

/// A stage of PBFT members.
pub type Stage = super::stage::Stage<Pbft>;

impl Staged for Pbft {
    type Fault = PlantedFault;

    fn open_with(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: Option<PlantedFault>,
    ) -> (Pbft, Outputs<Pbft>) {
        match fault {
            Some(fault) => Pbft::open_with_fault(setup, records, fault),
            None => Pbft::open(setup, records),
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
            Some(fault) => Pbft::verify_with_fault(instance, committee, from, message, fault),
            None => Pbft::verify(instance, committee, from, message),
        }
    }

    fn is_greeting(message: &Message) -> bool {
        matches!(message, Message::Hello(_))
    }
}

impl Letter<Message> {
    /// Whether it is a proposal in `view` for `height`.
    pub fn is_pre_prepare(&self, view: View, height: Height) -> bool {
        matches!(&self.message, Message::PrePrepare(it) if (it.prepare.view, it.prepare.block.height) == (view, height))
    }

    /// Whether it is a prepare in `view` for `height`.
    pub fn is_prepare(&self, view: View, height: Height) -> bool {
        matches!(&self.message, Message::Prepare(it) if (it.vote.view, it.vote.block.height) == (view, height))
    }

    /// Whether it is a commit in `view` for `height`.
    pub fn is_commit(&self, view: View, height: Height) -> bool {
        matches!(&self.message, Message::Commit(it) if (it.view, it.block.height) == (view, height))
    }

    /// Whether it is about a block in `view`, in any phase.
    pub fn is_of_view(&self, view: View) -> bool {
        match &self.message {
            Message::PrePrepare(it) => it.prepare.view == view,
            Message::Prepare(it) => it.vote.view == view,
            Message::Commit(it) => it.view == view,
            _ => false,
        }
    }

    /// Whether it asks for `view`.
    pub fn is_view_change(&self, view: View) -> bool {
        matches!(&self.message, Message::ViewChange(it) if it.view == view)
    }

    /// Whether it starts `view`.
    pub fn is_new_view(&self, view: View) -> bool {
        matches!(&self.message, Message::NewView(it) if it.view == view)
    }

    /// Whether it is from and to one of these.
    pub fn is_among(&self, members: &[usize]) -> bool {
        members.contains(&self.from) && members.contains(&self.to)
    }

    /// Whether it asks for blocks or brings some.
    pub fn is_fetch(&self) -> bool {
        matches!(&self.message, Message::Fetch(_) | Message::Blocks(_))
    }
}

impl Stage {
    /// A member's view timer fires: it asks for the next view.
    pub fn change_view(&mut self, place: usize) {
        let (view, decided) = (self.view(place), self.status(place).decided);
        self.give(place, Input::Timeout(Timer::Progress(view, decided)));
        self.give(place, Input::Timeout(Timer::NewView(view)));
    }

    /// These members give views up until they ask for `view`; they hear of each other, and of the new view.
    pub fn ask_for(&mut self, members: &[usize], view: View) {
        while self.view(members[0]) < view {
            members.iter().for_each(|place| self.change_view(*place));
            let asked = self.view(members[0]);
            self.deliver(|letter| letter.is_view_change(asked) && letter.is_among(members));
        }
        self.deliver(|letter| letter.is_new_view(view) && letter.is_among(members));
    }

    /// What is under way in `view` up to `height` runs to a decision among these members, height by height.
    pub fn run(&mut self, members: &[usize], view: View, height: Height) {
        for height in base().height + 1..=height {
            self.deliver(|letter| letter.is_pre_prepare(view, height) && letter.is_among(members));
            self.deliver(|letter| letter.is_prepare(view, height) && letter.is_among(members));
            self.deliver(|letter| letter.is_commit(view, height) && letter.is_among(members));
        }
    }

    /// A member's resend timer fires, a while later.
    pub fn say_again(&mut self, place: usize) {
        self.now += BASE_TIMEOUT;
        let (view, decided) = (self.view(place), self.status(place).decided);
        self.give(place, Input::Timeout(Timer::Resend(view, decided)));
    }

    /// The view a member is in, or asks for.
    pub fn view(&self, place: usize) -> View {
        self.status(place).view
    }
}

/// Who leads a height in a view, of four.
pub fn leader(view: View, height: Height) -> usize {
    leader_of(view, height, 4).at()
}

/// An empty block.
pub fn block(setup: &Setup, proposer: usize, parent: &Header, time_ms: u64) -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: setup.instance.chain,
        group: setup.instance.group,
        epoch: setup.instance.epoch,
        height: parent.height + 1,
        tag: 0,
        parent: parent.id(),
        proposer: ValidatorIndex(u16::try_from(proposer).unwrap()),
        time_ms,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
}
