//! Failover: which endpoints callers use, by region and zone, and which ones when these fail.

use std::{ops::RangeInclusive, time::Duration};

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Workload, start_all},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

/// A caller, and a service with endpoints in the caller's zone, in another zone of its region, and in another region.
struct Stock {
    caller: Workload,
    /// Near ones first.
    endpoints: [Workload; 3],
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Stock {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, "");
        let stock = |region, zone| mesh.workload("shop", "stock").locality(region, zone);
        let [caller, near, zone, region] = start_all([
            mesh.workload("shop", "caller").locality("eu-west", "a"),
            stock("eu-west", "a"),
            stock("eu-west", "b"),
            stock("us-east", "c"),
        ]);
        Self { caller, endpoints: [near, zone, region], workspace, proxy, mesh }
    }

    /// Lets Terraform write a wrong DestinationRule.
    fn wrong_rendering(&self, change: fn(&mut Json)) {
        apply_wrong_rendering((&self.mesh, &self.proxy, &self.workspace), "DestinationRule/shop/stock-shop", change);
    }

    /// The answers of 40 requests by endpoint, and those that failed at the end.
    fn answers(&self) -> [usize; 4] {
        let request = self.caller.request(Method::GET, "http://stock/");
        let mut answers = [0; 4];
        for _ in 0..40 {
            let answer = request.send();
            let server = self.endpoints.iter().position(|endpoint| answer.served_by() == Some(endpoint.pod()));
            answers[server.unwrap_or(3)] += 1;
        }
        answers
    }

    /// Repeats 40 requests until none fails and each endpoint answers so many of them.
    #[track_caller]
    fn served_by(&self, shares: &[RangeInclusive<usize>; 3]) {
        wait_until(Duration::from_mins(2), &format!("answers by near, zone and region: {shares:?}"), || {
            let [answers @ .., failed] = self.answers();
            failed == 0 && answers.iter().zip(shares).all(|(count, share)| share.contains(count))
        });
    }
}

/// What an endpoint answers: no request, all, or a part.
const NONE: RangeInclusive<usize> = 0..=0;
const ALL: RangeInclusive<usize> = 40..=40;
const PART: RangeInclusive<usize> = 3..=37;

/// Applies the service with `arguments`. Ejections are short.
fn configure(workspace: &Workspace, arguments: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/failover"
}}
resource "mesh_service" "stock" {{
  name       = "stock"
  namespace  = "shop"
  service    = "managed"
  resiliency = "high"
  {arguments}
  outlier_detection {{
    interval           = "1s"
    base_ejection_time = "1s"
  }}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}
"#
    ));
    workspace.converge();
}

const FAILOVER: &str = "failover {\n    from = \"eu-west\"\n    to   = \"us-east\"\n  }";
const PRIORITY: &str = "failover_priority = [\"topology.kubernetes.io/region\"]";

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn other_zones_and_regions_take_over() {
    let mut stock = Stock::start();
    // Negative control: without failover all endpoints are equal.
    stock.served_by(&[PART, PART, PART]);

    configure(&stock.workspace, FAILOVER);
    stock.served_by(&[ALL, NONE, NONE]);
    // Pods that have crashed, and are still endpoints.
    stock.endpoints[0].stop_application();
    stock.served_by(&[NONE, ALL, NONE]);
    stock.endpoints[1].stop_application();
    stock.served_by(&[NONE, NONE, ALL]);
    // A wrong rendering: with fewer ejections, requests stay with the dead endpoints.
    stock.wrong_rendering(|rule| rule["spec"]["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"] = json!(50));
    wait_until(Duration::from_secs(40), "requests fail", || stock.answers()[3] >= 20);
    repair(&stock.proxy, &stock.workspace);
    stock.served_by(&[NONE, NONE, ALL]);
    stock.endpoints[0].start_application();
    stock.served_by(&[ALL, NONE, NONE]);
    stock.endpoints[1].start_application();

    // Without outlier detection, or switched off, nothing is preferred.
    stock.wrong_rendering(|rule| remove(&mut rule["spec"]["trafficPolicy"], "outlierDetection"));
    stock.served_by(&[PART, PART, PART]);
    stock.wrong_rendering(|rule| {
        rule["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"] = json!({ "enabled": false });
    });
    stock.served_by(&[PART, PART, PART]);
    repair(&stock.proxy, &stock.workspace);

    configure(&stock.workspace, PRIORITY);
    stock.served_by(&[PART, PART, NONE]);
    // A part of the requests leaves the region as soon as less than 5 in 7 of its endpoints are left: 30 % with one of two.
    stock.endpoints[0].stop_application();
    stock.served_by(&[NONE, 17..=37, 3..=23]);
    stock.endpoints[1].stop_application();
    stock.served_by(&[NONE, NONE, ALL]);
    stock.workspace.destroy().expect_success();
}
