//! GetMetadata, GetProviderSchema, GetResourceIdentitySchemas and GetFunctions.

use std::collections::BTreeMap;

use crate::plugin::{
    interface::Resource,
    proto::tfplugin5::{
        ServerCapabilities, get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas,
    },
    session::PluginSession,
    to_proto,
};

/// Core plans deletes with the provider, may skip GetProviderSchema, and sends `moved` blocks between resource types.
const CAPABILITIES: ServerCapabilities = ServerCapabilities {
    plan_destroy: true,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: false,
};

impl<C> PluginSession<C> {
    pub(in crate::plugin) fn metadata(&self) -> get_metadata::Response {
        use get_metadata::{DataSourceMetadata, FunctionMetadata, ResourceMetadata};
        let provider = &self.provider;
        get_metadata::Response {
            server_capabilities: Some(CAPABILITIES),
            data_sources: names(&provider.data_sources, |type_name| DataSourceMetadata { type_name }),
            resources: names(&provider.resources, |type_name| ResourceMetadata { type_name }),
            functions: names(&provider.functions, |name| FunctionMetadata { name }),
            ..get_metadata::Response::default()
        }
    }

    pub(in crate::plugin) fn schemas(&self) -> get_provider_schema::Response {
        let provider = &self.provider;
        let resource = |resource: &dyn Resource<C>| to_proto::schema(resource.schema(), resource.version());
        get_provider_schema::Response {
            provider: Some(to_proto::schema(provider.schema, 0)),
            resource_schemas: provider
                .resources
                .iter()
                .map(|(name, r)| ((*name).into(), resource(r.as_ref())))
                .collect(),
            data_source_schemas: provider
                .data_sources
                .iter()
                .map(|(name, source)| ((*name).into(), to_proto::schema(source.schema(), 0)))
                .collect(),
            functions: self.function_signatures(),
            server_capabilities: Some(CAPABILITIES),
            ..get_provider_schema::Response::default()
        }
    }

    pub(in crate::plugin) fn identity_schemas(&self) -> get_resource_identity_schemas::Response {
        let identities = self
            .provider
            .resources
            .iter()
            .filter_map(|(name, resource)| Some(((*name).into(), to_proto::identity_schema(resource.identity()?))));
        get_resource_identity_schemas::Response { identity_schemas: identities.collect(), diagnostics: Vec::new() }
    }

    pub(in crate::plugin) fn functions(&self) -> get_functions::Response {
        get_functions::Response { functions: self.function_signatures(), diagnostics: Vec::new() }
    }

    fn function_signatures(&self) -> BTreeMap<String, crate::plugin::proto::tfplugin5::Function> {
        self.provider.functions.iter().map(|(name, f)| ((*name).into(), to_proto::function(f))).collect()
    }
}

fn names<T, M>(table: &BTreeMap<&'static str, T>, message: impl Fn(String) -> M) -> Vec<M> {
    table.keys().map(|name| message((*name).to_owned())).collect()
}
