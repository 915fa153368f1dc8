//! The operations that are walked through: for each resource type a configuration before and after, and what a run makes of
//! the one and the other. Configurations are JSON in which `NAMESPACE` stands for the namespace of the case.

use serde_json::{Value as Json, json};

/// A resource type with two configurations of one resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// The name in identifiers of cases.
    pub(super) name: &'static str,
    /// The resource type.
    pub(super) resource_type: &'static str,
    /// The id that an import names.
    pub(super) id: &'static str,
    /// The configuration before an update.
    pub(super) before: fn() -> Json,
    /// The arguments that an update changes.
    pub(super) update: fn() -> Json,
    /// The argument that renames every object, with its new value. `None` if no argument does.
    pub(super) rename: Option<(&'static str, &'static str)>,
}

/// What a run of Terraform does with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Creates it.
    Create,
    /// Changes arguments in place.
    Update,
    /// `-replace`: deletes it, and creates it again.
    Replace,
    /// `-replace` with `create_before_destroy`: creates a new one, and deletes the old one.
    ReplaceCreatingFirst,
    /// Changes the argument that renames every object.
    Rename,
    /// Creates it with `adopt_existing`, where another tool made all objects before.
    Adopt,
    /// Imports it into an empty state, and applies.
    Import,
    /// Destroys it.
    Destroy,
}

impl Action {
    /// All actions with their names in identifiers of cases.
    pub(super) const ALL: [(Self, &'static str); 8] = [
        (Self::Create, "create"),
        (Self::Update, "update"),
        (Self::Replace, "replace"),
        (Self::ReplaceCreatingFirst, "replace-creating-first"),
        (Self::Rename, "rename"),
        (Self::Adopt, "adopt"),
        (Self::Import, "import"),
        (Self::Destroy, "destroy"),
    ];
}

/// An action on a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) subject: Subject,
    pub(super) action: Action,
    action_name: &'static str,
}

impl Operation {
    /// All operations.
    pub(super) fn all() -> Vec<Self> {
        let of_subject = |subject: Subject| {
            let actions = Action::ALL.into_iter();
            let possible = actions.filter(move |(action, _)| *action != Action::Rename || subject.rename.is_some());
            possible.map(move |(action, action_name)| Self { subject, action, action_name })
        };
        SUBJECTS.into_iter().flat_map(of_subject).collect()
    }

    /// The name in identifiers of cases, for example `service/update`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.subject.name, self.action_name)
    }

    /// The configuration with which the resource is created before the operation.
    pub(super) fn before(&self, namespace: &str) -> Json {
        in_namespace(&(self.subject.before)(), namespace)
    }

    /// The configuration of the operation. It is null if the operation destroys the resource.
    pub(super) fn after(&self, namespace: &str) -> Json {
        let mut config = (self.subject.before)();
        match self.action {
            Action::Destroy => return Json::Null,
            Action::Update => {
                for (name, value) in (self.subject.update)().as_object().expect("arguments") {
                    config[name] = value.clone();
                }
            }
            Action::Rename => {
                let (name, value) = self.subject.rename.expect("the operation exists only then");
                config[name] = value.into();
            }
            Action::Adopt => config["adopt_existing"] = true.into(),
            Action::Create | Action::Replace | Action::ReplaceCreatingFirst | Action::Import => {}
        }
        in_namespace(&config, namespace)
    }
}

/// Replaces `NAMESPACE` by the namespace of the case.
pub(super) fn in_namespace(config: &Json, namespace: &str) -> Json {
    serde_json::from_str(&config.to_string().replace("NAMESPACE", namespace)).expect("JSON")
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "service",
        resource_type: "mesh_service",
        id: "NAMESPACE/cart",
        before: || {
            json!({
                "name": "cart", "namespace": "NAMESPACE", "service": "managed", "calls": ["catalog"],
                "port": [{ "number": 8080, "protocol": "http" }],
                "version": [{ "name": "v1", "labels": { "version": "v1" }, "weight": 100 }],
                "allow": [{ "from": ["web"], "methods": ["GET"] }],
            })
        },
        update: || {
            json!({
                "calls": ["prices"], "resiliency": "high",
                "version": [
                    { "name": "v1", "labels": { "version": "v1" }, "weight": 90 },
                    { "name": "v2", "labels": { "version": "v2" }, "weight": 10 },
                ],
                "allow": [{ "from": ["shop/web"], "methods": ["GET", "POST"] }],
            })
        },
        rename: Some(("object_name", "shopping-cart")),
    },
    Subject {
        name: "external-service",
        resource_type: "mesh_external_service",
        id: "NAMESPACE/billing",
        before: || {
            json!({
                "name": "billing", "namespace": "NAMESPACE", "host": "billing.NAMESPACE.example.com",
                "tls": "originate", "export_to": ["shop"],
            })
        },
        update: || json!({ "export_to": ["shop", "pci"], "resiliency": "high", "request_timeout": "4s" }),
        rename: Some(("name", "invoices")),
    },
    Subject {
        name: "global-defaults",
        resource_type: "mesh_global_defaults",
        id: "default",
        before: || {
            json!({
                "mtls": { "mode": "permissive" },
                "authorization": { "mode": "enforce", "allow": [{ "from": ["monitoring/prometheus"], "ports": [9090] }] },
                "sidecar": { "egress_hosts": ["./*"] },
            })
        },
        update: || {
            json!({
                "mtls": { "mode": "strict" },
                "authorization": { "mode": "enforce", "allow": [{ "from": ["anonymous"], "paths": ["/healthz"] }] },
                "sidecar": { "egress_hosts": ["./*", "istio-system/*"] },
                "request_timeout": "60s",
            })
        },
        rename: None,
    },
    Subject {
        name: "namespace",
        resource_type: "mesh_namespace",
        id: "NAMESPACE-team",
        before: || {
            json!({
                "name": "NAMESPACE-team", "team": "shop", "injection": true, "calls": ["pci/payments"],
                "authorization_mode": "enforce", "mtls": { "mode": "strict" }, "rbac": { "groups": ["shop"] },
            })
        },
        update: || json!({ "calls": ["pci/ledger"], "authorization_mode": "dry_run", "rbac": { "groups": ["shop", "support"] } }),
        rename: None,
    },
    Subject {
        name: "gateway",
        resource_type: "mesh_gateway",
        id: "NAMESPACE/public",
        before: || {
            json!({
                "name": "public", "namespace": "NAMESPACE", "selector": { "istio": "ingress" },
                "server": [{ "port": 80, "protocol": "http", "hosts": ["shop.NAMESPACE.example.com"], "namespaces": ["shop"] }],
            })
        },
        update: || {
            json!({ "server": [
                {
                    "port": 80, "protocol": "http", "hosts": ["shop.NAMESPACE.example.com"], "namespaces": ["shop"],
                    "https_redirect": true,
                },
                {
                    "port": 443, "protocol": "https", "hosts": ["shop.NAMESPACE.example.com"], "namespaces": ["shop"],
                    "tls": { "credential_name": "shop-cert" },
                },
            ] })
        },
        rename: None,
    },
];
