//! The frame of every call: it runs the call in a task of its own, logs it, and puts its diagnostics into the response.

use std::{pin::Pin, sync::Arc, time::Instant};

use tokio::task::JoinError;
use tonic::{Response, Status};
use tracing::Instrument as _;

use super::{
    interface::FunctionError,
    proto::tfplugin5::{
        apply_resource_change, call_function, configure, get_functions, get_metadata, get_provider_schema,
        get_resource_identity_schemas, import_resource_state, move_resource_state, plan_resource_change,
        prepare_provider_config, read_data_source, read_resource, upgrade_resource_identity, upgrade_resource_state,
        validate_data_source_config, validate_resource_type_config,
    },
    session::PluginSession,
    to_proto,
};
use crate::diagnostics::{Diagnostics, Path, Reported, Severity};

/// A response that can carry diagnostics.
pub(super) trait RpcResponse: Send + 'static {
    /// Puts the diagnostics of the call into the response.
    fn set_diagnostics(&mut self, diagnostics: Diagnostics);
}

macro_rules! impl_rpc_response {
    ($($rpc:ident)*) => { $(
        impl RpcResponse for $rpc::Response {
            fn set_diagnostics(&mut self, diagnostics: Diagnostics) {
                self.diagnostics = to_proto::diagnostics(diagnostics);
            }
        }
    )* };
}

impl_rpc_response! {
    apply_resource_change configure get_functions get_metadata get_provider_schema get_resource_identity_schemas
    import_resource_state move_resource_state plan_resource_change prepare_provider_config read_data_source
    read_resource upgrade_resource_identity upgrade_resource_state validate_data_source_config
    validate_resource_type_config
}

/// The response of a function has one error instead of diagnostics.
impl RpcResponse for call_function::Response {
    fn set_diagnostics(&mut self, diagnostics: Diagnostics) {
        if diagnostics.has_errors() {
            let error = FunctionError { argument: None, text: diagnostics.to_string() };
            *self = Self { result: None, error: Some(to_proto::function_error(error)) };
        }
    }
}

/// The future of a call's handler.
pub(super) type Handler<'a, R> = Pin<Box<dyn Future<Output = Result<R, Reported>> + Send + 'a>>;
/// The result of a method of the gRPC service.
pub(super) type RpcResult<R> = Result<Response<R>, Status>;

/// Runs a call to its end and always responds. The call runs in a task of its own, so that a host that stops waiting
/// for the response (for example because the user has interrupted it) doesn't cancel the call half-way, and so that a
/// panic becomes a diagnostic. `fallback` is the response if the handler fails or panics: core would drop a state that
/// the response of a failed call leaves out.
pub(super) async fn run<C: Send + Sync + 'static, R: RpcResponse>(
    session: &Arc<PluginSession<C>>,
    rpc: &'static str,
    resource_type: &str,
    fallback: R,
    handler: impl for<'a> FnOnce(&'a PluginSession<C>, &'a mut Diagnostics) -> Handler<'a, R> + Send + 'static,
) -> RpcResult<R> {
    let span = tracing::info_span!(
        "rpc",
        tf_rpc = rpc,
        tf_req_id = format!("{:016x}", fastrand::u64(..)),
        tf_resource_type = resource_type,
        tf_provider_addr = session.address,
    );
    let started = Instant::now();
    let session = session.clone();
    let task = async move {
        let _guard = session.begin_call();
        let mut diagnostics = Diagnostics::default();
        let response = handler(&session, &mut diagnostics).await;
        // The task logs, so that the call is logged even if the host no longer waits for the response.
        log(started, &diagnostics);
        (response.ok(), diagnostics)
    };
    let joined = tokio::spawn(task.instrument(span)).await;
    let (response, diagnostics) = joined.unwrap_or_else(|error| (None, crash_diagnostics(error)));
    let mut response = response.unwrap_or(fallback);
    response.set_diagnostics(diagnostics);
    Ok(Response::new(response))
}

/// Returns the diagnostics of a task without a result. The task has panicked, since no code aborts it, and the panic
/// hook has logged the panic.
fn crash_diagnostics(error: JoinError) -> Diagnostics {
    let panic = error.try_into_panic().ok();
    let message = panic.as_ref().and_then(|panic| {
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
    });
    let mut diagnostics = Diagnostics::default();
    diagnostics.error(
        &Path::root(),
        "The provider crashed",
        format!(
            "A bug in the provider ended this operation: {}. What was written before may be missing in the state; the \
             next plan shows it. Please report this with the log (TF_LOG=debug).",
            message.unwrap_or("no message")
        ),
    );
    diagnostics
}

/// Logs the diagnostics of a call and its duration. Values are never logged, and since the detail of a diagnostic may
/// quote one, only summaries are.
fn log(started: Instant, diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        let (diagnostic_attribute, diagnostic_summary) = (diagnostic.at.to_string(), diagnostic.summary.as_str());
        match diagnostic.severity {
            Severity::Error => tracing::error!(diagnostic_attribute, diagnostic_summary, "reported an error"),
            Severity::Warning => tracing::warn!(diagnostic_attribute, diagnostic_summary, "reported a warning"),
        }
    }
    let tf_req_duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(tf_req_duration_ms, "answered");
}
