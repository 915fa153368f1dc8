//! One case: an operation with one fault at one request, the runs that recover, and what must hold after each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    engine::Record,
    object::{Key, from_text, kind, label},
    schema::Value,
};

use crate::support::{
    api::{Api, block_on, path},
    control_plane::{Namespace, control_plane},
    core_client::CoreClient,
    host,
    namespace_finalizer::{NamespaceFinalizer, finalize_namespaces},
    polling::wait_until,
    proxy::{Proxy, RecordedRequest},
    users::Credential,
};

use super::{
    faults::{Fault, Target, inject},
    invariants::{Live, order_violations},
    operations::{Action, Operation, in_namespace},
    terraform_core::{Outcome, Replacement, Run, State},
};

/// What an operation does without a fault.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    /// Its requests.
    pub(super) requests: Vec<RecordedRequest>,
    /// The objects before and after, in the namespace `NAMESPACE`.
    bodies: Vec<(String, Json)>,
}

/// The provider of a worker. Core starts a process for each walk; here one serves many, since each walk configures it again and
/// nothing of the former configuration is left then.
#[derive(Default)]
pub(super) struct Host(Option<CoreClient>);

impl Host {
    fn take(&mut self) -> CoreClient {
        self.0.take().unwrap_or_else(|| block_on(CoreClient::start(host::binary())))
    }

    fn put(&mut self, core: CoreClient) {
        self.0 = Some(core);
    }
}

