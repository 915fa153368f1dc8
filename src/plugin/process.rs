//! The end of the process: signals, a host that has died, and the Shutdown call.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{connections::OpenConnections, listener::Transport, session::PluginSession, signals};

/// How long calls in flight may run on after Shutdown. The host kills the plugin 2 seconds after that call.
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_millis(500);
/// How long calls in flight may run on after the host has died, so that they can finish what they write to the cluster.
const ORPHAN_GRACE_PERIOD: Duration = Duration::from_secs(30);
/// How long a host may take to open its first connection before it counts as dead, as long as go-plugin waits for a plugin.
const FIRST_CONNECTION_LIMIT: Duration = Duration::from_mins(1);
/// How long a host that was connected may have no connection open before it counts as dead.
const DISCONNECTED_LIMIT: Duration = Duration::from_secs(5);
/// Interval at which [`no_connection_is_left`] looks for connections.
const CONNECTION_POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Interval at which [`wait_until_idle`] looks for calls in flight.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Handles signals of a plugin that a host has started. Ctrl-C reaches the whole process group, and the host handles it
/// by Stop and then Shutdown, so SIGINT is ignored. SIGTERM stops the calls in flight.
pub(super) fn handle_host_signals<C: Send + Sync + 'static>(session: &Arc<PluginSession<C>>) -> std::io::Result<()> {
    let mut interrupt = signals::interrupt()?;
    let mut terminate = signals::terminate()?;
    let session = session.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => session.stop(),
            }
        }
    });
    Ok(())
}

/// Handles signals in debug mode, in which no host ends the process: the first SIGINT or SIGTERM stops the calls in
/// flight and ends the process.
pub(super) fn handle_terminal_signals<C: Send + Sync + 'static>(
    session: &Arc<PluginSession<C>>,
    shutdown: &CancellationToken,
) -> std::io::Result<()> {
    let mut interrupt = signals::interrupt()?;
    let mut terminate = signals::terminate()?;
    let (session, shutdown) = (session.clone(), shutdown.clone());
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        session.stop();
        shutdown.cancel();
    });
    Ok(())
}

/// Ends the process after the host has died: the calls in flight are stopped, and have [`ORPHAN_GRACE_PERIOD`] to finish.
pub(super) fn watch_host<C: Send + Sync + 'static>(
    session: &Arc<PluginSession<C>>,
    shutdown: &CancellationToken,
    transport: Transport,
    open: OpenConnections,
) {
    let (session, shutdown) = (session.clone(), shutdown.clone());
    tokio::spawn(async move {
        match transport {
            #[cfg(unix)]
            Transport::UnixSocket => parent_has_changed().await,
            Transport::Tcp => no_connection_is_left(&open).await,
        }
        tracing::warn!("the host is gone");
        session.stop();
        wait_until_idle(&session, ORPHAN_GRACE_PERIOD).await;
        shutdown.cancel();
    });
}

/// Waits until the process is asked to end, stops the calls in flight, and gives them [`SHUTDOWN_GRACE_PERIOD`] to
/// finish.
pub(super) async fn wait_for_shutdown<C>(session: &PluginSession<C>, shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    session.stop();
    wait_until_idle(session, SHUTDOWN_GRACE_PERIOD).await;
}

/// Waits until no call is in flight, for at most `limit`.
async fn wait_until_idle<C>(session: &PluginSession<C>, limit: Duration) {
    let deadline = Instant::now() + limit;
    while !session.is_idle() && Instant::now() < deadline {
        sleep(IDLE_POLL_INTERVAL).await;
    }
}

/// Waits for the death of the host, which shows by a change of the parent process.
#[cfg(unix)]
async fn parent_has_changed() {
    use std::os::unix::process::parent_id;
    let host = parent_id();
    while parent_id() == host {
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until the host has had no connection open for [`DISCONNECTED_LIMIT`], or for [`FIRST_CONNECTION_LIMIT`] if it has
/// opened none yet. Windows doesn't tell a process that its parent has died. A living host keeps its connection open: go-plugin
/// reads the stream of the plugin's output over it for as long as the plugin runs.
async fn no_connection_is_left(open: &OpenConnections) {
    let (mut last_open, mut limit) = (Instant::now(), FIRST_CONNECTION_LIMIT);
    while last_open.elapsed() < limit {
        sleep(CONNECTION_POLL_INTERVAL).await;
        if open.any() {
            (last_open, limit) = (Instant::now(), DISCONNECTED_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn host_has_more_time_for_its_first_connection_than_for_a_later_one() {
        let seconds = |since: Instant| since.elapsed().as_secs();
        let started = Instant::now();
        no_connection_is_left(&OpenConnections::default()).await;
        assert_eq!(seconds(started), 60);

        let open = OpenConnections::default();
        let connection = open.clone().add();
        let watch = tokio::spawn(async move { no_connection_is_left(&open).await });
        sleep(Duration::from_mins(5)).await;
        assert!(!watch.is_finished());
        let closed = Instant::now();
        drop(connection);
        watch.await.unwrap();
        assert!((4..=5).contains(&seconds(closed)), "{}", seconds(closed));
    }
}
