//! Checks of a change that need the configuration alone.

use super::Gateway;
use crate::{
    known::Known,
    mesh::{
        Mesh, access_change,
        checks::{Code::ChangedAccess, Findings},
    },
};

impl Gateway {
    /// Checks an update; a create takes no access away.
    pub fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        let Some(prior) = prior else { return };
        // Each check is skipped where it needs an unknown value.
        let _ = check_clients(prior, planned, mesh, out);
        let _ = check_hosts(prior, planned, out);
    }
}

/// Reports which clients the policies refuse or admit from now on.
fn check_clients(prior: &Gateway, planned: &Gateway, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let subject = format!("gateway {}/{}", planned.namespace.required()?, planned.name.required()?);
    access_change::report(prior.render(mesh), planned.render(mesh), mesh, "authorization_mode", &subject, out)
}

/// Reports hosts that no server serves any more.
fn check_hosts(prior: &Gateway, planned: &Gateway, out: &mut Findings) -> Known<()> {
    let mut dropped = Vec::new();
    for server in prior.server.known()? {
        for namespace in server.namespaces.required_elements()? {
            for host in server.hosts.required_elements()? {
                let mut is_served = false;
                for other in planned.server.known()? {
                    is_served |= other.serves(host, namespace)?;
                }
                let entry =
                    format!("{host} (routes of {})", if namespace == "*" { "every namespace" } else { namespace });
                if !is_served && !dropped.contains(&entry) {
                    dropped.push(entry);
                }
            }
        }
    }
    if !dropped.is_empty() {
        out.report(
            ChangedAccess,
            "server",
            "The gateway drops hosts",
            &format!("After this apply no server serves {}: clients get 404, or no connection.", dropped.join(", ")),
        );
    }
    Ok(())
}
