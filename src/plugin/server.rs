//! The provider service: one wrapper for every call, then one short method a call. What a provider of this kind hasn't
//! (ephemeral resources, list resources, actions, generated configuration) isn't declared, and answered as unimplemented.

use std::{pin::Pin, sync::Arc, time::Instant};

use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{
    calls::{planned_as_before, read_as_before},
    proto::tfplugin5::{
        apply_resource_change, call_function, configure, get_functions, get_metadata, get_provider_schema,
        get_resource_identity_schemas, import_resource_state, move_resource_state, plan_resource_change,
        prepare_provider_config, provider_server::Provider, read_data_source, read_resource, stop,
        upgrade_resource_identity, upgrade_resource_state, validate_data_source_config, validate_resource_type_config,
    },
    session::Session,
    to_proto,
};
use crate::diagnostics::{Diagnostics, Path, Reported, Severity};

/// An answer that can carry diagnostics.
trait Answer: Send + 'static {
    fn tell(&mut self, told: Diagnostics);
}

macro_rules! answers {
    ($($rpc:ident)*) => { $(
        impl Answer for $rpc::Response {
            fn tell(&mut self, told: Diagnostics) {
                self.diagnostics = to_proto::diagnostics(told);
            }
        }
    )* };
}

answers! {
    apply_resource_change configure get_functions get_metadata get_provider_schema get_resource_identity_schemas
    import_resource_state move_resource_state plan_resource_change prepare_provider_config read_data_source
    read_resource upgrade_resource_identity upgrade_resource_state validate_data_source_config
    validate_resource_type_config
}

/// Functions have one error and no diagnostics.
impl Answer for call_function::Response {
    fn tell(&mut self, told: Diagnostics) {
        if told.has_errors() {
            let error = super::interface::FunctionError { argument: None, text: told.to_string() };
            *self = Self { result: None, error: Some(to_proto::function_error(error)) };
        }
    }
}

/// What a call does.
type Work<'a, A> = Pin<Box<dyn Future<Output = Result<A, Reported>> + Send + 'a>>;
type Reply<A> = Result<Response<A>, Status>;

/// The service.
pub(super) struct Service<C>(pub(super) Arc<Session<C>>);

impl<C: Send + Sync + 'static> Service<C> {
    /// Runs a call to its end and answers, come what may. It runs in a task of its own: a host that gives up waiting (it
    /// may, when the user interrupts it) doesn't cut work off half-way, and a panic becomes a diagnostic. Where the call
    /// has no answer, `last_resort` is it: a state that a failing call leaves out is lost.
    async fn rpc<A: Answer>(
        &self,
        rpc: &'static str,
        kind: &str,
        last_resort: A,
        work: impl for<'a> FnOnce(&'a Session<C>, &'a mut Diagnostics) -> Work<'a, A> + Send + 'static,
    ) -> Reply<A> {
        let span = tracing::info_span!(
            "rpc",
            tf_rpc = rpc,
            tf_req_id = format!("{:016x}", fastrand::u64(..)),
            tf_resource_type = kind,
            tf_provider_addr = self.0.address,
        );
        let started = Instant::now();
        let session = self.0.clone();
        let task = async move {
            let _running = session.enter();
            let mut told = Diagnostics::default();
            let answer = work(&session, &mut told).await;
            // Here, so that there is a line though nobody waits for the answer any more.
            log(started, &told);
            (answer.ok(), told)
        };
        let (answer, told) = tokio::spawn(task.instrument(span)).await.unwrap_or_else(|panic| (None, crash(panic)));
        let mut answer = answer.unwrap_or(last_resort);
        answer.tell(told);
        Ok(Response::new(answer))
    }
}

/// The task ended without an answer: it panicked, since nobody aborts it. The panic hook has logged it.
fn crash(error: tokio::task::JoinError) -> Diagnostics {
    let panic = error.try_into_panic().ok();
    let message = panic.as_ref().and_then(|panic| {
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
    });
    let mut told = Diagnostics::default();
    told.error(
        &Path::root(),
        "The provider crashed",
        format!(
            "A bug in the provider ended this operation: {}. What was written before may be missing in the state; the \
             next plan shows it. Please report this with the log (TF_LOG=debug).",
            message.unwrap_or("no message")
        ),
    );
    told
}

/// What was told, and how long it took. Values are never logged, and details may quote them, so summaries have to do.
fn log(started: Instant, told: &Diagnostics) {
    for diagnostic in told.iter() {
        let (diagnostic_attribute, diagnostic_summary) = (diagnostic.at.to_string(), diagnostic.summary.as_str());
        match diagnostic.severity {
            Severity::Error => tracing::error!(diagnostic_attribute, diagnostic_summary, "told an error"),
            Severity::Warning => tracing::warn!(diagnostic_attribute, diagnostic_summary, "told a warning"),
        }
    }
    let tf_req_duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(tf_req_duration_ms, "answered");
}

