//! `mesh_install_config` on a real istiod: where each setting shows, and what istiod makes of values that are refused.

use std::{fs, process::Command, thread, time::Duration};

use expect_test::expect_file;
use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::mesh::install_config::{ACCESS_LOG_OPERATORS, OPERATORS_WITH_ARGUMENTS};

use super::{
    install_config_objects::{OTHER_SETTINGS, SETTINGS, WITHOUT_LOCALITY, apply_objects, route_of_another_namespace},
    install_config_observation::{self as observation, ROWS, Row, Views, is_in_effect},
};
use crate::support::{
    control_plane::tools_folder,
    mesh::{Certificate, Mesh, TlsVersion, Workload, start_all},
    polling::wait_until,
    terraform::Workspace,
};

/// The outputs of a data source with these arguments.
fn documents(workspace: &Workspace, arguments: &str) -> Json {
    workspace.configure(&format!(
        "provider \"mesh\" {{\n  owner   = \"tests\"\n  offline = true\n}}\n\
         data \"mesh_install_config\" \"this\" {{\n{arguments}\n}}\n\
         output \"mesh_config\" {{\n  value = yamldecode(data.mesh_install_config.this.mesh_config_yaml)\n}}\n\
         output \"operator\" {{\n  value = data.mesh_install_config.this.istio_operator_yaml\n}}\n"
    ));
    workspace.apply().expect_success();
    let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
    serde_json::from_str(&outputs).expect("JSON")
}

/// `meshConfig` of a data source with these arguments.
fn mesh_config(workspace: &Workspace, arguments: &str) -> Json {
    documents(workspace, arguments)["mesh_config"]["value"].clone()
}

struct Proxies {
    mesh: Mesh,
    web: Workload,
    gateway: Workload,
}

impl Proxies {
    fn start(certificate: &Certificate) -> Self {
        let mesh = Mesh::start(&json!({}));
        apply_objects(&mesh, certificate);
        let [web, gateway] = start_all([mesh.workload("shop", "web"), mesh.workload("ingress", "public").gateway()]);
        Self { mesh, web, gateway }
    }

    /// The values of the rows, when they don't change any more and all of them differ from `before`.
    #[track_caller]
    fn values(&self, rows: &[&Row], before: Option<&[String]>) -> Vec<String> {
        let mut last = Vec::new();
        for _ in 0..60 {
            let views = Views::of(&self.web.config_dump(), &self.gateway.config_dump(), &self.mesh.config_in_effect());
            let values: Vec<String> = rows.iter().map(|row| views.value(row)).collect();
            let changed = before.is_none_or(|before| before.iter().zip(&values).all(|(before, value)| before != value));
            if changed && values == last {
                return values;
            }
            last = values;
            thread::sleep(Duration::from_millis(500));
        }
        let unchanged = rows.iter().zip(before.unwrap_or_default()).zip(&last);
        let unchanged = unchanged.filter(|((_, before), value)| before == value);
        let unchanged: Vec<String> = unchanged.map(|((row, _), value)| format!("{}: {value}", row.path)).collect();
        panic!("unchanged: {unchanged:#?}; refused: {:?}", self.mesh.rejections());
    }

    /// Whether the sidecar's active configuration has a text.
    fn dump_contains(&self, text: &str) -> bool {
        observation::proxy(&self.web.config_dump()).to_string().contains(text)
    }

    /// Changes `meshConfig`, and waits until the sidecar's configuration has a text or lacks it.
    #[track_caller]
    fn change(&self, config: &Json, text: &str, is_there: bool) {
        self.mesh.change_config(config);
        let expectation = format!("the configuration has {text:?}: {is_there}");
        wait_until(Duration::from_secs(30), &expectation, || self.dump_contains(text) == is_there);
    }
}

/// The file's table is the one of the guide.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn settings_show_in_istiod_and_proxies() {
    let certificate = Certificate::of_hosts(&["www.example.com"]);
    let proxies = Proxies::start(&certificate);
    let (mesh, gateway) = (&proxies.mesh, &proxies.gateway);
    let health = |version| {
        let request = gateway.request(Method::GET, "https://www.example.com/health");
        request.connect_to((gateway.address(), 443)).tls(&certificate, version)
    };
    let workspace = mesh.workspace();
    let configs = [SETTINGS, OTHER_SETTINGS, WITHOUT_LOCALITY].map(|arguments| mesh_config(&workspace, arguments));
    let rows = |configuration: usize| ROWS.iter().filter(move |row| row.configuration == configuration);

    let all: Vec<&Row> = (0..configs.len()).flat_map(rows).collect();
    let defaults = proxies.values(&all, None);
    // A policy of a provider that there isn't refuses every request.
    health(TlsVersion::Tls12).becomes(403);
    let mut lines = String::new();
    for (configuration, config) in configs.iter().enumerate() {
        mesh.change_config(config);
        // istiod keeps for a VirtualService the default of the time at which it read it.
        mesh.api().delete(&"VirtualService/elsewhere/visible".parse().expect("a key"));
        mesh.api().apply(&route_of_another_namespace(), "another-tool");
        let rows: Vec<&Row> = rows(configuration).collect();
        let before = all.iter().zip(&defaults).filter(|(row, _)| row.configuration == configuration);
        let before: Vec<String> = before.map(|(_, value)| value.clone()).collect();
        let values = proxies.values(&rows, Some(&before));
        for ((row, before), value) in rows.iter().zip(&before).zip(values) {
            lines.push_str(&row.line(before, &value));
        }
        is_in_effect(config, &mesh.config_in_effect()).unwrap_or_else(|difference| panic!("{difference}"));
        if configuration == 0 {
            health(TlsVersion::Tls13).becomes(200);
            health(TlsVersion::Tls12).becomes(0);
        }
    }
    lines.push_str(&installed_rows(&workspace));
    expect_file!["install_config.txt"].assert_eq(&lines);
    mesh.assert_sound();
}

