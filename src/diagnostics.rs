//! Errors and warnings for the user, each at the argument that it is about. They know neither the protocol nor the cluster.
//!
//! Diagnostics are collected, so that one call reports all findings. A function that can't go on after an error returns
//! `Err(`[`Reported`]`)`. Only [`Diagnostics::error`] creates that value, so no failure goes unreported.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an attribute or block of an object.
    Attribute(String),
    /// Into an element of a list. Elements of sets have no path of their own.
    Index(usize),
    /// Into an element of a map.
    Key(String),
}

/// The path of an argument, from the root of the resource or provider block.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The path of the block itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Returns the path of the attribute or block `name` in this object.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.step(Step::Attribute(name.to_owned()))
    }

    /// Returns the path of the element `index` of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// Returns the path of the element `key` of this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// Returns the path that is one step longer.
    #[must_use]
    pub fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if n == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

/// Whether the operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation fails. What it has written so far is kept in the state.
    Error,
    /// The operation goes on.
    Warning,
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// The argument that it is about, or the root path if it is about no single argument.
    pub at: Path,
    /// The problem, in one line of about 60 characters at most, without a full stop.
    pub summary: String,
    /// The cause and what to do about it, as plain text.
    pub detail: String,
}

/// Proof that an error was reported.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

/// The errors and warnings of one call.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds an error.
    pub fn error(&mut self, at: &Path, summary: impl Into<String>, detail: impl Into<String>) -> Reported {
        self.push(Severity::Error, at, summary.into(), detail.into());
        Reported(())
    }

    /// Adds a warning.
    pub fn warn(&mut self, at: &Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Warning, at, summary.into(), detail.into());
    }

    /// Adds the diagnostics of another part of the call, except those that are there already.
    pub fn extend(&mut self, other: Self) {
        for diagnostic in other.0 {
            if !self.0.contains(&diagnostic) {
                self.0.push(diagnostic);
            }
        }
    }

    /// Returns `Err` if an error was reported, for a function that must not go on then.
    pub fn no_errors(&self) -> Result<(), Reported> {
        if self.has_errors() { Err(Reported(())) } else { Ok(()) }
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Returns the diagnostics in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    fn push(&mut self, severity: Severity, at: &Path, summary: String, detail: String) {
        let is_paragraph = |c: char| c == '\n';
        let (summary, detail) =
            (escape_control_characters(summary, |_| false), escape_control_characters(detail, is_paragraph));
        self.0.push(Diagnostic { severity, at: at.clone(), summary, detail });
    }
}

/// Escapes the control characters of a text but for those that `keep` names. Texts of servers and annotations become a part of
/// diagnostics, and an escape sequence among them could rewrite a terminal or the log of a pipeline.
fn escape_control_characters(text: String, keep: impl Fn(char) -> bool) -> String {
    if !text.chars().any(|c| c.is_control() && !keep(c)) {
        return text;
    }
    let escape = |c: char| if c.is_control() && !keep(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Replaces the line breaks of a text from outside the provider, so that it can't pass for a line of a diagnostic.
pub fn single_line(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " ")
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One paragraph per diagnostic, for tests and logs.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.0 {
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let Diagnostic { at, summary, detail, .. } = diagnostic;
            let at = if *at == Path::root() { String::new() } else { format!(" at {at}") };
            writeln!(f, "{severity}{at}: {summary}\n  {}", detail.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut out = Diagnostics::default();
        out.error(&Path::root(), "Refused by \u{1b}[31mx\n", "It says: \u{1b}]0;title\u{7}\tdone\nNext\u{9b}2J.");
        let diagnostic = out.iter().next().unwrap();
        assert_eq!(diagnostic.summary, r"Refused by \u{1b}[31mx\n");
        assert_eq!(diagnostic.detail, "It says: \\u{1b}]0;title\\u{7}\\tdone\nNext\\u{9b}2J.");
    }

    #[test]
    fn foreign_text_stays_in_its_line() {
        assert_eq!(single_line("no\nError: all objects are gone\r\nx\u{2028}y"), "no Error: all objects are gone x y");
    }
}
