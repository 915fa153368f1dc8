//! Rules across arguments. Each runs as soon as the values that it needs are known, so that one validation reports all
//! mistakes.

use super::{Authorization, DenyAllMode, GlobalDefaults, authorization, jwt};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{
        Mesh, istio::peer_authentication::MtlsMode, labels, policy_paths::validate_paths, reference::Caller, telemetry,
    },
    schema::{At, Attr},
};

impl GlobalDefaults {
    /// Reports violations of rules that don't need the arguments of the provider.
    pub fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        self.validate_not_empty(out);
        if let Ok(Some(block)) = self.authorization.known() {
            block.validate(out);
            self.validate_anonymous_callers(block, out);
        }
        if let Ok(blocks) = self.gateway_access.known() {
            authorization::validate_gateway_access(blocks, &self.authorization, out);
        }
        self.validate_request_timeout(out);
        self.validate_resiliency(out);
        if let Ok(blocks) = self.jwt.known() {
            jwt::validate(blocks, out);
        }
        if let Ok(Some(block)) = self.require_end_user.known() {
            block.validate(self.jwt.known(), out);
        }
        if let Ok(Some(block)) = self.external_authorization.known() {
            labels::validate_selector(&block.selector, &block.at.attribute("selector"), out);
            validate_paths(&block.paths, &block.at.attribute("paths"), out);
            validate_paths(&block.except_paths, &block.at.attribute("except_paths"), out);
        }
        if let Ok(blocks) = self.telemetry.known() {
            telemetry::validate(blocks, out);
        }
        if let Ok(Some(block)) = self.guardrails.known() {
            block.validate(out);
        }
    }

    /// Reports violations of rules that need the arguments of the provider.
    pub fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok(Some(block)) = self.guardrails.known() {
            block.validate_in_mesh(mesh, out);
        }
        self.validate_overrides(mesh, out);
    }

    /// Warns of rules for callers without an identity beside strict mutual TLS, which refuses them before any rule is asked.
    fn validate_anonymous_callers(&self, authorization: &Authorization, out: &mut Diagnostics) {
        let Ok(Some(mtls)) = self.mtls.known() else { return };
        if mtls.mode() != Ok(MtlsMode::Strict) {
            return;
        }
        for block in authorization.allow.known().into_iter().flatten() {
            if block.from.required_elements().is_ok_and(|from| from.contains(&Caller::Anonymous)) {
                out.warn(
                    &block.at.attribute("from"),
                    "Strict mutual TLS refuses clients without identity",
                    "mtls is strict: a connection in clear text is reset before any rule is asked. The block holds at gateways and on \
                     ports that mesh_namespace excepts (mtls { exception {} }) only. Write such an exception for the port, or name \
                     callers with an identity.",
                );
            }
        }
    }

    /// Reports a resource without objects.
    fn validate_not_empty(&self, out: &mut Diagnostics) {
        let is_off = |block: Option<&At<Authorization>>| block.is_none_or(|b| b.mode == Attr::Known(DenyAllMode::Off));
        let is_empty = self.authorization.known().is_ok_and(is_off)
            && self.mtls.known() == Ok(None)
            && self.sidecar.known() == Ok(None)
            && self.outbound_traffic_policy == Attr::Null
            && self.resiliency == Attr::Null
            && self.request_timeout == Attr::Null
            && self.retries.known() == Ok(None)
            && self.jwt.known() == Ok(&[])
            && self.require_end_user.known() == Ok(None)
            && self.external_authorization.known() == Ok(None)
            && self.telemetry.known() == Ok(&[])
            && self.guardrails.known() == Ok(None);
        if is_empty {
            out.error(
                &Path::root(),
                "No objects to create: set at least one argument",
                "The resource has no setting. Write mtls, authorization (with a mode other than \"off\"), \
                 sidecar, outbound_traffic_policy, resiliency, request_timeout, retries, jwt, require_end_user, \
                 external_authorization, telemetry or guardrails, or remove the resource.",
            );
        }
    }

    fn validate_request_timeout(&self, out: &mut Diagnostics) {
        if let Attr::Known(timeout) = self.request_timeout {
            out.warn(
                &Path::root().attribute("request_timeout"),
                "Mesh-wide timeout also ends streams",
                format!(
                    "A route can't tell a stream from a request: calls to services that set neither timeout nor retries end after \
                     {timeout}, streams of gRPC and server-sent events among them. Give such services a mesh_service with \
                     streaming = true first, or leave timeouts to services."
                ),
            );
        }
    }
}
