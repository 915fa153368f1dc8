//! Conversions to messages of the protocol.

use super::{
    interface::{Function, FunctionError},
    proto::tfplugin5::{
        self as proto, AttributePath, Diagnostic, DynamicValue, ResourceIdentityData, ResourceIdentitySchema,
        StringKind,
        attribute_path::{Step, step::Selector},
        diagnostic::Severity,
        function::{Parameter, Return},
        resource_identity_schema::IdentityAttribute,
        schema::{Attribute, Block, NestedBlock, nested_block::NestingMode},
    },
};
use crate::{
    diagnostics::{self, Diagnostics, Path},
    schema::{self, Configurability, InvalidValue, Member, MemberKind, Nesting, Schema, Type, Value, json, msgpack},
};

// === values ===

/// Encodes a value of the type `kind`, always as msgpack.
pub(super) fn value(value: &Value, kind: &Type) -> Result<DynamicValue, InvalidValue> {
    Ok(DynamicValue { msgpack: msgpack::encode(value, kind)?, json: Vec::new() })
}

/// Encodes an identity.
pub(super) fn identity(value: &Value, kind: &Type) -> Result<ResourceIdentityData, InvalidValue> {
    Ok(ResourceIdentityData { identity_data: Some(self::value(value, kind)?) })
}

// === diagnostics ===

/// Converts diagnostics, in order.
pub(super) fn diagnostics(diagnostics: Diagnostics) -> Vec<Diagnostic> {
    diagnostics.into_iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: diagnostics::Diagnostic) -> Diagnostic {
    let diagnostics::Diagnostic { severity, at, summary, detail } = diagnostic;
    let severity = match severity {
        diagnostics::Severity::Error => Severity::Error,
        diagnostics::Severity::Warning => Severity::Warning,
    };
    let attribute = (at != Path::root()).then(|| path(&at));
    Diagnostic { severity: severity.into(), summary, detail, attribute }
}

/// Converts the path of an argument.
pub(super) fn path(path: &Path) -> AttributePath {
    let step = |step: &diagnostics::Step| {
        let selector = match step {
            diagnostics::Step::Attribute(name) => Selector::AttributeName(name.clone()),
            diagnostics::Step::Key(key) => Selector::ElementKeyString(key.clone()),
            diagnostics::Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
        };
        Step { selector: Some(selector) }
    };
    AttributePath { steps: path.steps().iter().map(step).collect() }
}

/// Converts the error of a function.
pub(super) fn function_error(error: FunctionError) -> proto::FunctionError {
    let function_argument = error.argument.and_then(|argument| i64::try_from(argument).ok());
    proto::FunctionError { text: error.text, function_argument }
}

// === schemas ===

/// Converts a schema and its version.
pub(super) fn schema(schema: &Schema, version: i64) -> proto::Schema {
    proto::Schema { version, block: Some(block(schema)) }
}

fn block(schema: &Schema) -> Block {
    let mut block =
        Block { description: schema.doc.clone(), description_kind: StringKind::Markdown.into(), ..Block::default() };
    for member in &schema.members {
        match &member.kind {
            MemberKind::Attribute { value_type, spec } => block.attributes.push(attribute(member, value_type, spec)),
            MemberKind::Block { nesting, required, schema } => {
                block.block_types.push(nested_block(member, *nesting, *required, schema));
            }
        }
    }
    block
}

fn attribute(member: &Member, value_type: &Type, spec: &schema::AttributeSpec) -> Attribute {
    Attribute {
        name: member.name.to_owned(),
        r#type: json::write_type(value_type).into_bytes(),
        description: member.doc.clone(),
        description_kind: StringKind::Markdown.into(),
        required: spec.configurability == Configurability::Required,
        optional: spec.configurability == Configurability::Optional,
        computed: spec.configurability == Configurability::Computed,
        sensitive: spec.sensitive,
        ..Attribute::default()
    }
}

fn nested_block(member: &Member, nesting: Nesting, required: bool, schema: &Schema) -> NestedBlock {
    let mut inner = block(schema);
    // The description of the block in its parent is more specific than that of the block itself.
    if !member.doc.is_empty() {
        inner.description.clone_from(&member.doc);
    }
    let min_items = i64::from(required);
    let (nesting, max_items) = match nesting {
        Nesting::Single => (NestingMode::Single, min_items),
        Nesting::List => (NestingMode::List, 0),
    };
    NestedBlock { type_name: member.name.to_owned(), block: Some(inner), nesting: nesting.into(), min_items, max_items }
}

/// Converts the schema of an identity. An import must set its required attributes.
pub(super) fn identity_schema(schema: &Schema) -> ResourceIdentitySchema {
    let attribute = |member: &Member| match &member.kind {
        MemberKind::Attribute { value_type, spec } => Some(IdentityAttribute {
            name: member.name.to_owned(),
            r#type: json::write_type(value_type).into_bytes(),
            required_for_import: spec.configurability == Configurability::Required,
            optional_for_import: spec.configurability != Configurability::Required,
            description: member.doc.clone(),
        }),
        MemberKind::Block { .. } => None,
    };
    ResourceIdentitySchema { version: 0, identity_attributes: schema.members.iter().filter_map(attribute).collect() }
}

/// Converts the signature of a function. The summary is the first sentence of its description.
pub(super) fn function(function: &Function) -> proto::Function {
    let parameter = |parameter: &super::interface::Parameter| Parameter {
        name: parameter.name.to_owned(),
        r#type: json::write_type(&parameter.kind).into_bytes(),
        description: parameter.doc.to_owned(),
        description_kind: StringKind::Markdown.into(),
        ..Parameter::default()
    };
    let summary = function.doc.split_inclusive('.').next().unwrap_or_default().trim_end_matches('.');
    proto::Function {
        parameters: function.parameters.iter().map(parameter).collect(),
        variadic_parameter: function.variadic_parameter.as_ref().map(parameter),
        r#return: Some(Return { r#type: json::write_type(&function.return_type).into_bytes() }),
        summary: summary.to_owned(),
        description: function.doc.to_owned(),
        description_kind: StringKind::Markdown.into(),
        ..proto::Function::default()
    }
}
