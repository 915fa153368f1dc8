//! `parse_principal`: the parts of an identity.

use std::collections::BTreeMap;

use super::arguments::{error, text, text_parameter};
use crate::{
    mesh::{reference::Caller, text::Text},
    plugin::interface::Function,
    schema::{Type, Value},
};

/// `parse_principal("cluster.local/ns/pci/sa/payments")`
pub(super) fn parse_principal() -> Function {
    let fields = ["trust_domain", "namespace", "service_account"];
    Function {
        name: "parse_principal",
        doc: "Returns the parts of an identity: an object with `trust_domain`, `namespace` and `service_account`. The identity may start with \
              `spiffe://`, as certificates have it.",
        parameters: vec![text_parameter("principal", "An identity, such as `cluster.local/ns/pci/sa/payments`.")],
        variadic_parameter: None,
        return_type: Type::Object(fields.map(|field| (field.to_owned(), Type::String)).into()),
        call: |arguments| {
            let identity = text(arguments, 0)?;
            let parsed = Caller::parse(identity.strip_prefix("spiffe://").unwrap_or(identity));
            let Ok(Caller::Principal { trust_domain, namespace, service_account }) = parsed else {
                let form = "an identity has the form cluster.local/ns/pci/sa/payments: trust domain, namespace and service account";
                return Err(error(0, format!("{form}. Got {identity:?}.")));
            };
            let part = |name: &str, value| (name.to_owned(), Value::String(value));
            Ok(Value::Map(BTreeMap::from([
                part("trust_domain", trust_domain),
                part("namespace", namespace),
                part("service_account", service_account),
            ])))
        },
    }
}
