//! The arguments of `mesh_external_service`, and what it computes.

use crate::{
    mesh::timeouts::Timeouts,
    mesh::{
        duration::Duration,
        external_service::{Address, Host, Ip, Resolution, Tls},
        names,
        port::{PortNumber, Protocol},
        resiliency::{CircuitBreaker, OutlierDetection, Preset, Retries},
    },
    model,
    resources::arguments::{every, is_namespace, is_not_empty, text},
    schema::{
        Attr, Block, Blocks, Map,
        model::{Set, block, computed, optional, required},
    },
};

model! {
    /// A service outside the mesh: its hosts, its ports, who speaks TLS to it, and which namespaces see it.
    pub struct Config {
        /// What applications call. Excludes `hosts`.
        host: Attr<Host> = optional(),
        /// What applications call, where the same holds for many hosts; with `name`.
        hosts: Set<Host> = optional().check("At least one host.", is_not_empty),
        /// What its objects are called; the host with dashes for dots unless written.
        name: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// Who speaks TLS: the application (`passthrough`, the default), the proxy (`originate`; the application calls
        /// `http://`), the proxy with a certificate of its own (`originate_mutual`), or nobody (`none`).
        tls: Attr<Tls> = optional(),
        /// The namespaces whose workloads call it; `*`: every one.
        export_to: Set<String> = required()
            .check("At least one namespace.", is_not_empty)
            .check("Names of namespaces, or `*`.", |v| every(v, |text| text == "*" || names::is_label(text))),
        /// How a host becomes an address: the proxy looks it up (`dns`, the default), goes where the application wanted to
        /// (`none`, the default for wildcards), or goes to `endpoint` blocks (`static`, the default where there are any).
        resolution: Attr<Resolution> = optional(),
        /// The addresses that applications connect to. Ports whose protocol doesn't carry the name of the host need them: by
        /// these alone proxies tell its connections from those to other hosts. Ranges only with `static` and `none`.
        addresses: Set<Address> = optional().check("At least one address.", is_not_empty),
        /// How failures are met; `medium` unless written.
        resiliency: Attr<Preset> = optional(),
        /// The longest that a request may take, its retries included; `0s`: no limit. By the preset unless written, where gRPC
        /// has no limit. Ports on which the application speaks clear text alone.
        request_timeout: Attr<Duration> = optional(),
        /// Where its objects are; the root namespace unless written.
        namespace: Attr<String> = optional().check(names::LABEL, is_namespace),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        annotations: Map<String> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them. Adopted ServiceAccounts and Services are left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// Whether plans that delete or replace the resource are refused; false unless written. To delete it, apply `false`
        /// first.
        deletion_protection: Attr<bool> = optional(),
        /// The ports, where they aren't those that `tls` needs: 443 with `passthrough`; 80 and 443 with `originate` and
        /// `originate_mutual`, where 443 passes through; 80 with `none`.
        port: Blocks<ServicePort> = block(),
        /// What the proxy says where it speaks TLS. Without it server certificates are checked against the system's
        /// authorities and the name of the host.
        tls_settings: Block<TlsSettings> = block(),
        /// Where the hosts are, with `resolution = "static"`.
        endpoint: Blocks<Endpoint> = block(),
        /// Sending requests again; by the preset unless written. Ports on which the application speaks clear text alone.
        retries: Block<Retries> = block(),
        /// Limits; by the preset unless written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// When an address that fails is left out; by the preset unless written.
        outlier_detection: Block<OutlierDetection> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port.
    pub struct ServicePort {
        /// What applications call.
        number: Attr<PortNumber> = required(),
        /// What applications speak. Proxies tell hosts apart by names, which HTTP and TLS carry; other protocols need
        /// `addresses`.
        protocol: Attr<Protocol> = required(),
        /// Where the host listens; 443 where the proxy speaks TLS for HTTP, else `number`, unless written.
        target_port: Attr<PortNumber> = optional(),
        /// Who speaks TLS on this port; what the resource says unless written. `tls` and `https` always pass through.
        tls: Attr<Tls> = optional(),
    }
}

model! {
    /// What the proxy says where it speaks TLS. Paths are of files in the sidecar, which the workload mounts there. The least
    /// version of TLS is the mesh's: Istio has no setting of it for one host.
    pub struct TlsSettings {
        /// Path of the authorities that server certificates are checked against; the system's unless written.
        ca: Attr<String> = optional().check(PATH, |v| text(v, is_path)),
        /// The name that is asked for; the host unless written, and for wildcards the host of the request. With
        /// `subject_alt_names` alone: by itself it would switch the check of the certificate's name off.
        sni: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// The names of which the certificate must carry one; the host unless written.
        subject_alt_names: Set<String> = optional()
            .check("At least one name.", is_not_empty)
            .check("Texts.", |v| every(v, |text| !text.is_empty())),
        /// Path of the proxy's own certificate, with `originate_mutual`.
        client_certificate: Attr<String> = optional().check(PATH, |v| text(v, is_path)),
        /// Path of the key of `client_certificate`.
        client_key: Attr<String> = optional().check(PATH, |v| text(v, is_path)),
        /// The Secret in `namespace` that has the certificate, its key and the authorities, instead of files. With
        /// `workload_selector`, in a namespace of workloads.
        credential_name: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// The labels of the workloads whose sidecars read the Secret; their service accounts need the right to. Other workloads
        /// of the namespace speak TLS without it.
        workload_selector: Map<String> = optional().check("At least one label.", is_not_empty),
    }
}

model! {
    /// Where the hosts are.
    pub struct Endpoint {
        /// Its address.
        address: Attr<Ip> = required(),
        /// Where it listens, by the port that applications call: `{ 443 = 8443 }`; as the port says unless written.
        ports: Map<PortNumber> = optional().check("At least one port.", is_not_empty),
        /// Where it is, as nodes say it: `region/zone`.
        locality: Attr<String> = optional().check("Parts between slashes, three at most.", |v| text(v, is_locality)),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// What applications call, by the first port; null for wildcards and for many hosts.
        url: Attr<String> = computed(),
    }
}

/// What [`is_path`] admits.
const PATH: &str = "The path of a file, from the root.";

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() > 1 && !text.ends_with('/') && !text.chars().any(char::is_control)
}

fn is_locality(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    parts.len() <= 3 && parts.iter().all(|part| names::is_label_value(part) && !part.is_empty())
}
