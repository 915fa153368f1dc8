//! Provider blocks with values that are unknown until apply. Every call before the apply is answered without an error, except
//! reads that can't have a result: an import, and a data source. Where core allows deferrals (in Stacks, and with
//! `-allow-deferral`), each call that needs the values is deferred, these too.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        ClientCapabilities, Deferred, deferred::Reason, import_resource_state, plan_resource_change,
        prepare_provider_config, read_data_source, read_resource,
    },
    schema::Value,
};

use super::plan::payments;
use crate::support::{
    core_client::{CoreClient, ResourceInstance, decode_value, encode_value, format_diagnostics, has_errors},
    core_rules::{Block, UNKNOWN, plan_violations},
    host::binary,
};

const SERVICE: &str = "mesh_service";

/// Provider blocks of which no call can know the cluster.
fn unknown_blocks(core: &CoreClient) -> [Json; 2] {
    let block = Block::of(core.schemas.provider.as_ref().unwrap());
    let all = block.attributes.keys().map(|name| (name.clone(), json!(UNKNOWN))).collect();
    [all, json!({ "owner": "tests", "host": UNKNOWN })]
}

/// A resource of an earlier run, when everything was known.
async fn existing() -> ResourceInstance {
    let mut core = CoreClient::start(binary()).await;
    assert_eq!(core.configure(&json!({ "owner": "tests", "offline": true })).await, Vec::<String>::new());
    let created = core.plan(SERVICE, None, &payments()).await.planned;
    // The private data of the plan of a create is another one than that of a resource in the state.
    let existing = core.plan(SERVICE, Some(&created), &payments()).await.planned;
    assert!(existing.state.is_wholly_known());
    existing
}

/// A change in place, a replacement, and a deletion.
fn changes() -> [Json; 3] {
    let (mut updated, mut replaced) = (payments(), payments());
    updated["resiliency"] = json!("low");
    replaced["name"] = json!("charges");
    [updated, replaced, Json::Null]
}

const DEFERRAL_ALLOWED: Option<ClientCapabilities> =
    Some(ClientCapabilities { deferral_allowed: true, write_only_attributes_allowed: false });

const PROVIDER_UNKNOWN: Option<Deferred> = Some(Deferred { reason: Reason::ProviderConfigUnknown as i32 });

/// Plans as the first resource of a run.
async fn plan(
    core: &mut CoreClient,
    block: &Json,
    prior: Option<&ResourceInstance>,
    written: &Json,
    client_capabilities: Option<ClientCapabilities>,
) -> plan_resource_change::Response {
    assert_eq!(core.configure(block).await, Vec::<String>::new());
    let config = core.config(SERVICE, written);
    let request = core.plan_request(SERVICE, prior, &config, Vec::new());
    let request = plan_resource_change::Request { client_capabilities, ..request };
    let response = core.client.plan_resource_change(request).await.unwrap().into_inner();
    let planned = decode_value(response.planned_state.as_ref(), &core.kind(SERVICE));
    let before = prior.map_or(Value::Null, |prior| prior.state.clone());
    assert_eq!(plan_violations(&core.blocks[SERVICE], &before, &config, &planned), Vec::<String>::new(), "{written}");
    response
}

async fn read_data_source(
    core: &mut CoreClient,
    name: &str,
    written: &Json,
    client_capabilities: Option<ClientCapabilities>,
) -> (Value, read_data_source::Response) {
    let block = Block::of(&core.schemas.data_source_schemas[name]);
    let config = Some(encode_value(&block.config(written), &block.object_type()));
    let request =
        read_data_source::Request { type_name: name.into(), config, client_capabilities, ..Default::default() };
    let response = core.client.read_data_source(request).await.unwrap().into_inner();
    (decode_value(response.state.as_ref(), &block.object_type()), response)
}

fn import(client_capabilities: Option<ClientCapabilities>) -> import_resource_state::Request {
    import_resource_state::Request {
        type_name: SERVICE.into(),
        id: "pci/payments".into(),
        client_capabilities,
        ..Default::default()
    }
}

