//! What lasts from call to call: the provider, what Configure made, and the token that Stop cancels.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::interface::{Call, Provider};

/// One process, and in debug mode many runs of the host.
pub(super) struct Session<C> {
    /// `namespace/name`, without a registry: each registry serves the same provider.
    pub(super) address: &'static str,
    /// Everything offered.
    pub(super) provider: Provider<C>,
    context: Mutex<Option<Arc<C>>>,
    stop: Mutex<CancellationToken>,
    running: AtomicUsize,
}

impl<C> Session<C> {
    /// Not configured yet.
    pub(super) fn new(address: &'static str, provider: Provider<C>) -> Self {
        Self { address, provider, context: Mutex::default(), stop: Mutex::default(), running: AtomicUsize::default() }
    }

    /// What a call gets.
    pub(super) fn call(&self) -> Call<C> {
        Call { context: lock(&self.context).clone(), stop: lock(&self.stop).clone(), replaced_private: Vec::new() }
    }

    /// The last Configure wins; where it failed, nothing is configured.
    pub(super) fn configure(&self, context: Option<C>) {
        *lock(&self.context) = context.map(Arc::new);
    }

    /// Stops the calls in flight; later ones run.
    pub(super) fn stop(&self) {
        std::mem::take(&mut *lock(&self.stop)).cancel();
    }

    /// No call is in flight.
    pub(super) fn idle(&self) -> bool {
        self.running.load(Ordering::SeqCst) == 0
    }

    /// Counts a call as in flight until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Running<C> {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(self.clone())
    }
}

/// A call in flight.
pub(super) struct Running<C>(Arc<Session<C>>);

impl<C> Drop for Running<C> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A panic while the lock was held leaves plain data behind, which is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