/// Rows that show in the objects that istioctl makes of the IstioOperator: pods that istiod injects get them from there.
fn installed_rows(workspace: &Workspace) -> String {
    let mut lines = String::new();
    for (configuration, arguments) in
        [(3, ""), (4, "tls {\n  fips = \"140-3\"\n}\n"), (5, "root_namespace = \"mesh-system\"")]
    {
        let operator = documents(workspace, arguments)["operator"]["value"].as_str().expect("a text").to_owned();
        let (default, set) = (manifests(workspace, None), manifests(workspace, Some(&operator)));
        for row in ROWS.iter().filter(|row| row.configuration == configuration) {
            let (before, value) = (observation::values(&default, row.path), observation::values(&set, row.path));
            assert_ne!(before, value, "{}", row.path);
            lines.push_str(&row.line(&before, &value));
        }
    }
    lines
}

/// The objects of an installation by kind and name; `meshConfig` as JSON.
fn manifests(workspace: &Workspace, operator: Option<&str>) -> Json {
    let mut command = Command::new(tools_folder().join("istioctl"));
    command.args(["manifest", "generate"]).env_clear().env("HOME", "/nonexistent");
    if let Some(operator) = operator {
        workspace.write_file("operator.yaml", operator);
        command.arg("--filename").arg(workspace.path().join("operator.yaml"));
    }
    let output = command.output().expect("istioctl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut objects = json!({});
    for manifest in String::from_utf8_lossy(&output.stdout).split("\n---\n") {
        let Ok(mut manifest) = serde_saphyr::from_str::<Json>(manifest) else { continue };
        let name = |field: &str| manifest.pointer(field).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (kind, name) = (name("/kind"), name("/metadata/name"));
        if let Some(config) = manifest.pointer("/data/mesh").and_then(Json::as_str) {
            manifest["data"]["mesh"] = serde_saphyr::from_str(config).expect("YAML");
        }
        objects[kind][name] = manifest;
    }
    objects
}

/// Each of the refused values, given to istiod all the same.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn refused_values_have_the_effects_that_their_errors_tell() {
    let proxies = Proxies::start(&Certificate::of_hosts(&["www.example.com"]));
    let mesh = &proxies.mesh;
    let config = mesh_config(&mesh.workspace(), SETTINGS);
    let (whole_mesh, bad_action) = ("/of-istio-system", "-deny-due-to-bad-CUSTOM-action");
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut config = config.clone();
        change(&mut config);
        config
    };
    proxies.change(&config, "/v1/traces", true);
    assert!(proxies.dump_contains(whole_mesh));
    proxies.change(&config, bad_action, false);

    // The root namespace isn't discovered by itself.
    let without_root = changed(&|config| drop(config["discoverySelectors"].as_array_mut().expect("a list").remove(0)));
    proxies.change(&without_root, whole_mesh, false);
    proxies.change(&config, whole_mesh, true);

    // Short names of Services aren't found.
    let short = changed(&|config| config["extensionProviders"][0]["envoyExtAuthzHttp"]["service"] = json!("authz"));
    proxies.change(&short, bad_action, true);
    assert!(mesh.istiod_log().contains("could not find service authz in Istio service registry"));
    proxies.change(&config, bad_action, false);
    let short = changed(&|config| config["extensionProviders"][2]["opentelemetry"]["service"] = json!("collector"));
    proxies.change(&short, "/v1/traces", false);
    proxies.change(&config, "/v1/traces", true);

    // Of two providers of one name the last one counts, and of two whose names differ by case the first.
    let twice = changed(&|config| {
        let mut second = config["extensionProviders"][0].clone();
        second["envoyExtAuthzHttp"]["pathPrefix"] = json!("/second");
        config["extensionProviders"].as_array_mut().expect("a list").push(second);
    });
    proxies.change(&twice, "/second", true);
    proxies.change(&twice, "\"/check\"", false);
    proxies.change(&config, "\"/check\"", true);
    let twice = changed(&|config| {
        let mut first = config["extensionProviders"][2].clone();
        first["name"] = json!("OTEL");
        first["opentelemetry"]["http"]["path"] = json!("/first");
        config["extensionProviders"].as_array_mut().expect("a list").insert(0, first);
    });
    proxies.change(&twice, "/first", true);
    proxies.change(&twice, "/v1/traces", false);
    proxies.change(&config, "/v1/traces", true);

    // Names of authorizers that are no labels.
    let dotted = changed(&|config| config["extensionProviders"][0]["name"] = json!("authz.http"));
    let mut policy = mesh.api().get_existing(&"AuthorizationPolicy/shop/authz".parse().expect("a key"));
    policy["metadata"] = json!({ "name": "authz", "namespace": "shop" });
    policy["spec"]["provider"]["name"] = json!("authz.http");
    mesh.api().apply(&policy, "another-tool");
    proxies.change(&dotted, bad_action, true);
    policy["spec"]["provider"]["name"] = json!("authz-http");
    mesh.api().apply(&policy, "another-tool");
    proxies.change(&config, bad_action, false);
    mesh.assert_sound();

    // Proxies refuse every listener without a timeout, and with a collector that they don't see.
    let is_refused = |expectation: &str, config: &Json| {
        mesh.change_config(config);
        wait_until(Duration::from_secs(30), expectation, || {
            mesh.rejections().iter().any(|line| line.contains(expectation)) || mesh.istiod_log().contains(expectation)
        });
    };
    is_refused(
        "HttpUriValidationError.Timeout: value is required",
        &changed(&|config| {
            let http = config["extensionProviders"][2]["opentelemetry"]["http"].as_object_mut();
            http.expect("an object").remove("timeout").expect("a timeout");
        }),
    );
    proxies.change(&config, "/v1/traces", true);
    mesh.api().patch(
        &"Service/shop/collector".parse().expect("a key"),
        &json!({ "metadata": { "annotations": { "networking.istio.io/exportTo": "." } } }),
    );
    // A listener is checked when it changes.
    let other_path = changed(&|config| config["extensionProviders"][3]["zipkin"]["path"] = json!("/other"));
    is_refused("unknown cluster 'outbound|9411||collector.shop.svc.cluster.local'", &other_path);
    proxies.mesh.end_unchecked();
}

