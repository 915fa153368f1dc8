//! Rules across the arguments about callers. Each runs as soon as the values that it needs are known.

use std::collections::BTreeSet;

use super::{
    Access, AccessRule, AuthorizationMode,
    allow::access_caller,
    export::enforced_callers,
    gateways,
    rule::Effect,
    validate_exceptions::{self, is_every_path, validate_hosts},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh,
        policy_paths::validate_paths,
        port::Protocol,
        reference::Caller,
        service::{Ingress, Port, Service, ServiceContext, validate::format_ports},
    },
    schema::{At, Attr},
};

impl Service {
    /// Reports violations of rules that need no provider arguments.
    pub(in crate::mesh::service) fn validate_access(&self, out: &mut Diagnostics) {
        for (effect, blocks) in [(Effect::Allow, &self.authorization.allow), (Effect::Deny, &self.authorization.deny)] {
            for block in blocks.known().into_iter().flatten() {
                validate_callers(block, out);
                self.validate_ports_of(effect, block, out);
                self.validate_methods(effect, block, out);
                if effect == Effect::Deny {
                    validate_hosts(&block.hosts, &block.at.attribute("hosts"), out);
                }
                self.validate_exceptions(effect, block, out);
            }
        }
        self.validate_has_http_port(out);
        self.validate_end_user_exceptions(out);
        if let Ok(Some(external)) = self.authorization.external_authorization.known() {
            validate_paths(&external.paths, &external.at.attribute("paths"), out);
        }
        if let Ok(Some(namespaces)) = self.authorization.export_to.elements()
            && namespaces.contains("*")
            && namespaces.len() > 1
        {
            out.error(
                &Path::root().attribute("export_to"),
                "\"*\" combined with other namespaces in export_to",
                "\"*\" is every namespace. Leave it out, or leave out the others.",
            );
        }
        // A port without callers may be the result of a mistake that is reported already.
        if !out.has_errors() {
            self.validate_every_port_has_callers(out);
        }
    }

