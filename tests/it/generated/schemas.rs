//! Rules on every schema that we offer: Terraform's own, which it checks when it loads a provider, and ours on names and
//! sentences.

use std::collections::BTreeSet;

use terraform_provider_mesh::{
    provider::provider,
    schema::{Mode, Schema, Shape, Slot, Type},
};

/// Terraform's own words in every `resource` block, with those that it keeps for later.
const RESERVED_IN_RESOURCES: &[&str] =
    &["connection", "count", "depends_on", "for_each", "lifecycle", "locals", "provider", "provisioner"];
/// Likewise in every `provider` block.
const RESERVED_IN_PROVIDERS: &[&str] =
    &["alias", "count", "depends_on", "for_each", "lifecycle", "locals", "source", "version"];

/// Every schema with a name and the words that its root can't use.
fn schemas() -> Vec<(String, Schema, &'static [&'static str])> {
    let provider = provider();
    let resources =
        provider.resources.values().map(|r| (r.name().to_owned(), r.schema().clone(), RESERVED_IN_RESOURCES));
    let data_sources = provider
        .data_sources
        .values()
        .map(|d| (format!("data {}", d.name()), d.schema().clone(), RESERVED_IN_RESOURCES));
    let own = ("provider".to_owned(), provider.schema.clone(), RESERVED_IN_PROVIDERS);
    [own].into_iter().chain(resources).chain(data_sources).collect()
}

/// Calls `rule` with the path of every slot at every depth, and tells all that it has to say at once.
fn check(rule: impl Fn(&str, &Slot) -> Vec<String>) {
    fn walk(schema: &Schema, at: &str, rule: &impl Fn(&str, &Slot) -> Vec<String>, faults: &mut Vec<String>) {
        for slot in &schema.slots {
            let path = format!("{at}.{}", slot.name);
            faults.extend(rule(&path, slot).into_iter().map(|fault| format!("{path}: {fault}")));
            if let Shape::Block { schema, .. } = &slot.shape {
                walk(schema, &path, rule, faults);
            }
        }
    }
    let mut faults = Vec::new();
    for (name, schema, _) in schemas() {
        walk(&schema, &name, &rule, &mut faults);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn fault(holds: bool, text: &str) -> Vec<String> {
    if holds { Vec::new() } else { vec![text.to_owned()] }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn every_attribute_is_documented() {
    for (name, schema, _) in schemas() {
        assert!(schema.doc.ends_with('.'), "{name}: its documentation is no sentence: {:?}", schema.doc);
    }
    check(|_, slot| fault(slot.doc.ends_with('.'), &format!("its documentation is no sentence: {:?}", slot.doc)));
}

#[test]
fn live_checks_have_descriptions() {
    check(|_, slot| match &slot.shape {
        Shape::Attribute { spec, .. } => {
            spec.checks.iter().flat_map(|c| fault(c.sentence.ends_with('.'), &format!("{:?}", c.sentence))).collect()
        }
        Shape::Block { .. } => Vec::new(),
    });
}

#[test]
fn names_are_valid_in_terraform() {
    check(|_, slot| fault(is_name(slot.name), "a name is a lower-case letter, then letters, digits and _"));
    for name in provider().resources.keys().chain(provider().data_sources.keys()) {
        assert!(is_name(name) && name.starts_with("mesh_"), "{name}: Terraform finds the provider by the prefix mesh_");
    }
}

#[test]
fn root_names_are_not_reserved() {
    for (name, schema, reserved) in schemas() {
        for slot in &schema.slots {
            assert!(!reserved.contains(&slot.name), "{name}.{}: Terraform reads it itself", slot.name);
        }
    }
}

#[test]
fn names_are_unique_in_their_block() {
    fn walk(at: &str, schema: &Schema) {
        let mut seen = BTreeSet::new();
        for slot in &schema.slots {
            assert!(seen.insert(slot.name), "{at}.{} is declared twice", slot.name);
            if let Shape::Block { schema, .. } = &slot.shape {
                walk(&format!("{at}.{}", slot.name), schema);
            }
        }
    }
    for (name, schema, _) in schemas() {
        walk(&name, &schema);
    }
}

/// Terraform can't tell the elements of a collection apart by type, and the elements of ours are texts and numbers.
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
    check(|_, slot| match &slot.shape {
        Shape::Attribute { kind: Type::List(t) | Type::Set(t) | Type::Map(t), .. } => {
            fault(!has_dynamic(t), "elements of type any")
        }
        _ => Vec::new(),
    });
}

/// What the provider gives can't be a secret of the user, and can't make a new resource.
#[test]
fn computed_attributes_are_only_computed() {
    check(|_, slot| match &slot.shape {
        Shape::Attribute { spec, .. } if spec.mode == Mode::Computed => {
            fault(!spec.replaces && !spec.sensitive, "a computed attribute says more than that")
        }
        _ => Vec::new(),
    });
}

#[test]
fn provider_block_has_no_computed_attributes() {
    for slot in &provider().schema.slots {
        let computed = matches!(&slot.shape, Shape::Attribute { spec, .. } if spec.mode == Mode::Computed);
        assert!(!computed, "provider.{} is computed: Terraform can't read it", slot.name);
    }
}

/// Every resource says which it is and what it wants in the cluster.
#[test]
fn every_resource_has_id_and_objects() {
    for resource in provider().resources.values() {
        let Type::Object(members) = resource.schema().kind() else { panic!("a schema is an object") };
        assert_eq!(members.get("id"), Some(&Type::String), "{}", resource.name());
        assert_eq!(members.get("objects"), Some(&Type::map(Type::String)), "{}", resource.name());
    }
}

/// Terraform admits only primitives and lists of them in an identity, each required or optional for import.
#[test]
fn identities_have_no_nested_attributes() {
    for resource in provider().resources.values() {
        for slot in resource.identity().iter().flat_map(|identity| &identity.slots) {
            let at = format!("identity of {}: {}", resource.name(), slot.name);
            let Shape::Attribute { kind, spec } = &slot.shape else { panic!("{at} is a block") };
            assert!(spec.mode != Mode::Computed, "{at} must be required or optional for import");
            let primitive = |kind: &Type| matches!(kind, Type::Bool | Type::Number | Type::String);
            let flat = primitive(kind) || matches!(kind, Type::List(element) if primitive(element));
            assert!(flat, "{at} is a {kind}");
            assert!(is_name(slot.name) && slot.doc.ends_with('.'), "{at}");
        }
    }
}

#[test]
fn functions_have_names_and_descriptions() {
    for function in provider().functions.values() {
        let mut names = BTreeSet::new();
        assert!(is_name(function.name) && function.doc.ends_with('.'), "function {}", function.name);
        for parameter in function.parameters {
            let at = format!("function {}: {}", function.name, parameter.name);
            assert!(is_name(parameter.name) && parameter.doc.ends_with('.'), "{at}");
            assert!(names.insert(parameter.name), "{at} is declared twice");
        }
    }
}
