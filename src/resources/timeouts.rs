//! How long operations may take.

use std::time::Duration as Std;

use super::arguments::takes_time;
use crate::{
    mesh::duration::Duration,
    model,
    schema::{Attr, Block, model::optional},
};

const TAKES_TIME: &str = "More than 0s.";

model! {
    /// How long operations may take; what they didn't get done by then is told, and what they did is kept.
    pub struct Timeouts {
        /// `5m` unless written.
        create: Attr<Duration> = optional().check(TAKES_TIME, takes_time),
        /// `1m` unless written.
        read: Attr<Duration> = optional().check(TAKES_TIME, takes_time),
        /// `5m` unless written.
        update: Attr<Duration> = optional().check(TAKES_TIME, takes_time),
        /// `5m` unless written.
        delete: Attr<Duration> = optional().check(TAKES_TIME, takes_time),
    }
}

/// The longest that each operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationTimeouts {
    /// Of a create.
    pub create: Std,
    /// Of a read; a plan's too.
    pub read: Std,
    /// Of an update.
    pub update: Std,
    /// Of a delete.
    pub delete: Std,
}

impl OperationTimeouts {
    /// As written; the usual ones where nothing is, or where it isn't known yet (in a plan).
    pub fn of(block: &Block<Timeouts>) -> Self {
        let written = block.known().ok().flatten();
        let limit = |argument: fn(&Timeouts) -> &Attr<Duration>, usual: u64| {
            let written = written.and_then(|timeouts| argument(timeouts).known().ok().flatten().copied());
            written.unwrap_or(Duration::seconds(usual)).into()
        };
        Self {
            create: limit(|timeouts| &timeouts.create, 300),
            read: limit(|timeouts| &timeouts.read, 60),
            update: limit(|timeouts| &timeouts.update, 300),
            delete: limit(|timeouts| &timeouts.delete, 300),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_beats_what_is_usual() {
        let usual = OperationTimeouts::of(&Block::Absent);
        assert_eq!(usual, OperationTimeouts::of(&Block::Unknown));
        assert_eq!((usual.create, usual.read), (Std::from_mins(5), Std::from_mins(1)));
        let written =
            Timeouts { read: Attr::Known(Duration::seconds(7)), update: Attr::Unknown, ..Timeouts::default() };
        assert_eq!(OperationTimeouts::of(&Block::One(written)), OperationTimeouts { read: Std::from_secs(7), ..usual });
    }
}
