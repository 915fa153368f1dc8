//! `mesh_install_config`: settings of an installation as YAML. It needs neither a cluster nor a configured provider.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::{Known, Unknown},
    mesh::install_config::{Documents, InstallConfig, IstioMinor, NEWEST_ISTIO},
    plugin::interface::{Call, DataSource},
    schema::{
        Member, MemberKind, Schema, Type, Value,
        model::{Model, computed},
    },
};

/// The data source `mesh_install_config`.
pub(super) struct InstallConfigSource {
    schema: Schema,
}

impl Default for InstallConfigSource {
    fn default() -> Self {
        let outputs = Schema::new(String::new(), outputs());
        Self { schema: InstallConfig::schema().clone().and(&outputs) }
    }
}

#[async_trait]
impl<C: Send + Sync + 'static> DataSource<C> for InstallConfigSource {
    fn name(&self) -> &'static str {
        "mesh_install_config"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        decode(config, out);
    }

    fn needs_context(&self) -> bool {
        false
    }

    async fn read(&self, _call: Call<C>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported> {
        let arguments = decode(&config, out);
        out.no_errors()?;
        let Value::Map(mut members) = config else { return Ok(config) };
        let values = output_values(&arguments).map_err(|Unknown| {
            out.error(
                &Path::root(),
                "Unknown arguments",
                "Core read a data source before all of its arguments were known.",
            )
        })?;
        members.extend(values);
        Ok(Value::Map(members))
    }
}

fn decode(config: &Value, out: &mut Diagnostics) -> InstallConfig {
    let arguments = InstallConfig::decode(config, &Path::root(), out);
    arguments.validate(out);
    arguments
}

/// The outputs, beside the arguments.
fn outputs() -> Vec<Member> {
    let attribute = |name, doc: &str, value_type| Member {
        name,
        doc: doc.to_owned(),
        kind: MemberKind::Attribute { value_type, spec: computed() },
    };
    let members = document_types();
    let kind = |name: &str| members.get(name).cloned().unwrap_or(Type::String);
    let installed = [("dns_capture".to_owned(), Type::Bool), ("outbound_traffic_policy".to_owned(), Type::String)];
    vec![
        attribute(
            "mesh_config_yaml",
            "`meshConfig` as YAML for the newest version of Istio that is supported, 1.31.",
            kind("mesh_config_yaml"),
        ),
        attribute(
            "helm_values",
            "Values of Istio's Helm charts as YAML, by the name of the chart: `base`, `istiod` and `gateway`. All settings are those of \
             `istiod`; the other charts have values only where `root_namespace` is another one.",
            kind("helm_values"),
        ),
        attribute(
            "istio_operator_yaml",
            "An IstioOperator as YAML, for `istioctl install -f`.",
            kind("istio_operator_yaml"),
        ),
        attribute(
            "rendered",
            "The three attributes above for each older minor version of Istio for which they differ, by its number, such as `1.30`.",
            Type::map(Type::Object(members.clone())),
        ),
        attribute(
            "installed",
            "Facts of the mesh for the provider's `installed` block: `outbound_traffic_policy` and `dns_capture`. A provider block can't \
             refer to a data source of itself: hand them over to other configurations.",
            Type::Object(installed.into()),
        ),
    ]
}

/// The types of the documents of one version.
fn document_types() -> BTreeMap<String, Type> {
    [
        ("helm_values".to_owned(), Type::map(Type::String)),
        ("istio_operator_yaml".to_owned(), Type::String),
        ("mesh_config_yaml".to_owned(), Type::String),
    ]
    .into()
}

fn output_values(arguments: &InstallConfig) -> Known<BTreeMap<String, Value>> {
    let newest = arguments.documents(NEWEST_ISTIO)?;
    let mut rendered = BTreeMap::new();
    for minor in IstioMinor::ALL {
        let documents = arguments.documents(*minor)?;
        if documents != newest {
            rendered.insert(minor.to_string(), Value::Map(document_values(&documents)));
        }
    }
    let installed = arguments.installed()?;
    let mut values = document_values(&newest);
    values.insert("rendered".to_owned(), Value::Map(rendered));
    let policy = Value::string(installed.outbound_traffic_policy.as_str());
    let installed = [
        ("dns_capture".to_owned(), Value::Bool(installed.dns_capture)),
        ("outbound_traffic_policy".to_owned(), policy),
    ];
    values.insert("installed".to_owned(), Value::Map(installed.into()));
    Ok(values)
}

fn document_values(documents: &Documents) -> BTreeMap<String, Value> {
    let charts = documents.helm_values.iter().map(|(chart, values)| ((*chart).to_owned(), yaml(values)));
    [
        ("helm_values".to_owned(), Value::Map(charts.collect())),
        ("istio_operator_yaml".to_owned(), yaml(&documents.istio_operator)),
        ("mesh_config_yaml".to_owned(), yaml(&documents.mesh_config)),
    ]
    .into()
}

/// JSON as YAML. JSON is YAML as well, so it stands in for what can't be written otherwise.
fn yaml(document: &Json) -> Value {
    Value::String(serde_saphyr::to_string(document).unwrap_or_else(|_| format!("{document}\n")))
}
