//! What Terraform core does in one run with one resource: refresh, plan, the second plan of a replacement, the plan inside
//! apply, both orders of a replacement, tainted and deposed instances, and what it stores where a provider is killed. The
//! cluster tests run the real programs; here a run takes milliseconds.
//!
//! A run has two walks, and each configures the provider again: one that refreshes and plans, and one that applies. Within the
//! second one, core plans every create, every update and the delete of a deposed instance again, and not the delete of a current
//! instance.

use serde_json::Value as Json;
use terraform_provider_mesh::{plugin::proto::tfplugin5::import_resource_state, schema::Value};

use crate::support::core_client::{CoreClient, OperationResult, ResourceInstance, has_errors};

/// In which order a replacement deletes and creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// Nothing is replaced unless the provider asks for it.
    None,
    /// `-replace`.
    DeleteFirst,
    /// `-replace` with `create_before_destroy`.
    CreateFirst,
}

/// What one resource has in the state file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) current: Option<ResourceInstance>,
    /// Whether the current instance is replaced by the next run, because its create failed.
    pub(super) tainted: bool,
    /// The instance that a replacement hasn't deleted yet.
    pub(super) deposed: Option<ResourceInstance>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Without an error.
    Success,
    /// With these errors.
    Failed(Vec<String>),
    /// The provider's process ended.
    Killed,
}

/// Why a run goes no further.
enum End {
    Errors(Vec<String>),
    Killed,
}

impl From<tonic::Status> for End {
    fn from(_: tonic::Status) -> Self {
        Self::Killed
    }
}

type Step<T> = Result<T, End>;

/// One run of `terraform apply` for a resource.
pub(super) struct Run<'a> {
    pub(super) core: &'a mut CoreClient,
    pub(super) provider: &'a Json,
    pub(super) resource_type: &'a str,
    /// Whether core outlives a killed provider, and stores what it then takes for the state.
    pub(super) outlives_provider: bool,
}

