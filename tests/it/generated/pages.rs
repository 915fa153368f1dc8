//! Generates the pages of the registry, in its layout, from the schemas and the examples, so that the documentation
//! can't differ from what Terraform checks.

use std::{collections::BTreeMap, fmt::Write};

use terraform_provider_mesh::{
    mesh::cluster_report::BestPractice,
    plugin::interface::{DataSource, Function, Parameter, Provider, Resource},
    schema::{AttributeSpec, Configurability, Member, MemberKind, Nesting, Schema, Type},
};

use super::{
    argument_groups::{UNGROUPED, grouped},
    files,
    live_checks::live_checks_page,
    presets::presets_page,
    root, text,
};

/// All generated pages by path.
pub(super) fn pages<C>(provider: &Provider<C>) -> BTreeMap<String, String> {
    let resources = provider.resources.values().map(|resource| {
        let name = resource.name().strip_prefix("mesh_").expect("names start with the provider's");
        (format!("docs/resources/{name}.md"), resource_page(resource.as_ref()))
    });
    let mut pages: BTreeMap<String, String> = resources.collect();
    for (name, source) in &provider.data_sources {
        let file = name.strip_prefix("mesh_").expect("names start with the provider's");
        pages.insert(format!("docs/data-sources/{file}.md"), data_source_page(source.as_ref()));
    }
    for (name, function) in &provider.functions {
        pages.insert(format!("docs/functions/{name}.md"), function_page(function));
    }
    pages.insert("docs/guides/resiliency.md".to_owned(), presets_page());
    pages.insert("docs/guides/live-checks.md".to_owned(), live_checks_page());
    let mut guides: BTreeMap<String, String> =
        files("docs/guides", ".md").into_iter().map(|path| (path.clone(), text(&path))).collect();
    guides
        .extend(pages.iter().filter(|(path, _)| path.starts_with("docs/guides/")).map(|(p, t)| (p.clone(), t.clone())));
    pages.insert("docs/index.md".to_owned(), index(provider, &guides));
    pages
}

/// The subcategories of guides, which the registry shows as headings, each with its readers and what they find there. A guide
/// has one of them in its front matter.
const SUBCATEGORIES: &[(&str, &str)] = &[
    (
        "Getting started",
        "For everyone who is new to the provider: first steps, the connection, tests, and a comparison.",
    ),
    (
        "Application team",
        "For teams that own services, with `mesh_service`: callers, routes, resiliency, and existing objects.",
    ),
    ("Central team", "For the team that declares hosts outside the mesh, with `mesh_external_service`."),
    (
        "Platform team",
        "For the team that runs the mesh, with `mesh_namespace`, `mesh_gateway`, `mesh_global_defaults`, `mesh_install_config` and `mesh_cluster`.",
    ),
    ("Reference", "Tables to look things up: fields, mistakes, checks and proofs."),
];

/// The repository, in which readers of the registry find the files that pages name.
const EXAMPLE_FILES: &str = "\nPages name files of the folder `examples`. They are in the source repository, \
     [mesh-provider/terraform-provider-mesh](https://github.com/mesh-provider/terraform-provider-mesh/tree/main/examples).\n";

/// The subcategory in the front matter of a guide.
fn subcategory(guide: &str) -> &str {
    let line = guide.lines().find_map(|line| line.strip_prefix("subcategory: \""));
    line.and_then(|rest| rest.strip_suffix('"')).expect("a guide has a subcategory")
}

/// The first sentence about a guide, which the registry shows in its lists.
fn description(guide: &str) -> &str {
    guide.lines().skip_while(|line| !line.starts_with("description:")).nth(1).expect("a guide has a description").trim()
}

fn guides_by_reader(page: &mut String, guides: &BTreeMap<String, String>) {
    page.push_str("\n## Guides\n");
    for (name, readers) in SUBCATEGORIES {
        write!(page, "\n### {name}\n\n{readers}\n\n").unwrap();
        for (path, guide) in guides.iter().filter(|(_, guide)| subcategory(guide) == *name) {
            writeln!(page, "- [{}]({}): {}", title(guide), path.trim_start_matches("docs/"), description(guide))
                .unwrap();
        }
    }
}

