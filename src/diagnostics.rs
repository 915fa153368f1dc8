//! What we tell the user: what happened, where, why, and what to do next. It knows nothing of the wire or the cluster.
//!
//! Diagnostics are collected, never thrown: a call tells all that it has to say. Where a function can't go on after an
//! error it answers `Err(`[`Reported`]`)`, which only [`Diagnostics::error`] makes, so that no failure goes untold.

use std::fmt;

/// One step into an attribute, a list of blocks or a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An attribute or a block of an object.
    Attribute(String),
    /// An element of a list; elements of sets have no path of their own.
    Index(usize),
    /// An element of a map.
    Key(String),
}

/// A place in the user's HCL, from the root of the resource or provider block.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The block itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The attribute or block `name` in here.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.with(Step::Attribute(name.to_owned()))
    }

    /// The element `index` of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The element `key` of this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// What `step` leads to.
    #[must_use]
    pub fn step(&self, step: Step) -> Self {
        self.with(step)
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
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

/// Errors end the operation, warnings don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation fails, though what was done is kept.
    Error,
    /// The user should know.
    Warning,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where; the root path when no single argument is to blame.
    pub at: Path,
    /// What happened: one line of at most some 60 characters, no full stop.
    pub summary: String,
    /// Why, and what to do next; plain text.
    pub detail: String,
}

/// Proof that an error was told.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

/// All that one call has to say.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Tells an error.
    pub fn error(&mut self, at: &Path, summary: impl Into<String>, detail: impl Into<String>) -> Reported {
        self.push(Severity::Error, at, summary.into(), detail.into());
        Reported(())
    }

    /// Tells a warning.
    pub fn warn(&mut self, at: &Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Warning, at, summary.into(), detail.into());
    }

    /// Adds what another part of the call had to say; what was told already, word for word, isn't told again.
    pub fn extend(&mut self, other: Self) {
        for diagnostic in other.0 {
            if !self.0.contains(&diagnostic) {
                self.0.push(diagnostic);
            }
        }
    }

    /// `Err` where an error was told: nothing that needs a sound configuration should go on.
    pub fn no_errors(&self) -> Result<(), Reported> {
        if self.has_errors() { Err(Reported(())) } else { Ok(()) }
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// In the order in which they were told.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    fn push(&mut self, severity: Severity, at: &Path, summary: String, detail: String) {
        self.0.push(Diagnostic { severity, at: at.clone(), summary, detail });
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One message a paragraph, as tests and logs read it.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for d in &self.0 {
            let severity = match d.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let at = if d.at == Path::root() { String::new() } else { format!(" at {}", d.at) };
            writeln!(f, "{severity}{at}: {}\n  {}", d.summary, d.detail.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
