//! The settings of an installation of Istio: arguments, rules, and their rendering as `meshConfig`, values of the Helm charts and
//! an IstioOperator. Istio reads `meshConfig` leniently: it drops fields that it doesn't know and values that it can't use, at
//! most with a line in a log. Therefore every field is an argument, and every such value is refused.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments, and their defaults |
//! | [`tls`] | `tls` |
//! | [`access_log`], [`log_operators`] | `access_log`, and the operators of its formats |
//! | [`extension_providers`] | `extension_provider` |
//! | [`locality`] | `locality` |
//! | [`validate`] | rules across arguments |
//! | [`rendering`] | the documents for one version of Istio |
//! | [`outputs`] | the computed attributes |
//! | [`json_fields`] | fields of JSON objects |

mod access_log;
mod arguments;
mod extension_providers;
mod json_fields;
mod locality;
mod log_operators;
mod outputs;
mod rendering;
mod tls;
mod validate;

pub use access_log::AccessLog;
pub use arguments::{DefaultRetries, DiscoveryNamespaces, InstallConfig, PathNormalization};
pub use extension_providers::{
    CheckedBody, ExtensionProvider, GrpcAuthorizer, GrpcCheckedBody, HttpAuthorizer, LogService, OpenTelemetry, Zipkin,
};
pub use locality::{Locality, LocalityFailover};
pub use log_operators::{ACCESS_LOG_OPERATORS, OPERATORS_WITH_ARGUMENTS};
pub use outputs::{InstalledFacts, Outputs, RenderedDocuments};
use rendering::Documents;
pub use rendering::{IstioMinor, NEWEST_ISTIO};
pub use tls::{Curve, FipsStandard, Tls};
