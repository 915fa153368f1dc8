//! Other Services and external hosts that routes send requests to.

use expect_test::expect;

use super::{check, check_registry_only, findings, with_objects};

/// The arguments of a service that sends half of its requests to this target.
fn shared_with(target: &str) -> String {
    format!(
        "allow {{\n from = [\"shop/web\", \"web/*\"]\n}}\nroute {{\n to {{\n service = \"payments\"\n weight = 50\n}}\n to {{\n {target}\n weight = 50\n}}\n}}"
    )
}

const NEXT: &str = "kind: Service
metadata: {name: next, namespace: pci}
spec: {selector: {app: next}, ports: [{name: http, port: 8080}]}";

const STRIPE: &str = "kind: ServiceEntry
metadata: {name: api-stripe-com, namespace: team}
spec: {hosts: [api.stripe.com]}";

#[test]
fn missing_targets() {
    check(
        &shared_with("service = \"next\""),
        &with_objects(""),
        &expect![[r#"
            warn at route[0].to[1].service: The target of a route doesn't exist
              The cluster has no Service pci/next. Requests that the route sends there fail until there is one. If this run creates it, ignore this; otherwise correct service. (IST0101)
        "#]],
    );
    check(
        &shared_with("host = \"api.stripe.com\""),
        &with_objects(""),
        &expect![[r#"
            warn at route[0].to[1].host: The target of a route doesn't exist
              The cluster has no ServiceEntry for api.stripe.com. Requests that the route sends there fail until there is one. If this run creates it, ignore this; otherwise correct host. (IST0101)
        "#]],
    );
    let mirror = "access = \"mesh\"\nroute {\n mirror {\n service = \"shop/audit\"\n}\n}";
    check(
        mirror,
        &with_objects(""),
        &expect![[r#"
            warn at route[0].mirror[0].service: The target of a route doesn't exist
              The cluster has no Service shop/audit. Requests that the route sends there fail until there is one. If this run creates it, ignore this; otherwise correct service. (IST0101)
        "#]],
    );
}

#[test]
fn existing_targets() {
    assert_eq!(findings(&shared_with("service = \"next\""), &with_objects(NEXT), &[]), "");
    assert_eq!(
        findings(&shared_with("service = \"next\"\nport = 80"), &with_objects(&NEXT.replace("8080", "80")), &[]),
        ""
    );
    assert_eq!(findings(&shared_with("host = \"api.stripe.com\""), &with_objects(STRIPE), &[]), "");
}

#[test]
fn targets_without_the_port() {
    check(
        &shared_with("service = \"next\""),
        &with_objects(&NEXT.replace("8080", "80")),
        &expect![[r#"
            warn at route[0].to[1].port: The target of a route doesn't have the port
              Service pci/next has port 80, not 8080, so requests that the route sends there fail. Write port in the block. (missing-port)
        "#]],
    );
    check(
        &shared_with("service = \"next\"\nport = 81"),
        &with_objects(NEXT),
        &expect![[r#"
            warn at route[0].to[1].port: The target of a route doesn't have the port
              Service pci/next has port 8080, not 81, so requests that the route sends there fail. Write port in the block. (missing-port)
        "#]],
    );
}

#[test]
fn targets_that_callers_do_not_see() {
    let hidden = NEXT.replace("pci}", "pci, annotations: {networking.istio.io/exportTo: '., shop'}}");
    check(
        &shared_with("service = \"next\""),
        &with_objects(&hidden),
        &expect![[r#"
            warn at route[0].to[1].service: Callers don't see the target of a route
              Service pci/next is visible to pci, shop, and the routes of pci/payments also apply to callers in all others. Requests that the route sends there fail. Ask the owner to export it to these namespaces, or narrow export_to. (hidden-callee)
        "#]],
    );
    check_registry_only(
        &shared_with("service = \"next\""),
        &with_objects(&hidden),
        &expect![[r#"
            warn at allow: Fewer namespaces see the live service
              Service pci/payments is visible to every namespace today, and to pci, shop, web after this apply. Calls from all others fail from then on. If workloads there should still call, add them to allow, or apply with authorization_mode = "dry_run" first: the service stays visible, the proxies count the calls that would be refused, and you enforce when there are none. (narrowed-visibility)
            warn: The mesh's outbound traffic policy can't be seen
              The provider's installed block says outbound_traffic_policy = "registry_only". meshConfig decides for some proxies, and ConfigMap istio isn't there. Write the provider's revisions, or set the policy with mesh_global_defaults. (outbound-policy)
            warn at route[0].to[1].service: Callers don't see the target of a route
              Service pci/next is visible to pci, shop, and the routes of pci/payments also apply to callers in web. Requests that the route sends there fail. Ask the owner to export it to these namespaces, or narrow export_to. (hidden-callee)
        "#]],
    );
    let hidden = STRIPE.replace("{hosts", "{exportTo: [shop], hosts");
    check_registry_only(
        &shared_with("host = \"api.stripe.com\""),
        &with_objects(&hidden),
        &expect![[r#"
            warn at allow: Fewer namespaces see the live service
              Service pci/payments is visible to every namespace today, and to pci, shop, web after this apply. Calls from all others fail from then on. If workloads there should still call, add them to allow, or apply with authorization_mode = "dry_run" first: the service stays visible, the proxies count the calls that would be refused, and you enforce when there are none. (narrowed-visibility)
            warn: The mesh's outbound traffic policy can't be seen
              The provider's installed block says outbound_traffic_policy = "registry_only". meshConfig decides for some proxies, and ConfigMap istio isn't there. Write the provider's revisions, or set the policy with mesh_global_defaults. (outbound-policy)
            warn at route[0].to[1].host: Callers don't see the target of a route
              ServiceEntry team/api-stripe-com is visible to shop, and the routes of pci/payments also apply to callers in pci, web. Requests that the route sends there fail. Ask the owner to export it to these namespaces, or narrow export_to. (hidden-callee)
        "#]],
    );
    let seen = STRIPE.replace("{hosts", "{exportTo: [shop, web, pci], hosts");
    check_registry_only(
        &shared_with("host = \"api.stripe.com\""),
        &with_objects(&seen),
        &expect![[r#"
        warn at allow: Fewer namespaces see the live service
          Service pci/payments is visible to every namespace today, and to pci, shop, web after this apply. Calls from all others fail from then on. If workloads there should still call, add them to allow, or apply with authorization_mode = "dry_run" first: the service stays visible, the proxies count the calls that would be refused, and you enforce when there are none. (narrowed-visibility)
        warn: The mesh's outbound traffic policy can't be seen
          The provider's installed block says outbound_traffic_policy = "registry_only". meshConfig decides for some proxies, and ConfigMap istio isn't there. Write the provider's revisions, or set the policy with mesh_global_defaults. (outbound-policy)
    "#]],
    );
}

/// The cluster with the other Service and a policy for it that has these rules.
fn policy(rules: &str) -> String {
    let policy = "kind: AuthorizationPolicy
metadata: {name: next-pci, namespace: pci}
spec: {selector: {matchLabels: {app: next}}, action: ALLOW, rules: RULES}";
    with_objects(&format!("{NEXT}\n---\n{}", policy.replace("RULES", rules)))
}

#[test]
fn targets_that_refuse_callers() {
    let arguments = shared_with("service = \"next\"");
    check(
        &arguments,
        &policy("[{from: [{source: {principals: [cluster.local/ns/pci/sa/payments]}}]}]"),
        &expect![[r#"
            warn at route[0].to[1].service: The target of a route refuses callers
              "shop/web", "web/*" may call pci/payments, but AuthorizationPolicy pci/next-pci of pci/next doesn't admit all such callers: their requests that the route sends there get 403. Allow the same callers there. If this run does, ignore this. (refused-by-callee)
        "#]],
    );
    check(
        &arguments,
        &policy("[{from: [{source: {namespaces: [shop]}}]}]"),
        &expect![[r#"
            warn at route[0].to[1].service: The target of a route refuses callers
              "web/*" may call pci/payments, but AuthorizationPolicy pci/next-pci of pci/next doesn't admit all such callers: their requests that the route sends there get 403. Allow the same callers there. If this run does, ignore this. (refused-by-callee)
        "#]],
    );
    check(
        &arguments,
        &policy("[{from: [{source: {principals: [cluster.local/ns/shop/sa/web, cluster.local/ns/web/sa/a]}}]}]"),
        &expect![[r#"
            warn at route[0].to[1].service: The target of a route refuses callers
              "web/*" may call pci/payments, but AuthorizationPolicy pci/next-pci of pci/next doesn't admit all such callers: their requests that the route sends there get 403. Allow the same callers there. If this run does, ignore this. (refused-by-callee)
        "#]],
    );
    for rules in [
        "[{}]",
        "[{from: [{source: {namespaces: [shop, web]}}]}]",
        "[{from: [{source: {principals: [cluster.local/ns/shop/sa/web, 'cluster.local/ns/web/*']}}]}]",
    ] {
        assert_eq!(findings(&arguments, &policy(rules), &[]), "", "{rules}");
    }
    let open = arguments.replace("from = [\"shop/web\", \"web/*\"]", "from = [\"*\"]");
    assert_eq!(findings(&open, &policy("[{from: [{source: {principals: ['*']}}]}]"), &[]), "");
    check(
        &open,
        &policy("[{from: [{source: {namespaces: [shop]}}]}]"),
        &expect![[r#"
            warn at route[0].to[1].service: The target of a route refuses callers
              "*" may call pci/payments, but AuthorizationPolicy pci/next-pci of pci/next doesn't admit all such callers: their requests that the route sends there get 403. Allow the same callers there. If this run does, ignore this. (refused-by-callee)
        "#]],
    );
}

/// Through a gateway, the gateway connects to the target.
#[test]
fn gateways_that_the_target_refuses() {
    let arguments = |applies_to: &str| {
        format!(
            "allow {{\n from = [\"shop/web\"]\n}}\ningress {{\n gateway = \"ingress/front\"\n hosts = [\"pay.example.com\"]\n}}\nroute {{\n \
             applies_to = {applies_to}\n match {{\n path = \"/next/*\"\n}}\n to {{\n service = \"next\"\n}}\n}}"
        )
    };
    let policy = |principal: &str| {
        let gateway = "kind: Gateway\nmetadata: {name: front, namespace: ingress}\nspec: {servers: [{hosts: ['*']}]}";
        let rules = format!("[{{from: [{{source: {{principals: [cluster.local/ns/{principal}]}}}}]}}]");
        format!(
            "{NEXT}\n---\n{gateway}\n---\nkind: AuthorizationPolicy\nmetadata: {{name: next, namespace: pci}}\nspec: {{selector: {{matchLabels: \
             {{app: next}}}}, rules: {rules}}}"
        )
    };
    let (web, front) = (policy("shop/sa/web"), policy("ingress/sa/front"));
    for (applies_to, refused_by_web, refused_by_front) in
        [("[\"mesh\"]", false, true), ("[\"ingress\"]", true, false), ("[\"mesh\", \"ingress\"]", true, true)]
    {
        let refused =
            |live: &str| findings(&arguments(applies_to), &with_objects(live), &[]).contains("refused-by-callee");
        assert_eq!((refused(&web), refused(&front)), (refused_by_web, refused_by_front), "{applies_to}");
    }
    check(
        &arguments("[\"ingress\"]"),
        &with_objects(&web),
        &expect![[r#"
        warn at route[0].to[0].service: The target of a route refuses callers
          "ingress/front" may call pci/payments, but AuthorizationPolicy pci/next of pci/next doesn't admit all such callers: their requests that the route sends there get 403. Allow the same callers there. If this run does, ignore this. (refused-by-callee)
    "#]],
    );
}
