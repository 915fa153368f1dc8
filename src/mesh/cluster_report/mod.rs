//! `mesh_cluster`: what is installed in the cluster, and the best practices that the mesh departs from. Pure: query results in,
//! outputs out.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments and outputs |
//! | [`best_practices`] | the table of best practices: code, severity and remedy of each |
//! | [`observed`] | the objects that could be read |
//! | [`installation`] | versions, kinds, revisions and their configuration |
//! | [`data_plane`] | sidecars or ambient mode, by namespace |
//! | [`findings`] | departures from the best practices |
//! | [`secrets`] | `meshConfig` without secrets |
//! | [`report`] | the queries, and the outputs made of their results |

mod arguments;
mod best_practices;
mod data_plane;
mod findings;
mod installation;
mod observed;
mod report;
mod secrets;

pub use arguments::{ClusterReport, Outputs};
pub use best_practices::{BestPractice, Severity};
