//! Driving the engine: it is given inputs, and what it says is done.

use crate::event::{Effects, Now, Timer};
use crate::replica::Replica;
use std::collections::VecDeque;
use witan_consensus::engine::{Engine, Input, Outputs};
use witan_ledger::Store;
use witan_types::Wire;

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Gives inputs to the engine, one after another, and does what it says.
    pub(crate) fn drive(&mut self, now: Now, mut inputs: VecDeque<Input<E>>, effects: &mut Effects) {
        while let Some(input) = inputs.pop_front() {
            let Some(engine) = &mut self.engine else { return };
            let outputs = engine.step(now.tick, input);
            self.obey(now, outputs, &mut inputs, effects);
        }
    }

    /// Gives one input to the engine and does what it says.
    pub(crate) fn tell(&mut self, now: Now, input: Input<E>, effects: &mut Effects) {
        self.drive(now, VecDeque::from([input]), effects);
    }

    pub(crate) fn obey(
        &mut self,
        now: Now,
        mut outputs: Outputs<E>,
        inputs: &mut VecDeque<Input<E>>,
        effects: &mut Effects,
    ) {
        effects.persist.extend(outputs.persist.iter().map(|(seq, record)| (*seq, record.encode())));
        if let Some(engine) = &mut self.engine {
            engine.hold(&mut outputs);
        }
        effects.truncate = effects.truncate.max(outputs.truncate);
        let timers = outputs.timers.into_iter();
        effects.timers.extend(timers.map(|(timer, after)| (Timer::Engine(timer.encode()), after)));
        for block in outputs.validate {
            let id = block.id();
            if let Some(verdict) = self.judge(now, id, block, effects) {
                inputs.push_back(Input::Validated(id, verdict));
            }
        }
        for block in outputs.decided {
            self.on_decided(now, block, effects);
        }
        if let Some(turn) = outputs.want {
            self.proposing.take_turn(now, turn, self.dissemination.waiting());
        }
        if let Some(height) = outputs.behind {
            self.on_behind(now, height, effects);
        }
        effects.accuse.extend(outputs.accuse);
    }
}