#[tokio::test]
async fn unknown_provider_block_is_no_error_before_apply() {
    let existing = existing().await;
    let mut core = CoreClient::start(binary()).await;
    for written in unknown_blocks(&core) {
        let block = Block::of(core.schemas.provider.as_ref().unwrap());
        let config = Some(encode_value(&block.config(&written), &block.object_type()));
        let request = prepare_provider_config::Request { config: config.clone() };
        let response = core.client.prepare_provider_config(request).await.unwrap().into_inner();
        assert_eq!((format_diagnostics(&response.diagnostics), response.prepared_config), (Vec::new(), config));
        assert_eq!(core.configure(&written).await, Vec::<String>::new());
        assert_eq!(core.validate(SERVICE, &payments()).await, Vec::<String>::new());

        // The state stays as it is, with one warning in a run.
        let read = core.read(SERVICE, &existing).await;
        let [warning] = read.diagnostics.as_slice() else { panic!("{:?}", read.diagnostics) };
        assert!(warning.starts_with("WARNING : The cluster connection isn't known yet"), "{warning}");
        assert_eq!(read.instance, existing);
        assert_eq!(core.read(SERVICE, &existing).await.expect_no_diagnostics(), existing);

        let created = plan(&mut core, &written, None, &payments(), None).await;
        let mut plans = vec![created];
        for changed in changes() {
            plans.push(plan(&mut core, &written, Some(&existing), &changed, None).await);
        }
        for plan in plans {
            let diagnostics = format_diagnostics(&plan.diagnostics);
            assert!(!has_errors(&diagnostics) && plan.deferred.is_none(), "{written}: {diagnostics:?}");
        }

        let workload = json!({ "namespace": "pci", "service": "payments" });
        let (_, response) = read_data_source(&mut core, "mesh_access", &workload, None).await;
        assert!(has_errors(&format_diagnostics(&response.diagnostics)) && response.deferred.is_none());
        assert!(has_errors(&core.import(import(None)).await.unwrap_err()));
    }
}

#[tokio::test]
async fn calls_with_an_unknown_provider_block_are_deferred_where_core_allows_it() {
    let existing = existing().await;
    let mut core = CoreClient::start(binary()).await;
    for written in unknown_blocks(&core) {
        assert_eq!(core.configure(&written).await, Vec::<String>::new());
        let request = core.read_request(SERVICE, &existing);
        let request = read_resource::Request { client_capabilities: DEFERRAL_ALLOWED, ..request };
        let read = core.client.read_resource(request).await.unwrap().into_inner();
        assert_eq!((format_diagnostics(&read.diagnostics), read.deferred), (Vec::new(), PROVIDER_UNKNOWN));
        assert_eq!(decode_value(read.new_state.as_ref(), &core.kind(SERVICE)), existing.state);
        assert_eq!((read.private, read.new_identity), (existing.private.clone(), existing.identity.clone()));

        let created = plan(&mut core, &written, None, &payments(), DEFERRAL_ALLOWED).await;
        let mut plans = vec![created];
        for changed in changes() {
            plans.push(plan(&mut core, &written, Some(&existing), &changed, DEFERRAL_ALLOWED).await);
        }
        for plan in plans {
            assert_eq!((format_diagnostics(&plan.diagnostics), plan.deferred), (Vec::new(), PROVIDER_UNKNOWN));
        }

        let imported = core.client.import_resource_state(import(DEFERRAL_ALLOWED)).await.unwrap().into_inner();
        assert_eq!((format_diagnostics(&imported.diagnostics), imported.deferred), (Vec::new(), PROVIDER_UNKNOWN));
        let [resource] = imported.imported_resources.as_slice() else { panic!("{imported:?}") };
        assert_eq!(decode_value(resource.state.as_ref(), &core.kind(SERVICE)), Value::Unknown);

        let workload = json!({ "namespace": "pci", "service": "payments" });
        let (state, access) = read_data_source(&mut core, "mesh_access", &workload, DEFERRAL_ALLOWED).await;
        assert_eq!((format_diagnostics(&access.diagnostics), access.deferred), (Vec::new(), PROVIDER_UNKNOWN));
        assert_eq!(state, Value::Unknown);
    }
}

#[tokio::test]
async fn calls_that_need_no_unknown_value_are_not_deferred() {
    let mut core = CoreClient::start(binary()).await;
    let [unknown, _] = unknown_blocks(&core);
    assert_eq!(core.configure(&unknown).await, Vec::<String>::new());
    let (state, settings) = read_data_source(&mut core, "mesh_install_config", &json!({}), DEFERRAL_ALLOWED).await;
    assert_eq!((format_diagnostics(&settings.diagnostics), settings.deferred), (Vec::new(), None));
    assert!(state.is_wholly_known());

    let offline = json!({ "owner": "tests", "offline": true });
    let planned = plan(&mut core, &offline, None, &payments(), DEFERRAL_ALLOWED).await;
    assert_eq!((format_diagnostics(&planned.diagnostics), planned.deferred), (Vec::new(), None));
}
