//! The `timeouts` block of every resource.

use std::time::Duration as Std;

use super::duration::{Duration, is_positive};
use crate::{
    model,
    schema::{Attr, Block, model::optional},
};

const POSITIVE: &str = "More than 0s.";

model! {
    /// How long operations may take; what they didn't get done by then is told, and what they did is kept.
    pub struct Timeouts {
        /// `5m` unless written.
        create: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// `1m` unless written.
        read: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// `5m` unless written.
        update: Attr<Duration> = optional().check(POSITIVE, is_positive),
        /// `5m` unless written.
        delete: Attr<Duration> = optional().check(POSITIVE, is_positive),
    }
}

/// The time limit of each operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationTimeouts {
    /// The limit of a create.
    pub create: Std,
    /// The limit of a read, and of the reads of a plan.
    pub read: Std,
    /// The limit of an update.
    pub update: Std,
    /// The limit of a delete.
    pub delete: Std,
}

impl OperationTimeouts {
    /// The limits of a block. Where one is not set, or still unknown in a plan, it is the default.
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
    use crate::{diagnostics::Path, schema::At};

    #[test]
    fn arguments_override_the_defaults() {
        let usual = OperationTimeouts::of(&Block::Absent);
        assert_eq!(usual, OperationTimeouts::of(&Block::Unknown));
        assert_eq!((usual.create, usual.read), (Std::from_mins(5), Std::from_mins(1)));
        let written =
            Timeouts { read: Attr::Known(Duration::seconds(7)), update: Attr::Unknown, ..Timeouts::default() };
        assert_eq!(
            OperationTimeouts::of(&Block::One(At { at: Path::root(), arguments: written })),
            OperationTimeouts { read: Std::from_secs(7), ..usual }
        );
    }
}
