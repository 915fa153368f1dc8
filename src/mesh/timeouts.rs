//! The `timeouts` block of every resource.

use std::time::Duration as StdDuration;

use super::duration::{Duration, is_positive};
use crate::{
    model,
    schema::{Attr, Block, model::optional},
};

const POSITIVE: &str = "More than `0s`.";

model! {
    /// Time limits of operations. When a limit is reached, the error lists the objects that aren't done, and
    /// finished ones stay recorded.
    pub struct Timeouts {
        /// Time limit of a creation. Defaults to `5m`.
        create: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// Time limit of a refresh, and of all reads of a plan together. Defaults to `1m`.
        read: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// Time limit of an update. Defaults to `5m`.
        update: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// Time limit of a deletion. Defaults to `5m`.
        delete: Attr<Duration> = optional().check(POSITIVE, is_positive),
    }
}

/// The time limit of each operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationTimeouts {
    /// The limit of a create.
    pub create: StdDuration,
    /// The limit of a read, and of all reads of a plan together.
    pub read: StdDuration,
    /// The limit of an update.
    pub update: StdDuration,
    /// The limit of a delete.
    pub delete: StdDuration,
}

impl OperationTimeouts {
    /// Returns the limits of a `timeouts` block. A limit that isn't set, or is unknown in a plan, is the default.
    pub fn of(block: &Block<Timeouts>) -> Self {
        let timeouts = block.known().ok().flatten();
        let limit = |argument: fn(&Timeouts) -> &Attr<Duration>, default_seconds: u64| {
            let timeout = timeouts.and_then(|timeouts| argument(timeouts).known().ok().flatten().copied());
            timeout.unwrap_or(Duration::seconds(default_seconds)).into()
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
    use crate::{diagnostics::Path, schema::At};

    #[test]
    fn arguments_override_the_defaults() {
        let defaults = OperationTimeouts::of(&Block::Absent);
        assert_eq!(defaults, OperationTimeouts::of(&Block::Unknown));
        assert_eq!((defaults.create, defaults.read), (StdDuration::from_mins(5), StdDuration::from_mins(1)));
        let timeouts =
            Timeouts { read: Attr::Known(Duration::seconds(7)), update: Attr::Unknown, ..Timeouts::default() };
        assert_eq!(
            OperationTimeouts::of(&Block::One(At { at: Path::root(), arguments: timeouts })),
            OperationTimeouts { read: StdDuration::from_secs(7), ..defaults }
        );
    }
}
