//! Arguments of function calls: parameters of type string, and their checks.

use crate::{
    mesh::{names, text::Text},
    plugin::interface::{FunctionError, Parameter},
    schema::{Type, Value},
};

/// A parameter that is a text.
pub(super) const fn text_parameter(name: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind: Type::String, doc }
}

/// The error of the argument with the index `argument`.
pub(super) fn error(argument: usize, text: impl Into<String>) -> FunctionError {
    FunctionError { argument: Some(argument), text: text.into() }
}

/// The text of an argument. Terraform checks types, so another value means a bug.
pub(super) fn text(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    match arguments.get(index) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(error(index, "it must be a text")),
    }
}

/// The text of an argument that satisfies `rule`, which `sentence` describes.
pub(super) fn checked_text<'a>(
    arguments: &'a [Value],
    index: usize,
    rule: fn(&str) -> bool,
    sentence: &str,
) -> Result<&'a str, FunctionError> {
    let text = text(arguments, index)?;
    if rule(text) { Ok(text) } else { Err(error(index, format!("{sentence} Got {text:?}."))) }
}

/// The name of a Service.
pub(super) fn service(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    checked_text(arguments, index, names::is_service_name, names::SERVICE_NAME)
}

/// The name of a namespace.
pub(super) fn namespace(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    checked_text(arguments, index, names::is_label, names::LABEL)
}

/// The value of an argument that is written as text.
pub(super) fn parsed<T: Text>(arguments: &[Value], index: usize) -> Result<T, FunctionError> {
    T::parse(text(arguments, index)?).map_err(|reason| error(index, reason))
}

/// A domain in the variadic arguments from `index` on: one at most, and `default` without any.
pub(super) fn optional_domain<'a>(
    arguments: &'a [Value],
    index: usize,
    default: &'static str,
) -> Result<&'a str, FunctionError> {
    match arguments.len().saturating_sub(index) {
        0 => Ok(default),
        1 => checked_text(arguments, index, names::is_subdomain, names::SUBDOMAIN),
        _ => Err(error(index + 1, "at most one domain is accepted")),
    }
}
