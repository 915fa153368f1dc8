//! The rules of the Terraform Registry for documentation and examples. `make registry-check` lets `tfplugindocs` check
//! them as well.

use std::collections::BTreeMap;

use hcl::Expression;
use terraform_provider_mesh::{
    provider::provider,
    schema::{Configurability, MemberKind},
};

use super::{documents, files, text};

/// The registry leaves out larger pages.
const MAX_PAGE_BYTES: usize = 500_000;

/// The registry leaves out all pages of a version that has more files.
const MAX_PAGES: usize = 2000;

/// The folders of docs/ that the registry shows.
const FOLDERS: [&str; 4] = ["docs/resources/", "docs/data-sources/", "docs/functions/", "docs/guides/"];

#[test]
fn pages_fit_the_registry() {
    let pages: Vec<(String, String)> = documents().into_iter().filter(|(path, _)| path.starts_with("docs/")).collect();
    assert!(pages.len() <= MAX_PAGES, "{} pages", pages.len());
    for (path, page) in &pages {
        assert!(page.len() <= MAX_PAGE_BYTES, "{path} has {} bytes", page.len());
        if FOLDERS.iter().any(|folder| path.starts_with(folder)) || path == "docs/index.md" {
            let fields = front_matter(path, page);
            for required in ["page_title", "description"] {
                assert!(fields.contains(&required), "{path}: {required} is missing");
            }
            // Of the layout of pages that came before this one.
            for forbidden in ["layout", "sidebar_current"] {
                assert!(!fields.contains(&forbidden), "{path}: {forbidden}");
            }
            assert_eq!(fields.contains(&"subcategory"), path != "docs/index.md", "{path}: subcategory");
        }
    }
}

/// The names of the fields before a page.
fn front_matter<'a>(path: &str, page: &'a str) -> Vec<&'a str> {
    let fields = page.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    let (fields, _) = fields.unwrap_or_else(|| panic!("{path} has no front matter"));
    fields.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| Some(line.split_once(':')?.0)).collect()
}

/// The registry and `tfplugindocs` know examples by these names.
#[test]
fn import_examples_name_one_resource() {
    for (name, resource) in &provider().resources {
        let folder = format!("examples/resources/{name}");
        let (by_id, by_identity) =
            (import(&format!("{folder}/import-by-string-id.tf")), import(&format!("{folder}/import-by-identity.tf")));
        let id = text_of(&by_id["id"]);
        assert_eq!(by_id["to"], by_identity["to"], "{name}");
        let address = by_id["to"].to_string();
        assert!(address.starts_with(&format!("{name}.")), "{address}");
        let command = text(&format!("{folder}/import.sh"));
        assert!(command.ends_with(&format!("terraform import {address} {id}\n")), "{command}");

        let schema = resource.identity().unwrap();
        assert!(schema.members.iter().all(|member| matches!(
            &member.kind,
            MemberKind::Attribute { spec, .. } if spec.configurability == Configurability::Required
        )));
        let Expression::Object(identity) = &by_identity["identity"] else { panic!("{name}: an object") };
        let identity: BTreeMap<String, &str> =
            identity.iter().map(|(key, value)| (key.to_string(), text_of(value))).collect();
        let values: Vec<&str> = schema.members.iter().map(|member| identity[member.name]).collect();
        assert_eq!((values.join("/").as_str(), values.len()), (id, identity.len()), "{name}");
    }
}

/// The arguments of the `import` block in a file.
fn import(path: &str) -> BTreeMap<String, Expression> {
    let body = hcl::parse(&text(path)).unwrap();
    let block = body.blocks().next().unwrap();
    assert_eq!((block.identifier(), body.iter().count()), ("import", 1), "{path}");
    block.body().attributes().map(|attribute| (attribute.key().to_owned(), attribute.expr().clone())).collect()
}

fn text_of(value: &Expression) -> &str {
    let Expression::String(text) = value else { panic!("{value} isn't a text") };
    text
}

#[test]
fn every_page_of_the_registry_is_in_a_known_folder() {
    for path in files("docs", ".md") {
        let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap();
        let is_known = FOLDERS.contains(&folder.as_str()) || ["docs/", "docs/decisions/"].contains(&folder.as_str());
        assert!(is_known, "{path}");
    }
}
