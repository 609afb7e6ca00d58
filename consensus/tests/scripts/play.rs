//! The commands of scripts, for any engine. Members are `n0`, `n1` and so on; blocks are named in the outputs.
//!
//! ```text
//! cluster n=4 [drafts=told]        members with work waiting; with drafts=told leaders wait for `propose`
//! deliver [KIND..] [FILTER]        delivers what matches, and what comes of it if that matches, until nothing does
//! lose [KIND..] [FILTER]           loses what matches
//! timeout n1 ..                    their view timers fire
//! resend n1 ..                     their resend timers fire, a while later
//! timer NAME n1 ..                 another timer of the engine fires
//! restart n1 ..                    they crash and come back from their disks
//! stable n1 .. block=NAME          the block is sealed and flushed there
//! propose n1                       the leader gets the payload it asked for
//! leave n1 ..                      they are about to stop
//! forge n1 WHAT .. to=n0,n2        a liar says something under its own key
//! pending [KIND..] [FILTER]        what is on its way
//! status, decided                  how members stand; what they decided since they started
//! expect ..                        fails unless so, whatever the outputs say:
//!     no-fork | decided H n0 .. | view V n0 .. | led-by n1 n0 .. | pending KIND [FILTER] | no KIND [FILTER] | accused n1
//! ```
//!
//! FILTER is any of `from=n0,n1`, `to=n2`, `among=n0,n1,n2` (both ends), `h=101`, and the engine's letter for a view,
//! such as `r=1`. Whatever a script expects, two members that decide different blocks at one height fail it.

use super::command::{Command, member};
use super::golden::Player;
use super::told::{Names, Scene, Told};
use crate::common::stage::{Deed, Drafts, Letter, Stage};
use crate::common::{BASE_TIMEOUT, sealed};
use std::collections::{BTreeMap, BTreeSet};
use witan_consensus::engine::{Input, Seq, To};
use witan_types::{BlockId, Header, Height, Scheme};

/// The most messages that one command delivers: more means that it would never end.
const MAX_DELIVERIES: usize = 2_000;

/// One story on its way.
pub struct Play<E: Told> {
    scene: Option<Scene<E>>,
    /// The mistake planted in every member.
    fault: Option<E::Fault>,
    asks_are_told: bool,
    /// What each member wrote, for its next records to be told by what they add.
    disks: Vec<Vec<(Seq, E::Record)>>,
    /// What each member's host has sealed and flushed.
    stable: BTreeMap<usize, Header>,
    /// What anyone ever decided, over restarts.
    chain: BTreeMap<Height, BlockId>,
    accused: BTreeSet<usize>,
}

impl<E: Told> Play<E> {
    /// A story of members with this mistake planted in them, or none.
    pub fn of(fault: Option<E::Fault>) -> Play<E> {
        let (disks, stable, chain, accused) = Default::default();
        Play { scene: None, fault, asks_are_told: false, disks, stable, chain, accused }
    }
}

impl<E: Told> Player for Play<E> {
    fn run(&mut self, mut command: Command) -> Result<Vec<String>, String> {
        let lines = self.act(&mut command)?;
        command.end()?;
        let deeds = self.scene.as_mut().and_then(|scene| scene.stage.deeds.replace(Vec::new()));
        Ok([lines, self.tell(deeds.unwrap_or_default())?].concat())
    }
}

/// Which messages a command means.
struct Filter {
    kinds: Vec<String>,
    from: Option<Vec<usize>>,
    to: Option<Vec<usize>>,
    among: Option<Vec<usize>>,
    view: Option<u64>,
    height: Option<Height>,
}

impl Filter {
    fn take<E: Told>(command: &mut Command, size: usize) -> Result<Filter, String> {
        Ok(Filter {
            kinds: command.words(),
            from: command.members("from", size)?,
            to: command.members("to", size)?,
            among: command.members("among", size)?,
            view: command.number(E::VIEW)?,
            height: command.number("h")?,
        })
    }

