//! Another provider, whose one resource holds a Kubernetes object. Core asks it when a configuration gives such an object
//! up: for its schema, and for what is there. It refuses everything else, so no object can get lost by it. It is served by
//! this test binary.

use std::{collections::BTreeMap, process::ExitCode, sync::LazyLock};

use async_trait::async_trait;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        Mode,
        interface::{Call, ImportId, MoveSource, Outcome, PlannedChange, Provider, Resource, ResourceState},
        serve,
    },
    schema::{
        Schema, Shape, Slot, Type, Value,
        model::{Model as _, required},
    },
};

use super::host::COOKIE;

/// Started by a host it is a plugin; run as one of all tests it is what somebody sees who starts a plugin by hand.
#[test]
fn serves() {
    let code = serve("hashicorp/kubernetes", provider(), Mode::Plugin);
    if std::env::var(COOKIE.0).is_ok() {
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
    assert_eq!(code, ExitCode::FAILURE);
}

/// A script that is this plugin: what the harness of the tests says before the plugin's line is left out.
pub(crate) fn script() -> String {
    let tests = std::env::current_exe().expect("it is running");
    let serve = "--exact support::foreign::serves --nocapture --test-threads=1";
    format!("#!/bin/sh\n'{}' {serve} | sed -un 's/^.*\\(1|5|unix|\\)/\\1/p'\n", tests.display())
}

fn provider() -> Provider<()> {
    let manifest: Box<dyn Resource<()>> = Box::new(Manifest);
    Provider {
        schema: <()>::schema(),
        validate: |_, _| {},
        configure: |_, _| Ok(()),
        resources: BTreeMap::from([(manifest.name(), manifest)]),
        data_sources: BTreeMap::new(),
        functions: BTreeMap::new(),
    }
}

struct Manifest;

fn refused(out: &mut Diagnostics) -> Reported {
    out.error(&Path::root(), "This object is given up", "It must not be planned, written or deleted here.")
}

fn refusing(after: Option<ResourceState>) -> Outcome {
    let mut diagnostics = Diagnostics::default();
    refused(&mut diagnostics);
    Outcome { after, diagnostics }
}

#[async_trait]
impl Resource<()> for Manifest {
    fn name(&self) -> &'static str {
        "kubernetes_manifest"
    }

    fn schema(&self) -> &Schema {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            let shape = Shape::Attribute { kind: Type::Dynamic, spec: required() };
            Schema { slots: vec![Slot { name: "manifest", doc: "The object.".to_owned(), shape }], ..Schema::default() }
        });
        &SCHEMA
    }

    fn version(&self) -> i64 {
        1
    }

    fn identity(&self) -> Option<&Schema> {
        None
    }

    fn validate(&self, _: &Value, _: &mut Diagnostics) {}

    async fn plan(
        &self,
        _: Call<()>,
        _: Option<ResourceState>,
        _: Value,
        out: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported> {
        Err(refused(out))
    }

    async fn plan_delete(&self, _: Call<()>, _: ResourceState, out: &mut Diagnostics) -> Result<Vec<u8>, Reported> {
        Err(refused(out))
    }

    async fn apply(&self, _: Call<()>, prior: Option<ResourceState>, _: ResourceState, _: Value) -> Outcome {
        refusing(prior)
    }

    async fn delete(&self, _: Call<()>, prior: ResourceState, _: Vec<u8>) -> Outcome {
        refusing(Some(prior))
    }

    async fn read(&self, _: Call<()>, stored: ResourceState) -> Outcome {
        Outcome { after: Some(stored), diagnostics: Diagnostics::default() }
    }

    async fn import(&self, _: Call<()>, _: ImportId, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        Err(refused(out))
    }

    fn move_state(&self, _: MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        Err(refused(out))
    }
}
