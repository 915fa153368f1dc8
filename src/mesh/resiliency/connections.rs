//! The `connections` block.

use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        duration::{Duration, WHOLE_SECONDS, is_positive, is_whole_seconds},
        istio::destination_rule::{HttpPool, TcpKeepalive, TcpPool, TrafficKind},
    },
    model,
    schema::{
        At, Attr, Block,
        model::{block, optional},
    },
};

model! {
    /// Lifetime and protocol of the connections of each caller's proxy (`trafficPolicy.connectionPool`).
    pub struct Connections {
        /// Time after which an unused connection is closed (`http.idleTimeout`; for TCP ports `tcp.idleTimeout`,
        /// which closes the application's connection if nothing is sent on it). Defaults to Istio's `1h`.
        idle_timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Time after which a connection is closed (`tcp.maxConnectionDuration`): on HTTP ports after its last
        /// request is answered, on TCP ports at once. Without it connections live as long as both ends keep them.
        max_duration: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Maximum number of requests per connection (`http.maxRequestsPerConnection`). `1` opens a new
        /// connection for each request. Only for services with an HTTP port. Without it there is no limit.
        max_requests_per_connection: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Whether HTTP/1.1 requests are sent over HTTP/2 connections, which the server must support
        /// (`http.h2UpgradePolicy`: `UPGRADE` or `DO_NOT_UPGRADE`). Only for services with an HTTP port. Defaults
        /// to the mesh's configuration, which doesn't upgrade.
        http2: Attr<bool> = optional(),
        /// TCP keepalive of the connections (`tcp.tcpKeepalive`): probes that keep a connection open in
        /// firewalls, and detect that the other end is gone. An empty block switches it on with the values of the
        /// operating system.
        keepalive: Block<Keepalive> = block(),
    }
}

model! {
    /// TCP keepalive probes.
    pub struct Keepalive {
        /// Time without traffic before the first probe (`time`). Defaults to the operating system's, on Linux two
        /// hours.
        time: Attr<Duration> = optional().check(WHOLE_SECONDS, is_whole_seconds),
        /// Time between two probes (`interval`). Defaults to the operating system's, on Linux `75s`.
        interval: Attr<Duration> = optional().check(WHOLE_SECONDS, is_whole_seconds),
        /// Number of unanswered probes after which the connection is closed (`probes`). Defaults to the operating
        /// system's, on Linux `9`.
        probes: Attr<u32> = optional().range(1..=100),
    }
}

impl At<Connections> {
    /// Reports a block without a setting: the DestinationRule would say nothing.
    pub(in crate::mesh) fn validate(&self, out: &mut Diagnostics) {
        if self.arguments == Connections::default() {
            out.error(
                &self.at,
                "connections without a setting",
                "Write idle_timeout, max_duration, max_requests_per_connection, http2 or keepalive, or remove the block.",
            );
        }
    }

    /// Returns the paths of the settings of requests. They have no effect on a service without HTTP ports.
    pub(in crate::mesh) fn http_settings(&self) -> impl Iterator<Item = Path> {
        let settings = [
            ("max_requests_per_connection", self.max_requests_per_connection.is_set()),
            ("http2", self.http2.is_set()),
        ];
        settings.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| self.at.attribute(name))
    }
}

impl Connections {
    /// Writes the settings of the block.
    pub(super) fn apply(&self, traffic: TrafficKind, tcp: &mut TcpPool, http: &mut HttpPool) -> Known<()> {
        let idle_timeout = self.idle_timeout.copied()?;
        match traffic {
            TrafficKind::Requests => http.idle_timeout = idle_timeout,
            TrafficKind::Connections => tcp.idle_timeout = idle_timeout,
        }
        tcp.max_connection_duration = self.max_duration.copied()?;
        tcp.tcp_keepalive = self.keepalive.known()?.map(|block| block.render()).transpose()?;
        http.max_requests_per_connection = self.max_requests_per_connection.copied()?;
        http.h2_upgrade_policy =
            self.http2.copied()?.map(|upgrades| if upgrades { "UPGRADE" } else { "DO_NOT_UPGRADE" });
        Ok(())
    }
}

impl Keepalive {
    fn render(&self) -> Known<TcpKeepalive> {
        Ok(TcpKeepalive { probes: self.probes.copied()?, time: self.time.copied()?, interval: self.interval.copied()? })
    }
}
