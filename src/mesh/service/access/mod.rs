//! Who may call, and who sees: the AuthorizationPolicies of a service, and the export that follows from its callers.
//!
//! | file | what |
//! | --- | --- |
//! | [`allow`] | the ALLOW policy |
//! | [`deny`] | the DENY policy of `deny` blocks |
//! | [`end_user`] | the DENY policy of requests without an end user |
//! | [`external`] | the CUSTOM policy, which asks an authorizer |
//! | [`policy`] | what these policies share |
//! | [`rule`] | a block as a rule of Istio's |
//! | [`export`] | everybody who may call, and the namespaces that see the service |
//! | [`validate`] | what must hold across the arguments of all this |

mod allow;
mod deny;
mod end_user;
mod export;
mod external;
mod policy;
mod rule;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::export::{argument as export_argument, callers, export_to};
use super::{Render, Site};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{port::PortNumber, reference::Caller, stage, text::text_enum},
    object::{Key, Stage, kind},
};

text_enum! {
    /// Who may call where `allow` doesn't say it.
    pub enum Access {
        /// The workloads of the service's namespace.
        Namespace = "namespace",
        /// Nobody.
        None = "none",
        /// Every workload of the mesh.
        Mesh = "mesh",
    }

    /// How far the rules of who may call hold.
    pub enum AuthorizationMode {
        /// Others are refused.
        Enforce = "enforce",
        /// Others are counted.
        DryRun = "dry_run",
        /// There are no rules.
        Off = "off",
    }
}

/// Who may call.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Who may call, in order.
    pub allow: Known<Vec<Calls>>,
    /// Who may not, in order.
    pub deny: Known<Vec<Calls>>,
    /// Whether requests must carry the token of an end user; `None`: they needn't.
    pub require_end_user: Known<Option<RequireEndUser>>,
    /// Who is asked beside; `None`: nobody.
    pub external: Known<Option<ExternalAuthorization>>,
    /// Who may call beside, where it is written.
    pub access: Known<Option<Access>>,
    /// How far the above holds, where it is written.
    pub mode: Known<Option<AuthorizationMode>>,
    /// Which namespaces see the service, where it is written.
    pub export_to: Known<Option<BTreeSet<String>>>,
}

/// An `allow` or `deny` block: calls, by who makes them and what they do. With an HTTP attribute (methods, paths, hosts, an
/// end user) it governs HTTP ports alone.
#[derive(Clone, Debug)]
pub struct Calls {
    /// The block.
    pub at: Path,
    /// Who.
    pub from: Known<BTreeSet<Caller>>,
    /// HTTP methods; `None`: any.
    pub methods: Known<Option<BTreeSet<String>>>,
    /// HTTP paths; `None`: any.
    pub paths: Known<Option<BTreeSet<String>>>,
    /// Hosts that requests name; `None`: any.
    pub hosts: Known<Option<BTreeSet<String>>>,
    /// The Service's ports; `None`: any.
    pub ports: Known<Option<BTreeSet<PortNumber>>>,
    /// Where connections come from; `None`: anywhere.
    pub ip_blocks: Known<Option<BTreeSet<String>>>,
    /// Ownership token requests carry; `None`: anybody's, or none.
    pub end_user: Known<Option<EndUser>>,
}

/// An end user, by a token that the mesh verified.
#[derive(Clone, Debug)]
pub struct EndUser {
    /// Who issued it.
    pub issuer: Known<String>,
    /// Claims, each with one of these values.
    pub claims: Known<BTreeMap<String, BTreeSet<String>>>,
}

/// Requests must carry the token of an end user.
#[derive(Clone, Debug)]
pub struct RequireEndUser {
    /// But for these paths.
    pub except_paths: Known<Option<BTreeSet<String>>>,
}

/// An authorizer of the mesh is asked.
#[derive(Clone, Debug)]
pub struct ExternalAuthorization {
    /// Its name in the mesh's configuration.
    pub provider: Known<String>,
    /// For these paths; `None`: for any.
    pub paths: Known<Option<BTreeSet<String>>>,
}

/// The suffixes of the policies that close.
const CLOSING: [&str; 3] = [deny::SUFFIX, end_user::SUFFIX, external::SUFFIX];

/// Every policy that some configuration of a service renders, by the suffix of its name.
pub(super) fn could_render() -> impl Iterator<Item = (&'static str, Stage)> {
    std::iter::once(("", stage::OPENING)).chain(CLOSING.map(|suffix| (suffix, stage::CLOSING)))
}

/// The policies of the service, by its mode: which there are, and what makes each.
pub(super) fn policies(site: &Site) -> Known<Vec<(Key, Render)>> {
    let mode = site.authorization_mode()?;
    if mode == AuthorizationMode::Off {
        return Ok(Vec::new());
    }
    let Authorization { deny, require_end_user, external, .. } = &site.service.authorization;
    let mut policies: Vec<(&str, Render)> = vec![("", allow::policy)];
    if !as_known(deny)?.is_empty() {
        policies.push((deny::SUFFIX, deny::policy));
    }
    if as_known(require_end_user)?.is_some() {
        policies.push((end_user::SUFFIX, end_user::policy));
    }
    // Istio knows no trial of CUSTOM policies: one in a trial would be enforced.
    if mode == AuthorizationMode::Enforce && as_known(external)?.is_some() {
        policies.push((external::SUFFIX, external::policy));
    }
    let named = |(suffix, render)| (site.key_with(&kind::AUTHORIZATION_POLICY, suffix), render);
    Ok(policies.into_iter().map(named).collect())
}
