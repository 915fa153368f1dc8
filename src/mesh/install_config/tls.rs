//! The `tls` block: versions, cipher suites, curves and FIPS.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::json_fields::set;
use crate::{
    known::Known,
    mesh::{
        gateway::{CipherSuite, TlsVersion},
        text::{Text, text_enum},
    },
    model,
    schema::{Attr, Set, model::optional},
};

model! {
    /// TLS of the mesh.
    pub struct Tls {
        /// Oldest version of TLS that workloads accept from each other (`meshMTLS.minProtocolVersion`). Defaults to `1.3`, which all
        /// proxies speak. Source: Istio's "Minimum TLS Version".
        min_version: Attr<TlsVersion> = optional(),
        /// Minimum TLS version of gateway servers that set none (`tlsDefaults.minProtocolVersion`). Defaults to
        /// `1.2`, which is Istio's own default: clients outside of the mesh may not support 1.3. It has no effect
        /// on TLS to external hosts, for which Istio has no setting.
        gateway_min_version: Attr<TlsVersion> = optional(),
        /// Cipher suites of TLS 1.2 (`cipherSuites` of `meshMTLS`, unless its minimum is 1.3, and of `tlsDefaults`): between
        /// workloads, at gateways and to external hosts. Defaults to Istio's. Source: Istio's "Minimum TLS Version".
        cipher_suites: Set<CipherSuite> = optional().non_empty("At least one suite."),
        /// Curves of key agreement (`tlsDefaults.ecdhCurves`): at gateways and to external hosts. Between workloads Istio has no setting
        /// for them. Defaults to Envoy's.
        ecdh_curves: Set<Curve> = optional().non_empty("At least one curve."),
        /// Standard of cryptography that istiod and all proxies keep to (`COMPLIANCE_POLICY` of istiod). It decides
        /// about versions (1.2 and 1.3), suites and curves, so it conflicts with the other arguments of the block.
        /// Defaults to none. Istio has `140-3` since 1.31; older ones ignore it, so `rendered` has 140-2 for them, with
        /// TLS 1.2 alone. It requires images that are built for FIPS, which Istio's own aren't. Source: Istio's
        /// reference of `COMPLIANCE_POLICY`.
        fips: Attr<FipsStandard> = optional(),
    }
}

text_enum! {
    /// A standard of cryptography.
    pub enum FipsStandard {
        /// FIPS 140-3.
        Fips140_3 = "140-3",
    }
}

/// The curves that Istio accepts, but for a draft that later versions of Envoy don't know. It drops other ones with a warning.
const CURVES: [&str; 5] = ["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"];

/// A curve, or group, of key agreement by its name in BoringSSL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Curve(&'static str);

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Text for Curve {
    fn accepted_values() -> String {
        let curves: Vec<_> = CURVES.iter().map(|curve| format!("`{curve}`")).collect();
        format!("Curves of {}.", curves.join(", "))
    }

    fn parse(text: &str) -> Result<Self, String> {
        CURVES.iter().find(|curve| **curve == text).map(|curve| Self(curve)).ok_or_else(|| {
            format!("{text:?} isn't a curve that both Istio and Envoy accept. Write some of {}.", CURVES.join(", "))
        })
    }
}

impl Tls {
    /// The least version between workloads: 1.3 by default.
    pub(super) fn min_version(&self) -> Known<TlsVersion> {
        self.min_version.or(TlsVersion::V13)
    }

    /// Adds `meshMTLS` and `tlsDefaults` to `meshConfig`. With FIPS there is none, since its policy overrides them.
    pub(super) fn render(&self, config: &mut Map<String, Json>) -> Known<()> {
        if self.fips.copied()?.is_some() {
            return Ok(());
        }
        let least = self.min_version()?;
        let suites: Option<Vec<String>> =
            self.cipher_suites.elements()?.map(|suites| suites.iter().map(CipherSuite::to_string).collect());
        let mut mesh = json!({ "minProtocolVersion": least.istio() });
        let mut defaults = json!({ "minProtocolVersion": self.gateway_min_version.or(TlsVersion::V12)?.istio() });
        if let Some(suites) = suites {
            if least == TlsVersion::V12 {
                set(&mut mesh, "cipherSuites", json!(suites));
            }
            set(&mut defaults, "cipherSuites", json!(suites));
        }
        if let Some(curves) = self.ecdh_curves.elements()? {
            set(&mut defaults, "ecdhCurves", json!(curves.iter().map(Curve::to_string).collect::<Vec<_>>()));
        }
        config.insert("meshMTLS".to_owned(), mesh);
        config.insert("tlsDefaults".to_owned(), defaults);
        Ok(())
    }
}
