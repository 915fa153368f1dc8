//! Rules for every schema of the provider: those of Terraform, which it checks when it loads a provider, and rules for
//! names and descriptions.

use std::collections::BTreeSet;

use terraform_provider_mesh::{
    provider::provider,
    schema::{Configurability, Member, MemberKind, Schema, Type},
};

/// Names that Terraform reserves in `resource` blocks.
const RESERVED_IN_RESOURCES: &[&str] =
    &["connection", "count", "depends_on", "for_each", "lifecycle", "locals", "provider", "provisioner"];
/// Names that Terraform reserves in `provider` blocks.
const RESERVED_IN_PROVIDERS: &[&str] =
    &["alias", "count", "depends_on", "for_each", "lifecycle", "locals", "source", "version"];

/// All schemas, each with a name and the names reserved at its root.
fn schemas() -> Vec<(String, Schema, &'static [&'static str])> {
    let provider = provider();
    let resources =
        provider.resources.values().map(|r| (r.name().to_owned(), r.schema().clone(), RESERVED_IN_RESOURCES));
    let data_sources = provider
        .data_sources
        .values()
        .map(|d| (format!("data {}", d.name()), d.schema().clone(), RESERVED_IN_RESOURCES));
    let provider_block = ("provider".to_owned(), provider.schema.clone(), RESERVED_IN_PROVIDERS);
    [provider_block].into_iter().chain(resources).chain(data_sources).collect()
}

