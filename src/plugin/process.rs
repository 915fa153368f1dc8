//! The end of the process: signals, a host that has died, and the Shutdown call.

use std::{os::unix::process::parent_id, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::session::PluginSession;

/// How long calls in flight may run on after Shutdown. The host kills the plugin 2 seconds after that call.
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_millis(500);
/// How long calls in flight may run on after the host has died, so that they can finish what they write to the cluster.
const ORPHAN_GRACE_PERIOD: Duration = Duration::from_secs(30);
/// Interval at which [`wait_until_idle`] looks for calls in flight.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Handles signals of a plugin that a host has started. Ctrl-C reaches the whole process group, and the host handles it
/// by Stop and then Shutdown, so SIGINT is ignored. SIGTERM stops the calls in flight.
pub(super) fn handle_host_signals<C: Send + Sync + 'static>(session: &Arc<PluginSession<C>>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
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
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
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

/// Ends the process after the host has died, which shows only by a change of the parent process: the calls in flight
/// are stopped, and have [`ORPHAN_GRACE_PERIOD`] to finish.
pub(super) fn watch_host<C: Send + Sync + 'static>(session: &Arc<PluginSession<C>>, shutdown: &CancellationToken) {
    let (session, shutdown, host) = (session.clone(), shutdown.clone(), parent_id());
    tokio::spawn(async move {
        while parent_id() == host {
            sleep(Duration::from_secs(1)).await;
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
