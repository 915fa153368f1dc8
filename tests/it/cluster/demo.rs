//! `examples/demo.sh`, which `make demo` runs, with the provider that was just built.

use std::{fs, process::Command};

use crate::support::{
    control_plane::repository_root,
    terraform::{Tool, Workspace},
};

/// The most lines that the demo may print: a reader scrolls through three or four screens.
const MAX_LINES: usize = 280;

#[test]
#[ignore = "needs the servers of `make tools`"]
fn demo_shows_services_objects_and_one_change_and_leaves_nothing() {
    let workspace = Workspace::with_mirror(Tool::Terraform);
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(repository_root().join("examples/demo.sh"));
    let output = command
        .arg(workspace.path().join("plugins"))
        .env("TMPDIR", temporary.path())
        .env_remove("KUBE_CONFIG_PATH")
        .env_remove("TERRAFORM")
        .output()
        .expect("running examples/demo.sh");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.lines().count() <= MAX_LINES, "{} lines:\n{shown}", shown.lines().count());

    let steps = [
        "Apply complete! Resources: 5 added",
        "=== What the team writes for photo/photo-frontend",
        "=== What the team writes for photo/photo-backend",
        "    methods = [\"GET\", \"POST\"]",
        "  AuthorizationPolicy    photo/photo-backend-photo",
        "=== What the team writes for datastore/datastore",
        "=== The objects of photo/photo-backend",
        "        - cluster.local/ns/photo/sa/photo-frontend",
        "No changes.",
        "~ attempts = 2 -> 3",
        "Plan: 0 to add, 1 to change, 0 to destroy.",
        "Resources: 0 added, 0 changed, 5 destroyed",
        "=== Nothing is left",
    ];
    let mut rest = &*shown;
    for step in steps {
        let Some((_, after)) = rest.split_once(step) else { panic!("{step:?} is missing or misplaced:\n{shown}") };
        rest = after;
    }
    let left: Vec<_> = fs::read_dir(temporary.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}