    /// Reports violations of rules that need the provider's arguments.
    pub(in crate::mesh::service) fn validate_access_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Ok(context) = self.context(mesh) else { return };
        validate_deny_has_effect(&context, out);
        validate_callers_see_service(&context, out);
        validate_export_hides_nothing(&context, out);
        gateways::validate_coverage(&context, out);
        for blocks in [&self.authorization.allow, &self.authorization.deny] {
            for block in blocks.known().into_iter().flatten() {
                // A block is skipped where its check needs an unknown value.
                let _ = validate_exceptions::validate_in_mesh(&context, block, out);
            }
        }
        if let (true, Ok(mode)) = (self.authorization.external_authorization.is_set(), context.authorization_mode())
            && mode != AuthorizationMode::Enforce
        {
            out.warn(
                &Path::root().attribute("external_authorization"),
                "External authorization is not asked yet",
                format!(
                    "Istio has no dry run of it, so with authorization_mode = \"{mode}\" its policy isn't written, and the authorizer isn't asked. It applies with \"enforce\"."
                ),
            );
        }
    }

    fn validate_ports_of(&self, effect: Effect, block: &At<AccessRule>, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        let attribute = block.http_attribute().ok().flatten();
        let Ok(numbers) = block.ports.elements() else { return };
        for number in numbers.into_iter().flatten() {
            let at = block.at.attribute("ports");
            if let Some(port) = ports.iter().find(|port| port.number() == Ok(*number)) {
                if let (Some(attribute), Ok(protocol)) = (attribute, port.protocol())
                    && !protocol.is_http()
                {
                    let consequence = match effect {
                        Effect::Allow => "so the rule would never match there",
                        Effect::Deny => "where Istio would refuse everything instead (IST0133)",
                    };
                    let block_name = effect.as_str();
                    out.error(
                        &at,
                        format!("HTTP rule on {protocol} port {number}"),
                        format!(
                            "A proxy sees no requests on a port that speaks {protocol}, and {attribute} is about requests, {consequence}. \
                             Remove {number} from ports, and give it a block of its own: {block_name} with from and ports alone."
                        ),
                    );
                }
            } else if ports.iter().all(|port| port.number().is_ok()) {
                out.error(
                    &at,
                    format!("No port {number}"),
                    format!(
                        "The service has {}. Write numbers of port blocks (not target ports), or add a port block.",
                        format_ports(ports)
                    ),
                );
            }
        }
        self.validate_target_ports(block, out);
        if let (Some(attribute), Ok(false), Ok(false)) = (attribute, block.names_ports(), self.speaks_http()) {
            out.error(
                &attribute.split('.').fold(block.at.clone(), |at, name| at.attribute(name)),
                "HTTP rule without an HTTP port",
                format!(
                    "A proxy sees requests, which {attribute} is about, only on ports that speak http, http2 or grpc, and the service \
                     has {}, so the rule would never match. Remove {attribute}, or write the port block that is meant.",
                    format_ports(ports)
                ),
            );
        }
    }

    /// Reports target ports to which a `port` block leads.
    fn validate_target_ports(&self, block: &At<AccessRule>, out: &mut Diagnostics) {
        let (Ok(ports), Ok(Some(targets))) = (self.ports(), block.target_ports.elements()) else { return };
        for port in ports {
            let (Ok(number), Ok(target)) = (port.number(), port.target_port()) else { continue };
            if targets.contains(&target) {
                out.error(
                    &block.at.attribute("target_ports"),
                    format!("Port {target} is declared"),
                    format!(
                        "Port {number} of the Service leads to it, whose protocol says which rules can hold there. Write ports = \
                         [{number}] instead."
                    ),
                );
            }
        }
    }

    /// Reports methods on gRPC ports other than POST, which every gRPC call uses.
    fn validate_methods(&self, effect: Effect, block: &At<AccessRule>, out: &mut Diagnostics) {
        let (Ok(ports), Ok(Some(methods))) = (self.ports(), block.methods.elements()) else { return };
        let governed = ports.iter().filter(|port| block.governs(port) != Ok(false));
        let protocols: BTreeSet<_> = governed.map(|port| port.protocol()).collect();
        if !block.target_ports.is_set()
            && protocols == BTreeSet::from([Ok(Protocol::Grpc)])
            && !methods.contains("POST")
        {
            out.error(
                &block.at.attribute("methods"),
                "gRPC calls are POST requests",
                format!(
                    "All ports that the block governs speak grpc, so no request has one of these methods, and the block {} \
                     nothing. Remove methods, and tell calls apart by paths, like \"/package.Service/Method\".",
                    if effect == Effect::Allow { "allows" } else { "refuses" }
                ),
            );
        }
    }

    /// Reports blocks about requests of a service without HTTP ports.
    fn validate_has_http_port(&self, out: &mut Diagnostics) {
        let authorization = &self.authorization;
        let blocks = [
            ("require_end_user", authorization.require_end_user.is_set()),
            ("external_authorization", authorization.external_authorization.is_set()),
        ];
        for (name, _) in blocks.iter().filter(|(_, is_set)| *is_set && self.speaks_http() == Ok(false)) {
            out.error(
                &Path::root().attribute(name),
                "Rule on requests without an HTTP port",
                format!(
                    "A proxy sees requests only on ports that speak http, http2 or grpc, and the service has {}. Remove {name}, or \
                     write the port block that is meant.",
                    self.ports().map_or_else(|_| "none".to_owned(), format_ports)
                ),
            );
        }
    }

    /// Reports exceptions of `require_end_user` that are everything, and those of which no `allow` block admits a request.
    fn validate_end_user_exceptions(&self, out: &mut Diagnostics) {
        let authorization = &self.authorization;
        let Ok(Some(block)) = authorization.require_end_user.known() else { return };
        let at = block.at.attribute("except_paths");
        if let Some(all) =
            block.except_paths.elements().ok().flatten().into_iter().flatten().find(|path| is_every_path(path))
        {
            out.error(
                &at,
                "except_paths leaves no path that requires a token",
                format!("\"{all}\" is every path. Leave it out, or leave out require_end_user."),
            );
        }
        validate_paths(&block.except_paths, &at, out);
        let (Ok(allow), Ok([])) = (self.allow(), self.ingress.known()) else { return };
        let all_need_tokens = !allow.is_empty() && allow.iter().all(|block| block.end_user.is_set());
        if !all_need_tokens || !matches!(authorization.access, Attr::Null | Attr::Known(Access::None)) {
            return;
        }
        let exceptions = [("except_paths", &block.except_paths), ("except_methods", &block.except_methods)];
        for (argument, _) in exceptions.into_iter().filter(|(_, exceptions)| exceptions.is_set()) {
            out.warn(
                &block.at.attribute(argument),
                "Exempt requests are refused by the allow blocks",
                format!(
                    "Every allow block asks for an end user, of the requests of {argument} too. Write an allow block without \
                     end_user for them, or remove {argument}."
                ),
            );
        }
    }

    /// Warns of ports that no block applies to: they are closed, which is hardly ever meant.
    fn validate_every_port_has_callers(&self, out: &mut Diagnostics) {
        let (Ok(ports), Ok(allow)) = (self.ports(), self.allow()) else { return };
        let authorization = &self.authorization;
        let only_blocks_admit = matches!(authorization.access, Attr::Null | Attr::Known(Access::None));
        if allow.is_empty()
            || !only_blocks_admit
            || authorization.authorization_mode == Attr::Known(AuthorizationMode::Off)
        {
            return;
        }
        // The rules of `ingress` blocks admit gateways to the ports that they forward to.
        let is_open_to_gateways = |port: &Port| {
            let is_for_another = |block: &At<Ingress>| {
                block.target(ports).is_ok_and(|target| port.number().is_ok_and(|number| target.number() != Ok(number)))
            };
            !self.ingress.known().is_ok_and(|blocks| blocks.iter().all(is_for_another))
        };
        let is_closed =
            |port: &&At<Port>| !is_open_to_gateways(port) && allow.iter().all(|block| block.governs(port) == Ok(false));
        for port in ports.iter().filter(is_closed) {
            let (Ok(number), Ok(protocol)) = (port.number(), port.protocol()) else { continue };
            out.warn(
                &port.at,
                format!("No caller is admitted to port {number}"),
                format!(
                    "No allow block applies to this port: blocks with methods, paths, hosts or end_user apply only to HTTP \
                     ports, and blocks with ports only to the ports listed there. To admit {protocol} connections to it, \
                     write an allow block with ports = [{number}]."
                ),
            );
        }
    }
}

