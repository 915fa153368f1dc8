//! Brings a cluster to a set of desired objects: plan checks, apply, read and delete. It depends on neither Istio nor HCL.
//!
//! The decisions are pure functions with tables of tests: [`ownership`] (who owns a live object), [`drift`] (which of its
//! fields belong to the resource, and who else sets them) and [`schedule`] (in which order objects are written). The rest
//! does the I/O. The [`journal`] belongs to the caller and lists the objects that an apply has written so far; the [`record`]
//! contains the facts that later calls need.

mod apply;
pub mod drift;
pub mod journal;
mod messages;
mod namespace_contents;
pub mod ownership;
pub mod ownership_metadata;
mod plan;
mod preconditions;
mod reader;
pub mod record;
mod remove;
mod replaced_objects;
mod reported_messages;
mod run_bounded;
pub mod schedule;
mod spawn;
mod write;
mod writer;

pub use journal::{Journal, JournalEntry};
pub use ownership::OwnerIdentity;
pub use reader::{Reader, run_queries};
pub use record::Record;
pub use reported_messages::ReportedMessages;
pub use spawn::spawn_in_span;
pub use writer::Writer;
