//! Random configurations that pass the rules. Few do by chance; so what the rules refuse is taken out, until they refuse
//! nothing: what remains says as much as it can.

use std::{collections::BTreeSet, fmt};

use proptest::prelude::*;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Severity, Step},
    resources::ResourceType,
    schema::{MemberKind, Schema, Value},
};

use super::{hcl::shown, laws::body, mesh};

/// A configuration that is wholly known and passes the rules.
#[derive(Clone)]
pub(crate) struct Sound(pub(super) Value);

impl Sound {
    /// The bodies of the objects that it makes.
    pub(crate) fn objects<R: ResourceType>(&self) -> Vec<serde_json::Value> {
        let config = R::decode(&self.0, &Path::root(), &mut Diagnostics::default());
        let objects = R::render(&config, &mesh()).expect("known, as all arguments are");
        objects.into_iter().map(|(_, object)| object.expect("known, as all arguments are").body).collect()
    }
}

/// The arguments that are written, one a line.
impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Value::Map(arguments) = &self.0 else { return write!(f, "{:?}", self.0) };
        let nothing = [Value::Null, Value::List(Vec::new())];
        let written = arguments.iter().filter(|(_, value)| !nothing.contains(value));
        written.into_iter().try_for_each(|(name, value)| write!(f, "\n{name} = {}", shown(value)))
    }
}

/// Any of them in which nothing is written for `without`.
pub(crate) fn sound<R: ResourceType>(without: &'static [&'static str]) -> BoxedStrategy<Sound> {
    let sound = body(R::schema(), 0, 0).prop_filter_map("there is nothing left to take out", move |written| {
        let mut written = written;
        for name in without {
            remove(&mut written, R::schema(), Path::root().attribute(name).steps());
        }
        passing::<R>(written).map(Sound)
    });
    sound.boxed()
}

/// The value without what the rules refuse; `None` where nothing would help.
fn passing<R: ResourceType>(mut value: Value) -> Option<Value> {
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
        // The last one first, so that the others are still where they were told.
        let removed = errors.iter().rev().map(|at| remove(&mut value, schema, at.steps())).filter(|removed| *removed);
        if removed.count() == 0 {
            return None;
        }
    }
}

/// Takes out as little as it can of what stands at a path; whether there was anything.
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
            let any = !blocks.is_empty();
            blocks.clear();
            any
        }
        (kind, member, rest) => {
            let within = matches!(kind, MemberKind::Block { schema, .. } if remove(member, schema, rest));
            if !within {
                *member = Value::Null;
            }
            true
        }
    }
}