impl Run<'_> {
    /// Brings the resource to `config`, or destroys it if that is null.
    pub(super) async fn apply(&mut self, state: &mut State, config: &Json, replacement: Replacement) -> Outcome {
        match self.steps(state, config, replacement).await {
            Ok(()) => Outcome::Success,
            Err(End::Errors(errors)) => Outcome::Failed(errors),
            Err(End::Killed) => Outcome::Killed,
        }
    }

    /// `terraform import`, followed by [`Self::apply`].
    pub(super) async fn import(&mut self, state: &mut State, id: &str, config: &Json) -> Outcome {
        if state.current.is_none() {
            if let Err(End::Errors(errors)) = self.configure().await {
                return Outcome::Failed(errors);
            }
            let request = import_resource_state::Request {
                type_name: self.resource_type.to_owned(),
                id: id.to_owned(),
                ..Default::default()
            };
            match self.core.client.import_resource_state(request).await {
                Err(_) => return Outcome::Killed,
                Ok(response) => match self.core.imported(self.resource_type, &response.into_inner()) {
                    Err(errors) => return Outcome::Failed(errors),
                    Ok(instance) => state.current = Some(instance),
                },
            }
        }
        self.apply(state, config, Replacement::None).await
    }

    /// The diagnostics of a plan that changes something, or nothing for an empty plan.
    pub(super) async fn pending_changes(&mut self, state: &State, config: &Json) -> Vec<String> {
        let mut refreshed = state.clone();
        let result = async {
            self.configure().await?;
            self.refresh(&mut refreshed).await?;
            let config = self.core.config(self.resource_type, config);
            let plan = self.plan(refreshed.current.as_ref(), &config, Vec::new()).await?;
            let before = refreshed.current.as_ref().map(|instance| &instance.state);
            let is_empty = before == Some(&plan.planned.state)
                && plan.requires_replace.is_empty()
                && !refreshed.tainted
                && refreshed.deposed.is_none();
            let changes =
                || format!("{before:?} becomes {:?}, replaced by {:?}", plan.planned.state, plan.requires_replace);
            Ok(if is_empty { Vec::new() } else { vec![changes()] })
        };
        match result.await {
            Ok(changes) => changes,
            Err(End::Errors(errors)) => errors,
            Err(End::Killed) => vec!["killed".to_owned()],
        }
    }

    async fn configure(&mut self) -> Step<()> {
        errors_end(self.core.configure(self.provider).await)
    }

    async fn steps(&mut self, state: &mut State, config: &Json, replacement: Replacement) -> Step<()> {
        self.configure().await?;
        self.refresh(state).await?;
        if let Some(deposed) = state.deposed.clone() {
            self.plan(Some(&deposed), &Value::Null, Vec::new()).await?;
        }
        if config.is_null() {
            return self.destroy(state).await;
        }
        let config = self.core.config(self.resource_type, config);
        let prior = state.current.clone().filter(|_| !state.tainted);
        let plan = self.plan(prior.as_ref(), &config, Vec::new()).await?;
        let is_replaced = state.current.is_some()
            && (state.tainted || replacement != Replacement::None || !plan.requires_replace.is_empty());
        if !is_replaced {
            self.configure().await?;
            self.delete_deposed(state).await?;
            if prior.as_ref().is_some_and(|prior| prior.state == plan.planned.state) {
                return Ok(());
            }
            return self.write(state, prior.as_ref(), &config).await;
        }
        // Core plans a replacement once more as a create, with the private data of the first plan.
        let second = if state.tainted { plan } else { self.plan(None, &config, plan.planned.private).await? };
        self.configure().await?;
        self.delete_deposed(state).await?;
        if replacement == Replacement::CreateFirst {
            self.create_before_delete(state, &config).await
        } else {
            self.delete_current(state, second.planned.private).await?;
            self.write(state, None, &config).await
        }
    }

    async fn destroy(&mut self, state: &mut State) -> Step<()> {
        let plan = match state.current.clone() {
            Some(current) => Some(self.plan(Some(&current), &Value::Null, Vec::new()).await?),
            None => None,
        };
        self.configure().await?;
        // The two are independent of each other: one is deleted even if the other can't be.
        let deposed = self.delete_deposed(state).await;
        if let Some(plan) = plan {
            self.delete_current(state, plan.planned.private).await?;
        }
        deposed
    }

    async fn create_before_delete(&mut self, state: &mut State, config: &Value) -> Step<()> {
        state.deposed = state.current.take();
        state.tainted = false;
        let created = self.write(state, None, config).await;
        if state.current.is_none() {
            state.current = state.deposed.take();
        }
        created?;
        self.delete_deposed(state).await
    }

    /// Plans once more, as core does inside apply, and applies.
    async fn write(&mut self, state: &mut State, prior: Option<&ResourceInstance>, config: &Value) -> Step<()> {
        let plan = self.plan(prior, config, Vec::new()).await?;
        let Ok(result) = self.core.try_apply(self.resource_type, prior, &plan.planned, config).await else {
            // Core then stores the prior value of an update with the private data of the answer, which has none.
            if let (Some(prior), true) = (prior, self.outlives_provider) {
                let state_value = prior.state.clone();
                state.current = Some(ResourceInstance { state: state_value, private: Vec::new(), identity: None });
            }
            return Err(End::Killed);
        };
        state.tainted = prior.is_none() && has_errors(&result.diagnostics);
        finish(&mut state.current, result)
    }

    /// Deletes the current instance, which the first walk has planned.
    async fn delete_current(&mut self, state: &mut State, private: Vec<u8>) -> Step<()> {
        let planned = ResourceInstance { state: Value::Null, private, identity: None };
        let prior = state.current.clone();
        let result = self.core.try_apply(self.resource_type, prior.as_ref(), &planned, &Value::Null).await?;
        let deleted = finish(&mut state.current, result);
        state.tainted &= state.current.is_some();
        deleted
    }

    /// Deletes the deposed instance.
    async fn delete_deposed(&mut self, state: &mut State) -> Step<()> {
        let Some(prior) = state.deposed.clone() else { return Ok(()) };
        let plan = self.plan(Some(&prior), &Value::Null, Vec::new()).await?;
        let result = self.core.try_apply(self.resource_type, Some(&prior), &plan.planned, &Value::Null).await?;
        finish(&mut state.deposed, result)
    }

    async fn refresh(&mut self, state: &mut State) -> Step<()> {
        for instance in [&mut state.current, &mut state.deposed] {
            if let Some(known) = instance.clone() {
                let result = self.core.try_read(self.resource_type, &known).await?;
                finish(instance, result)?;
            }
        }
        state.tainted &= state.current.is_some();
        Ok(())
    }

    async fn plan(
        &mut self,
        prior: Option<&ResourceInstance>,
        config: &Value,
        replaced: Vec<u8>,
    ) -> Step<crate::support::core_client::Plan> {
        let plan = self.core.try_plan_config(self.resource_type, prior, config, replaced).await?;
        errors_end(plan.diagnostics.clone())?;
        Ok(plan)
    }
}

/// Stores the instance of a response, and ends the run if there are errors.
fn finish(instance: &mut Option<ResourceInstance>, result: OperationResult) -> Step<()> {
    *instance = (result.instance.state != Value::Null).then_some(result.instance);
    errors_end(result.diagnostics)
}

fn errors_end(diagnostics: Vec<String>) -> Step<()> {
    let errors: Vec<_> = diagnostics.into_iter().filter(|line| line.starts_with("ERROR")).collect();
    if errors.is_empty() { Ok(()) } else { Err(End::Errors(errors)) }
}
