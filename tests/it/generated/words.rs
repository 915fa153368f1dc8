//! Wording: descriptions of arguments follow the conventions of the registry, summaries of diagnostics are short, and no text
//! of the repository uses one of the phrases that a reader would have to translate.

use std::collections::BTreeSet;

use terraform_provider_mesh::{
    provider::provider,
    schema::{Configurability, Member, MemberKind, Schema},
};

use super::{files, text};

/// Phrases that no text of the repository contains, in lower case, each with what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("somebody", "say who: another tool, another team, a user"),
    ("someone", "say who: another tool, another team, a user"),
    ("nobody", "say who doesn't: no caller, no workload, no tool"),
    ("everybody", "say who: every workload, every client, every user"),
    ("anybody", "say who: any client, any user"),
    ("whoever", "say who: users who, tools that"),
    ("likewise", "say what is the same"),
    ("unless written", "Defaults to `x`."),
    ("a change makes a new resource", "Changing this forces a new resource."),
    ("told", "reported, shown, distinguished"),
    ("anew", "again"),
    ("mend", "fix, correct"),
    ("mended", "fixed, corrected"),
    ("all is well", "ignore this"),
    ("to the letter", "exactly"),
    ("stands there", "exists, is set"),
    ("as good as", "the same as"),
    ("rightly", "correctly"),
    ("stranger", "another tool, another owner"),
    ("door", "gateway, port"),
    ("out of joint", "say what disagrees"),
];

/// The first words of descriptions that say nothing about the argument's concept.
const QUESTIONS: &[&str] =
    &["What", "Who", "Whom", "Whose", "Where", "Which", "How", "It", "Its", "Their", "They", "That"];

/// Parts of sentences of which one says what holds if an optional argument isn't set.
const DEFAULTS: &[&str] =
    &["Defaults to", "Without it", "Required ", "Conflicts with", "Exactly one of", "At least one of"];

/// The longest summary of a diagnostic, in characters.
const SUMMARY_LENGTH: usize = 60;

/// The descriptions of all arguments and computed attributes, each with its path and its member.
fn members() -> Vec<(String, Member)> {
    fn walk(schema: &Schema, at: &str, out: &mut Vec<(String, Member)>) {
        for member in &schema.members {
            let path = format!("{at}.{}", member.name);
            if let MemberKind::Block { schema, .. } = &member.kind {
                walk(schema, &path, out);
            }
            out.push((path, member.clone()));
        }
    }
    let provider = provider();
    let mut out = Vec::new();
    walk(provider.schema, "provider", &mut out);
    for resource in provider.resources.values() {
        walk(resource.schema(), resource.name(), &mut out);
    }
    for source in provider.data_sources.values() {
        walk(source.schema(), source.name(), &mut out);
    }
    out
}

/// The descriptions of the provider, and of all resources, data sources and functions, each with its name.
fn roots() -> Vec<(String, String)> {
    let provider = provider();
    let resources =
        provider.resources.values().map(|resource| (resource.name().to_owned(), resource.schema().doc.clone()));
    let sources = provider.data_sources.values().map(|source| (source.name().to_owned(), source.schema().doc.clone()));
    let functions = provider.functions.values().map(|function| (function.name.to_owned(), function.doc.to_owned()));
    let block = ("provider".to_owned(), provider.schema.doc.clone());
    std::iter::once(block).chain(resources).chain(sources).chain(functions).collect()
}