/// A namespace in which one operation takes place.
pub(super) struct Stage<'a> {
    operation: Operation,
    namespace: Namespace,
    /// The root namespace of the mesh.
    root: String,
    proxy: &'a Proxy,
    api: Arc<Api>,
    provider: Json,
    /// Whether Terraform outlives the provider where the fault kills it.
    outlives_provider: bool,
    _finalizer: Option<NamespaceFinalizer>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(operation: Operation, proxy: &'a Proxy) -> Self {
        let plane = control_plane();
        let namespace = plane.namespace("walk");
        let is_namespace = operation.subject.resource_type == "mesh_namespace";
        let finalizer = is_namespace.then(|| finalize_namespaces(vec![team(&namespace.name)]));
        let is_mesh_wide = operation.subject.resource_type == "mesh_global_defaults";
        let root = if is_mesh_wide { namespace.name.clone() } else { "istio-system".to_owned() };
        let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
        // The gateways of other cases are none of the mesh of this one.
        let provider = json!({
            "owner": "tests/walk", "root_namespace": root, "host": proxy.url(), "token": token,
            "checks": { "closed-gateway": "off" },
        });
        proxy.reset();
        let api = Arc::new(plane.api());
        Self { operation, namespace, root, proxy, api, provider, outlives_provider: false, _finalizer: finalizer }
    }

    /// Runs the operation without a fault.
    pub(super) fn baseline(&self, host: &mut Host) -> Baseline {
        let mut core = host.take();
        let mut state = self.prepare(&mut core, None);
        let mut bodies = objects(&state);
        self.proxy.reset_requests();
        let outcome = self.operate(&mut core, &mut state);
        assert!(matches!(outcome, Outcome::Success), "{}: {outcome:?}", self.operation.name());
        bodies.extend(objects(&state));
        let bodies = bodies.into_iter().map(|(key, body)| {
            let of_any = |text: &str| text.replace(&self.namespace.name, "NAMESPACE");
            (of_any(&key), serde_json::from_str(&of_any(&body.to_string())).expect("JSON"))
        });
        host.put(core);
        Baseline { requests: self.proxy.requests(), bodies: bodies.collect() }
    }

    /// Runs the operation with a fault at the request number `request`. The result is what was violated, and whether the
    /// operation came to that request.
    pub(super) fn run(
        &mut self,
        fault: Fault,
        request: usize,
        baseline: &Baseline,
        host: &mut Host,
    ) -> (Vec<String>, bool) {
        self.outlives_provider = fault == Fault::KilledAfter;
        let mut core = host.take();
        let mut state = self.prepare(&mut core, Some(baseline));
        let before = if self.operation.action == Action::Create { Live::new() } else { self.live() };
        self.proxy.reset_requests();
        let target = Target {
            process: core.plugin.child.id().expect("a running process"),
            client: core.client.clone(),
            bodies: self.bodies(baseline),
            api: self.api.clone(),
        };
        let reached = inject(fault, request, self.proxy, target);
        let outcome = self.operate(&mut core, &mut state);
        self.proxy.remove_faults();
        let interrupted = self.live();
        let mut violations = Vec::new();
        match &outcome {
            Outcome::Killed if !fault.kills() => {
                violations.push(format!("the provider ended or hung: {}", core.plugin.stderr()));
            }
            Outcome::Killed => {}
            _ if fault.has_other_writer() => {}
            Outcome::Success | Outcome::Failed(_) => {
                violations.extend(self.state_violations(&state, &interrupted, &outcome));
            }
        }
        // A provider that was stopped refuses to write from then on.
        if matches!(outcome, Outcome::Killed) || fault.kills() || fault == Fault::Stopped {
            drop(core);
            core = host.take();
        }
        // Every second fault is answered by a destroy at once, where a state was left that can be destroyed.
        let fault_number = Fault::ALL.iter().position(|(each, _)| *each == fault).expect("a fault of the list");
        // A state that was left without any live object names nothing by which a destroy could find others.
        let is_known =
            objects(&state).into_keys().any(|key| interrupted.contains_key(&path(&key.parse().expect("a key"))));
        if !is_known || (request + fault_number).is_multiple_of(2) {
            let retaken = self.recover(&mut core, &mut state, fault, &mut violations);
            let recovered = self.live();
            if !fault.has_other_writer() && violations.is_empty() {
                violations.extend(self.state_violations(&state, &recovered, &Outcome::Success));
            }
            Self::check_uids(&before, [&interrupted, &recovered], &state, &retaken, &mut violations);
        }
        if !fault.has_other_writer() {
            let written = self.proxy.written();
            violations.extend(order_violations(&before, &written, &self.workload_namespace(), &self.root));
        }
        self.destroy(&mut core, &mut state, fault, &before, &mut violations);
        host.put(core);
        (violations, reached.load(Relaxed))
    }

    fn namespaces(&self) -> [String; 2] {
        [self.namespace.name.clone(), team(&self.namespace.name)]
    }

    fn workload_namespace(&self) -> String {
        let [own, team] = self.namespaces();
        if self.operation.subject.resource_type == "mesh_namespace" { team } else { own }
    }

    fn bodies(&self, baseline: &Baseline) -> Vec<(Key, Json)> {
        let bodies = baseline.bodies.iter().map(|(key, body)| {
            let key = key.replace("NAMESPACE", &self.namespace.name).parse().expect("a key");
            (key, in_namespace(body, &self.namespace.name))
        });
        bodies.collect()
    }

    fn run_of<'b>(&'b self, core: &'b mut CoreClient) -> Run<'b> {
        let resource_type = self.operation.subject.resource_type;
        Run { core, provider: &self.provider, resource_type, outlives_provider: self.outlives_provider }
    }

    /// Makes what the operation finds.
    fn prepare(&self, core: &mut CoreClient, baseline: Option<&Baseline>) -> State {
        let mut state = State::default();
        match (self.operation.action, baseline) {
            (Action::Create, _) => return state,
            (Action::Adopt, Some(baseline)) => {
                self.make_by_other_tool(&self.bodies(baseline));
                return state;
            }
            _ => {}
        }
        let config = self.operation.before(&self.namespace.name);
        let created = block_on(self.run_of(core).apply(&mut state, &config, Replacement::None));
        assert!(matches!(created, Outcome::Success), "{}: {created:?}", self.operation.name());
        match self.operation.action {
            Action::Import => State::default(),
            Action::Adopt => {
                let bodies: Vec<_> =
                    objects(&state).into_iter().map(|(key, body)| (key.parse().expect("a key"), body)).collect();
                let destroyed = block_on(self.run_of(core).apply(&mut state, &Json::Null, Replacement::None));
                assert!(matches!(destroyed, Outcome::Success), "{destroyed:?}");
                self.make_by_other_tool(&bodies);
                State::default()
            }
            _ => state,
        }
    }

    fn make_by_other_tool(&self, bodies: &[(Key, Json)]) {
        // A namespace comes before what is in it.
        let (first, others): (Vec<_>, Vec<_>) = bodies.iter().partition(|(key, _)| key.kind == &kind::NAMESPACE);
        for (_, body) in first.iter().chain(&others) {
            self.api.apply(body, "helm");
        }
    }

    fn operate(&self, core: &mut CoreClient, state: &mut State) -> Outcome {
        let config = self.operation.after(&self.namespace.name);
        let replacement = match self.operation.action {
            Action::Replace => Replacement::DeleteFirst,
            Action::ReplaceCreatingFirst => Replacement::CreateFirst,
            _ => Replacement::None,
        };
        self.attempt(core, state, &config, replacement)
    }

    /// One run, which imports the resource first if that is the operation.
    fn attempt(&self, core: &mut CoreClient, state: &mut State, config: &Json, replacement: Replacement) -> Outcome {
        if self.operation.action == Action::Import {
            let id = self.operation.subject.id.replace("NAMESPACE", &self.namespace.name);
            return block_on(self.run_of(core).import(state, &id, config));
        }
        block_on(self.run_of(core).apply(state, config, replacement))
    }

    /// Runs again without a fault until a plan is empty. The result is the paths of the objects that another writer had and
    /// that were deleted, because the provider refuses to take them.
    fn recover(
        &self,
        core: &mut CoreClient,
        state: &mut State,
        fault: Fault,
        violations: &mut Vec<String>,
    ) -> BTreeSet<String> {
        let config = self.operation.after(&self.namespace.name);
        let mut retaken = BTreeSet::new();
        let mut outcome = self.attempt(core, state, &config, Replacement::None);
        if let Outcome::Failed(errors) = &outcome
            && fault.has_other_writer()
        {
            // A refusal names an object that the other writer has.
            let written = self.live_by_key();
            if !written.keys().any(|key| errors.iter().any(|error| error.contains(&key.name))) {
                violations.push(format!("a refusal that names no object: {errors:?}"));
            }
            retaken = self.delete_objects_of_others(fault);
            outcome = self.attempt(core, state, &config, Replacement::None);
        }
        match outcome {
            Outcome::Success if config.is_null() => {}
            Outcome::Success => {
                let pending = block_on(self.run_of(core).pending_changes(state, &config));
                violations.extend(pending.into_iter().map(|change| format!("the next plan isn't empty: {change}")));
                violations.extend(self.unfinished(state));
            }
            // The only object was the other writer's.
            Outcome::Failed(errors)
                if self.operation.action == Action::Import
                    && !retaken.is_empty()
                    && errors.iter().any(|error| error.contains("No objects to import")) => {}
            other => violations.push(format!("the next run doesn't recover: {other:?}")),
        }
        retaken
    }

    /// Deletes what another writer wrote in this case.
    fn delete_objects_of_others(&self, fault: Fault) -> BTreeSet<String> {
        let written_by_other = |object: &Json| {
            let annotations = &object["metadata"]["annotations"];
            annotations["example.com/written-by"] == "kubectl"
                || !annotations["argocd.argoproj.io/tracking-id"].is_null()
                || fault == Fault::OtherOwner && annotations["terraform-provider-mesh/owner"] == "another/owner"
        };
        let mut deleted = BTreeSet::new();
        for (key, object) in self.live_by_key() {
            if written_by_other(&object) {
                self.api.delete(&key);
                if key.kind == &kind::NAMESPACE {
                    // It goes some time after its deletion, and refuses new objects until then.
                    wait_until(Duration::from_secs(30), "the Namespace is gone", || self.api.get(&key).is_none());
                }
                deleted.insert(path(&key));
            }
        }
        deleted
    }

    /// The state after recovery has no tainted and no deposed instance.
    fn unfinished(&self, state: &State) -> Option<String> {
        (state.tainted || state.deposed.is_some()).then(|| format!("unfinished: {}", self.operation.name()))
    }

    /// The differences between the state and the cluster.
    fn state_violations(&self, state: &State, live: &Live, outcome: &Outcome) -> Option<String> {
        if self.operation.action == Action::Import && state.current.is_none() {
            return None;
        }
        let live: BTreeSet<String> =
            live.values().filter(|object| is_managed(object)).map(|object| key_of(object).to_string()).collect();
        let shown: BTreeSet<String> = objects(state).into_keys().collect();
        let instances = state.current.iter().chain(&state.deposed);
        // What a replacement hands over and hasn't written yet is in the private data alone.
        let private = instances.flat_map(|instance| Record::decode(&instance.private).objects.into_keys());
        let recorded: BTreeSet<String> = private.chain(shown.iter().cloned()).collect();
        let unrecorded: Vec<_> = live.difference(&recorded).collect();
        // A Namespace goes some time after its deletion, perhaps when the run that waited for it was over.
        let deletes = matches!(
            self.operation.action,
            Action::Replace | Action::ReplaceCreatingFirst | Action::Rename | Action::Destroy
        );
        let goes_later =
            |key: &String| deletes && matches!(outcome, Outcome::Failed(_)) && key.starts_with("Namespace/");
        let gone: Vec<_> = shown.difference(&live).filter(|key| !goes_later(key)).collect();
        let is_complete = unrecorded.is_empty() && gone.is_empty();
        (!is_complete).then(|| format!("after {outcome:?}: in no state: {unrecorded:?}; in the state alone: {gone:?}"))
    }

    /// Every object that stays desired is the one that was there before.
    fn check_uids(
        before: &Live,
        [interrupted, recovered]: [&Live; 2],
        state: &State,
        retaken: &BTreeSet<String>,
        violations: &mut Vec<String>,
    ) {
        let uid = |live: &Live, path: &str| live.get(path).map(|object| object["metadata"]["uid"].clone());
        for key in objects(state).into_keys() {
            let path = path(&key.parse().expect("a key"));
            let Some(first) = uid(before, &path) else { continue };
            for (when, live) in [("after the fault", interrupted), ("after recovery", recovered)] {
                if !retaken.contains(&path) && uid(live, &path).as_ref() != Some(&first) {
                    violations.push(format!("{when}, {key} isn't the object that it was"));
                }
            }
        }
    }

    fn destroy(
        &self,
        core: &mut CoreClient,
        state: &mut State,
        fault: Fault,
        before: &Live,
        violations: &mut Vec<String>,
    ) {
        if self.operation.action == Action::Import && state.current.is_none() {
            // What was never imported isn't destroyed.
            return;
        }
        let mut outcome = block_on(self.run_of(core).apply(state, &Json::Null, Replacement::None));
        if fault.has_other_writer() {
            let refused = matches!(outcome, Outcome::Failed(_));
            self.delete_objects_of_others(fault);
            if refused {
                outcome = block_on(self.run_of(core).apply(state, &Json::Null, Replacement::None));
            }
        }
        if !matches!(outcome, Outcome::Success) || *state != State::default() {
            violations.push(format!("destroy: {outcome:?}"));
        }
        let left = self.live();
        for (path, object) in &left {
            let was_there = before.get(path).is_some_and(|first| first["metadata"]["uid"] == object["metadata"]["uid"]);
            if is_managed(object) || self.operation.action != Action::Adopt || !was_there {
                violations.push(format!("destroy leaves {path}"));
            }
        }
        if self.operation.action == Action::Adopt && !fault.has_other_writer() {
            // Other clients depend on objects of these kinds, so what was adopted is released.
            let is_released =
                |object: &Json| ["Service", "ServiceAccount", "Namespace"].iter().any(|kind| object["kind"] == *kind);
            let deleted = before.iter().filter(|(path, object)| is_released(object) && !left.contains_key(*path));
            violations.extend(deleted.map(|(path, _)| format!("destroy deletes what another tool made: {path}")));
        }
    }

    fn live(&self) -> Live {
        self.live_by_key().into_iter().map(|(key, object)| (path(&key), object)).collect()
    }

    fn live_by_key(&self) -> BTreeMap<Key, Json> {
        let is_namespace = self.operation.subject.resource_type == "mesh_namespace";
        let [own, team] = self.namespaces();
        let mut live = self.api.live_objects(if is_namespace { &team } else { &own });
        if is_namespace {
            let key = Key::cluster_scoped(&kind::NAMESPACE, &team);
            live.extend(self.api.get(&key).map(|namespace| (key, namespace)));
        }
        live
    }
}

/// The key of a live object.
fn key_of(object: &Json) -> Key {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let parts = [text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/").parse().expect("a key")
}

/// Whether the object says that it belongs to a resource.
fn is_managed(object: &Json) -> bool {
    object["metadata"]["labels"][label::MANAGED] == "true"
}

/// The name of the namespace that `mesh_namespace` makes.
fn team(namespace: &str) -> String {
    format!("{namespace}-team")
}

/// The objects of the instances of a state, by their keys.
fn objects(state: &State) -> BTreeMap<String, Json> {
    let instances = state.current.iter().chain(&state.deposed);
    let members = instances.filter_map(|instance| match instance.state.member("objects") {
        Value::Map(members) => Some(members),
        _ => None,
    });
    let objects = members.flatten().filter_map(|(key, body)| match body {
        Value::String(text) => {
            let body = from_text(&key.parse().expect("a key"), text).expect("an object");
            Some((key.clone(), body))
        }
        _ => None,
    });
    objects.collect()
}
