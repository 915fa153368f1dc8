//! Names of objects and hosts, and identities.

use super::arguments::{checked_text, namespace, optional_domain, parsed, service, text_parameter};
use crate::{
    mesh::{global_name::Template, names},
    plugin::interface::{Function, Parameter},
    schema::{Type, Value},
};

const SERVICE: Parameter = text_parameter("service", "Name of the Kubernetes Service.");
const NAMESPACE: Parameter = text_parameter("namespace", "Namespace of the service.");

/// The domain of the cluster, and the trust domain, of an installation with Istio's defaults.
const DEFAULT_DOMAIN: &str = "cluster.local";

/// `object_name("payments", "pci")`
pub(super) fn object_name() -> Function {
    Function {
        name: "object_name",
        doc: "Returns the name of the Istio objects that `mesh_service` writes for a service, such as \
              `payments-pci`. It ignores the argument `object_name`.",
        parameters: vec![SERVICE, NAMESPACE],
        variadic_parameter: None,
        return_type: Type::String,
        call: |arguments| Ok(Value::string(names::object_name(service(arguments, 0)?, namespace(arguments, 1)?))),
    }
}

/// `host("payments", "pci")`
pub(super) fn host() -> Function {
    Function {
        name: "host",
        doc: "Returns the host of a service in the cluster, such as `payments.pci.svc.cluster.local`.",
        parameters: vec![SERVICE, NAMESPACE],
        variadic_parameter: Some(text_parameter(
            "cluster_domain",
            "The provider's `cluster_domain`. At most one. Defaults to `cluster.local`.",
        )),
        return_type: Type::String,
        call: |arguments| {
            let (service, namespace) = (service(arguments, 0)?, namespace(arguments, 1)?);
            let domain = optional_domain(arguments, 2, DEFAULT_DOMAIN)?;
            Ok(Value::string(names::service_host(service, namespace, domain)))
        },
    }
}

/// `principal("pci", "payments")`
pub(super) fn principal() -> Function {
    Function {
        name: "principal",
        doc: "Returns the identity of the workloads with a service account, such as `cluster.local/ns/pci/sa/payments`, which `from` \
              takes.",
        parameters: vec![
            text_parameter("namespace", "Namespace of the service account."),
            text_parameter("service_account", "Name of the service account."),
        ],
        variadic_parameter: Some(text_parameter(
            "trust_domain",
            "Trust domain of the mesh. At most one. Defaults to `cluster.local`.",
        )),
        return_type: Type::String,
        call: |arguments| {
            let namespace = namespace(arguments, 0)?;
            let account = checked_text(arguments, 1, names::is_subdomain, names::SUBDOMAIN)?;
            let domain = optional_domain(arguments, 2, DEFAULT_DOMAIN)?;
            Ok(Value::string(names::principal(domain, namespace, account)))
        },
    }
}

/// `global_name("{name}.{namespace}.example.internal", "payments", "pci")`
pub(super) fn global_name() -> Function {
    Function {
        name: "global_name",
        doc: "Returns the global name that a template gives a service, such as `payments.pci.example.internal`. It is null where a part of \
              the name would be too long for DNS: then the service has none.",
        parameters: vec![
            text_parameter(
                "template",
                "The provider's `global_name_template`, such as `{name}.{namespace}.example.internal`.",
            ),
            SERVICE,
            NAMESPACE,
        ],
        variadic_parameter: None,
        return_type: Type::String,
        call: |arguments| {
            let template = parsed::<Template>(arguments, 0)?;
            let name = template.global_name(service(arguments, 1)?, namespace(arguments, 2)?);
            Ok(name.map_or(Value::Null, Value::String))
        },
    }
}
