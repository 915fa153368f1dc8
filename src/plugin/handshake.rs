//! The handshake of go-plugin: the host passes settings in the environment, and the plugin answers with one line on
//! stdout. Nothing else is ever written to stdout.

use std::{
    io::{self, Write as _},
    ops::RangeInclusive,
    path::PathBuf,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The variable and the value by which Terraform and OpenTofu show that they started the plugin.
const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// The only version of the provider protocol that this plugin speaks. The host's list (`PLUGIN_PROTOCOL_VERSIONS`)
/// isn't read: a plugin that has no version in common with the host answers its lowest version, and the host reports
/// the mismatch.
pub(super) const PROTOCOL_VERSION: u8 = 5;

/// The message for a user who starts the binary by hand. Plugins written in Go print the same text.
const NOT_STARTED_BY_HOST: &str = "\
This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically";

/// The settings that the host passes in the environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostSettings {
    /// PEM of the only client certificate that is accepted. If it is missing, connections have no TLS.
    pub(super) certificate: Option<String>,
    /// Directory of the socket. If it is missing, the system's temporary directory is used.
    pub(super) folder: Option<PathBuf>,
    /// Name or number of a group that may connect besides the user.
    pub(super) group: Option<String>,
    /// The TCP ports of which the plugin takes the first free one. Port 0 stands for any free port.
    pub(super) ports: RangeInclusive<u16>,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { certificate: None, folder: None, group: None, ports: 0..=0 }
    }
}

/// The error when the environment has no magic cookie: a user has started the binary by hand.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{NOT_STARTED_BY_HOST}")]
pub(super) struct NotStartedByHost;

impl HostSettings {
    /// Reads the settings of a host that has started the plugin. `variable` looks up an environment variable.
    pub(super) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NotStartedByHost> {
        let (name, value) = MAGIC_COOKIE;
        if variable(name).as_deref() != Some(value) {
            return Err(NotStartedByHost);
        }
        Ok(Self {
            certificate: variable("PLUGIN_CLIENT_CERT").filter(|pem| !pem.is_empty()),
            group: variable("PLUGIN_UNIX_SOCKET_GROUP").filter(|group| !group.is_empty()),
            ..Self::for_debugging(variable)
        })
    }

    /// Reads the folder of the socket and the ports alone. In debug mode a developer has started the plugin, and connections have no TLS.
    /// So no group gets access: a process that connects can configure an exec plugin, and so run programs as the developer.
    pub(super) fn for_debugging(variable: impl Fn(&str) -> Option<String>) -> Self {
        let folder = variable("PLUGIN_UNIX_SOCKET_DIR").filter(|folder| !folder.is_empty());
        let port = |name| variable(name).and_then(|port| port.parse().ok()).unwrap_or(0);
        let ports = port("PLUGIN_MIN_PORT")..=port("PLUGIN_MAX_PORT");
        Self { folder: folder.map(PathBuf::from), ports, ..Self::default() }
    }
}

/// The address of a listener, as the handshake line and `TF_REATTACH_PROVIDERS` have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// `unix` or `tcp`.
    pub(super) network: &'static str,
    /// Path of the socket, or `127.0.0.1:<port>`.
    pub(super) text: String,
}

/// Formats the handshake line: the versions of go-plugin's core protocol and of the provider protocol, the address, the
/// transport, and the plugin's certificate as base64 without padding. Hosts older than go-plugin 1.5 would take a
/// seventh field for a part of the certificate, so there is none.
pub(super) fn handshake_line(address: &Address, certificate: Option<&[u8]>) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    format!("1|{PROTOCOL_VERSION}|{}|{}|grpc|{certificate}\n", address.network, address.text)
}

/// Formats the value of `TF_REATTACH_PROVIDERS`, by which a host connects to a running provider. Terraform and OpenTofu
/// each look for the provider under the name of their own registry. `Test` keeps the host from ending the process.
pub(super) fn reattach_config(provider: &str, address: &Address) -> String {
    let config = serde_json::json!({
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL_VERSION,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": { "Network": address.network, "String": address.text },
    });
    serde_json::json!({
        format!("registry.terraform.io/{provider}"): config,
        format!("registry.opentofu.org/{provider}"): config,
    })
    .to_string()
}

/// Formats the instructions that `--debug` prints for the developer.
pub(super) fn reattach_instructions(provider: &str, address: &Address) -> String {
    format!(
        "Provider started. To attach Terraform or OpenTofu, set the TF_REATTACH_PROVIDERS environment variable with the \
         following:\n\n\tTF_REATTACH_PROVIDERS='{}'\n",
        reattach_config(provider, address)
    )
}

/// Writes `text` to stdout and flushes it.
pub(super) fn write_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn socket() -> Address {
        Address { network: "unix", text: "/a/b".into() }
    }

    #[test]
    fn magic_cookie_is_required() {
        let wrong = [("TF_PLUGIN_MAGIC_COOKIE", "x")];
        assert_eq!(HostSettings::from_environment(environment(&[])), Err(NotStartedByHost));
        assert_eq!(HostSettings::from_environment(environment(&wrong)), Err(NotStartedByHost));
        assert_eq!(HostSettings::from_environment(environment(&[MAGIC_COOKIE])), Ok(HostSettings::default()));
    }

    #[test]
    fn group_gets_no_access_in_debug_mode() {
        let variable = |name: &str| (name == "PLUGIN_UNIX_SOCKET_GROUP").then(|| "users".to_owned());
        assert_eq!(HostSettings::for_debugging(variable).group, None);
    }

    #[test]
    fn host_sets_certificate_directory_group_and_ports() {
        let host = HostSettings::from_environment(environment(&[
            MAGIC_COOKIE,
            ("PLUGIN_CLIENT_CERT", "pem"),
            ("PLUGIN_UNIX_SOCKET_DIR", "/run/x"),
            ("PLUGIN_UNIX_SOCKET_GROUP", "users"),
            ("PLUGIN_MIN_PORT", "10000"),
            ("PLUGIN_MAX_PORT", "25000"),
        ]));
        let expected = HostSettings {
            certificate: Some("pem".into()),
            folder: Some("/run/x".into()),
            group: Some("users".into()),
            ports: 10000..=25000,
        };
        assert_eq!(host, Ok(expected));
    }

    #[test]
    fn handshake_line_has_six_fields_and_no_padding() {
        assert_eq!(handshake_line(&socket(), Some(b"DER.")), "1|5|unix|/a/b|grpc|REVSLg\n");
        let port = Address { network: "tcp", text: "127.0.0.1:10000".into() };
        assert_eq!(handshake_line(&port, None), "1|5|tcp|127.0.0.1:10000|grpc|\n");
    }

    #[test]
    fn reattach_config_names_both_registries() {
        let text = reattach_config("ns/name", &socket());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in ["registry.terraform.io/ns/name", "registry.opentofu.org/ns/name"] {
            assert_eq!(json[key]["Addr"]["String"], "/a/b");
            assert_eq!(json[key]["ProtocolVersion"], 5);
            assert_eq!(json[key]["Test"], true);
            assert_eq!(json[key]["Pid"], std::process::id());
        }
    }
}
