//! The floors of the measured times: what Terraform takes by itself, and what the API server takes for the requests that no
//! provider could leave out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::Value as Json;

use super::steps::{Step, run_steps, time, workspace};
use crate::support::api::{block_on, config, path_of};

/// As many as Terraform's default parallelism.
const PARALLEL_REQUESTS: usize = 10;

/// The times of Terraform with one trivial resource in place of each service. `terraform_data` is built in, so there is no
/// provider process.
pub(super) fn terraform_floor(services: usize) -> BTreeMap<Step, Duration> {
    let hcl = |changed| {
        format!(
            "resource \"terraform_data\" \"many\" {{\n  count = {services}\n  input = \"${{count.index}} {changed}\"\n}}\n"
        )
    };
    let mut times = BTreeMap::new();
    run_steps(&workspace(), hcl, |step, run| {
        times.insert(step, time(run));
    });
    times
}

/// The objects that a provider wrote, before and after the change of all services.
#[derive(Default)]
pub(super) struct WrittenObjects {
    pub(super) created: Vec<Json>,
    pub(super) changed: Vec<Json>,
}

/// The times of the bare requests of each step, for a user of `kubeconfig`: a dry run of each object that a plan writes, two
/// dry runs and a write of each that an apply writes (Terraform plans twice in it), a LIST of each collection for an empty
/// plan, and a DELETE of each object.
pub(super) fn request_floor(kubeconfig: &str, objects: &WrittenObjects) -> BTreeMap<Step, Duration> {
    let WrittenObjects { created, changed } = objects;
    let config = config(kubeconfig);
    let client = block_on(async { Client::try_from(config).expect("a client") });
    let time = |requests: Vec<Request<Body>>| time(|| send_all(&client, requests));
    let dry_runs = |objects: &[Json]| objects.iter().map(|object| apply(object, "&dryRun=All")).collect();
    let writes = |objects: &[Json]| objects.iter().map(|object| apply(object, "")).collect();
    let changes: Vec<Json> = changed.iter().filter(|object| !created.contains(object)).cloned().collect();
    let collections: BTreeSet<String> = created.iter().map(collection).collect();

    let plan = time(dry_runs(created));
    let created_time = plan + time(dry_runs(created)) + time(writes(created));
    let lists = time(collections.iter().map(|path| request(Method::GET, format!("{path}?limit=500"), None)).collect());
    let changed_time = time(dry_runs(&changes)) + time(dry_runs(&changes)) + time(writes(&changes));
    let deletes = time(created.iter().map(|object| request(Method::DELETE, path_of(object), None)).collect());
    [
        (Step::Plan, plan),
        (Step::Apply, created_time),
        (Step::EmptyPlan, lists),
        (Step::Change, changed_time),
        (Step::Destroy, deletes),
    ]
    .into()
}

fn collection(object: &Json) -> String {
    let path = path_of(object);
    path.rsplit_once('/').expect("a path has a name").0.to_owned()
}

fn apply(object: &Json, options: &str) -> Request<Body> {
    let path = format!("{}?fieldManager=floor&fieldValidation=Strict&force=true{options}", path_of(object));
    request(Method::PATCH, path, Some(object))
}

fn request(method: Method, path: String, body: Option<&Json>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/apply-patch+yaml");
    request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default().into()).expect("a request")
}

fn send_all(client: &Client, requests: Vec<Request<Body>>) {
    let send = |request| async {
        let response = client.send(request).await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        response.into_body().collect().await.expect("a whole answer")
    };
    block_on(stream::iter(requests).map(send).buffer_unordered(PARALLEL_REQUESTS).for_each(async |_| ()));
}
