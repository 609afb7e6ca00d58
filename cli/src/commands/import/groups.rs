//! Records grouped into transactions. The same file always makes the same groups, so that an interrupted import finds
//! its transactions again.

use super::records::{Line, Record, Rejection};
use std::io;
use witan_types::GroupId;

/// The most records in one transaction.
pub(crate) const MAX_GROUP_RECORDS: usize = 64;
/// The most bytes of ops in one transaction, unless a single record has more.
pub(crate) const MAX_GROUP_BYTES: usize = 48 * 1024;

/// Records that one transaction writes, in the order of the file; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) records: Vec<Record>,
}

impl Group {
    /// The line of its first record, which names the group.
    pub(crate) fn first_line(&self) -> u64 {
        self.records.first().map_or(0, |record| record.line)
    }

    /// The line of its last record.
    pub(crate) fn last_line(&self) -> u64 {
        self.records.last().map_or(0, |record| record.line)
    }

    /// Two halves, the second empty for a single record: a transaction that fails as a whole is tried again in
    /// parts, so that one bad record does not sink its neighbours.
    pub(crate) fn halves(mut self) -> (Group, Group) {
        let second = self.records.split_off(self.records.len().div_ceil(2));
        (self, Group { records: second })
    }
}

/// The next step through a file.
#[derive(Debug)]
pub(crate) enum Step {
    /// A full group, or the last one.
    Group(Group),
    /// A record that is not loaded.
    Rejected(Rejection),
}

/// Says which part of the network holds a key: one transaction keeps to one part.
pub(crate) type Home = Box<dyn Fn(&[u8]) -> GroupId>;

/// Groups what a source of lines yields.
pub(crate) struct Groups<F> {
    next_line: F,
    home: Home,
    records: Vec<Record>,
    bytes: usize,
}

impl<F: FnMut() -> io::Result<Option<Line>>> Groups<F> {
    /// Groups the lines that `next_line` returns until it returns `None`.
    pub(crate) fn new(next_line: F, home: Home) -> Groups<F> {
        Groups { next_line, home, records: Vec::new(), bytes: 0 }
    }

    /// The next group or rejection; `None` at the end.
    ///
    /// # Errors
    /// If the source can't be read.
    pub(crate) fn next_step(&mut self) -> io::Result<Option<Step>> {
        while let Some(line) = (self.next_line)()? {
            match line {
                Err(rejection) => return Ok(Some(Step::Rejected(rejection))),
                Ok(record) => {
                    if let Some(group) = self.push(record) {
                        return Ok(Some(Step::Group(group)));
                    }
                }
            }
        }
        Ok(self.take().map(Step::Group))
    }

    /// Adds a record, and returns the group that it would have overfilled, or is no part of.
    fn push(&mut self, record: Record) -> Option<Group> {
        let bytes = record.op_bytes();
        let full = self.records.len() >= MAX_GROUP_RECORDS || self.bytes + bytes > MAX_GROUP_BYTES;
        let leaves =
            self.records.last().is_some_and(|last| (self.home)(&last.key) != (self.home)(&record.key));
        let group = if full || leaves { self.take() } else { None };
        self.bytes += bytes;
        self.records.push(record);
        group
    }

    fn take(&mut self) -> Option<Group> {
        self.bytes = 0;
        let records = std::mem::take(&mut self.records);
        (!records.is_empty()).then_some(Group { records })
    }
}

#[cfg(test)]
mod tests;
