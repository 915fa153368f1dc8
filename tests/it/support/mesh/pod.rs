//! The objects by which the cluster knows a workload.

use std::net::Ipv4Addr;

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::api::Api;

/// What the cluster knows of a workload.
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) service_account: String,
    pub(super) labels: Json,
    /// Region and zone.
    pub(super) locality: (String, String),
    /// Ports that the container declares.
    pub(super) ports: Vec<u16>,
    pub(super) has_sidecar: bool,
    /// `gatewayTopology.numTrustedProxies` of its proxy.
    pub(super) trusted_proxies: u32,
}

impl Pod {
    /// Creates the Pod, its Node and, if it is missing, its ServiceAccount. The pod isn't ready.
    pub(super) fn create(&self, api: &Api) {
        let (region, zone) = &self.locality;
        let topology = json!({ "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone });
        let node = json!({ "name": self.node(), "labels": topology });
        api.apply(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": node }), "tests");
        let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", self.namespace);
        if api.request(Method::GET, &format!("{accounts}/{}", self.service_account), None).is_err() {
            let account = json!({ "name": self.service_account, "namespace": self.namespace });
            api.apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": account }), "tests");
        }
        let ports: Vec<Json> =
            self.ports.iter().map(|port| json!({ "name": format!("port-{port}"), "containerPort": port })).collect();
        let mut containers = vec![json!({ "name": "app", "image": "none", "ports": ports })];
        let mut annotations = json!({});
        if self.has_sidecar {
            containers.push(json!({ "name": "istio-proxy", "image": "none" }));
            annotations["sidecar.istio.io/status"] = json!({ "containers": ["istio-proxy"] }).to_string().into();
        }
        let metadata = json!({
            "name": self.name, "namespace": self.namespace, "labels": self.labels, "annotations": annotations,
        });
        let spec =
            json!({ "serviceAccountName": self.service_account, "nodeName": self.node(), "containers": containers });
        api.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }), "tests");
    }

    /// Lets the pod read the Secrets of its namespace, which istiod demands before it gives a gateway a certificate.
    pub(super) fn grant_secrets(&self, api: &Api) {
        let group = "rbac.authorization.k8s.io";
        let metadata = json!({ "name": format!("{}-secrets", self.service_account), "namespace": self.namespace });
        let reading = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"] });
        let version = format!("{group}/v1");
        let rights = json!({ "apiVersion": version, "kind": "Role", "metadata": metadata, "rules": [reading] });
        let subject = json!({ "kind": "ServiceAccount", "name": self.service_account, "namespace": self.namespace });
        let role = json!({ "apiGroup": group, "kind": "Role", "name": metadata["name"] });
        let binding = json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject],
        });
        let user = format!("system:serviceaccount:{}:{}", self.namespace, self.service_account);
        api.grant(&[rights, binding], &user, &self.namespace);
    }

    /// Tells the cluster the pod's address, and whether the pod is ready.
    pub(super) fn report(&self, api: &Api, address: Ipv4Addr, is_ready: bool) {
        let status = if is_ready { "True" } else { "False" };
        let conditions =
            json!([{ "type": "Ready", "status": status }, { "type": "ContainersReady", "status": status }]);
        let change = json!({ "status": {
            "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }], "hostIP": "127.0.0.1",
            "conditions": conditions,
        } });
        let path = format!("{}/status", self.path());
        let done = api.request(Method::PATCH, &path, Some(("application/merge-patch+json", &change)));
        done.unwrap_or_else(|error| panic!("the status of {}: {error:?}", self.name));
    }

    /// Deletes the Pod at once. A failure means that the control plane is gone.
    pub(super) fn delete(&self, api: &Api) {
        let _ = api.request(Method::DELETE, &format!("{}?gracePeriodSeconds=0", self.path()), None);
    }

    /// A token of the pod for istiod.
    pub(super) fn istio_token(&self, api: &Api) -> String {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", self.namespace, self.service_account);
        let pod = json!({ "kind": "Pod", "apiVersion": "v1", "name": self.name });
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "audiences": ["istio-ca"], "expirationSeconds": 7200, "boundObjectRef": pod },
        });
        let answer = api.request(Method::POST, &path, Some(("application/json", &request))).expect("a token");
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", self.namespace, self.name)
    }

    fn node(&self) -> String {
        let (region, zone) = &self.locality;
        format!("{region}.{zone}")
    }
}