/// Warns of callers that `anonymous` (every client) or `*` (every workload of the mesh) includes.
fn validate_callers(block: &At<AccessRule>, out: &mut Diagnostics) {
    let Ok(from) = block.from.required_elements() else { return };
    let all = [Caller::Anonymous, Caller::Any].into_iter().find(|all| from.contains(all));
    let Some(all) = all.filter(|_| from.len() > 1) else { return };
    let description = if all == Caller::Anonymous {
        "every client, with or without an identity"
    } else {
        "every workload of the mesh"
    };
    let others: Vec<String> =
        from.iter().filter(|caller| **caller != all).map(|caller| format!("\"{caller}\"")).collect();
    out.warn(
        &block.at.attribute("from"),
        format!("\"{all}\" already includes the other callers"),
        format!(
            "\"{all}\" is {description}, so {} changes nothing. Remove \"{all}\" if only the others are meant, or else the others.",
            others.join(", ")
        ),
    );
}

/// Warns of `deny` blocks whose callers are not admitted anyway, and of blocks that refuse every request.
fn validate_deny_has_effect(context: &ServiceContext, out: &mut Diagnostics) {
    let Ok(blocks) = context.service.authorization.deny.known() else { return };
    for block in blocks {
        let Ok(refused) = block.callers(context) else { continue };
        if let Ok(allowed) = enforced_callers(context)
            && !refused.is_empty()
            && !refused.iter().any(|refused| allowed.iter().any(|allowed| refused.overlaps(allowed)))
        {
            out.warn(
                &block.at,
                "Deny block without effect",
                "None of its callers may call: no allow block names them, and access doesn't let them in. Remove the block, or correct \
                 from, unless it guards against policies of other tools.",
            );
        } else if refused.contains(&Caller::Anonymous) && refuses_everything(block) == Ok(true) {
            out.warn(
                &block.at,
                "deny refuses every request",
                "The block matches every request, and takes precedence over every allow block. If the service is meant to be closed, \
                 access = \"none\" without allow blocks says so; if not, say what is refused, by methods, paths, ports or ip_blocks.",
            );
        }
    }
}

