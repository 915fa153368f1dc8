//! The requests of the engine, against a server that plays a script: conflicts, finalizers, credentials, interruptions,
//! retries, plans and takeovers. No API server is needed, and none is emulated.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod conflicts;
mod credentials;
mod echoed_credentials;
mod finalizers;
mod hostile_servers;
mod identity;
mod interruption;
mod plan;
mod retries;
mod takeover;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    engine::{
        Journal, JournalEntry, OwnerIdentity, Reader, Record, ReportedMessages, Writer,
        ownership_metadata::{Marks, with_ownership_metadata},
        record::RecordedObject,
    },
    kubernetes::{Cluster, Connection, Deadline, Secret},
    object::{
        FIELD_MANAGER, Key, Object, Stage, Takeover,
        kind::{DESTINATION_RULE, SERVICE, VIRTUAL_SERVICE},
    },
};
use tokio_util::sync::CancellationToken;

use crate::support::scripted_server::ScriptedServer;

/// The path of the DestinationRule, which has the lower stage.
const RULE: &str = "/apis/networking.istio.io/v1/namespaces/pci/destinationrules/payments";
/// The path of the VirtualService.
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices/payments";
/// The path of the Service, whose kind is shared with other field managers.
const SERVICE_PATH: &str = "/api/v1/namespaces/pci/services/payments";

fn rule() -> Object {
    object(Key::new(&DESTINATION_RULE, "pci", "payments"), 20, &json!({ "host": "payments" }))
}

fn route() -> Object {
    object(Key::new(&VIRTUAL_SERVICE, "pci", "payments"), 40, &json!({ "hosts": ["payments"] }))
}

fn service() -> Object {
    object(Key::new(&SERVICE, "pci", "payments"), 10, &json!({ "selector": { "app": "payments" } }))
}

fn object(key: Key, stage: u8, spec: &Json) -> Object {
    let body = json!({
        "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
        "metadata": { "name": key.name, "namespace": key.namespace }, "spec": spec,
    });
    Object::whole(key, body, Stage(stage))
}

/// The resource that the tests apply.
fn identity() -> OwnerIdentity {
    OwnerIdentity {
        owner: "infra/prod".to_owned(),
        former_owner: None,
        resource: "mesh_service/pci/payments".to_owned(),
        instance: "i1".to_owned(),
        arguments: "{}".to_owned(),
        takeover: Takeover::default(),
        is_current: false,
    }
}

/// The object as the server has it after `owner` has applied it: with the uid `u1` and the given resourceVersion.
fn live_of(owner: &OwnerIdentity, object: &Object, resource_version: &str) -> Json {
    let marks = Marks { carries_arguments: object.key.kind == &DESTINATION_RULE, ..Marks::default() };
    let mut live = with_ownership_metadata(&object.body, owner, marks);
    live["metadata"]["uid"] = json!("u1");
    live["metadata"]["resourceVersion"] = json!(resource_version);
    live["metadata"]["managedFields"] =
        json!([{ "manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": { "f:spec": {} } }]);
    live
}

fn live(object: &Object, resource_version: &str) -> Json {
    live_of(&identity(), object, resource_version)
}

/// The live object with a changed `spec`, which an apply reverts.
fn drifted(object: &Object, resource_version: &str) -> Json {
    let mut live = live(object, resource_version);
    live["spec"] = json!({});
    live
}

/// The live object while its deletion waits for finalizers.
fn terminating(object: &Object, resource_version: &str) -> Json {
    let mut live = live(object, resource_version);
    live["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    live["metadata"]["finalizers"] = json!(["example.com/drain"]);
    live
}

fn not_found() -> Json {
    let mut status = crate::support::scripted_server::status(404, "NotFound", "not found");
    status["details"] = json!({ "name": "payments" });
    status
}

/// One resource and its connection to the server.
struct Engine {
    cluster: Cluster,
    record: Record,
    identity: OwnerIdentity,
    reported: ReportedMessages,
    /// Cancelled by a test to stop the operation, as Terraform does on Ctrl-C.
    stop: CancellationToken,
    timeout: Duration,
}

/// What an operation has done.
struct Outcome {
    /// Errors and warnings, as text.
    messages: String,
    /// The journal, by the text form of the key.
    journal: BTreeMap<String, JournalEntry>,
}

impl Outcome {
    /// The objects that the journal has as written.
    fn written(&self) -> Vec<&str> {
        let written = self.journal.iter().filter(|(_, entry)| matches!(entry, JournalEntry::Written { .. }));
        written.map(|(key, _)| key.as_str()).collect()
    }

    /// The objects that the journal has as removed.
    fn removed(&self) -> Vec<&str> {
        let removed = self.journal.iter().filter(|(_, entry)| **entry == JournalEntry::Removed);
        removed.map(|(key, _)| key.as_str()).collect()
    }
}

impl Engine {
    fn new(server: &ScriptedServer) -> Self {
        Self::connected(Connection {
            host: Some(server.url()),
            token: Some(Secret::from("token")),
            ..Connection::default()
        })
    }

    fn connected(connection: Connection) -> Self {
        Self {
            cluster: Cluster::new(Ok(connection)),
            record: Record::default(),
            identity: identity(),
            reported: ReportedMessages::default(),
            stop: CancellationToken::new(),
            timeout: Duration::from_mins(1),
        }
    }

    /// Records the objects as written by an earlier apply.
    fn recording(mut self, objects: &[Object]) -> Self {
        let recorded = |object: &Object| {
            let recorded = RecordedObject { uid: "u1".to_owned(), stage: object.stage.0, ..RecordedObject::default() };
            (object.key.to_string(), recorded)
        };
        self.record.objects = objects.iter().map(recorded).collect();
        self
    }

    fn deadline(&self) -> Deadline {
        Deadline::within(self.timeout, self.stop.clone())
    }

    fn reader(&self) -> Reader<'_> {
        Reader { cluster: &self.cluster, record: &self.record, deadline: self.deadline(), reported: &self.reported }
    }

    fn writer(&self) -> Writer<'_> {
        Writer { reader: self.reader(), identity: &self.identity, force_conflicts: false }
    }

    async fn apply(&self, desired: &[Object]) -> Outcome {
        let (journal, mut out) = (Journal::default(), Diagnostics::default());
        self.writer().apply(desired, &journal, &mut out).await;
        outcome(&journal, &out)
    }

    async fn delete(&self) -> Outcome {
        let (journal, mut out) = (Journal::default(), Diagnostics::default());
        self.writer().delete(&self.record.recorded_objects(), false, &journal, &mut out).await;
        outcome(&journal, &out)
    }
}

fn outcome(journal: &Journal, out: &Diagnostics) -> Outcome {
    let journal = journal.entries().into_iter().map(|(key, entry)| (key.to_string(), entry)).collect();
    Outcome { messages: out.to_string(), journal }
}
