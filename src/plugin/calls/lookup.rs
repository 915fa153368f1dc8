//! Resource types and data sources by name.

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        interface::{DataSource, Resource},
        session::PluginSession,
    },
};

impl<C> PluginSession<C> {
    /// Returns the resource type `name`, or reports that there is none.
    pub(super) fn resource(&self, name: &str, out: &mut Diagnostics) -> Result<&dyn Resource<C>, Reported> {
        let found = self.provider.resources.get(name).map(AsRef::as_ref);
        found.ok_or_else(|| report_unknown("resource type", name, out))
    }

    /// Returns the data source `name`, or reports that there is none.
    pub(super) fn data_source(&self, name: &str, out: &mut Diagnostics) -> Result<&dyn DataSource<C>, Reported> {
        let found = self.provider.data_sources.get(name).map(AsRef::as_ref);
        found.ok_or_else(|| report_unknown("data source", name, out))
    }
}

fn report_unknown(what: &str, name: &str, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        format!("Unknown {what}"),
        format!("This version of the provider has no {what} {name:?}. A newer version may have it."),
    )
}
