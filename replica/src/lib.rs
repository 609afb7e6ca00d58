//! One group on one node, as one pure step function: engine, ledger, mempool, sealing and catching up.
//!
//! The host (the node's event loop, or the simulator) gives each [`Event`] to [`Group::step`] and obeys the
//! [`Effects`] that come back. The replica itself holds back what must not leave before it is durable.

pub mod attack;
mod batches;
mod dissemination;
mod driving;
pub mod event;
mod executing;
mod faults;
mod hosting;
mod intake;
pub mod message;
mod open;
mod proposing;
mod relaying;
mod replica;
mod sealing;
mod sync;
pub mod verify;

pub use dissemination::MIN_BATCH_BYTES;
pub use event::{
    Admission, Class, Effects, Event, LedgerWrite, Notice, Now, Outgoing, Recipient, Relay, Source, Ticket,
    Timer, WriteSeq,
};
pub use faults::PlantedFault;
pub use message::Message;
pub use open::{Identity, Open, Opened, open_group};
pub use replica::{Group, GroupStatus, Replica};
pub use verify::{
    MessageVerifier, NoCache, OtherGroup, ReadMessage, Rejection, SignatureCache, VerifiedMessage,
    learn_together, wrong_signatures,
};
