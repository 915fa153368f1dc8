//! How the process lives and ends: signals, a host that dies, the Shutdown call.

use std::{os::unix::process::parent_id, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::session::Session;

/// How long calls in flight may go on after the host has asked us to end: it kills us 2 seconds after its call.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long calls in flight may go on where nobody waits for them any more, so that what they write is whole.
const ORPHANED: Duration = Duration::from_secs(30);
/// How often is looked.
const POLL: Duration = Duration::from_millis(20);

/// Under a host: Ctrl-C reaches the whole process group, and the host alone decides what it means (Stop, then Shutdown), so
/// SIGINT is ignored; SIGTERM stops the calls in flight.
pub(super) fn obey_host<C: Send + Sync + 'static>(session: &Arc<Session<C>>) -> std::io::Result<()> {
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

/// In debug mode nobody else ends us: the first signal stops the calls in flight and ends the process.
pub(super) fn obey_terminal<C: Send + Sync + 'static>(
    session: &Arc<Session<C>>,
    ending: &CancellationToken,
) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (session, ending) = (session.clone(), ending.clone());
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        session.stop();
        ending.cancel();
    });
    Ok(())
}

/// Nothing tells us when the host was killed but that we have another parent: then calls in flight are stopped, and the
/// process ends with them.
pub(super) fn outlive_host_briefly<C: Send + Sync + 'static>(session: &Arc<Session<C>>, ending: &CancellationToken) {
    let (session, ending, host) = (session.clone(), ending.clone(), parent_id());
    tokio::spawn(async move {
        while parent_id() == host {
            sleep(Duration::from_secs(1)).await;
        }
        tracing::warn!("the host is gone");
        session.stop();
        idle(&session, ORPHANED).await;
        ending.cancel();
    });
}

/// Waits for the end, then a little for the calls in flight.
pub(super) async fn ended<C>(session: &Session<C>, ending: &CancellationToken) {
    ending.cancelled().await;
    session.stop();
    idle(session, LAST_WORDS).await;
}

async fn idle<C>(session: &Session<C>, limit: Duration) {
    let last = Instant::now() + limit;
    while !session.idle() && Instant::now() < last {
        sleep(POLL).await;
    }
}