#[tonic::async_trait]
impl<C: Send + Sync + 'static> Provider for Service<C> {
    // === what is offered ===

    async fn get_metadata(&self, _: Request<get_metadata::Request>) -> Reply<get_metadata::Response> {
        let nothing = get_metadata::Response::default();
        self.rpc("GetMetadata", "", nothing, |session, _| Box::pin(async { Ok(session.metadata()) })).await
    }

    async fn get_schema(&self, _: Request<get_provider_schema::Request>) -> Reply<get_provider_schema::Response> {
        let nothing = get_provider_schema::Response::default();
        self.rpc("GetProviderSchema", "", nothing, |session, _| Box::pin(async { Ok(session.schemas()) })).await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<get_resource_identity_schemas::Request>,
    ) -> Reply<get_resource_identity_schemas::Response> {
        let nothing = get_resource_identity_schemas::Response::default();
        self.rpc("GetResourceIdentitySchemas", "", nothing, |session, _| {
            Box::pin(async { Ok(session.identity_schemas()) })
        })
        .await
    }

    async fn get_functions(&self, _: Request<get_functions::Request>) -> Reply<get_functions::Response> {
        let nothing = get_functions::Response::default();
        self.rpc("GetFunctions", "", nothing, |session, _| Box::pin(async { Ok(session.functions()) })).await
    }

    // === the provider block ===

    async fn prepare_provider_config(
        &self,
        request: Request<prepare_provider_config::Request>,
    ) -> Reply<prepare_provider_config::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (String::new(), prepare_provider_config::Response::default());
        self.rpc("PrepareProviderConfig", &kind, last_resort, |session, out| {
            Box::pin(async move { session.prepare_provider_config(request, out) })
        })
        .await
    }

    async fn configure(&self, request: Request<configure::Request>) -> Reply<configure::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (String::new(), configure::Response::default());
        self.rpc("Configure", &kind, last_resort, |session, out| {
            Box::pin(async move { session.configure_provider(&request, out) })
        })
        .await
    }

    /// Answers at once; what it stops answers by itself.
    async fn stop(&self, _: Request<stop::Request>) -> Reply<stop::Response> {
        tracing::debug!("the host stops the calls in flight");
        self.0.stop();
        Ok(Response::new(stop::Response::default()))
    }

    // === managed resources ===

    async fn validate_resource_type_config(
        &self,
        request: Request<validate_resource_type_config::Request>,
    ) -> Reply<validate_resource_type_config::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), validate_resource_type_config::Response::default());
        self.rpc("ValidateResourceTypeConfig", &kind, last_resort, |session, out| {
            Box::pin(async move { session.validate_resource(&request, out) })
        })
        .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Reply<upgrade_resource_state::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), upgrade_resource_state::Response::default());
        self.rpc("UpgradeResourceState", &kind, last_resort, |session, out| {
            Box::pin(async move { session.upgrade_state(&request, out) })
        })
        .await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<upgrade_resource_identity::Request>,
    ) -> Reply<upgrade_resource_identity::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), upgrade_resource_identity::Response::default());
        self.rpc("UpgradeResourceIdentity", &kind, last_resort, |session, out| {
            Box::pin(async move { session.upgrade_identity(&request, out) })
        })
        .await
    }

    async fn read_resource(&self, request: Request<read_resource::Request>) -> Reply<read_resource::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), read_as_before(&request));
        self.rpc("ReadResource", &kind, last_resort, |session, out| {
            Box::pin(async move { session.read(request, out).await })
        })
        .await
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Reply<plan_resource_change::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), planned_as_before(&request));
        self.rpc("PlanResourceChange", &kind, last_resort, |session, out| {
            Box::pin(async move { session.plan(request, out).await })
        })
        .await
    }

    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> Reply<apply_resource_change::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), self.0.applied_as_before(&request));
        self.rpc("ApplyResourceChange", &kind, last_resort, |session, out| {
            Box::pin(async move { session.apply(request, out).await })
        })
        .await
    }

    async fn import_resource_state(
        &self,
        request: Request<import_resource_state::Request>,
    ) -> Reply<import_resource_state::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), import_resource_state::Response::default());
        self.rpc("ImportResourceState", &kind, last_resort, |session, out| {
            Box::pin(async move { session.import(request, out).await })
        })
        .await
    }

    async fn move_resource_state(
        &self,
        request: Request<move_resource_state::Request>,
    ) -> Reply<move_resource_state::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.target_type_name.clone(), move_resource_state::Response::default());
        self.rpc("MoveResourceState", &kind, last_resort, |session, out| {
            Box::pin(async move { session.move_state(request, out) })
        })
        .await
    }

    // === data sources and functions ===

    async fn validate_data_source_config(
        &self,
        request: Request<validate_data_source_config::Request>,
    ) -> Reply<validate_data_source_config::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), validate_data_source_config::Response::default());
        self.rpc("ValidateDataSourceConfig", &kind, last_resort, |session, out| {
            Box::pin(async move { session.validate_data_source(&request, out) })
        })
        .await
    }

    async fn read_data_source(&self, request: Request<read_data_source::Request>) -> Reply<read_data_source::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.type_name.clone(), read_data_source::Response::default());
        self.rpc("ReadDataSource", &kind, last_resort, |session, out| {
            Box::pin(async move { session.read_data_source(request, out).await })
        })
        .await
    }

    async fn call_function(&self, request: Request<call_function::Request>) -> Reply<call_function::Response> {
        let request = request.into_inner();
        let (kind, last_resort) = (request.name.clone(), call_function::Response::default());
        self.rpc("CallFunction", &kind, last_resort, |session, _| {
            Box::pin(async move { Ok(session.call_function(&request)) })
        })
        .await
    }
}
