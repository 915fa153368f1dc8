//! `resiliency_preset`: the settings of a preset.

use std::collections::BTreeMap;

use super::arguments::{parsed, text_parameter};
use crate::{
    mesh::resiliency::{Preset, PresetSettings},
    plugin::interface::Function,
    schema::{Number, Type, Value},
};

/// `resiliency_preset("medium")`
pub(super) fn resiliency_preset() -> Function {
    let fields =
        FIELDS.map(|(name, kind, _)| (name.to_owned(), if kind == Kind::Number { Type::Number } else { Type::String }));
    Function {
        name: "resiliency_preset",
        doc: "Returns the settings of a resiliency preset as an object. Its attributes have the names of the arguments that override them: \
              `retry_attempts`, `retry_on`, `idempotent_retry_on`, `per_try_timeout` (of idempotent requests), `connect_timeout`, \
              `max_connections`, `max_pending_requests`, `max_requests` (null without a limit), `consecutive_gateway_errors`, `interval`, \
              `base_ejection_time` and `max_ejection_percent`. It is null for `none`.",
        parameters: vec![text_parameter("preset", "`low`, `medium`, `high` or `none`.")],
        variadic_parameter: None,
        return_type: Type::Object(fields.into()),
        call: |arguments| {
            let settings = parsed::<Preset>(arguments, 0)?.settings();
            Ok(settings.map_or(Value::Null, |settings| {
                let fields = FIELDS.iter().map(|(name, _, value)| ((*name).to_owned(), value(&settings)));
                Value::Map(fields.collect::<BTreeMap<_, _>>())
            }))
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
}

/// The attributes of the result: name, type and value.
type Field = (&'static str, Kind, fn(&PresetSettings) -> Value);

const FIELDS: [Field; 12] = [
    ("retry_attempts", Kind::Number, |settings| number(settings.retry_attempts)),
    ("retry_on", Kind::Text, |settings| Value::string(settings.retry_on)),
    ("idempotent_retry_on", Kind::Text, |settings| Value::string(settings.idempotent_retry_on)),
    ("per_try_timeout", Kind::Text, |settings| Value::string(settings.per_try_timeout.to_string())),
    ("connect_timeout", Kind::Text, |settings| Value::string(settings.connect_timeout.to_string())),
    ("max_connections", Kind::Number, limit),
    ("max_pending_requests", Kind::Number, limit),
    ("max_requests", Kind::Number, limit),
    ("consecutive_gateway_errors", Kind::Number, |settings| number(settings.consecutive_gateway_errors)),
    ("interval", Kind::Text, |settings| Value::string(settings.ejection_interval.to_string())),
    ("base_ejection_time", Kind::Text, |settings| Value::string(settings.ejection_time.to_string())),
    ("max_ejection_percent", Kind::Number, |settings| number(settings.max_ejection_percent)),
];

fn number(number: u32) -> Value {
    Value::Number(Number::from(u64::from(number)))
}

fn limit(settings: &PresetSettings) -> Value {
    settings.limit.map_or(Value::Null, number)
}
