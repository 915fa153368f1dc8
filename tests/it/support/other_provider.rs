//! Another provider, whose only resource type holds a Kubernetes object. When a configuration moves or forgets such a
//! resource, Terraform core asks this provider for its schema and reads the resource. All other operations are errors,
//! so that no object can get lost. The provider is served by this test binary.

use std::{collections::BTreeMap, process::ExitCode, sync::LazyLock};

use async_trait::async_trait;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        ServeMode, Transport,
        interface::{Call, ImportId, MoveSource, Outcome, PlannedChange, Provider, Resource, ResourceState},
        serve,
    },
    schema::{
        Member, MemberKind, Schema, Type, Value,
        model::{Model as _, required},
    },
};

use super::host::COOKIE;

/// Serves the plugin if a plugin host started this binary. As an ordinary test, it checks that serving without a host
/// fails.
#[test]
fn serves_when_a_host_started_it() {
    let code = serve("hashicorp/kubernetes", provider(), ServeMode::Plugin, Transport::default());
    if std::env::var(COOKIE.0).is_ok() {
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
    assert_eq!(code, ExitCode::FAILURE);
}

/// A shell script that runs this plugin. It removes what the test harness prints before the handshake line.
pub(crate) fn script() -> String {
    let tests = std::env::current_exe().expect("the path of the test binary");
    let serve = "--exact support::other_provider::serves_when_a_host_started_it --nocapture --test-threads=1";
    format!("#!/bin/sh\n'{}' {serve} | sed -un 's/^.*\\(1|5|unix|\\)/\\1/p'\n", tests.display())
}

fn provider() -> Provider<()> {
    let manifest: Box<dyn Resource<()>> = Box::new(Manifest);
    Provider {
        schema: <()>::schema(),
        validate: |_, _| {},
        configure: |_, _| Ok(()),
        is_unknown: |()| false,
        resources: BTreeMap::from([(manifest.name(), manifest)]),
        data_sources: BTreeMap::new(),
        functions: BTreeMap::new(),
    }
}

struct Manifest;

fn unsupported(out: &mut Diagnostics) -> Reported {
    out.error(&Path::root(), "Unsupported operation", "This provider only serves its schema and reads its resources.")
}

fn unsupported_outcome(after: Option<ResourceState>) -> Outcome {
    let mut diagnostics = Diagnostics::default();
    unsupported(&mut diagnostics);
    Outcome { after, diagnostics }
}

#[async_trait]
impl Resource<()> for Manifest {
    fn name(&self) -> &'static str {
        "kubernetes_manifest"
    }

    fn schema(&self) -> &Schema {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            let kind = MemberKind::Attribute { value_type: Type::Dynamic, spec: required() };
            Schema::new(String::new(), vec![Member { name: "manifest", doc: "The object.".to_owned(), kind }])
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
        Err(unsupported(out))
    }

    async fn plan_delete(&self, _: Call<()>, _: ResourceState, out: &mut Diagnostics) -> Result<Vec<u8>, Reported> {
        Err(unsupported(out))
    }

    async fn apply(&self, _: Call<()>, prior: Option<ResourceState>, _: ResourceState, _: Value) -> Outcome {
        unsupported_outcome(prior)
    }

    async fn delete(&self, _: Call<()>, prior: ResourceState, _: Vec<u8>) -> Outcome {
        unsupported_outcome(Some(prior))
    }

    async fn read(&self, _: Call<()>, stored: ResourceState) -> Outcome {
        Outcome { after: Some(stored), diagnostics: Diagnostics::default() }
    }

    async fn import(&self, _: Call<()>, _: ImportId, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        Err(unsupported(out))
    }

    fn move_state(&self, _: MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        Err(unsupported(out))
    }
}
