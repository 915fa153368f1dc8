//! The provider block.

use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        proto::tfplugin5::{configure, prepare_provider_config},
        session::Session,
    },
};

impl<C> Session<C> {
    /// Protocol 5 lets a provider prepare its configuration; core ignores what comes of it, so it is echoed.
    pub(in crate::plugin) fn prepare_provider_config(
        &self,
        request: prepare_provider_config::Request,
        out: &mut Diagnostics,
    ) -> Result<prepare_provider_config::Response, Reported> {
        let config = from_proto::value(request.config.as_ref(), &self.provider.schema.kind(), out)?;
        (self.provider.validate)(&config, out);
        Ok(prepare_provider_config::Response { prepared_config: request.config, diagnostics: Vec::new() })
    }

    pub(in crate::plugin) fn configure_provider(
        &self,
        request: &configure::Request,
        out: &mut Diagnostics,
    ) -> Result<configure::Response, Reported> {
        // What an earlier run configured must not serve this one.
        self.configure(None);
        let config = from_proto::value(request.config.as_ref(), &self.provider.schema.kind(), out)?;
        let context = (self.provider.configure)(&config, out)?;
        self.configure(Some(context));
        Ok(configure::Response::default())
    }
}
