//! Selects the proxy to the API server. As in client-go, a proxy that is configured for the cluster is always used, and the
//! proxy of the environment (`HTTPS_PROXY`) only for servers that `NO_PROXY` doesn't name. The choice isn't left to kube, which
//! compares `NO_PROXY` with the address of the proxy itself.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::{connection::EnvironmentProxy, error::Error};

/// The proxy to use for `server`. `cluster_proxy` is the one that is configured for the cluster.
pub(super) fn select(
    cluster_proxy: Option<&str>,
    environment_proxy: Option<&EnvironmentProxy>,
    server: &Uri,
) -> Result<Option<Uri>, Error> {
    match (cluster_proxy, environment_proxy) {
        (Some(url), _) if !url.is_empty() => {
            parse_proxy_url(url, "proxy_url (or KUBE_PROXY_URL, or the kubeconfig's proxy-url)").map(Some)
        }
        (_, Some(proxy)) if uses_environment_proxy(server, &proxy.no_proxy) => {
            parse_proxy_url(proxy.url.expose(), "HTTPS_PROXY").map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether Go programs would reach `server` through `HTTPS_PROXY`. Local addresses never go through a proxy.
fn uses_environment_proxy(server: &Uri, no_proxy: &str) -> bool {
    server.scheme_str() == Some("https")
        && !is_loopback(server)
        && Matcher::builder().https("http://any").no(no_proxy).build().intercept(server).is_some()
}

/// Whether the server is on this machine.
pub(super) fn is_loopback(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The address without the user and password that a URL may have.
pub(super) fn without_credentials(uri: &Uri) -> String {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("https"), uri.host().unwrap_or_default())
}

/// Parses the URL of a proxy, whose scheme defaults to `http`. `source` names the origin of the URL in the error, which doesn't
/// show the URL itself because it may contain a password.
fn parse_proxy_url(url: &str, source: &str) -> Result<Uri, Error> {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https" | "socks5")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    uri.ok_or_else(|| {
        Error::InvalidConnection(format!(
            "{source} is no address of a proxy, like http://proxy.example.com:3128; https:// and socks5:// are possible, too."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy that is selected; `environment` is `HTTPS_PROXY` and `NO_PROXY`.
    fn selected(cluster_proxy: Option<&str>, environment: Option<(&str, &str)>, server: &str) -> Option<String> {
        let environment_proxy =
            environment.map(|(url, no_proxy)| EnvironmentProxy { url: url.into(), no_proxy: no_proxy.into() });
        let proxy = select(cluster_proxy, environment_proxy.as_ref(), &server.parse().unwrap()).unwrap();
        proxy.map(|uri| uri.to_string())
    }

    #[test]
    fn cluster_proxy_takes_precedence_over_the_environment() {
        let server = "https://api:6443";
        let own = selected(Some("socks5://own:1"), Some(("http://all:1", "*")), server);
        assert_eq!(own.as_deref(), Some("socks5://own:1/"));
        assert_eq!(selected(Some(""), Some(("all:1", "")), server).as_deref(), Some("http://all:1/"));
    }

    #[test]
    fn no_proxy_and_local_servers_are_reached_directly() {
        for (no_proxy, server) in [
            ("10.0.0.0/8", "https://10.1.2.3:6443"),
            (".internal", "https://api.internal"),
            ("x,api.internal", "https://api.internal:6443"),
            ("*", "https://api.internal:6443"),
            ("", "https://127.0.0.1:6443"),
            ("", "https://[::1]:6443"),
            ("", "https://localhost"),
            ("", "http://api.internal"),
        ] {
            assert_eq!(selected(None, Some(("http://all:1", no_proxy)), server), None, "{no_proxy:?} {server}");
        }
    }

    #[test]
    fn proxy_address_in_no_proxy_has_no_effect() {
        let proxy = selected(None, Some(("http://10.0.0.1:3128", "10.0.0.1")), "https://api.example.com");
        assert_eq!(proxy.as_deref(), Some("http://10.0.0.1:3128/"));
    }

    #[test]
    fn invalid_proxy_is_reported_without_its_password() {
        let error = select(Some("ftp://user:hunter2@proxy"), None, &"https://api".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("proxy_url") && !error.to_string().contains("hunter2"), "{error}");
    }
}
