//! What a connection opens to others on the network: credentials in clear text, and servers whose certificate goes unverified.

use super::{
    connection::Connection,
    proxy::{is_loopback, without_credentials},
    resolved_connection::ResolvedConnection,
};

/// A weakness of a connection that arguments, environment variables or a kubeconfig allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionRisk {
    /// The credentials are sent over `http://`, where everyone on the way can read them.
    ClearTextCredentials {
        /// The address of the API server.
        server: String,
    },
    /// The certificate of the API server isn't verified, so that another server can take its place and its credentials.
    UnverifiedServer {
        /// The address of the API server.
        server: String,
    },
}

impl ConnectionRisk {
    /// The risk of a connection, or `None` if it has none, or leads nowhere, which the first request reports. Servers on this
    /// machine are exempt: no network is in between. Nothing is sent, and no plugin is run.
    pub fn of(connection: &Connection) -> Option<Self> {
        let connection = ResolvedConnection::new(connection).ok()?;
        if is_loopback(&connection.server) {
            return None;
        }
        let (user, server) = (&connection.user, without_credentials(&connection.server));
        if connection.server.scheme_str() == Some("http") {
            let has_credentials =
                user.token.is_some() || user.token_file.is_some() || user.exec.is_some() || user.password.is_some();
            return has_credentials.then_some(Self::ClearTextCredentials { server });
        }
        (connection.cluster.insecure_skip_tls_verify == Some(true)).then_some(Self::UnverifiedServer { server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kubeconfig::tests::write_kubeconfig;

    fn risk(host: &str, token: bool, insecure: bool) -> Option<ConnectionRisk> {
        ConnectionRisk::of(&Connection {
            host: Some(host.to_owned()),
            token: token.then(|| "token".into()),
            insecure: Some(insecure),
            ..Connection::default()
        })
    }

    #[test]
    fn clear_text_and_unverified_servers_are_risks_but_not_on_this_machine() {
        let clear_text = |server: &str| Some(ConnectionRisk::ClearTextCredentials { server: server.to_owned() });
        assert_eq!(risk("http://api:8080", true, false), clear_text("http://api:8080"));
        assert_eq!(risk("http://api:8080", true, true), clear_text("http://api:8080"), "there is no TLS to verify");
        assert_eq!(risk("http://api:8080", false, true), None);
        let unverified = Some(ConnectionRisk::UnverifiedServer { server: "https://api".to_owned() });
        assert_eq!(risk("https://api", true, true), unverified);
        assert_eq!(risk("api", true, true), unverified);
        assert_eq!(risk("https://api", true, false), None);
        for local in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:1", "https://127.0.0.1"] {
            assert_eq!(risk(local, true, true), None, "{local}");
        }
    }

    #[test]
    fn kubeconfig_can_skip_the_verification() {
        let (_directory, connection) = write_kubeconfig();
        assert_eq!(ConnectionRisk::of(&connection), None);
        let unverified = Connection { config_context: Some("unverified".into()), ..connection.clone() };
        let server = "https://lab:6443".to_owned();
        assert_eq!(ConnectionRisk::of(&unverified), Some(ConnectionRisk::UnverifiedServer { server }));
        let verified = Connection { insecure: Some(false), ..unverified };
        assert_eq!(ConnectionRisk::of(&verified), None);
    }
}
