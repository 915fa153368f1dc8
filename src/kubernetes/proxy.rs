//! Which proxy leads to the API server. One that is named for this cluster holds always, as in client-go; the one that every
//! program uses (`HTTPS_PROXY`) holds only where `NO_PROXY` doesn't name the server. kube would compare `NO_PROXY` with the
//! proxy's own address, so it isn't asked.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::{connection::EnvironmentProxy, error::Error};

/// The proxy on the way to `server`.
pub(super) fn of(named: Option<&str>, of_all: Option<&EnvironmentProxy>, server: &Uri) -> Result<Option<Uri>, Error> {
    match (named, of_all) {
        (Some(url), _) if !url.is_empty() => {
            address(url, "proxy_url (or KUBE_PROXY_URL, or the kubeconfig's proxy-url)")
        }
        (_, Some(EnvironmentProxy { url, except })) if holds(server, except) => address(url.expose(), "HTTPS_PROXY"),
        _ => Ok(None),
    }
}

/// As Go's programs read `NO_PROXY`: this machine is never reached through a proxy.
fn holds(server: &Uri, except: &str) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    server.scheme_str() == Some("https")
        && !here
        && Matcher::builder().https("http://any").no(except).build().intercept(server).is_some()
}

fn address(url: &str, whence: &str) -> Result<Option<Uri>, Error> {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https" | "socks5")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    // Not shown: it may hold a password.
    uri.map(Some).ok_or_else(|| {
        Error::Connection(format!(
            "{whence} is no address of a proxy, like http://proxy.example.com:3128; https:// and socks5:// are possible, too."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(named: Option<&str>, all: Option<(&str, &str)>, server: &str) -> Option<String> {
        let all = all.map(|(url, except)| EnvironmentProxy { url: url.into(), except: except.into() });
        of(named, all.as_ref(), &server.parse().unwrap()).unwrap().map(|uri| uri.to_string())
    }

    #[test]
    fn the_clusters_own_proxy_beats_that_of_all() {
        let all = Some(("http://all:1", "*"));
        assert_eq!(through(Some("socks5://own:1"), all, "https://api:6443").as_deref(), Some("socks5://own:1/"));
        assert_eq!(through(Some(""), Some(("all:1", "")), "https://api:6443").as_deref(), Some("http://all:1/"));
    }

    #[test]
    fn no_proxy_names_servers() {
        for (except, server) in [
            ("10.0.0.0/8", "https://10.1.2.3:6443"),
            (".internal", "https://api.internal"),
            ("x,api.internal", "https://api.internal:6443"),
            ("*", "https://api.internal:6443"),
            ("", "https://127.0.0.1:6443"),
            ("", "https://[::1]:6443"),
            ("", "https://localhost"),
            ("", "http://api.internal"),
        ] {
            assert_eq!(through(None, Some(("http://all:1", except)), server), None, "{except:?} {server}");
        }
        // The proxy's own address in NO_PROXY says nothing of the server.
        let kept = through(None, Some(("http://10.0.0.1:3128", "10.0.0.1")), "https://api.example.com");
        assert_eq!(kept.as_deref(), Some("http://10.0.0.1:3128/"));
    }

    #[test]
    fn a_proxy_that_is_none_is_told_without_its_password() {
        let error = of(Some("ftp://user:hunter2@proxy"), None, &"https://api".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("proxy_url") && !error.to_string().contains("hunter2"), "{error}");
    }
}
