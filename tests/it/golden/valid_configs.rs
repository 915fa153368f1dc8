//! Random valid configurations. Few random configurations are valid, so arguments with errors are removed until none is
//! left. The result has as many arguments as possible.

use std::{collections::BTreeSet, fmt};

use proptest::prelude::*;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Severity, Step},
    resources::ResourceType,
    schema::{MemberKind, Schema, Value},
};

use super::{hcl::plan_notation, mesh, properties::body};

/// The value of a configuration that is valid and has no unknown arguments.
#[derive(Clone)]
pub(crate) struct ValidConfig(pub(super) Value);

impl ValidConfig {
    /// The bodies of the rendered objects.
    pub(crate) fn objects<R: ResourceType>(&self) -> Vec<serde_json::Value> {
        let config = R::decode(&self.0, &Path::root(), &mut Diagnostics::default());
        let objects = R::render(&config, &mesh()).expect("all arguments are known");
        objects.into_iter().map(|(_, object)| object.expect("all arguments are known").body).collect()
    }
}

/// The arguments that are set, one on each line.
impl fmt::Debug for ValidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Value::Map(arguments) = &self.0 else { return write!(f, "{:?}", self.0) };
        let unset = [Value::Null, Value::List(Vec::new())];
        let mut set = arguments.iter().filter(|(_, value)| !unset.contains(value));
        set.try_for_each(|(name, value)| write!(f, "\n{name} = {}", plan_notation(value)))
    }
}

/// Any valid configuration without the arguments `without`.
pub(crate) fn valid_configs<R: ResourceType>(without: &'static [&'static str]) -> BoxedStrategy<ValidConfig> {
    let configs = body(R::schema(), 0, 0).prop_filter_map("no removal makes it valid", move |value| {
        let mut value = value;
        for name in without {
            remove(&mut value, R::schema(), Path::root().attribute(name).steps());
        }
        remove_errors::<R>(value).map(ValidConfig)
    });
    configs.boxed()
}

/// The value without the arguments that have errors, or `None` if no removal makes it valid.
fn remove_errors<R: ResourceType>(mut value: Value) -> Option<Value> {
    let schema = R::schema();
    loop {
        let mut out = Diagnostics::default();
        let config = R::decode(&value, &Path::root(), &mut out);
        R::validate(&config, &mut out);
        R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
        let errors = out.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let errors: BTreeSet<_> = errors.map(|error| error.at.clone()).collect();
        if errors.is_empty() {
            return Some(value);
        }
        // From last to first, so that the indices in the remaining paths stay correct.
        let removed = errors.iter().rev().map(|at| remove(&mut value, schema, at.steps())).filter(|removed| *removed);
        if removed.count() == 0 {
            return None;
        }
    }
}

/// Removes the innermost argument or block on a path. Returns whether there was one.
fn remove(value: &mut Value, schema: &Schema, steps: &[Step]) -> bool {
    let (Some((Step::Attribute(name), rest)), Value::Map(members)) = (steps.split_first(), value) else { return false };
    let Some(declared) = schema.members.iter().find(|declared| declared.name == name) else { return false };
    let Some(member) = members.get_mut(name) else { return false };
    match (&declared.kind, member, rest) {
        (_, Value::Null, _) => false,
        (MemberKind::Block { schema, .. }, Value::List(blocks), [Step::Index(index), rest @ ..])
            if *index < blocks.len() =>
        {
            if !remove(&mut blocks[*index], schema, rest) {
                blocks.remove(*index);
            }
            true
        }
        (MemberKind::Block { .. }, Value::List(blocks), _) => {
            let removed = !blocks.is_empty();
            blocks.clear();
            removed
        }
        (kind, member, rest) => {
            let removed_within = matches!(kind, MemberKind::Block { schema, .. } if remove(member, schema, rest));
            if !removed_within {
                *member = Value::Null;
            }
            true
        }
    }
}
