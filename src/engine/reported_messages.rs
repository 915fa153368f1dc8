//! Messages that one run reports once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The messages that were reported since the provider was configured. A missing right concerns every resource of a run and
/// is reported for the first one only.
#[derive(Debug, Default)]
pub struct ReportedMessages(Mutex<BTreeSet<String>>);

impl ReportedMessages {
    /// Adds a message and returns whether it is new.
    pub fn insert(&self, message: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(message.to_owned())
    }

    /// Whether the message was reported already.
    pub fn contains(&self, message: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(message)
    }
}