/// Whether a block applies to every request of its callers.
fn refuses_everything(block: &AccessRule) -> Known<bool> {
    let is_narrowed = block.http_attribute()?.is_some()
        || block.names_ports()?
        || block.ip_blocks.elements()?.is_some()
        || block.except.known()?.is_some()
        || !block.when.known()?.is_empty();
    Ok(!is_narrowed)
}

/// Warns of callers in namespaces that don't see the service: their requests get 503, or leave the mesh.
fn validate_callers_see_service(context: &ServiceContext, out: &mut Diagnostics) {
    let Ok(Some(export_to)) = context.service.authorization.export_to.elements() else { return };
    let Ok(visible_in) = super::export_to(context) else { return };
    if visible_in.contains("*") {
        return;
    }
    let is_hidden = |caller: &Caller| match caller {
        Caller::Namespace(namespace) | Caller::Workload { namespace: Some(namespace), .. } => {
            namespace != context.namespace && !visible_in.contains(namespace)
        }
        _ => false,
    };
    let mut callers = BTreeSet::new();
    for block in context.service.allow().unwrap_or_default() {
        callers.extend(block.callers(context).unwrap_or_default());
    }
    callers.extend(access_caller(context).ok().flatten());
    let hidden: Vec<&Caller> = callers.iter().filter(|caller| is_hidden(caller)).collect();
    let namespaces: BTreeSet<&str> = hidden.iter().filter_map(|caller| caller.namespace()).collect();
    if !namespaces.is_empty() {
        let list = |texts: Vec<String>| texts.join(", ");
        out.warn(
            &Path::root().attribute("export_to"),
            "Service isn't visible to admitted callers",
            format!(
                "allow names {}, but export_to hides the service from {}: proxies there don't know it, and calls fail. Add {} to \
                 export_to ({}), or remove export_to, which follows allow then.",
                list(hidden.iter().map(|caller| format!("\"{caller}\"")).collect()),
                list(namespaces.iter().map(|namespace| (*namespace).to_owned()).collect()),
                if namespaces.len() == 1 { "it" } else { "them" },
                list(export_to.iter().map(|namespace| format!("\"{namespace}\"")).collect()),
            ),
        );
    }
}

/// Warns of a written `export_to` in a mesh whose proxies let calls of unknown hosts out.
fn validate_export_hides_nothing(context: &ServiceContext, out: &mut Diagnostics) {
    let Ok(Some(export_to)) = context.service.authorization.export_to.elements() else { return };
    if export_to.contains("*") || context.mesh.installed.refuses_unknown_hosts() {
        return;
    }
    out.warn(
        &Path::root().attribute("export_to"),
        "export_to turns calls into clear text",
        "Proxies that don't see the service forward calls of it unchanged: as clear text, without identity, with the credentials \
         in their headers, whatever mtls is. That is so unless the mesh's outbound traffic policy is REGISTRY_ONLY. Remove \
         export_to (policies refuse who may not call, over mutual TLS), or make the mesh refuse calls of unknown hosts \
         (outbound_traffic_policy = \"registry_only\" of mesh_global_defaults) and write in the provider block: installed { \
         outbound_traffic_policy = \"registry_only\" }.",
    );
}
