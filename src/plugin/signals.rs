//! The two signals that end programs: on Unix SIGINT and SIGTERM, on Windows Ctrl-C and Ctrl-Break.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The signal of Ctrl-C, which reaches every process of the terminal.
#[cfg(unix)]
pub(super) fn interrupt() -> io::Result<Signal> {
    signal(SignalKind::interrupt())
}

/// The signal by which other processes ask this one to end.
#[cfg(unix)]
pub(super) fn terminate() -> io::Result<Signal> {
    signal(SignalKind::terminate())
}

/// The signal of Ctrl-C, which reaches every process of the console.
#[cfg(windows)]
pub(super) fn interrupt() -> io::Result<CtrlC> {
    ctrl_c()
}

/// The signal by which other processes ask this one to end.
#[cfg(windows)]
pub(super) fn terminate() -> io::Result<CtrlBreak> {
    ctrl_break()
}
