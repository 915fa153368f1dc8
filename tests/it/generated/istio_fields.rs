//! The page "Istio fields and their arguments": its rows, which a test of the cluster compares with the CustomResourceDefinitions, and
//! the arguments that they name.

use std::collections::{BTreeMap, BTreeSet};

use super::{examples::argument_paths, text};

const PAGE: &str = "docs/guides/istio-fields.md";

/// The rows of the page: kind, path of the field, and text about its argument.
pub(crate) fn rows() -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for section in text(PAGE).split("\n## ").skip(1) {
        let kind = section.lines().next().unwrap_or_default();
        for line in section.lines().filter(|line| line.starts_with("| `")) {
            let [_, field, answer, _] =
                line.split('|').map(str::trim).collect::<Vec<_>>().try_into().expect("two cells");
            rows.push((kind.to_owned(), field.trim_matches('`').to_owned(), answer.to_owned()));
        }
    }
    rows
}

#[test]
fn arguments_of_the_page_exist() {
    let paths: BTreeSet<String> = argument_paths();
    let is_argument = |name: &str| {
        paths.contains(name) || paths.iter().any(|path| path.split_once('.').is_some_and(|(_, path)| path == name))
    };
    let mut unknown = Vec::new();
    for (kind, field, answer) in rows() {
        assert!(!answer.is_empty(), "{kind} {field}");
        // Fields of Istio have capitals or brackets, values have slashes or quotes.
        let names = answer.split('`').skip(1).step_by(2);
        let names = names.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || "_.0123456789".contains(c)));
        unknown.extend(names.filter(|name| !is_argument(name)).map(|name| format!("{kind} {field}: {name}")));
    }
    assert_eq!(unknown, Vec::<String>::new(), "{PAGE} names arguments that no resource has");
}

#[test]
fn each_field_has_one_row() {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (kind, field, _) in rows() {
        *seen.entry((kind, field)).or_default() += 1;
    }
    seen.retain(|_, count| *count > 1);
    assert_eq!(seen, BTreeMap::new());
}
