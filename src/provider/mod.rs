//! The provider: its block, and the lists of its resource types, data sources and functions.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments of the provider block with their defaults |
//! | [`validate`] | rules across arguments |
//! | [`configure`] | the context of later calls, made of the arguments |
//! | [`connection`] | the connection to the cluster |
//! | [`secret`] | secrets as values of arguments |

mod arguments;
mod configure;
mod connection;
mod secret;
mod validate;

pub use self::arguments::{ExecPlugin, ProviderConfig, ServiceDefaults};
use crate::{
    data_sources::data_sources,
    functions,
    plugin::interface::{Provider, Resource},
    resources::{
        Context, external_service::ExternalService, gateway::Gateway, global_defaults::GlobalDefaults,
        managed::managed, namespace::Namespace, service::Service,
    },
    schema::model::Model,
};

/// The source address without the host of the registry.
pub const ADDRESS: &str = "mesh-provider/mesh";

/// The provider with all of its resource types.
pub fn provider() -> Provider<Context> {
    let resources: [Box<dyn Resource<Context>>; 5] = [
        managed::<Service>(),
        managed::<ExternalService>(),
        managed::<GlobalDefaults>(),
        managed::<Namespace>(),
        managed::<Gateway>(),
    ];
    Provider {
        schema: ProviderConfig::schema(),
        validate: validate::validate,
        configure: configure::configure,
        is_unknown: Context::is_unknown,
        resources: resources.into_iter().map(|resource| (resource.name(), resource)).collect(),
        data_sources: data_sources().into_iter().map(|source| (source.name(), source)).collect(),
        functions: functions::functions(),
    }
}
