//! What fuzz targets call (`tests/fuzz`). cargo-fuzz sets `cfg(fuzzing)`, and no other build has this module.

use kube::{Client, config::AuthInfo};

use super::{connection::Connection, resolved_connection::ResolvedConnection};

/// Reads the files that `connection` names. Nothing is sent to the network and no plugin is run.
pub fn resolve(connection: &Connection) {
    let _ = ResolvedConnection::new(connection).map(|resolved| resolved.client_config(AuthInfo::default()));
}

/// Makes the HTTP client of a connection without a plugin, as far as that needs no request.
pub fn client(connection: &Connection) {
    let config = ResolvedConnection::new(connection).and_then(|resolved| resolved.client_config(resolved.user.clone()));
    if let (Ok(config), Ok(runtime)) = (config, tokio::runtime::Builder::new_current_thread().build()) {
        let _guard = runtime.enter();
        let _ = Client::try_from(config);
    }
}