    fn matches<E: Told>(&self, letter: &Letter<E::Message>) -> bool {
        let has =
            |list: &Option<Vec<usize>>, place: usize| list.as_ref().is_none_or(|list| list.contains(&place));
        let kind = E::kind(&letter.message);
        (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
            && has(&self.from, letter.from)
            && has(&self.to, letter.to)
            && has(&self.among, letter.from)
            && has(&self.among, letter.to)
            && self.view.is_none_or(|view| E::view(&letter.message) == Some(view))
            && self.height.is_none_or(|height| E::height(&letter.message) == Some(height))
    }
}

impl<E: Told> Play<E> {
    fn scene(&mut self) -> Result<&mut Scene<E>, String> {
        self.scene.as_mut().ok_or_else(|| "begin with a cluster".to_owned())
    }

    fn act(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        match command.name.as_str() {
            "cluster" => self.cluster(command),
            "deliver" => self.deliver(command),
            "lose" => self.lose(command),
            "timeout" | "resend" | "timer" => self.fire(command),
            "restart" => self.restart(command),
            "stable" => self.stabilise(command),
            "propose" => self.propose(command),
            "leave" => self.leave(command),
            "forge" => self.forge(command),
            "pending" => self.pending(command),
            "status" => self.status(),
            "decided" => self.decided(),
            "expect" => self.expect(command),
            unknown => Err(format!("there is no command {unknown}")),
        }
    }

    /// Takes all words as members; without any, all members.
    fn members(&mut self, command: &mut Command) -> Result<Vec<usize>, String> {
        let size = self.scene()?.stage.size();
        let names = command.words();
        if names.is_empty() {
            Ok((0..size).collect())
        } else {
            names.iter().map(|name| member(name, size)).collect()
        }
    }

    fn cluster(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let size: usize = command.number("n")?.ok_or("n= is missing")?;
        let drafts = match command.option("drafts").as_deref() {
            None => Drafts::AtOnce,
            Some("told") => Drafts::WhenTold,
            Some(_) => return Err("drafts are told or at once".to_owned()),
        };
        self.asks_are_told = drafts == Drafts::WhenTold;
        self.disks = vec![Vec::new(); size];
        let mut stage = Stage::told(size, drafts, self.fault);
        let greeting = |deed: &mut Deed<E>| deed.send.retain(|(_, message)| !E::is_greeting(message));
        stage.deeds.iter_mut().flatten().for_each(greeting);
        self.scene = Some(Scene { stage, names: Names::default(), said: Vec::new() });
        Ok(Vec::new())
    }

    fn deliver(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let scene = self.scene()?;
        let filter = Filter::take::<E>(command, scene.stage.size())?;
        let mut delivered = 0;
        while let Some(at) = scene.stage.pool.iter().position(|letter| filter.matches::<E>(letter)) {
            let letter = scene.stage.pool.remove(at);
            scene.stage.say(letter.from, letter.to, letter.message);
            delivered += 1;
            if delivered > MAX_DELIVERIES {
                return Err("this never ends".to_owned());
            }
        }
        if delivered == 0 { Err("nothing matches".to_owned()) } else { Ok(Vec::new()) }
    }

    fn lose(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let scene = self.scene()?;
        let filter = Filter::take::<E>(command, scene.stage.size())?;
        let before = scene.stage.pool.len();
        scene.stage.lose(|letter| filter.matches::<E>(letter));
        if scene.stage.pool.len() == before { Err("nothing matches".to_owned()) } else { Ok(Vec::new()) }
    }

    fn fire(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let name = if command.name == "timer" { command.word()? } else { command.name.clone() };
        let members = self.members(command)?;
        let stage = &mut self.scene()?.stage;
        if name == "resend" {
            stage.now += BASE_TIMEOUT; // What is answered now and then only is answered again.
        }
        for place in members {
            let timers = E::timers(&name, &stage.status(place), stage.timers(place));
            if timers.is_empty() {
                return Err(format!("n{place} waits for no {name}"));
            }
            for (timer, after) in timers {
                stage.now += after;
                stage.give(place, Input::Timeout(timer));
            }
        }
        Ok(Vec::new())
    }

    fn restart(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        for place in self.members(command)? {
            let stable = self.stable.get(&place).cloned();
            let stage = &mut self.scene()?.stage;
            match stable {
                Some(stable) => stage.restart_from(place, &stable),
                None => stage.restart(place),
            }
        }
        Ok(Vec::new())
    }

    fn stabilise(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let name = command.needed("block")?;
        let members = self.members(command)?;
        let scene = self.scene()?;
        let header = scene.names.header(&name)?.clone();
        let sealed = sealed(&header, scene.stage.size(), Scheme::StandIn);
        for place in members {
            self.scene()?.stage.give(place, Input::Stable(sealed.clone()));
            self.stable.insert(place, header.clone());
        }
        Ok(Vec::new())
    }

