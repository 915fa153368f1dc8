//! Annotations and labels of pods by which traffic passes the proxy, or by which the proxy becomes another one.

/// An annotation or a label.
pub(super) struct Setting {
    pub(super) key: &'static str,
    /// Values that leave all traffic to an ordinary proxy: those that Istio's injection writes with its default options.
    pub(super) admitted: &'static [&'static str],
}

const fn setting(key: &'static str, admitted: &'static [&'static str]) -> Setting {
    Setting { key, admitted }
}

const INJECT: Setting = setting("sidecar.istio.io/inject", &["true"]);

/// Annotations. With Istio's CNI plugin the injection writes some of them itself. It takes the port of
/// `status.sidecar.istio.io/port` out of interception as well.
pub(super) const ANNOTATIONS: &[Setting] = &[
    INJECT,
    setting("ambient.istio.io/bypass-inbound-capture", &["false"]),
    setting("inject.istio.io/templates", &["sidecar"]),
    setting("istio.io/reroute-virtual-interfaces", &[""]),
    setting("proxy.istio.io/config", &[]),
    setting("proxy.istio.io/overrides", &[]),
    setting("sidecar.istio.io/bootstrapOverride", &[]),
    setting("sidecar.istio.io/interceptionMode", &["REDIRECT", "TPROXY"]),
    setting("sidecar.istio.io/proxyImage", &[]),
    setting("status.sidecar.istio.io/port", &["15020"]),
    setting("traffic.sidecar.istio.io/excludeInboundPorts", &["", "15020"]),
    setting("traffic.sidecar.istio.io/excludeInterfaces", &[""]),
    setting("traffic.sidecar.istio.io/excludeOutboundIPRanges", &[""]),
    setting("traffic.sidecar.istio.io/excludeOutboundPorts", &[""]),
    setting("traffic.sidecar.istio.io/includeInboundPorts", &["*"]),
    setting("traffic.sidecar.istio.io/includeOutboundIPRanges", &["*"]),
    setting("traffic.sidecar.istio.io/kubevirtInterfaces", &[""]),
];

/// Labels. Callers send clear text to a pod whose `security.istio.io/tlsMode` isn't `istio`, which the injection writes.
pub(super) const LABELS: &[Setting] =
    &[INJECT, setting("istio.io/dataplane-mode", &[]), setting("security.istio.io/tlsMode", &["istio"])];

/// Whether `key` is an annotation or a label of the tables.
pub(super) fn is_setting(key: &str) -> bool {
    ANNOTATIONS.iter().chain(LABELS).any(|setting| setting.key == key)
}
