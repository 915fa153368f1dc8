//! PrepareProviderConfig and Configure.

use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        proto::tfplugin5::{configure, prepare_provider_config},
        session::PluginSession,
    },
};

impl<C> PluginSession<C> {
    /// Validates the provider block. Protocol 5 lets a provider return a prepared configuration, but core ignores it,
    /// so the response repeats the request.
    pub(in crate::plugin) fn prepare_provider_config(
        &self,
        request: prepare_provider_config::Request,
        out: &mut Diagnostics,
    ) -> Result<prepare_provider_config::Response, Reported> {
        let config = from_proto::value(request.config.as_ref(), self.provider.schema.object_type(), out)?;
        (self.provider.validate)(&config, out);
        Ok(prepare_provider_config::Response { prepared_config: request.config, diagnostics: Vec::new() })
    }

    pub(in crate::plugin) fn configure_provider(
        &self,
        request: &configure::Request,
        out: &mut Diagnostics,
    ) -> Result<configure::Response, Reported> {
        // In debug mode, the context of an earlier run must not remain if this Configure fails.
        self.set_context(None);
        let config = from_proto::value(request.config.as_ref(), self.provider.schema.object_type(), out)?;
        let context = (self.provider.configure)(&config, out)?;
        self.set_context(Some(context));
        Ok(configure::Response::default())
    }
}