    fn propose(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        for place in self.members(command)? {
            if !self.scene()?.stage.draft(place) {
                return Err(format!("n{place} asked for nothing"));
            }
        }
        Ok(Vec::new())
    }

    fn leave(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        for place in self.members(command)? {
            self.scene()?.stage.give(place, Input::Leaving);
        }
        Ok(Vec::new())
    }

    fn forge(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let scene = self.scene()?;
        let size = scene.stage.size();
        let liar = member(&command.word()?, size)?;
        let receivers = command.members("to", size)?.ok_or("to= is missing")?;
        let message = E::forge(scene, liar, command)?;
        E::blocks(&message).into_iter().for_each(|block| scene.names.learn::<E>(&block.header));
        let text = E::message(&message, &scene.names);
        let to: Vec<String> = receivers.iter().map(|place| format!("n{place}")).collect();
        let mut lines = vec![format!("n{liar} ⇒ {} {text}", to.join(","))];
        scene.said.push((liar, message.clone()));
        for place in receivers {
            match scene.stage.verify(liar, place, message.clone()) {
                Ok(verified) => scene.stage.give(place, Input::Message(verified)),
                Err(why) => lines.push(format!("n{place} refuses it: {why}")),
            }
        }
        Ok(lines)
    }

    fn pending(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let scene = self.scene()?;
        let filter = Filter::take::<E>(command, scene.stage.size())?;
        let mut lines: Vec<(usize, String, Vec<String>)> = Vec::new();
        for letter in scene.stage.pool.iter().filter(|letter| filter.matches::<E>(letter)) {
            let (text, to) = (E::message(&letter.message, &scene.names), format!("n{}", letter.to));
            match lines.iter_mut().find(|(from, said, _)| *from == letter.from && *said == text) {
                Some((_, _, receivers)) => receivers.push(to),
                None => lines.push((letter.from, text, vec![to])),
            }
        }
        let line =
            |(from, text, to): (usize, String, Vec<String>)| format!("n{from} … {} {text}", to.join(","));
        let lines: Vec<String> = lines.into_iter().map(line).collect();
        Ok(if lines.is_empty() { vec!["nothing".to_owned()] } else { lines })
    }

    fn status(&mut self) -> Result<Vec<String>, String> {
        let stage = &self.scene()?.stage;
        let mut lines = Together::default();
        for place in 0..stage.size() {
            let status = stage.status(place);
            let leader = status.leader.map_or("nobody".to_owned(), |leader| format!("n{}", leader.at()));
            let (view, decided, certified) = (status.view, status.decided, status.certified);
            lines.add(
                place,
                vec![format!(
                    "in {}{view} led by {leader}, decided {decided}, certified {certified}",
                    E::VIEW
                )],
            );
        }
        Ok(lines.lines())
    }

    fn decided(&mut self) -> Result<Vec<String>, String> {
        let scene = self.scene()?;
        let mut lines = Together::default();
        for place in 0..scene.stage.size() {
            let blocks = scene.stage.decided(place).iter().map(|block| scene.names.of(block.id()));
            let blocks: Vec<&str> = blocks.collect();
            lines.add(place, vec![format!("decided {}", or_nothing(&blocks))]);
        }
        Ok(lines.lines())
    }

    fn expect(&mut self, command: &mut Command) -> Result<Vec<String>, String> {
        let size = self.scene()?.stage.size();
        let what = command.word()?;
        let holds = match what.as_str() {
            "no-fork" => true, // After each command it is looked for.
            "decided" | "view" => {
                let number: u64 = command.word()?.parse().map_err(|_| "a number is missing")?;
                let members = self.members(command)?;
                let stage = &self.scene()?.stage;
                let mut found = members.iter().map(|place| stage.status(*place));
                found.all(|it| number == if what == "view" { it.view } else { it.decided })
            }
            "led-by" => {
                let leader = member(&command.word()?, size)?;
                let members = self.members(command)?;
                let stage = &self.scene()?.stage;
                let leader = Some(stage.setup(leader).me);
                members.iter().all(|place| stage.status(*place).leader == leader)
            }
            "accused" => {
                let accused = member(&command.word()?, size)?;
                self.accused.contains(&accused)
            }
            "pending" | "no" => {
                let filter = Filter::take::<E>(command, size)?;
                let found = self.scene()?.stage.pool.iter().any(|letter| filter.matches::<E>(letter));
                found == (what == "pending")
            }
            _ => return Err(format!("nobody can expect {what}")),
        };
        if holds { Ok(Vec::new()) } else { Err("is not so".to_owned()) }
    }

