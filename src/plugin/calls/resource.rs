//! The calls of a managed resource besides read, plan and apply: validation, upgrades of states and identities, import
//! and move.

use super::{
    encode::{encode_identity, encode_object},
    encoded_state::EncodedState,
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        from_proto,
        interface::{ImportId, MoveSource, ResourceState},
        proto::tfplugin5::{
            RawState, import_resource_state, move_resource_state, upgrade_resource_identity, upgrade_resource_state,
            validate_resource_type_config,
        },
        session::PluginSession,
        state::UnknownValues,
        upgrade,
    },
    schema::Value,
};

impl<C> PluginSession<C> {
    pub(in crate::plugin) fn validate_resource(
        &self,
        request: &validate_resource_type_config::Request,
        out: &mut Diagnostics,
    ) -> Result<validate_resource_type_config::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let config = from_proto::value(request.config.as_ref(), resource.schema().object_type(), out)?;
        resource.validate(&config, out);
        Ok(validate_resource_type_config::Response::default())
    }

    pub(in crate::plugin) fn upgrade_state(
        &self,
        request: &upgrade_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<upgrade_resource_state::Response, Reported> {
        let schema = self.resource(&request.type_name, out)?.schema();
        let state = upgrade::upgrade(request.raw_state.as_ref(), schema, out)?;
        let upgraded_state = Some(encode_object(schema, &state, UnknownValues::Forbidden, out)?);
        Ok(upgrade_resource_state::Response { upgraded_state, diagnostics: Vec::new() })
    }

    /// Identity schemas have had only one version. Core calls this also for states without an identity.
    pub(in crate::plugin) fn upgrade_identity(
        &self,
        request: &upgrade_resource_identity::Request,
        out: &mut Diagnostics,
    ) -> Result<upgrade_resource_identity::Response, Reported> {
        let schema = self.resource(&request.type_name, out)?.identity();
        let identity = from_proto::raw_identity(request.raw_identity.as_ref(), schema, out)?;
        let upgraded_identity = encode_identity(identity.as_ref(), schema, out)?;
        Ok(upgrade_resource_identity::Response { upgraded_identity, diagnostics: Vec::new() })
    }

    pub(in crate::plugin) async fn import(
        &self,
        request: import_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<import_resource_state::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        if let Some(deferred) = self.deferral(request.client_capabilities) {
            let state = encode_object(resource.schema(), &Value::Unknown, UnknownValues::Allowed, out)?;
            let imported = import_resource_state::ImportedResource {
                type_name: request.type_name,
                state: Some(state),
                ..import_resource_state::ImportedResource::default()
            };
            return Ok(import_resource_state::Response {
                imported_resources: vec![imported],
                deferred: Some(deferred),
                ..import_resource_state::Response::default()
            });
        }
        let schema = resource.identity();
        let id = match from_proto::identity(request.identity.as_ref(), schema, out)? {
            Some(identity) => ImportId::Identity(identity),
            None if request.id.is_empty() => {
                return Err(out.error(
                    &Path::root(),
                    "Import needs an id or an identity",
                    format!("{} is imported by its id or, where it has one, its identity.", request.type_name),
                ));
            }
            None => ImportId::Id(request.id),
        };
        let found = resource.import(self.call(), id, out).await?;
        let found = EncodedState::encode(resource, &found, UnknownValues::Forbidden, out)?;
        let imported = import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: found.state,
            private: found.private,
            identity: found.identity,
        };
        Ok(import_resource_state::Response {
            imported_resources: vec![imported],
            ..import_resource_state::Response::default()
        })
    }

    /// Upgrades the state if its provider and resource type are the same under the name of another registry. Otherwise
    /// the resource type decides by [`Resource::move_state`](crate::plugin::interface::Resource::move_state).
    pub(in crate::plugin) fn move_state(
        &self,
        request: move_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<move_resource_state::Response, Reported> {
        let resource = self.resource(&request.target_type_name, out)?;
        let is_same = is_same_provider(&request.source_provider_address, self.address);
        let target = if is_same && request.source_type_name == request.target_type_name {
            let identity = from_proto::raw_identity(request.source_identity.as_ref(), resource.identity(), out)?;
            let state = upgrade::upgrade(request.source_state.as_ref(), resource.schema(), out)?;
            ResourceState { state, private: request.source_private, identity }
        } else {
            resource.move_state(move_source(request, out)?, out)?
        };
        let after = EncodedState::encode(resource, &target, UnknownValues::Forbidden, out)?;
        Ok(move_resource_state::Response {
            target_state: after.state,
            target_private: after.private,
            target_identity: after.identity,
            diagnostics: Vec::new(),
        })
    }
}

/// Whether `address` (`registry.opentofu.org/a/b`) is that of the provider `own_address` (`a/b`) in any registry.
fn is_same_provider(address: &str, own_address: &str) -> bool {
    address == own_address || address.strip_suffix(own_address).is_some_and(|registry| registry.ends_with('/'))
}

fn move_source(request: move_resource_state::Request, out: &mut Diagnostics) -> Result<MoveSource, Reported> {
    let json = request.source_state.map(|RawState { json, .. }| json).unwrap_or_default();
    let state = serde_json::from_slice(&json).map_err(|error| {
        out.error(
            &Path::root(),
            "Unreadable state",
            format!("The state of the {} to move isn't JSON: {error}.", request.source_type_name),
        )
    })?;
    Ok(MoveSource {
        provider_address: request.source_provider_address,
        type_name: request.source_type_name,
        schema_version: request.source_schema_version,
        state,
    })
}
