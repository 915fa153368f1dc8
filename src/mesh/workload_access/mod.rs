//! `mesh_access`: the allowed callers of a workload, according to the policies in the cluster. Pure:
//! query results in, outputs out.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments and outputs |
//! | [`workload`] | the labels of the workload's pods |
//! | [`evaluate`] | the outputs |

mod arguments;
mod evaluate;
mod workload;

pub use arguments::{Outputs, WorkloadAccess};
