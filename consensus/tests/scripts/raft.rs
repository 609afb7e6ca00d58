//! Raft in its stories' words.
//!
//! Messages: `prevote`, `prevoted`, `vote`, `voted`, `append` (also without entries: "I lead"), `appended`, `handover`,
//! `gone`. An append stands on the entry before its own; the answer is how far the logs are equal, or up to which entry
//! they may be. A log's end is named like a block, for height and term are what members compare.
//!
//! Timers: `timeout` (the election timer, when its whole time is over) and `heartbeat` (a while after the last).
//!
//! Members don't lie: nothing is forged.

use super::command::Command;
use super::told::{Names, Scene, Told};
use std::collections::BTreeMap;
use std::time::Duration;
use witan_consensus::engine::{EngineStatus, Seq};
use witan_consensus::raft::{Append, AppendResult, End, Message, Point, Raft, Record, Reply, Request, Timer};
use witan_types::{BlockId, Header, Height};

impl Told for Raft {
    const VIEW: &'static str = "t";

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::PreVote(_) => "prevote",
            Message::PreVoteReply(_) => "prevoted",
            Message::RequestVote(_) => "vote",
            Message::VoteReply(_) => "voted",
            Message::Append(_) => "append",
            Message::Appended(_) => "appended",
            Message::HandOver(_) => "handover",
            Message::Gone(_) => "gone",
        }
    }

    fn view(message: &Message) -> Option<u64> {
        match message {
            Message::PreVote(it) | Message::RequestVote(it) => Some(it.term),
            Message::PreVoteReply(it) | Message::VoteReply(it) => Some(it.term),
            Message::Append(it) => Some(it.term),
            Message::Appended(it) => Some(it.term),
            Message::HandOver(term) => Some(*term),
            Message::Gone(_) => None,
        }
    }

    /// An append is of its last entry's height, or of that which it stands on; an answer of the height that it names.
    fn height(message: &Message) -> Option<Height> {
        match message {
            Message::PreVote(it) | Message::RequestVote(it) => Some(it.end.height),
            Message::Append(it) => {
                Some(it.entries.last().map_or(it.prev.height, |block| block.header.height))
            }
            Message::Appended(it) => match it.result {
                AppendResult::Matched(height) => Some(height),
                AppendResult::Conflict(hint) => Some(hint.height),
            },
            Message::Gone(height) => Some(*height),
            Message::PreVoteReply(_) | Message::VoteReply(_) | Message::HandOver(_) => None,
        }
    }

    fn message(message: &Message, names: &Names) -> String {
        let text = match message {
            Message::PreVote(it) | Message::RequestVote(it) => asked(it),
            Message::PreVoteReply(it) | Message::VoteReply(it) => answered(it),
            Message::Append(it) => appended(it, names),
            Message::Appended(it) => match it.result {
                AppendResult::Matched(height) => format!("t{} equal up to {height}", it.term),
                AppendResult::Conflict(hint) => format!("t{} no, try {}", it.term, end(hint)),
            },
            Message::HandOver(term) => format!("t{term}"),
            Message::Gone(height) => format!("{height}"),
        };
        format!("{} {text}", Raft::kind(message))
    }

    fn recorded(record: &Record) -> Option<&Header> {
        match record {
            Record::Entry(block) => Some(&block.header),
            Record::Ballot(_) => None,
        }
    }

    /// A ballot is told whole; an entry with all that it replaces.
    fn records(before: &[(Seq, Record)], new: &[(Seq, Record)], names: &Names) -> Vec<String> {
        let mut log: BTreeMap<Height, BlockId> = BTreeMap::new();
        let mut words = Vec::new();
        for (at, (_, record)) in before.iter().chain(new).enumerate() {
            let word = match record {
                Record::Ballot(ballot) => {
                    let vote = ballot.vote.map(|vote| format!(" for n{}", vote.at()));
                    format!("ballot t{}{}", ballot.term, vote.unwrap_or_default())
                }
                Record::Entry(block) => {
                    let replaced = log.split_off(&block.header.height);
                    log.insert(block.header.height, block.id());
                    let replaced: Vec<&str> = replaced.values().map(|id| names.of(*id)).collect();
                    let instead = match replaced.is_empty() {
                        true => String::new(),
                        false => format!(" instead of {}", replaced.join(" ")),
                    };
                    format!("entry {}{instead}", names.of(block.id()))
                }
            };
            words.extend(Some(word).filter(|_| at >= before.len()));
        }
        words
    }

    fn timers(name: &str, status: &EngineStatus, set: &[(Timer, Duration)]) -> Vec<(Timer, Duration)> {
        let wanted = |(timer, _): &&(Timer, Duration)| match timer {
            Timer::Election(_) => name == "timeout" && status.timer_running,
            Timer::Heartbeat(term) => name == "heartbeat" && *term == status.view,
        };
        set.iter().rev().find(wanted).copied().into_iter().collect()
    }

    fn forge(_: &mut Scene<Raft>, _: usize, _: &mut Command) -> Result<Message, String> {
        Err("members of Raft don't lie".to_owned())
    }
}

fn end(end: End) -> String {
    if end.term == 0 { "base".to_owned() } else { format!("{}@{}", end.height, end.term) }
}

fn asked(request: &Request) -> String {
    let why = if request.handed_over { ", as it was told to" } else { "" };
    format!("t{} log to {}{why}", request.term, end(request.end))
}

fn answered(reply: &Reply) -> String {
    format!("t{} {}", reply.term, if reply.granted { "yes" } else { "no" })
}

fn appended(append: &Append, names: &Names) -> String {
    let Append { term, prev, entries, commit } = append;
    let entries: String = entries.iter().map(|block| format!(" {}", names.of(block.id()))).collect();
    let Point { id, .. } = prev;
    format!("t{term}{entries} on {}, committed {commit}", names.of(*id))
}
