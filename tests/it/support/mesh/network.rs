//! Network namespaces, joined by a bridge that is in a namespace of its own. The host's network isn't touched.

use std::{
    fs::File,
    io::Write as _,
    net::Ipv4Addr,
    os::fd::AsFd as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{dns::NAME_SERVER, sandbox::Sandbox};

type Task = Box<dyn FnOnce() + Send>;

/// A thread of the test process that is in a network namespace. A socket belongs to the namespace of the thread that
/// made it; afterwards, any thread can use it.
pub(super) struct NetworkThread {
    tasks: mpsc::Sender<Task>,
}

impl NetworkThread {
    fn enter(namespace: &Path) -> Self {
        let namespace = File::open(namespace).expect("opening a network namespace");
        let (tasks, queue) = mpsc::channel::<Task>();
        thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("entering a network namespace, which needs root");
            for task in queue {
                task();
            }
        });
        Self { tasks }
    }

    /// Runs `task` in the network namespace. It must not block for long.
    pub(super) fn run<T: Send + 'static>(&self, task: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, result) = mpsc::channel();
        let send = move || sender.send(task()).expect("the caller waits");
        self.tasks.send(Box::new(send)).expect("the thread runs");
        result.recv().expect("the task doesn't panic")
    }
}

/// The bridge that joins the workloads, and their addresses.
pub(super) struct Network {
    hub: Sandbox,
    thread: NetworkThread,
    attached: AtomicU16,
}

impl Network {
    /// An empty network.
    pub(super) fn new() -> Self {
        let hub = Sandbox::start("", "", &[], true);
        let bridge = "link set lo up\nlink add bridge type bridge\nlink set bridge up\n";
        configure(&hub, &format!("{bridge}addr add {NAME_SERVER}/32 dev bridge\nroute add 10.244.0.0/16 dev bridge\n"));
        let thread = NetworkThread::enter(&hub.network_namespace());
        Self { hub, thread, attached: AtomicU16::new(0) }
    }

    /// Joins the namespace of `sandbox` to the network.
    pub(super) fn attach(&self, sandbox: &Sandbox) -> (NetworkThread, Ipv4Addr) {
        let number = self.attached.fetch_add(1, Ordering::Relaxed);
        let [high, low] = (number + 1).to_be_bytes();
        let address = Ipv4Addr::new(10, 244, high, low);
        let (hub, own) = (self.hub.id(), sandbox.id());
        let link = format!("link add veth{number} netns {hub} type veth peer name eth0 netns {own}\n");
        let status = ip(&mut Command::new("ip"), &link);
        assert!(status, "making a virtual network device");
        configure(&self.hub, &format!("link set veth{number} master bridge up\n"));
        // Without a route, no packet to a Service's address would come as far as the redirection to Envoy.
        configure(
            sandbox,
            &format!("link set lo up\naddr add {address}/16 dev eth0\nlink set eth0 up\nroute add default dev eth0\n"),
        );
        (NetworkThread::enter(&sandbox.network_namespace()), address)
    }

    /// A thread in the bridge's namespace, in which every packet between workloads can be seen.
    pub(super) fn thread(&self) -> &NetworkThread {
        &self.thread
    }
}

/// Runs commands of `ip` in the network namespace of `sandbox`.
#[track_caller]
fn configure(sandbox: &Sandbox, commands: &str) {
    let mut nsenter = Command::new("nsenter");
    nsenter.arg(format!("--net={}", sandbox.network_namespace().display())).arg("ip");
    assert!(ip(&mut nsenter, commands), "configuring a network namespace: {commands}");
}

fn ip(command: &mut Command, commands: &str) -> bool {
    let mut child = command.args(["-batch", "-"]).stdin(Stdio::piped()).spawn().expect("running ip (iproute2)");
    child.stdin.take().expect("it is piped").write_all(commands.as_bytes()).expect("writing to ip");
    child.wait().expect("waiting for ip").success()
}
