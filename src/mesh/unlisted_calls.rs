//! The argument `outbound_traffic_policy` beside `calls`, which services and namespaces have: calls that `calls` doesn't list.

use super::{Mesh, istio::sidecar::UnlistedCalls, reference::Destination};
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::{Attr, Set},
};

/// Reports the argument without `calls`: there is no Sidecar that it could be written into.
pub fn validate(policy: &Attr<UnlistedCalls>, calls: &Set<Destination>, out: &mut Diagnostics) {
    if policy.is_set() && !calls.is_set() {
        out.error(
            &argument(),
            "outbound_traffic_policy without calls",
            "It is about calls of hosts that calls doesn't list, and is written into the same Sidecar. Write calls as well, or \
             remove outbound_traffic_policy. The policy of the whole mesh is an argument of mesh_global_defaults.",
        );
    }
}

/// Warns that services of the mesh which `calls` doesn't list are called as clear text: the proxy doesn't know them, so it
/// neither encrypts nor shows an identity.
pub fn validate_in_mesh(policy: &Attr<UnlistedCalls>, calls: &Set<Destination>, mesh: &Mesh, out: &mut Diagnostics) {
    let Attr::Known(policy) = policy else { return };
    let cause = match policy {
        UnlistedCalls::RegistryOnly => return,
        UnlistedCalls::Inherit if mesh.installed.refuses_unknown_hosts() => return,
        UnlistedCalls::Inherit => {
            "\"inherit\" takes the policy of meshConfig, and the provider's installed block doesn't say that it is registry_only"
        }
        UnlistedCalls::AllowAny => "\"allow_any\" lets calls of unknown hosts out as they are",
    };
    if !calls.is_set() {
        return;
    }
    out.warn(
        &argument(),
        "Services that calls doesn't list get clear text",
        format!(
            "{cause}. The proxies know only the services that calls lists, so calls of all others in the mesh leave without mutual \
             TLS and without identity, credentials in their headers included. List in calls every service of the mesh that is \
             called, or write outbound_traffic_policy = \"registry_only\" and declare external hosts with mesh_external_service."
        ),
    );
}

fn argument() -> Path {
    Path::root().attribute("outbound_traffic_policy")
}
