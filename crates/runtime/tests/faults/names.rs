//! F05 to F07: names that lead nowhere, elsewhere, or take their time.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use fault_kit::{Fault, Gate, How, Names, Plan, Proxy, Upstream};
use tempfile::TempDir;

use crate::case::{Case, FORMS, Run};
use crate::lane::{Lane, judge, manifest};
use crate::load::many;
use crate::record;
use crate::support;

const FIRST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Nobody listens there.
const DEAD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// A server of names, and a machine of which the gateway thinks that it asks that one.
struct Machine {
    names: Names,
    etc: TempDir,
}

impl Machine {
    /// `None` where this machine does not let a test do that; the reason is told.
    async fn new(row: &str) -> Option<Self> {
        let names = match Names::start().await {
            Ok(names) => names,
            Err(error) => {
                record::skipped(row, &format!("the port of names cannot be opened: {error}"));
                return None;
            }
        };
        let etc = tempfile::tempdir().unwrap();
        // One try, for longer than any test waits.
        let resolver = format!("{}\noptions timeout:30 attempts:1\n", names.line());
        std::fs::write(etc.path().join("resolv.conf"), resolver).unwrap();
        std::fs::write(etc.path().join("nsswitch.conf"), "hosts: dns\n").unwrap();
        let machine = Self { names, etc };
        let tried = machine.command("true").stderr(Stdio::piped()).output();
        if tried.as_ref().is_ok_and(|tried| tried.status.success()) {
            return Some(machine);
        }
        let why = tried.map_or_else(|error| error.to_string(), |tried| tried.status.to_string());
        record::skipped(row, &format!("/etc/resolv.conf cannot be replaced for one process: {why}"));
        None
    }

    /// A command to which files of this folder are those of the machine.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        let script = "cd \"$1\" && mount --bind resolv.conf /etc/resolv.conf \
                      && mount --bind nsswitch.conf /etc/nsswitch.conf && shift && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(self.etc.path()).arg(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
        command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
        command
    }

    /// A gateway that knows its upstream by name.
    fn lane(&self, upstream: Upstream, connect_timeout: &str) -> Lane {
        let url = format!("http://upstream.test:{}", upstream.proxy.address().port());
        let manifest = manifest(&url, connect_timeout)
            .replace("      connect_timeout", "      aws_endpoint_insecure: true\n      connect_timeout");
        let own = support::spicerack();
        let command = self.command(own.get_program().to_str().unwrap());
        Lane::run_by(command, upstream, &manifest, &["--max-in-flight", "1000"])
    }
}

pub(crate) async fn slow(run: Run) {
    let Some(machine) = Machine::new("F05").await else { return };
    machine.names.lead_to(&[FIRST]);
    let mut lane = machine.lane(Upstream::start().await.unwrap(), "200ms");
    let gate = Gate::default();
    machine.names.wait(Some(&gate));
    let count = run.count(20, 200);
    for (stream, seen, line) in many(&mut lane, "nova", count).await {
        let case = Case::lost("the server of names is slow", stream).refused(504, "upstream_connect_timeout");
        judge(&case, &seen, &line, 0);
        // As far as the budget of retries goes.
        assert!((1..=3).contains(&line["attempts"].as_u64().unwrap()), "{line}");
    }
    // They all waited for one look-up, for both kinds of addresses.
    assert_eq!(machine.names.asked(), 2);
    gate.open();
    machine.names.wait(None);
    lane.holds("the server of names was slow").await;
    for (stream, reused) in FORMS {
        lane.run(&Case::new("the server of names is quick again", stream).reused(reused)).await;
    }
    // Nor does a look-up that goes on hold up the end of the process. A fresh connection makes it necessary.
    lane.is_well(true, false, "a look-up").await;
    let asked = machine.names.asked();
    machine.names.wait(Some(&Gate::default()));
    let (seen, line) = lane.ask("nova", true).await;
    let case = Case::lost("the server of names is silent", true).refused(504, "upstream_connect_timeout");
    judge(&case, &seen, &line, 0);
    machine.names.wait_for(asked + 1).await;
    lane.stop();
}

pub(crate) async fn changing(run: Run) {
    let Some(machine) = Machine::new("F06").await else { return };
    machine.names.lead_to(&[FIRST]);
    let upstream = Upstream::start().await.unwrap();
    let other = SocketAddr::from((SECOND, upstream.proxy.address().port()));
    let other = Proxy::at(upstream.address(), other).await.unwrap();
    let mut lane = machine.lane(upstream, "5s");
    for round in 0..run.count(2, 10) {
        let stream = round % 2 == 0;
        // The machine behind the name goes, and its name leads to one that is dead.
        lane.is_well(stream, true, "the start").await;
        let cut = Fault::Cut { at: 0, how: How::Rst };
        lane.upstream.proxy.plan(Plan::default().up(cut).spares_new());
        machine.names.lead_to(&[DEAD]);
        for _ in 0..2 {
            lane.alone(&Case::lost("a name of the dead", stream).refused(502, "upstream_unreachable")).await;
        }
        machine.names.lead_to(&[FIRST]);
        lane.is_well(stream, true, "the name led back").await;

        // It goes without a word: one request for the connection that was kept, and then the other machine.
        let before = other.connections().len();
        lane.upstream.proxy.plan(Plan::default().up(Fault::Swallow { at: 0 }));
        machine.names.lead_to(&[SECOND]);
        lane.alone(&Case::lost("a kept connection", stream).hasty().refused(504, "upstream_timeout")).await;
        lane.is_well(stream, false, "the name led elsewhere").await;
        assert_eq!(other.connections().len(), before + 1);
        lane.upstream.proxy.plan(Plan::default());
        machine.names.lead_to(&[FIRST]);
    }
    lane.holds("names that change").await;
    lane.stop();
}

pub(crate) async fn one_of_two(_run: Run) {
    let Some(machine) = Machine::new("F07").await else { return };
    machine.names.lead_to(&[FIRST, SECOND]);
    let mut upstreams = vec![Upstream::behind(Proxy::closed).await.unwrap()];
    match Upstream::behind(Proxy::deaf).await {
        Ok(upstream) => upstreams.push(upstream),
        Err(error) => record::skipped("F07", &format!("the address that loses packets: {error}")),
    }
    for upstream in upstreams {
        let other = SocketAddr::from((SECOND, upstream.proxy.address().port()));
        let other = Proxy::at(upstream.address(), other).await.unwrap();
        let mut lane = machine.lane(upstream, "1s");
        for (stream, reused) in FORMS {
            lane.run(&Case::new("one address of two is dead", stream).reused(reused)).await;
        }
        assert!(!other.connections().is_empty());
        lane.stop();
    }
}