/// Applies a rule to every member of every schema, and panics with all violations.
fn check(rule: impl Fn(&str, &Member) -> Vec<String>) {
    fn walk(schema: &Schema, at: &str, rule: &impl Fn(&str, &Member) -> Vec<String>, violations: &mut Vec<String>) {
        for member in &schema.members {
            let path = format!("{at}.{}", member.name);
            violations.extend(rule(&path, member).into_iter().map(|violation| format!("{path}: {violation}")));
            if let MemberKind::Block { schema, .. } = &member.kind {
                walk(schema, &path, rule, violations);
            }
        }
    }
    let mut violations = Vec::new();
    for (name, schema, _) in schemas() {
        walk(&schema, &name, &rule, &mut violations);
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// The violation `text`, unless the condition is true.
fn violation_unless(condition: bool, text: &str) -> Vec<String> {
    if condition { Vec::new() } else { vec![text.to_owned()] }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn every_attribute_is_documented() {
    for (name, schema, _) in schemas() {
        assert!(schema.doc.ends_with('.'), "{name}: the description is not a sentence: {:?}", schema.doc);
    }
    check(|_, member| {
        violation_unless(member.doc.ends_with('.'), &format!("the description is not a sentence: {:?}", member.doc))
    });
}

/// A plan compares the arguments at the root of a resource for those that force a new one. In a nested block `replaces()`
/// would have no effect.
#[test]
fn only_root_arguments_force_a_new_resource() {
    check(|path, member| {
        let replaces = matches!(&member.kind, MemberKind::Attribute { spec, .. } if spec.replaces);
        let is_root = path.matches('.').count() == 1;
        violation_unless(!replaces || is_root, "replaces() has no effect in a nested block")
    });
}

#[test]
fn attribute_checks_have_descriptions() {
    check(|_, member| match &member.kind {
        MemberKind::Attribute { spec, .. } => spec
            .checks
            .iter()
            .flat_map(|c| violation_unless(c.sentence.ends_with('.'), &format!("{:?}", c.sentence)))
            .collect(),
        MemberKind::Block { .. } => Vec::new(),
    });
}

#[test]
fn names_are_valid_in_terraform() {
    check(|_, member| {
        violation_unless(
            is_name(member.name),
            "a name is a lower-case letter, followed by lower-case letters, digits and _",
        )
    });
    for name in provider().resources.keys().chain(provider().data_sources.keys()) {
        assert!(is_name(name) && name.starts_with("mesh_"), "{name}: Terraform finds the provider by the prefix mesh_");
    }
}

#[test]
fn root_names_are_not_reserved() {
    for (name, schema, reserved) in schemas() {
        for member in &schema.members {
            assert!(!reserved.contains(&member.name), "{name}.{}: Terraform reserves this name", member.name);
        }
    }
}

#[test]
fn names_are_unique_in_their_block() {
    fn walk(at: &str, schema: &Schema) {
        let mut seen = BTreeSet::new();
        for member in &schema.members {
            assert!(seen.insert(member.name), "{at}.{} is declared twice", member.name);
            if let MemberKind::Block { schema, .. } = &member.kind {
                walk(&format!("{at}.{}", member.name), schema);
            }
        }
    }
    for (name, schema, _) in schemas() {
        walk(&name, &schema);
    }
}

/// Terraform needs one type for all elements of a collection.
#[test]
fn elements_have_one_type() {
    fn has_dynamic(kind: &Type) -> bool {
        match kind {
            Type::Dynamic => true,
            Type::List(t) | Type::Set(t) | Type::Map(t) => has_dynamic(t),
            Type::Tuple(types) => types.iter().any(has_dynamic),
            Type::Object(members) => members.values().any(has_dynamic),
            Type::Bool | Type::Number | Type::String => false,
        }
    }
    check(|_, member| match &member.kind {
        MemberKind::Attribute { value_type: Type::List(t) | Type::Set(t) | Type::Map(t), .. } => {
            violation_unless(!has_dynamic(t), "elements of type any")
        }
        _ => Vec::new(),
    });
}

/// A computed attribute is never sensitive, and never requires replacement.
#[test]
fn computed_attributes_are_only_computed() {
    check(|_, member| match &member.kind {
        MemberKind::Attribute { spec, .. } if spec.configurability == Configurability::Computed => violation_unless(
            !spec.replaces && !spec.sensitive,
            "a computed attribute must be neither sensitive nor require replacement",
        ),
        _ => Vec::new(),
    });
}

#[test]
fn provider_block_has_no_computed_attributes() {
    for member in &provider().schema.members {
        let computed = matches!(&member.kind, MemberKind::Attribute { spec, .. } if spec.configurability == Configurability::Computed);
        assert!(!computed, "provider.{} is computed, which Terraform doesn't support", member.name);
    }
}

/// Every resource has an id and the map of its desired objects.
#[test]
fn every_resource_has_id_and_objects() {
    for resource in provider().resources.values() {
        let Type::Object(members) = resource.schema().object_type() else { panic!("a schema is an object") };
        assert_eq!(members.get("id"), Some(&Type::String), "{}", resource.name());
        assert_eq!(members.get("objects"), Some(&Type::map(Type::String)), "{}", resource.name());
    }
}

/// An identity has only primitive attributes and lists of them, each required or optional for import.
#[test]
fn identities_have_no_nested_attributes() {
    for resource in provider().resources.values() {
        for member in resource.identity().iter().flat_map(|identity| &identity.members) {
            let at = format!("identity of {}: {}", resource.name(), member.name);
            let MemberKind::Attribute { value_type, spec } = &member.kind else { panic!("{at} is a block") };
            assert!(spec.configurability != Configurability::Computed, "{at} must be required or optional for import");
            let primitive = |kind: &Type| matches!(kind, Type::Bool | Type::Number | Type::String);
            let flat = primitive(value_type) || matches!(value_type, Type::List(element) if primitive(element));
            assert!(flat, "{at} is a {value_type}");
            assert!(is_name(member.name) && member.doc.ends_with('.'), "{at}");
        }
    }
}

#[test]
fn functions_have_names_and_descriptions() {
    for function in provider().functions.values() {
        let mut names = BTreeSet::new();
        assert!(is_name(function.name) && function.doc.ends_with('.'), "function {}", function.name);
        for parameter in function.parameters.iter().chain(&function.variadic_parameter) {
            let at = format!("function {}: {}", function.name, parameter.name);
            assert!(is_name(parameter.name) && parameter.doc.ends_with('.'), "{at}");
            assert!(names.insert(parameter.name), "{at} is declared twice");
        }
    }
}
