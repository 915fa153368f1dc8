//! The state that calls share: the provider, the context that Configure makes, and the token that Stop cancels.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::{
    interface::{Call, Provider},
    proto::tfplugin5::{ClientCapabilities, Deferred, deferred::Reason},
};

/// The state of one plugin process. In debug mode it serves many runs of the host.
pub(super) struct PluginSession<C> {
    /// Address of the provider, `namespace/name`, without a registry: each registry serves the same provider.
    pub(super) address: &'static str,
    /// The provider that is served.
    pub(super) provider: Provider<C>,
    context: Mutex<Option<Arc<C>>>,
    stop: Mutex<CancellationToken>,
    calls_in_flight: AtomicUsize,
}

impl<C> PluginSession<C> {
    /// Makes a session that isn't configured yet.
    pub(super) fn new(address: &'static str, provider: Provider<C>) -> Self {
        Self {
            address,
            provider,
            context: Mutex::default(),
            stop: Mutex::default(),
            calls_in_flight: AtomicUsize::default(),
        }
    }

    /// Returns what a call needs besides its request.
    pub(super) fn call(&self) -> Call<C> {
        Call {
            context: lock(&self.context).clone(),
            stop: lock(&self.stop).clone(),
            deferred: false,
            replaced_private: Vec::new(),
        }
    }

    /// Returns the deferral of a call that needs the context, if that is unknown and core allows deferrals.
    pub(super) fn deferral(&self, core: Option<ClientCapabilities>) -> Option<Deferred> {
        let is_allowed = core.is_some_and(|core| core.deferral_allowed);
        let is_unknown = lock(&self.context).as_deref().is_some_and(self.provider.is_unknown);
        (is_allowed && is_unknown).then(|| Deferred { reason: Reason::ProviderConfigUnknown.into() })
    }

    /// Replaces the context. `None`: Configure has failed, and the provider isn't configured.
    pub(super) fn set_context(&self, context: Option<C>) {
        *lock(&self.context) = context.map(Arc::new);
    }

    /// Cancels the token of the calls in flight. Later calls get a new token.
    pub(super) fn stop(&self) {
        std::mem::take(&mut *lock(&self.stop)).cancel();
    }

    /// Whether no call is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.calls_in_flight.load(Ordering::SeqCst) == 0
    }

    /// Counts a call as in flight until the returned guard is dropped.
    pub(super) fn begin_call(self: &Arc<Self>) -> CallGuard<C> {
        self.calls_in_flight.fetch_add(1, Ordering::SeqCst);
        CallGuard(self.clone())
    }
}

/// Counts one call as in flight.
pub(super) struct CallGuard<C>(Arc<PluginSession<C>>);

impl<C> Drop for CallGuard<C> {
    fn drop(&mut self) {
        self.0.calls_in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Locks a mutex, also a poisoned one: the critical sections above only replace a value, so a panic leaves none
/// half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
