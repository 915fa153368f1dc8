//! The policies that let clients in at gateways which other tools manage. Each is in the namespace of its gateway.
//!
//! Such a policy exists before deny-all takes effect and is deleted after it, and its old ports stay open until deny-all has
//! changed. It is a dry run exactly while deny-all is one: where nothing is denied, it alone would close the other ports of the
//! gateway.

use std::collections::BTreeSet;

use super::{Authorization, GatewayAccess};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        global_defaults::context::{DefaultsContext, KeyedObject, spec_from},
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, Operation, Rule, To},
            policy_transition::UNITED,
        },
        labels, names, stage,
    },
    object::{Key, Object, kind},
    schema::{At, Block},
};

impl GatewayAccess {
    /// Renders the policy of one gateway.
    pub(super) fn render(
        &self,
        authorization: &At<Authorization>,
        dry_run: bool,
        context: &DefaultsContext,
    ) -> Known<KeyedObject> {
        let name = format!("gateway-access-{}", names::label_digest(&self.selector.required_elements()?));
        let key = Key::new(&kind::AUTHORIZATION_POLICY, self.namespace.required()?, &name);
        Ok((key.clone(), self.policy(authorization, dry_run, context, key)))
    }

    /// Clients outside the mesh have no identity, so the rule names ports and no callers. The rules of deny-all are repeated: the
    /// policy exists before deny-all does, and would refuse until then what every workload accepts.
    fn policy(
        &self,
        authorization: &At<Authorization>,
        dry_run: bool,
        context: &DefaultsContext,
        key: Key,
    ) -> Known<Object> {
        let operation = Operation { ports: self.ports.required_elements()?.clone(), ..Operation::default() };
        if operation == Operation::default() {
            // A rule without ports would allow every port. Decoding has reported the empty set.
            return Err(Unknown);
        }
        let spec = AuthorizationPolicy {
            selector: Some(WorkloadSelector { match_labels: self.selector.required_elements()? }),
            action: "ALLOW",
            provider: None,
            rules: std::iter::once(Rule { to: vec![To { operation }], ..Rule::default() })
                .chain(authorization.rules(context)?)
                .collect(),
        };
        let origins = spec_from(&Path::root().attribute("gateway_access"));
        let object =
            context.with_annotation(DRY_RUN, &dry_run.to_string()).object(key, &spec, stage::OPENING, origins)?;
        Ok(object.with_transition(UNITED))
    }
}

/// Reports invalid selectors, blocks that have no effect without an `authorization` block, and gateways with two blocks.
pub(in crate::mesh::global_defaults) fn validate(
    blocks: &[At<GatewayAccess>],
    authorization: &Block<Authorization>,
    out: &mut Diagnostics,
) {
    for block in blocks {
        labels::validate_selector(&block.selector, &block.at.attribute("selector"), out);
    }
    if !blocks.is_empty() && authorization.known() == Ok(None) {
        out.error(
            &Path::root().attribute("gateway_access"),
            "gateway_access without authorization",
            "gateway_access has an effect only if requests that no policy allows are refused or counted. Write authorization; in mode \
             \"off\" and \"audit\" nothing is made for the gateway yet.",
        );
    }
    let mut seen = BTreeSet::new();
    for block in blocks {
        if let (Ok(namespace), Ok(selector)) = (block.namespace.required(), block.selector.required_elements())
            && !seen.insert((namespace, selector))
        {
            out.error(
                &block.at,
                "Duplicate gateway_access block",
                "Another block means the same pods. Write all their ports into one block.",
            );
        }
    }
}