    /// The deeds as lines, those of members that did the same together.
    fn tell(&mut self, deeds: Vec<Deed<E>>) -> Result<Vec<String>, String> {
        let mut lines = Together::default();
        for deed in deeds {
            let member = deed.member;
            let told = self.tell_one(deed)?;
            lines.add(member, told);
        }
        Ok(lines.lines())
    }

    fn tell_one(&mut self, deed: Deed<E>) -> Result<Vec<String>, String> {
        let scene = self.scene.as_mut().ok_or("begin with a cluster")?;
        let carried = deed.send.iter().flat_map(|(_, message)| E::blocks(message));
        carried.for_each(|block| scene.names.learn::<E>(&block.header));
        let written = deed.persist.iter().filter_map(|(_, record)| E::recorded(record));
        written.for_each(|header| scene.names.learn::<E>(header));
        let names = &scene.names;
        let mut lines = Vec::new();
        let records = E::records(&self.disks[deed.member], &deed.persist, names);
        if !records.is_empty() {
            lines.push(format!("persists {}", records.join(", ")));
        }
        for (to, message) in &deed.send {
            let to = match to {
                To::All => "all".to_owned(),
                To::One(one) => format!("n{}", one.at()),
            };
            lines.push(format!("→ {to} {}", E::message(message, names)));
        }
        if let Some(turn) = deed.want.as_ref().filter(|_| self.asks_are_told) {
            let (height, on) = (turn.height, names.of(turn.parent));
            let soon = if turn.at_once { ", at once" } else { "" };
            lines.push(format!("asks for a block at {height} on {on}{soon}"));
        }
        let decided: Vec<&str> = deed.decided.iter().map(|block| names.of(block.id())).collect();
        if !decided.is_empty() {
            lines.push(format!("decides {}", decided.join(" ")));
        }
        lines.extend(deed.behind.map(|height| format!("needs sealed blocks up to {height}")));
        for evidence in &deed.accuse {
            let is_proven = [&evidence.first, &evidence.second]
                .iter()
                .all(|part| Scheme::StandIn.verify(&evidence.key, &part.message, &part.signature));
            if !is_proven || evidence.first == evidence.second {
                return Err("an accusation without proof".to_owned());
            }
            lines.push(format!("accuses n{}: {}", evidence.validator.at(), evidence.conflict));
        }
        for block in &deed.decided {
            let (height, id) = (block.header.height, block.id());
            let first = *self.chain.entry(height).or_insert(id);
            if first != id {
                return Err(format!("a fork: {} and {} are decided", names.of(first), names.of(id)));
            }
        }
        scene.said.extend(deed.send.into_iter().map(|(_, message)| (deed.member, message)));
        self.accused.extend(deed.accuse.iter().map(|evidence| evidence.validator.at()));
        self.disks[deed.member].extend(deed.persist);
        Ok(lines)
    }
}

/// Lines of members, in the order of their first appearance; members that do the same share them.
#[derive(Default)]
struct Together(Vec<(Vec<usize>, Vec<String>)>);

impl Together {
    fn add(&mut self, member: usize, lines: Vec<String>) {
        let same =
            |(members, other): &&mut (Vec<usize>, Vec<String>)| *other == lines && !members.contains(&member);
        match self.0.iter_mut().find(same) {
            Some((members, _)) => members.push(member),
            None if lines.is_empty() => {}
            None => self.0.push((vec![member], lines)),
        }
    }

    fn lines(self) -> Vec<String> {
        let told = self.0.into_iter().flat_map(|(members, lines)| {
            let members: BTreeSet<usize> = members.into_iter().collect();
            let names: Vec<String> = members.iter().map(|place| format!("n{place}")).collect();
            let names = names.join(" ");
            lines.into_iter().map(move |line| format!("{names} {line}"))
        });
        told.collect()
    }
}

fn or_nothing(words: &[&str]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}
