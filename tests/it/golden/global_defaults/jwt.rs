//! The blocks `jwt` and `require_end_user`.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_keys, check_object};

const ISSUER: &str = r#"
    jwt {
      issuer    = "https://accounts.example.com"
      jwks_uri  = "https://accounts.example.com/keys"
      audiences = ["payments"]
    }
"#;

#[test]
fn every_argument() {
    let text = r#"
        jwt {
          issuer            = "https://accounts.example.com"
          jwks              = "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"1\",\"n\":\"0vx7\",\"e\":\"AQAB\"}]}"
          audiences         = ["payments", "ledger"]
          claims_to_headers = { sub = "x-user", "realm.roles" = "x-roles", "[realm][groups]" = "x-groups" }
        }
        jwt {
          issuer   = "https://login.example.com"
          jwks_uri = "https://login.example.com/keys"
          forward  = false
        }
        jwt {
          issuer       = "https://partner.example.com"
          selector     = { app = "edge" }
          from_headers = { "x-id-token" = "", "x-partner" = "Token " }
          from_params  = ["id_token"]
          from_cookies = ["id"]
        }
        labels      = { team = "security" }
        annotations = { note = "reviewed" }
    "#;
    check::<GlobalDefaults>(text, &expect_file!["jwt.yaml"]);
}

/// Istio reads dots in the name of a claim as the path to a claim within a claim.
#[test]
fn claim_name_with_dots_to_a_header() {
    let claims = "claims_to_headers = { \"https://pay.test/role\" = \"x-role\" }\n}";
    check::<GlobalDefaults>(
        &ISSUER.replace('}', claims),
        &expect![[r#"
        warning at jwt[0].claims_to_headers["https://pay.test/role"]: Claim name with dots can't be copied to a header
          Istio reads dots in the name of a claim as the path to a claim within a claim, so "https://pay.test/role" is never found. Let the issuer add a claim without dots to its tokens.
        --- # RequestAuthentication/istio-system/default
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata:
          name: default
          namespace: istio-system
        spec:
          jwtRules:
          - audiences:
            - payments
            forwardOriginalToken: true
            issuer: https://accounts.example.com
            jwksUri: https://accounts.example.com/keys
            outputClaimToHeaders:
            - claim: https://pay.test/role
              header: x-role
    "#]],
    );
}

/// Blocks with the same selector share an object. Its name depends on the selector only.
#[test]
fn one_object_for_each_selector() {
    let of = |selector: &str, issuer: &str| {
        format!("jwt {{\n issuer = \"https://{issuer}\"\n selector = {{ app = \"{selector}\" }}\n}}\n")
    };
    let text = [of("a", "one"), of("b", "two"), of("a", "three")].concat();
    check_keys::<GlobalDefaults>(
        &text,
        &expect![[r#"
        RequestAuthentication/istio-system/jwt-cacdba1e
        RequestAuthentication/istio-system/jwt-6ccae78d
    "#]],
    );
    check_keys::<GlobalDefaults>(
        &of("b", "other"),
        &expect![[r#"
        RequestAuthentication/istio-system/jwt-6ccae78d
    "#]],
    );
}

/// `except_ports` is set, so there is no warning about TCP ports.
#[test]
fn require_end_user() {
    let text = format!(
        "{ISSUER}require_end_user {{\n except_ports = [9000, 3306]\n except_paths = [\"/healthz\", \"/login/*\"]\n}}"
    );
    check::<GlobalDefaults>(&text, &expect_file!["require_end_user.yaml"]);
}

#[test]
fn require_end_user_on_all_ports() {
    check::<GlobalDefaults>(
        &format!("{ISSUER}require_end_user {{}}"),
        &expect![[r#"
        warning at require_end_user: TCP ports are closed to all callers
          A port that doesn't speak HTTP carries no tokens, so workloads refuse every connection there. Name such ports in except_ports, by where workloads listen.
        --- # RequestAuthentication/istio-system/default
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata:
          name: default
          namespace: istio-system
        spec:
          jwtRules:
          - audiences:
            - payments
            forwardOriginalToken: true
            issuer: https://accounts.example.com
            jwksUri: https://accounts.example.com/keys
        --- # AuthorizationPolicy/istio-system/require-end-user
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "false"
          name: require-end-user
          namespace: istio-system
        spec:
          action: DENY
          rules:
          - when:
            - key: request.auth.claims[iss]
              notValues:
              - "*"
    "#]],
    );
}

/// The tokens of a block with a namespace are verified there alone.
#[test]
fn one_object_for_each_namespace() {
    let of = |arguments: &str, issuer: &str| format!("jwt {{\n issuer = \"https://{issuer}\"\n {arguments}\n}}\n");
    let text = [
        of("", "one"),
        of("namespace = \"shop\"", "one"),
        of("namespace = \"shop\"\n selector = { app = \"a\" }", "two"),
        of("namespace = \"istio-system\"", "three"),
    ];
    check_keys::<GlobalDefaults>(
        &text.concat(),
        &expect![[r#"
        RequestAuthentication/istio-system/default
        RequestAuthentication/shop/default
        RequestAuthentication/shop/jwt-cacdba1e
    "#]],
    );
    check::<GlobalDefaults>(
        &of("namespace = \"shop\"", "one").repeat(2),
        &expect![[r#"
        error at jwt[1].issuer: Duplicate issuer
          Another block for the same workloads has the issuer "https://one". Write one block with all audiences.
    "#]],
    );
    check_object::<GlobalDefaults>(
        "RequestAuthentication",
        &of("namespace = \"shop\"", "one"),
        &expect![[r#"
        RequestAuthentication/shop/default
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata:
          name: default
          namespace: shop
        spec:
          jwtRules:
          - forwardOriginalToken: true
            issuer: https://one
    "#]],
    );
}
