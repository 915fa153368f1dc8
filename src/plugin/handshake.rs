//! The handshake: what the host says in the environment, and the one line on stdout that we answer. Nothing else is ever
//! written to stdout.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The variable and the value by which a host of Terraform's family shows that it is one.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// The version of the provider protocol. It is our only one: where the host's list (`PLUGIN_PROTOCOL_VERSIONS`) lacks it,
/// the rule is to answer one's lowest version all the same and to let the host report the mismatch, so the list isn't read.
pub(super) const PROTOCOL: u8 = 5;

/// What somebody reads who starts the binary by hand.
const NOT_BY_HAND: &str = "\
This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically";

/// What the host says in the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    /// PEM of the only certificate that may connect; without it connections are plain.
    pub(super) certificate: Option<String>,
    /// Where the socket goes, if not to the temporary folder.
    pub(super) folder: Option<PathBuf>,
    /// The group, by name or number, that may connect.
    pub(super) group: Option<String>,
}

/// The binary was started by hand.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{NOT_BY_HAND}")]
pub(super) struct NotAPlugin;

impl Host {
    /// Reads the environment; `variable` looks one up.
    pub(super) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NotAPlugin> {
        let (name, value) = COOKIE;
        if variable(name).as_deref() != Some(value) {
            return Err(NotAPlugin);
        }
        Ok(Self {
            certificate: variable("PLUGIN_CLIENT_CERT").filter(|pem| !pem.is_empty()),
            ..Self::sockets(variable)
        })
    }

    /// Only where sockets go: for debugging, where no host has started us.
    pub(super) fn sockets(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|text| !text.is_empty());
        Self {
            certificate: None,
            folder: set("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            group: set("PLUGIN_UNIX_SOCKET_GROUP"),
        }
    }
}

/// The line: go-plugin's version, ours, the address, the transport, and our certificate as base64 without padding. Hosts
/// older than go-plugin 1.5 would take a seventh field for a part of the certificate, so there is none.
pub(super) fn line(socket: &Path, certificate: Option<&[u8]>) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    format!("1|{PROTOCOL}|unix|{}|grpc|{certificate}\n", socket.display())
}

/// The value of `TF_REATTACH_PROVIDERS` under which a host finds a provider that is running already. Terraform and OpenTofu
/// look for it under their own registry's name. `Test` keeps the host from ending us.
pub(super) fn reattach(address: &str, socket: &Path) -> String {
    let here = serde_json::json!({
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": { "Network": "unix", "String": socket.display().to_string() },
    });
    serde_json::json!({
        format!("registry.terraform.io/{address}"): here,
        format!("registry.opentofu.org/{address}"): here,
    })
    .to_string()
}

/// What a developer reads after `--debug`.
pub(super) fn reattach_text(address: &str, socket: &Path) -> String {
    format!(
        "Provider started. To attach Terraform or OpenTofu, set the TF_REATTACH_PROVIDERS environment variable with the \
         following:\n\n\tTF_REATTACH_PROVIDERS='{}'\n",
        reattach(address, socket)
    )
}

/// Writes to stdout, at once.
pub(super) fn say(text: &str) -> io::Result<()> {
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

    #[test]
    fn the_cookie_is_needed() {
        assert_eq!(Host::from_environment(environment(&[])), Err(NotAPlugin));
        assert_eq!(Host::from_environment(environment(&[("TF_PLUGIN_MAGIC_COOKIE", "x")])), Err(NotAPlugin));
        assert_eq!(Host::from_environment(environment(&[COOKIE])), Ok(Host::default()));
    }

    #[test]
    fn the_host_says_where_and_who() {
        let host = Host::from_environment(environment(&[
            COOKIE,
            ("PLUGIN_CLIENT_CERT", "pem"),
            ("PLUGIN_UNIX_SOCKET_DIR", "/run/x"),
            ("PLUGIN_UNIX_SOCKET_GROUP", "users"),
        ]));
        let expected =
            Host { certificate: Some("pem".into()), folder: Some("/run/x".into()), group: Some("users".into()) };
        assert_eq!(host, Ok(expected));
    }

    #[test]
    fn the_line_has_six_fields_and_no_padding() {
        assert_eq!(line(Path::new("/a/b"), Some(b"DER.")), "1|5|unix|/a/b|grpc|REVSLg\n");
        assert_eq!(line(Path::new("/a/b"), None), "1|5|unix|/a/b|grpc|\n");
    }

    #[test]
    fn both_registries_find_us() {
        let text = reattach("ns/name", Path::new("/a/b"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in ["registry.terraform.io/ns/name", "registry.opentofu.org/ns/name"] {
            assert_eq!(json[key]["Addr"]["String"], "/a/b");
            assert_eq!(json[key]["ProtocolVersion"], 5);
            assert_eq!(json[key]["Test"], true);
            assert_eq!(json[key]["Pid"], std::process::id());
        }
    }
}