/// Links to the pages of all resources and data sources, each with its first sentence.
fn links_to_pages<C>(page: &mut String, provider: &Provider<C>) {
    let resources = provider.resources.values().map(|resource| ("resources", resource.name(), resource.schema()));
    let sources = provider.data_sources.values().map(|source| ("data-sources", source.name(), source.schema()));
    page.push_str("\n## Resources and data sources\n\n");
    for (folder, name, schema) in resources.chain(sources) {
        let file = name.strip_prefix("mesh_").expect("names start with the provider's");
        writeln!(page, "- [{name}]({folder}/{file}.md): {}", first_sentence(&schema.doc)).unwrap();
    }
}

fn index<C>(provider: &Provider<C>, guides: &BTreeMap<String, String>) -> String {
    let schema = provider.schema;
    // The registry has no subcategories of this page, and refuses one.
    let mut page = head("mesh Provider", "mesh Provider", &schema.doc).replacen("subcategory: \"\"\n", "", 1);
    example(&mut page, "examples/provider/provider.tf");
    page.push_str(EXAMPLE_FILES);
    links_to_pages(&mut page, provider);
    guides_by_reader(&mut page, guides);
    page.push_str("\n## Scenarios\n\nComplete configurations, each applied by the tests:\n\n");
    for path in files("examples/scenarios", "main.tf") {
        let folder = path.trim_end_matches("/main.tf");
        writeln!(page, "- `{folder}`: {}", opening_comment(&text(&path))).unwrap();
    }
    schema_section(&mut page, schema);
    page
}

fn resource_page<C>(resource: &dyn Resource<C>) -> String {
    let (name, schema) = (resource.name(), resource.schema());
    let folder = format!("examples/resources/{name}");
    let mut page = head(&format!("{name} Resource - mesh"), &format!("{name} (Resource)"), &schema.doc);
    example(&mut page, &format!("{folder}/resource.tf"));
    further_examples(&mut page, &folder);
    schema_section(&mut page, schema);
    page.push_str("\n## Import\n\nBy id, in an `import` block:\n\n");
    fenced(&mut page, "terraform", &format!("{folder}/import-by-string-id.tf"));
    if let Some(identity) = resource.identity() {
        page.push_str("\nBy identity, in an `import` block (Terraform 1.12 or newer, OpenTofu):\n\n");
        fenced(&mut page, "terraform", &format!("{folder}/import-by-identity.tf"));
        page.push_str("\nAttributes of the identity:\n\n");
        for member in &identity.members {
            line(&mut page, member, "");
        }
    }
    page.push_str("\nBy id, with the command:\n\n");
    fenced(&mut page, "shell", &format!("{folder}/import.sh"));
    page
}

fn data_source_page<C>(source: &dyn DataSource<C>) -> String {
    let (name, schema) = (source.name(), source.schema());
    let mut page = head(&format!("{name} Data Source - mesh"), &format!("{name} (Data Source)"), &schema.doc);
    example(&mut page, &format!("examples/data-sources/{name}/data-source.tf"));
    schema_section(&mut page, schema);
    if name == "mesh_cluster" {
        page.push_str(&best_practices());
    }
    page
}

/// The table of the codes that `findings` may have.
fn best_practices() -> String {
    let mut table = "\n## Findings\n\n| code | severity | what departs from the best practice | remedy |\n| --- | --- | --- | --- |\n".to_owned();
    for practice in BestPractice::ALL {
        let (severity, departure, remedy) = (practice.severity(), practice.departure(), practice.remedy());
        writeln!(table, "| `{practice}` | {severity} | {departure} | {remedy} |").unwrap();
    }
    table
}

fn function_page(function: &Function) -> String {
    let name = function.name;
    let mut page = head(&format!("{name} Function - mesh"), &format!("{name} (Function)"), function.doc);
    example(&mut page, &format!("examples/functions/{name}/function.tf"));
    let parameter = |parameter: &Parameter| format!("{} {}", parameter.name, expression(&parameter.kind));
    let mut parameters: Vec<String> = function.parameters.iter().map(parameter).collect();
    parameters.extend(function.variadic_parameter.as_ref().map(|last| format!("{}...", parameter(last))));
    let result = expression(&function.return_type);
    write!(page, "\n## Signature\n\n```text\n{name}({}) {result}\n```\n\n## Arguments\n\n", parameters.join(", "))
        .unwrap();
    for (number, parameter) in (1..).zip(function.parameters.iter().chain(&function.variadic_parameter)) {
        let variadic = if number > function.parameters.len() { "Variadic, " } else { "" };
        writeln!(page, "{number}. `{}` ({variadic}{}) {}", parameter.name, type_name(&parameter.kind), parameter.doc)
            .unwrap();
    }
    page
}

