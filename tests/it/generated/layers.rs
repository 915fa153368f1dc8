//! A table of the layers of the crate: which modules, packages and parts of `std` each folder may use. The compiler
//! can't check this, because the crate is one package. docs/architecture.md explains the layers.

use std::collections::BTreeSet;

use super::{files, root, text};

/// What a part of `src/` may use.
struct Layer {
    /// A folder or file of `src/`. Of several that match a file, the longest one applies.
    part: &'static str,
    /// What the part is, which is the reason for the restrictions. It ends the message about a violation.
    role: &'static str,
    /// Other parts of the crate that it may use.
    modules: &'static [&'static str],
    /// Packages that it may use.
    packages: &'static [&'static str],
    /// Whether it may use the environment, files, network, processes and threads.
    side_effects: bool,
}

#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    Layer { part: "lib.rs", role: "the list of modules", modules: &[], packages: &[], side_effects: false },
    Layer { part: "main.rs", role: "the binary", modules: &["plugin", "provider"], packages: &["terraform_provider_mesh", "tokio"], side_effects: true },
    Layer { part: "known.rs", role: "values that may be unknown at plan", modules: &[], packages: &[], side_effects: false },
    Layer { part: "diagnostics.rs", role: "errors and warnings with their paths", modules: &[], packages: &[], side_effects: false },
    Layer { part: "query.rs", role: "queries of live objects, and their results", modules: &["json_path", "known", "object"], packages: &["serde_json"], side_effects: false },
    Layer { part: "object", role: "desired objects: keys, kinds, manifests, stages", modules: &["diagnostics", "json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "json_path.rs", role: "access to JSON by path", modules: &[], packages: &["serde_json"], side_effects: false },
    Layer { part: "schema", role: "Terraform's types, values and schemas, and declarations of arguments; pure", modules: &["diagnostics", "known"], packages: &["rmpv", "serde", "serde_json", "thiserror"], side_effects: false },
    Layer { part: "mesh", role: "arguments, their validation, and their rendering into Istio objects; pure", modules: &["diagnostics", "query::Query", "known", "object", "json_path", "model", "schema"], packages: &["regex_syntax", "serde", "serde_json"], side_effects: false },
    Layer { part: "mesh/external_service/live.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/global_defaults/live.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/global_defaults/live_authorization.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/global_defaults/narrow_exports.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/live_issuers.rs", role: "pure: query results in, findings out", modules: &["object", "known", "query", "json_path"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/outbound_policy.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/mesh_config.rs", role: "pure: query results in, mesh configuration out", modules: &["query", "object", "json_path"], packages: &["serde_json", "serde_saphyr"], side_effects: false },
    Layer { part: "mesh/yaml.rs", role: "JSON documents as YAML", modules: &[], packages: &["serde_json", "serde_saphyr"], side_effects: false },
    Layer { part: "mesh/service/live", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde", "serde_json"], side_effects: false },
    Layer { part: "mesh/live_objects.rs", role: "pure: readers of live objects", modules: &["json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/namespace/live.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/namespace/live_authorization.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/gateway/live.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/gateway/live_authorization.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/gateway/live_scope.rs", role: "pure: query results in, findings out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "plugin", role: "Terraform's plugin protocol: handshake, mutual TLS, gRPC, logs; free of Kubernetes and Istio", modules: &["diagnostics", "known", "schema"],
        packages: &["async_trait", "base64", "fastrand", "http", "jiff", "prost", "prost_types", "rcgen", "rustls", "serde", "serde_json", "thiserror", "tokio", "tokio_rustls",
            "tokio_stream", "tokio_util", "tonic", "tonic_prost", "tracing", "tracing_subscriber"], side_effects: true },
    Layer { part: "plugin/interface.rs", role: "the interface that resources implement", modules: &["diagnostics", "schema"],
        packages: &["async_trait", "serde_json", "tokio_util"], side_effects: false },
    Layer { part: "kubernetes", role: "requests to the API server: connection, retries, shared reads, errors; free of Istio and Terraform", modules: &["diagnostics", "query", "known", "object", "json_path"],
        packages: &["base64", "fastrand", "http", "http_body_util", "hyper_util", "k8s_openapi", "kube", "percent_encoding", "rustls", "secrecy", "serde", "serde_json", "serde_saphyr",
            "thiserror", "tokio", "tokio_util", "tracing"], side_effects: true },
    Layer { part: "engine", role: "plans and writes: desired objects against live ones, ownership, order; free of Istio and HCL", modules: &["diagnostics", "query", "known", "kubernetes", "object", "json_path"],
        packages: &["fastrand", "futures_util", "serde", "serde_json", "tokio", "tokio_util", "tracing"], side_effects: true },
    Layer { part: "engine/schedule", role: "a pure decision", modules: &["object"], packages: &["serde_json"], side_effects: false },
    Layer { part: "engine/drift", role: "a pure decision", modules: &["object", "json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "engine/ownership.rs", role: "a pure decision", modules: &["diagnostics::single_line", "object", "json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "engine/ownership_metadata.rs", role: "a pure decision", modules: &["object", "json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "engine/preconditions.rs", role: "a pure decision", modules: &["json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "resources", role: "the resource types, and the Terraform resource made of each", modules: &["diagnostics", "query", "known", "mesh", "object", "schema"], packages: &["serde_json"], side_effects: false },
    Layer { part: "resources/context.rs", role: "the context of a call", modules: &["diagnostics", "plugin::interface", "engine", "kubernetes", "known", "mesh"], packages: &[], side_effects: false },
    Layer { part: "resources/move_source.rs", role: "pure", modules: &["diagnostics", "object", "plugin::interface", "json_path"], packages: &["serde_json"], side_effects: false },
    Layer { part: "resources/managed", role: "where a resource meets the engine",
        modules: &["diagnostics", "engine", "query", "kubernetes", "known", "mesh", "object", "plugin::interface", "schema", "json_path"],
        packages: &["async_trait", "fastrand", "serde_json", "tokio_util"], side_effects: false },
    Layer { part: "resources/run.rs", role: "state that the resources of one run share", modules: &["engine", "mesh", "object"], packages: &["fastrand", "serde_json", "tokio"], side_effects: false },
    Layer { part: "resources/state.rs", role: "pure", modules: &["diagnostics", "engine::JournalEntry", "known", "mesh", "object", "schema"], packages: &["serde_json"], side_effects: false },
    Layer { part: "resources/write_task.rs", role: "an apply or a delete in a task of its own",
        modules: &["diagnostics", "engine", "kubernetes", "object"], packages: &["tokio"], side_effects: false },
    Layer { part: "data_sources", role: "the data sources: what they read, and what is made of it",
        modules: &["diagnostics", "engine", "kubernetes", "known", "mesh", "plugin::interface", "resources", "schema"], packages: &["async_trait"], side_effects: false },
    Layer { part: "mesh/cluster_report", role: "pure: query results in, outputs out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "mesh/workload_access", role: "pure: query results in, outputs out", modules: &["diagnostics", "query", "known", "object", "json_path", "schema"],
        packages: &["serde_json"], side_effects: false },
    Layer { part: "functions", role: "functions for expressions in HCL; pure",
        modules: &["mesh", "object", "plugin::interface", "schema"], packages: &["serde_json", "serde_saphyr"], side_effects: false },
    Layer { part: "provider", role: "the provider block and the lists of resource types, data sources and functions",
        modules: &["data_sources", "diagnostics", "functions", "known", "kubernetes", "mesh", "plugin::interface", "resources", "schema"], packages: &[], side_effects: false },
    Layer { part: "provider/configure.rs", role: "where the provider block meets the environment",
        modules: &["diagnostics", "engine", "known", "kubernetes", "mesh", "resources", "schema"], packages: &[], side_effects: true },
];

/// The modules of `std` with side effects.
const SIDE_EFFECTS: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// The layers as a Markdown table, every line behind `prefix`: the parts that are folders of `src/` themselves.
fn table(prefix: &str) -> String {
    let row = |layer: &Layer| {
        let modules: Vec<_> = layer.modules.iter().map(|module| format!("`{module}`")).collect();
        format!("{prefix}| `{}` | {} | {} |\n", layer.part, layer.role, modules.join(", "))
    };
    let folders = LAYERS.iter().filter(|layer| !layer.part.contains(['/', '.']));
    let header = format!("{prefix}| folder | content | may use |\n{prefix}| --- | --- | --- |\n");
    header + &folders.map(row).collect::<String>()
}

/// The pages that show the table of layers show this one. `UPDATE_DOCS` writes it into them.
#[test]
fn documented_layers_match_the_table() {
    for (page, prefix) in [("docs/architecture.md", ""), ("src/lib.rs", "//! ")] {
        let (page_text, table) = (text(page), table(prefix));
        let (header, _) = table.split_once('\n').unwrap();
        let start = page_text.find(header).unwrap_or_else(|| panic!("{page} has no table of layers"));
        let lines = page_text[start..].split_inclusive('\n').take_while(|line| line.starts_with(&format!("{prefix}|")));
        let end = start + lines.map(str::len).sum::<usize>();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(root().join(page), page_text[..start].to_owned() + &table + &page_text[end..]).unwrap();
        } else {
            assert_eq!(&page_text[start..end], table, "{page}: run UPDATE_DOCS=1 cargo test --test it generated");
        }
    }
}

#[test]
fn modules_use_only_allowed_layers() {
    let packages = packages();
    let mut violations = BTreeSet::new();
    for file in sources() {
        let layer = layer(&file);
        for used in uses(&text(&file)) {
            if let Some(what) = violation(&used.path, layer, &file, &packages) {
                let (line, part, role) = (used.line, layer.part, layer.role);
                violations.insert(format!("{file}:{line} uses {what}; {part} is {role} (docs/architecture.md)"));
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn table_lists_existing_modules() {
    let (packages, sources) = (packages(), sources());
    for layer in LAYERS {
        for package in layer.packages.iter().filter(|package| **package != "terraform_provider_mesh") {
            assert!(packages.contains(*package), "{}: {package} is not a dependency", layer.part);
        }
        let exists = sources.iter().any(|file| belongs(file, layer.part));
        assert!(exists, "{} isn't in src/", layer.part);
    }
}

#[test]
fn uses_are_parsed() {
    let found = |source: &str| uses(source).into_iter().map(|used| used.path.join("::")).collect::<Vec<_>>();
    assert_eq!(found("use crate::{a::{B, c::D}, e};"), ["crate::a::B", "crate::a::c::D", "crate::e"]);
    assert_eq!(found("fn f(x: kube::Client) -> crate::a::B { y.kube() }"), ["kube::Client", "crate::a::B"]);
    assert_eq!(found("// crate::a\n/* kube::b */ let s = \"kube::c\"; let q = '\"'; let r = r#\"kube::d\"#;"), [""; 0]);
    assert_eq!(found("fn f<'a>(x: &'a std::fs::File) {}"), ["std::fs::File"]);
    assert_eq!(uses("\n\nuse kube;")[0].line, 3);
    assert_eq!(found("crate::model! { x: kube::Client }"), ["crate::model", "kube::Client"]);
    assert_eq!(found("use crate::x::{r#match, *};"), ["crate::x::r", "crate::x::match", "crate::x::*"]);
    assert_eq!(found("#[cfg(test)]\nmod tests { use kube::Client; }\nuse http::Uri;"), ["http::Uri"]);
}

/// The source files of the crate, without those that contain only tests.
pub(super) fn sources() -> Vec<String> {
    files("src", ".rs").into_iter().filter(|file| !file.ends_with("tests.rs")).collect()
}

#[test]
fn violations_are_reported() {
    let packages = BTreeSet::from(["kube".to_owned(), "serde_json".to_owned()]);
    let violations_of = |file: &str, source: &str| {
        let violations = uses(source).into_iter().map(|used| violation(&used.path, layer(file), file, &packages));
        violations.flatten().collect::<Vec<_>>()
    };
    let source =
        "use kube::Client;\nuse crate::{engine::Run, object::Key};\nuse super::super::kubernetes::x;\nuse std::fs;";
    assert_eq!(violations_of("src/mesh/x.rs", source), ["kube", "crate::engine", "crate::kubernetes", "std::fs"]);
    assert_eq!(
        violations_of("src/resources/managed/x.rs", "use crate::plugin::{interface::Call, server::Server};"),
        ["crate::plugin"]
    );
    assert_eq!(
        violations_of("src/mesh/mod.rs", "use super::object::Key; use crate::mesh::names; use serde_json::Value;"),
        [""; 0]
    );
}

/// The row for a file: of several that match, the one with the longest path.
fn layer(file: &str) -> &'static Layer {
    let rows = LAYERS.iter().filter(|layer| belongs(file, layer.part));
    rows.max_by_key(|layer| layer.part.len()).unwrap_or_else(|| panic!("{file} has no row in the table of layers"))
}

fn belongs(file: &str, part: &str) -> bool {
    let path = file.strip_prefix("src/").unwrap();
    path == part || path.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'))
}

/// The module, package or part of `std` in a path that the layer may not use.
fn violation(path: &[String], layer: &Layer, file: &str, packages: &BTreeSet<String>) -> Option<String> {
    let path = from_root(path, file);
    let within = |allowed: &&str| {
        let allowed: Vec<&str> = allowed.split("::").collect();
        path.len() > allowed.len() && path.iter().skip(1).zip(&allowed).all(|(name, allowed)| name == allowed)
    };
    let head = path.first()?.as_str();
    let next = path.get(1).map_or("", String::as_str);
    let own = root_of(file);
    match head {
        "crate" => {
            (is_part(next) && next != own && !layer.modules.iter().any(within)).then(|| format!("crate::{next}"))
        }
        "std" => (!layer.side_effects && SIDE_EFFECTS.contains(&next)).then(|| format!("std::{next}")),
        package if packages.contains(package) => (!layer.packages.contains(&package)).then(|| package.to_owned()),
        _ => None,
    }
}

/// Replaces leading `super` by `crate`, if they lead to the root of the crate: `crate::mesh` for `super::super::mesh`.
fn from_root(path: &[String], file: &str) -> Vec<String> {
    let steps = path.iter().take_while(|name| *name == "super").count();
    let depth = file.trim_end_matches("/mod.rs").matches('/').count();
    match path.get(steps) {
        Some(name) if steps > 0 && steps >= depth && is_part(name) => {
            [&["crate".to_owned()], path.get(steps..).unwrap_or_default()].concat()
        }
        _ => path.to_vec(),
    }
}

/// Whether a name at the root of the crate is a folder or file of `src/`. Otherwise it is a macro, whose body is
/// checked where it is defined.
fn is_part(name: &str) -> bool {
    LAYERS.iter().any(|layer| layer.part.split('.').next() == Some(name))
}

/// The folder or file directly in `src/`, for example `mesh` for `src/mesh/names.rs`.
fn root_of(file: &str) -> &str {
    file.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default()
}

/// The dependencies in Cargo.toml, with the names that the code uses.
fn packages() -> BTreeSet<String> {
    let manifest = text("Cargo.toml");
    let mut section = "";
    let mut names = BTreeSet::from(["terraform_provider_mesh".to_owned()]);
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && line.starts_with(|c: char| c.is_ascii_lowercase()) {
            names.extend(line.split([' ', '=']).next().map(|name| name.replace('-', "_")));
        }
    }
    names
}

/// A path in the code, for example `crate::mesh::Mesh` or `kube::Client`.
pub(super) struct Use {
    line: usize,
    pub(super) path: Vec<String>,
}

/// All paths of at least two names, and all `use` declarations, outside tests, comments and strings.
pub(super) fn uses(source: &str) -> Vec<Use> {
    let tokens = without_tests(tokens(source));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let previous = at.checked_sub(1).and_then(|i| tokens.get(i)).map_or("", |token| token.text.as_str());
        let next = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        let starts = is_name(&token.text) && ![".", "::"].contains(&previous) && (next == "::" || previous == "use");
        at = if starts { read_tree(&tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

/// Reads a path, or a tree of paths in a `use`, and returns the index after its end.
fn read_tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Use>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            at += 1;
            while let Some(token) = tokens.get(at).filter(|token| token.text != "}") {
                let starts = is_name(&token.text) || ["*", "{"].contains(&token.text.as_str());
                at = if starts { read_tree(tokens, at, &path, found) } else { at + 1 };
            }
            return at + 1;
        }
        if !is_name(&token.text) && token.text != "*" {
            break;
        }
        path.push(token.text.clone());
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    found.push(Use { line, path });
    if tokens.get(at).is_some_and(|token| token.text == "as") { at + 2 } else { at }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// An identifier or a punctuation token.
struct Token {
    line: usize,
    text: String,
}

/// The identifiers and punctuation, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(c) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' {
            character(rest)
        } else if word(c) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        let (text, after) = rest.split_at(length);
        let silent = ["//", "/*", "\"", "'", "r\"", "r#"].iter().any(|start| text.starts_with(start));
        if !silent && !c.is_whitespace() {
            found.push(Token { line, text: text.to_owned() });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// The length of `r"…"` or `r#"…"#`.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end)? + end.len() + hashes + 2)
}

/// The length of a quoted text, including escapes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or of the quote of a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest.chars().skip(1);
    match (inside.next(), inside.next()) {
        (Some('\\'), _) | (_, Some('\'')) => quoted(rest, '\''),
        _ => 1,
    }
}

/// Removes the items after `#[cfg(test)]`, because tests may use any layer.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut result: Vec<Token> = Vec::new();
    let mut depth: Option<usize> = None;
    for token in tokens {
        match (depth, token.text.as_str()) {
            (Some(0), ";") | (Some(1), "}") => depth = None,
            (Some(n), "{") => depth = Some(n + 1),
            (Some(n), "}") => depth = Some(n - 1),
            (Some(_), _) => {}
            (None, _) => {
                result.push(token);
                let tail: Vec<&str> = result.iter().rev().take(7).map(|token| token.text.as_str()).collect();
                if tail == ["]", ")", "test", "(", "cfg", "[", "#"] {
                    depth = Some(0);
                }
            }
        }
    }
    result
}
