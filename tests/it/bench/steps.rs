//! The steps of the life of resources that are measured.

use std::time::{Duration, Instant};

use super::backend;
use crate::support::terraform::{Tool, Workspace};

/// A run of Terraform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A plan of resources that don't exist.
    Plan,
    /// The apply that creates them, with its own plan.
    Apply,
    /// A plan that changes nothing.
    EmptyPlan,
    /// An apply that changes every resource, with its own plan.
    Change,
    /// A destroy, with its own plan.
    Destroy,
}

impl Step {
    pub(super) const ALL: [Self; 5] = [Self::Plan, Self::Apply, Self::EmptyPlan, Self::Change, Self::Destroy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::EmptyPlan => "empty plan",
            Self::Change => "change of all",
            Self::Destroy => "destroy",
        }
    }

    /// Runs the step in a workspace that is configured for it.
    fn run(self, workspace: &Workspace) {
        match self {
            Self::Plan => assert!(!workspace.plan().is_empty),
            Self::EmptyPlan => drop(workspace.assert_empty_plan()),
            Self::Apply | Self::Change => drop(workspace.apply().expect_success()),
            Self::Destroy => drop(workspace.destroy().expect_success()),
        }
    }
}

/// Writes configurations into a workspace, with a backend that keeps the state in memory. The local backend rewrites its file
/// after every resource, which would dominate the measurements.
struct Configuration<'a> {
    workspace: &'a Workspace,
    backend: String,
}

impl<'a> Configuration<'a> {
    fn new(workspace: &'a Workspace) -> Self {
        let address = backend::start();
        Self {
            workspace,
            backend: format!("terraform {{\n  backend \"http\" {{\n    address = \"{address}\"\n  }}\n}}\n"),
        }
    }

    fn write(&self, hcl: &str) {
        self.workspace.write_file("main.tf", &format!("{}{hcl}", self.backend));
    }
}

/// Runs all steps. `hcl` is the configuration, before and after the change. `observe` gets each step and its run.
pub(super) fn run_steps(workspace: &Workspace, hcl: impl Fn(bool) -> String, mut observe: impl FnMut(Step, &dyn Fn())) {
    let configuration = Configuration::new(workspace);
    configuration.write(&hcl(false));
    workspace.run(&["init", "-input=false", "-no-color"]);
    for step in Step::ALL {
        if step == Step::Change {
            configuration.write(&hcl(true));
        }
        observe(step, &|| step.run(workspace));
    }
}

/// An empty folder. A run with thousands of services may take long.
pub(super) fn workspace() -> Workspace {
    Workspace::new(Tool::Terraform).time_limit(Duration::from_hours(1))
}

/// The time that `work` takes.
pub(super) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