/// A type as it is written in HCL.
fn expression(kind: &Type) -> String {
    match kind {
        Type::Map(element) => format!("map of {}", expression(element)),
        Type::Object(_) => "object".to_owned(),
        other => other.to_string(),
    }
}

/// The first sentence of a description.
fn first_sentence(doc: &str) -> String {
    let (sentence, _) = doc.split_once(". ").unwrap_or((doc.trim_end_matches('.'), ""));
    format!("{sentence}.")
}

/// Front matter and heading. The registry shows the first sentence in its lists.
fn head(page_title: &str, heading: &str, doc: &str) -> String {
    let summary = first_sentence(doc);
    format!(
        "---\npage_title: \"{page_title}\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---\n\n\
         <!-- Made from the schema and examples/. To regenerate: UPDATE_DOCS=1 cargo test --test it generated -->\n\n\
         # {heading}\n\n{doc}\n"
    )
}

fn example(page: &mut String, path: &str) {
    page.push_str("\n## Example Usage\n\n");
    fenced(page, "terraform", path);
}

/// A list of the other examples in a resource's folder, each with its opening comment.
fn further_examples(page: &mut String, folder: &str) {
    let is_other = |path: &String| !path.ends_with("/resource.tf") && !path.contains("/import-by-");
    let others: Vec<String> = files(folder, ".tf").into_iter().filter(is_other).collect();
    if !others.is_empty() {
        page.push_str(
            "\n### Further examples\n\nComplete files in the source repository, each applied by the tests:\n\n",
        );
    }
    for path in others {
        writeln!(page, "- `{}`: {}", path.trim_end_matches("/main.tf"), opening_comment(&text(&path))).unwrap();
    }
}

fn fenced(page: &mut String, language: &str, path: &str) {
    assert!(root().join(path).is_file(), "{path} is missing: every page shows an example");
    writeln!(page, "```{language}\n{}\n```", text(path).trim_end()).unwrap();
}

fn schema_section(page: &mut String, schema: &Schema) {
    page.push_str("\n## Schema\n");
    members(page, schema, "### ", "");
    nested(page, schema, "");
}

/// The lists of required, optional and read-only arguments of a block.
fn members(page: &mut String, schema: &Schema, level: &str, at: &str) {
    for (heading, mode) in [
        ("Required", Configurability::Required),
        ("Optional", Configurability::Optional),
        ("Read-Only", Configurability::Computed),
    ] {
        let members: Vec<&Member> = schema.members.iter().filter(|member| mode_of(member) == mode).collect();
        if members.is_empty() {
            continue;
        }
        let colon = if level.is_empty() { ":" } else { "" };
        if mode == Configurability::Optional && members.len() > UNGROUPED {
            if !level.is_empty() {
                writeln!(page, "\n{level}{heading}").unwrap();
            }
            for (name, members) in grouped(&members) {
                // Below a nested block there is no level of headings left.
                let heading = if level.is_empty() { format!("{heading} ({name}):") } else { format!("#{level}{name}") };
                lines(page, &heading, &members, at);
            }
        } else {
            lines(page, &format!("{level}{heading}{colon}"), &members, at);
        }
    }
}

fn lines(page: &mut String, heading: &str, members: &[&Member], at: &str) {
    writeln!(page, "\n{heading}\n").unwrap();
    for member in members {
        line(page, member, at);
    }
}

/// A section for each nested block, outer ones first, with the anchors that [`line`] links to.
fn nested(page: &mut String, schema: &Schema, at: &str) {
    for member in &schema.members {
        let MemberKind::Block { schema, .. } = &member.kind else { continue };
        let path = below(at, member.name);
        let anchor = path.replace('.', "--");
        writeln!(page, "\n<a id=\"nestedblock--{anchor}\"></a>\n### Nested Schema for `{path}`").unwrap();
        members(page, schema, "", &path);
        nested(page, schema, &path);
    }
}

