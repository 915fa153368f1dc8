//! The binary, which Terraform and OpenTofu start as a plugin. Users start it for `--version`, `--help` and `--debug`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use terraform_provider_mesh::{
    plugin::{ServeMode, Transport, serve},
    provider::{ADDRESS, provider},
};

const HELP: &str = "\
terraform-provider-mesh hides Istio behind intent. Terraform and OpenTofu start it; it does nothing by hand.

  --debug    serve until interrupted, and print the TF_REATTACH_PROVIDERS by which runs find this process
  --tcp      listen on a port of 127.0.0.1 instead of a Unix socket, as on Windows; for a host that starts this program
  --version  print the version
  --help     print this
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => return serve(ADDRESS, provider(), ServeMode::Plugin, Transport::default()),
        ["--tcp"] => return serve(ADDRESS, provider(), ServeMode::Plugin, Transport::Tcp),
        ["--debug" | "-debug"] => return serve(ADDRESS, provider(), ServeMode::Debug, Transport::default()),
        ["--version" | "-version"] => concat!("terraform-provider-mesh ", env!("CARGO_PKG_VERSION"), "\n"),
        ["--help" | "-help" | "-h"] => HELP,
        _ => {
            // If stderr is closed, the exit code must suffice.
            let _ = write!(io::stderr(), "Unknown arguments.\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}