/// Fails with all violations, one a line.
fn assert_none(violations: &BTreeSet<String>, advice: &str) {
    let lines: Vec<_> = violations.iter().map(String::as_str).collect();
    assert!(lines.is_empty(), "{} texts to mend: {advice}\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn optional_attributes_say_their_default() {
    let has_default = |member: &Member| DEFAULTS.iter().any(|part| member.doc.contains(part));
    let is_optional = |member: &Member| matches!(&member.kind, MemberKind::Attribute { spec, .. } if spec.configurability == Configurability::Optional);
    let silent = members().into_iter().filter(|(_, member)| is_optional(member) && !has_default(member));
    let silent = silent.map(|(path, member)| format!("{path}: {}", member.doc)).collect();
    assert_none(&silent, "write \"Defaults to `x`.\", or when the argument is required or conflicts with another");
}

#[test]
fn descriptions_start_with_the_concept() {
    let is_question =
        |doc: &str| doc.split(' ').next().is_some_and(|word| QUESTIONS.contains(&word.trim_end_matches([',', ':'])));
    let descriptions = members().into_iter().map(|(path, member)| (path, member.doc)).chain(roots());
    let questions = descriptions.filter(|(_, doc)| is_question(doc));
    assert_none(
        &questions.map(|(path, doc)| format!("{path}: {doc}")).collect(),
        "begin with a noun, or with \"Whether\"",
    );
}

#[test]
fn descriptions_have_at_least_four_words() {
    let short = members().into_iter().filter(|(_, member)| member.doc.split_whitespace().count() < 4);
    assert_none(&short.map(|(path, member)| format!("{path}: {}", member.doc)).collect(), "say what the argument does");
}

/// The banned phrases in a text: whole words, in upper or lower case.
fn banned_phrases(text: &str) -> Vec<(&'static str, &'static str)> {
    let text = text.to_lowercase();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let contains = |phrase: &str| {
        text.match_indices(phrase).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + phrase.len()..].chars().next());
            !is_letter(before) && !is_letter(after.filter(|c| *c != 's'))
        })
    };
    BANNED.iter().copied().filter(|(phrase, _)| contains(phrase)).collect()
}

#[test]
fn banned_phrases_are_found() {
    let found = |text: &str| banned_phrases(text).into_iter().map(|(phrase, _)| phrase).collect::<Vec<_>>();
    assert_eq!(found("`medium` unless written."), ["unless written"]);
    assert_eq!(found("Somebody else's objects, and strangers."), ["somebody", "stranger"]);
    assert!(found("The gateway includes nobodyness and outdoors; always include doorways.").is_empty());
}

/// This file quotes the phrases. Expectations of tests and generated pages repeat texts of the sources, which are held themselves.
fn prose() -> Vec<String> {
    let documents = files("docs", ".md").into_iter().chain(["README.md".to_owned(), "CHANGELOG.md".to_owned()]);
    let sources = ["src", "tests"].into_iter().flat_map(|folder| files(folder, ".rs"));
    let examples = files("examples", "").into_iter();
    documents.chain(sources).chain(examples).filter(|path| path != "tests/it/generated/words.rs").collect()
}

#[test]
fn texts_use_no_banned_phrase() {
    let mut violations = BTreeSet::new();
    for path in prose() {
        for (line, content) in (1..).zip(text(&path).lines()) {
            for (phrase, instead) in banned_phrases(content) {
                violations.insert(format!("{path}:{line:04}: \"{phrase}\" ({instead}): {}", content.trim()));
            }
        }
    }
    assert_none(&violations, "use the terms of Kubernetes, Istio and Terraform");
}

/// The summaries of all diagnostics that a golden test expects, each with its file.
fn summaries() -> BTreeSet<(String, String)> {
    let files = files("tests/it", ".rs").into_iter().chain(files("tests/it", ".txt"));
    let mut out = BTreeSet::new();
    for path in files {
        for line in text(&path).lines().map(str::trim) {
            let Some(rest) = ["error", "warn", "warning"].iter().find_map(|severity| line.strip_prefix(severity))
            else {
                continue;
            };
            let summary = rest
                .strip_prefix(": ")
                .or_else(|| rest.strip_prefix(" at ").and_then(|at| at.split_once(": ")).map(|(_, summary)| summary));
            out.extend(summary.map(|summary| (path.clone(), summary.to_owned())));
        }
    }
    out
}

#[test]
fn summaries_of_diagnostics_are_short() {
    let summaries = summaries();
    assert!(
        summaries.len() > 100,
        "only {} summaries are found: the form of expectations has changed",
        summaries.len()
    );
    let long = summaries.into_iter().filter(|(_, summary)| summary.chars().count() > SUMMARY_LENGTH);
    assert_none(&long.map(|(path, summary)| format!("{path}: {summary}")).collect(), "move details into the detail");
}