/// An argument with its name, its type and all its descriptions.
fn line(page: &mut String, member: &Member, at: &str) {
    let mut sentences = vec![member.doc.clone()];
    let kind = match &member.kind {
        MemberKind::Attribute { value_type, spec } => {
            sentences.extend(spec.checks.iter().map(|check| check.sentence.to_string()));
            sentences.extend(spec.replaces.then(|| "Changing this forces a new resource.".to_owned()));
            attribute_kind(value_type, spec)
        }
        MemberKind::Block { nesting, required, .. } => {
            let anchor = below(at, member.name).replace('.', "--");
            sentences.push(format!("(see [below for nested schema](#nestedblock--{anchor}))"));
            block_kind(*nesting, *required).to_owned()
        }
    };
    writeln!(page, "- `{}` ({kind}) {}", member.name, sentences.join(" ")).unwrap();
}

fn attribute_kind(kind: &Type, spec: &AttributeSpec) -> String {
    let kind = type_name(kind);
    if spec.sensitive { format!("{kind}, Sensitive") } else { kind }
}

fn block_kind(nesting: Nesting, required: bool) -> &'static str {
    match (nesting, required) {
        (Nesting::Single, _) => "Block",
        (Nesting::List, false) => "Block List",
        (Nesting::List, true) => "Block List, Min: 1",
    }
}

fn type_name(kind: &Type) -> String {
    match kind {
        Type::Bool => "Boolean".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::String => "String".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(element) => format!("List of {}", type_name(element)),
        Type::Set(element) => format!("Set of {}", type_name(element)),
        Type::Map(element) => format!("Map of {}", type_name(element)),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Object(_) => "Object".to_owned(),
    }
}

fn mode_of(member: &Member) -> Configurability {
    match &member.kind {
        MemberKind::Attribute { spec, .. } => spec.configurability,
        MemberKind::Block { required: true, .. } => Configurability::Required,
        MemberKind::Block { required: false, .. } => Configurability::Optional,
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The heading of a page.
fn title(page: &str) -> &str {
    page.lines().find_map(|line| line.strip_prefix("# ")).expect("a guide has a heading")
}

/// The first paragraph of the comment at the start of a configuration.
fn opening_comment(configuration: &str) -> String {
    let lines = configuration.lines().map_while(|line| line.strip_prefix("# "));
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use terraform_provider_mesh::{
        model,
        schema::{
            Attr, Block, Blocks, Map, Set,
            model::{Model, block, computed, optional, required},
        },
    };

    use super::{head, schema_section};

    model! {
        /// A house. It has rooms.
        pub struct House {
            /// The street.
            street: Attr<String> = required().replaces().check("A name.", |_| true),
            /// The key.
            key: Attr<String> = optional().sensitive(),
            /// The rooms.
            room: Blocks<Room> = block().required(),
            /// Where it is.
            place: Attr<String> = computed(),
        }
    }

    model! {
        /// A room.
        pub struct Room {
            /// Persons who may enter.
            from: Set<String> = required(),
            /// Signs at the entrance.
            signs: Map<i64> = optional(),
            /// How it is locked.
            lock: Block<Lock> = block(),
        }
    }

    model! {
        /// A lock.
        pub struct Lock {
            /// Locked.
            locked: Attr<bool> = optional(),
        }
    }

    #[test]
    fn page_is_rendered() {
        let schema = House::schema();
        let mut page = head("house Resource - x", "house (Resource)", &schema.doc);
        schema_section(&mut page, schema);
        expect![[r#"
            ---
            page_title: "house Resource - x"
            subcategory: ""
            description: |-
              A house.
            ---

            <!-- Made from the schema and examples/. To regenerate: UPDATE_DOCS=1 cargo test --test it generated -->

            # house (Resource)

            A house. It has rooms.

            ## Schema

            ### Required

            - `street` (String) The street. A name. Changing this forces a new resource.
            - `room` (Block List, Min: 1) The rooms. (see [below for nested schema](#nestedblock--room))

            ### Optional

            - `key` (String, Sensitive) The key.

            ### Read-Only

            - `place` (String) Where it is.

            <a id="nestedblock--room"></a>
            ### Nested Schema for `room`

            Required:

            - `from` (Set of String) Persons who may enter.

            Optional:

            - `signs` (Map of Number) Signs at the entrance.
            - `lock` (Block) How it is locked. (see [below for nested schema](#nestedblock--room--lock))

            <a id="nestedblock--room--lock"></a>
            ### Nested Schema for `room.lock`

            Optional:

            - `locked` (Boolean) Locked.
        "#]]
        .assert_eq(&page);
    }
}
