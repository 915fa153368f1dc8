//! The `authorization` and `gateway_access` blocks: deny-all, which refuses requests that no policy allows, and access at
//! gateways.
//!
//! deny-all is an ALLOW policy for every workload. The requests that all workloads accept (metrics scrapers, health checks) are
//! rules of the same object, so that neither takes effect without the other. As a policy of its own, such a rule would deny
//! all other requests.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments of both blocks |
//! | [`deny_all`], [`allow`] | deny-all with its rules, and its audit policy |
//! | [`gateway_access`] | the policies that admit clients at gateways of other tools |

mod allow;
mod arguments;
mod deny_all;
mod gateway_access;

pub use arguments::{Allow, Authorization, DenyAllMode, GatewayAccess};
pub(super) use deny_all::{AUDIT, DENY_ALL};
pub(super) use gateway_access::validate as validate_gateway_access;

use super::context::DefaultsContext;
use crate::{
    mesh::Rendered,
    object::kind,
    schema::{At, Blocks},
};

impl At<Authorization> {
    /// Renders the policies of the mesh, and those of gateways in the modes that deny requests or count them.
    pub(super) fn render(&self, gateways: &Blocks<GatewayAccess>, context: &DefaultsContext) -> Rendered {
        let policy = &kind::AUTHORIZATION_POLICY;
        let dry_run = match *self.mode.required()? {
            DenyAllMode::Off => return Ok(Vec::new()),
            DenyAllMode::Audit => return Ok(vec![context.render(policy, AUDIT, |key| self.audit(context, key))]),
            DenyAllMode::DryRun => true,
            DenyAllMode::Enforce => false,
        };
        let mut objects = vec![context.render(policy, DENY_ALL, |key| self.deny_all(dry_run, context, key))];
        for gateway in gateways.known()? {
            let (key, object) = gateway.render(self, dry_run, context)?;
            // Validation reports two blocks for the same gateway.
            if objects.iter().all(|(other, _)| *other != key) {
                objects.push((key, object));
            }
        }
        Ok(objects)
    }
}