/// FIPS takes the place of the other arguments about TLS, which are refused beside it.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn fips_overrides_versions_of_tls() {
    let certificate = Certificate::of_hosts(&["www.example.com"]);
    let strict = json!({ "tlsDefaults": { "minProtocolVersion": "TLSV1_3" } });
    for (environment, is_admitted) in [(vec![("COMPLIANCE_POLICY", "fips-140-3")], true), (vec![], false)] {
        let mesh = Mesh::start_with_environment(&strict, &environment);
        apply_objects(&mesh, &certificate);
        // The provider that it names isn't there, so it would refuse every request.
        mesh.api().delete(&"AuthorizationPolicy/ingress/authz".parse().expect("a key"));
        let gateway = mesh.workload("ingress", "public").gateway().start();
        let health = |version| {
            let request = gateway.request(Method::GET, "https://www.example.com/health");
            request.connect_to((gateway.address(), 443)).tls(&certificate, version)
        };
        health(TlsVersion::Tls13).becomes(200);
        health(TlsVersion::Tls12).becomes(if is_admitted { 200 } else { 0 });
        assert_eq!(gateway.config_dump().to_string().contains("FIPS_202205"), is_admitted);
    }
}

/// An Envoy's configuration whose access log has this format.
fn is_format_accepted(folder: &std::path::Path, format: &str) -> bool {
    let file = folder.join("envoy.json");
    let log = json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": "/dev/null",
            "log_format": { "text_format_source": { "inline_string": format } },
        },
    });
    let proxy = json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp", "cluster": "none", "access_log": [log],
        },
    });
    let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let listener = json!({ "name": "tcp", "address": address, "filter_chains": [{ "filters": [proxy] }] });
    let cluster = json!({ "name": "none", "connect_timeout": "1s" });
    let config = json!({ "static_resources": { "listeners": [listener], "clusters": [cluster] } });
    fs::write(&file, config.to_string()).expect("writing a file");
    let mut envoy = Command::new(tools_folder().join("envoy"));
    let output = envoy.args(["--mode", "validate", "--config-path"]).arg(&file).output().expect("envoy");
    output.status.success()
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn envoy_knows_every_operator_of_access_logs() {
    let folder = tempfile::tempdir().expect("a folder");
    let accepts = |format: &str| is_format_accepted(folder.path(), format);
    let formats: Vec<String> = ACCESS_LOG_OPERATORS
        .iter()
        .map(|name| {
            let arguments = if OPERATORS_WITH_ARGUMENTS.contains(name) { "(x)" } else { "" };
            format!("%{name}{arguments}%")
        })
        .collect();
    assert!(accepts(&formats.join(" ")), "Envoy refuses one of {formats:?}");
    for name in OPERATORS_WITH_ARGUMENTS {
        assert!(!accepts(&format!("%{name}%")), "{name} needs no arguments");
    }
    for wrong in ["%BOGUS%", "%REQ(:METHOD%", "%PROTOCOL", "%"] {
        assert!(!accepts(wrong), "Envoy accepts {wrong}");
    }
}
