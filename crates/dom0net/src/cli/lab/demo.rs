//! `dom0net lab demo`: the main job, from end to end, with what was really seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dom0net::guard::Reason;
use lab::keeper::{Context, Next};
use lab::{Created, DomainConfig, Guest, Lab, ScriptRun, Snapshot};
use xenconf::source::Source;
use xenconf::xend::XendConfig;

use super::attacks::{Attack, Outcome};
use super::pings::{self, Target};
use super::scene::{self, SceneError};
use super::store;
use crate::cli::fail;
use crate::cli::output::out;

/// The files of the demonstration, which go with the program: it runs anywhere.
const HOST: (&str, &[u8]) =
    ("examples/xend-config.sxp", include_bytes!("../../../../../examples/xend-config.sxp"));
const GUESTS: [(&str, &[u8]); 3] = [
    ("examples/rhel4", include_bytes!("../../../../../examples/rhel4")),
    ("examples/web.cfg", include_bytes!("../../../../../examples/web.cfg")),
    ("examples/db.sxp", include_bytes!("../../../../../examples/db.sxp")),
];
/// The guest that lies, and the one that it pretends to be.
const LIAR: &str = "web";
const VICTIM: &str = "db";

/// Runs the demonstration.
pub(super) fn run(context: &Context, keep: bool) -> Next {
    let mut demo = Demo { wrong: Vec::new(), begin: Instant::now(), chapter: 0 };
    match demo.play(context, keep) {
        Ok(stays) => demo.end(stays),
        Err(error) => {
            out("\n");
            Next::End(fail(&error))
        }
    }
}

struct Demo {
    /// What was not as it should be.
    wrong: Vec<String>,
    begin: Instant,
    chapter: u32,
}

impl Demo {
    /// Plays all chapters; returns the lab when it shall stay.
    fn play(&mut self, context: &Context, keep: bool) -> Result<Option<Lab>, SceneError> {
        let config = scene::read_host(&Source::new(HOST.0, HOST.1))?;
        let lab = scene::build(context, config.defaults())?;
        self.show_wire(&lab);
        let before = lab.host().station().snapshot()?;
        self.start_network(&lab, &config)?;
        let guests = self.create_guests(&lab)?;
        let targets = targets(&lab, &guests)?;
        self.ping(&guests, &targets)?;
        self.attack(&lab, &guests, &targets)?;
        self.show_host(&lab)?;
        self.show_store(&lab, &guests)?;
        if keep {
            return Ok(Some(lab));
        }
        self.put_away(&lab, &config, &before)?;
        Ok(None)
    }

    fn end(self, stays: Option<Lab>) -> Next {
        let seconds = self.begin.elapsed().as_secs_f32();
        out("\n");
        if let Some(lab) = stays.filter(|_| self.wrong.is_empty()) {
            out("It stays. Look around with: dom0net lab enter host, dom0net lab enter web\n");
            out("End it with:                dom0net lab down\n");
            return Next::Stay(Box::new(lab));
        }
        if self.wrong.is_empty() {
            out(&format!("All was as it should be, in {seconds:.1} s.\n"));
            return Next::End(0);
        }
        for wrong in &self.wrong {
            out(&format!("NOT as it should be: {wrong}\n"));
        }
        Next::End(1)
    }

    fn title(&mut self, title: &str) {
        self.chapter += 1;
        out(&format!("\n{}. {title}\n\n", self.chapter));
    }

    /// Notes what was not as it should be.
    fn expect(&mut self, is_so: bool, what: impl Into<String>) {
        if !is_so {
            self.wrong.push(what.into());
        }
    }

    fn show_wire(&mut self, lab: &Lab) {
        self.title("A host on a wire, out of network namespaces");
        let wire = lab.wire().config();
        let words = |list: Vec<String>| list.join("  ");
        let gateway = words(wire.gateway.iter().map(ToString::to_string).collect());
        let internet = words(wire.internet.iter().map(ToString::to_string).collect());
        out(&format!("  internet  {internet}\n  gateway   {gateway}\n"));
        out(&format!("  host      eth0  {}\n", words(addresses(lab, "eth0"))));
    }

    fn start_network(&mut self, lab: &Lab, config: &XendConfig) -> Result<(), SceneError> {
        self.title(&format!("The host's network starts, as {} says", HOST.0));
        if let Some(text) = &config.network_script_text {
            out(&format!("  (network-script '{}')\n", text.as_str()));
        }
        if let Some(run) = scene::network(lab, config, "start")? {
            out(&format!("  {}\n", told(&run)));
        }
        out(&format!("  host      xenbr0  {}\n", addresses(lab, "xenbr0").join("  ")));
        Ok(())
    }

    fn create_guests(&mut self, lab: &Lab) -> Result<Vec<Arc<Guest>>, SceneError> {
        self.title("Three guests are created; the script is called as libxl calls it");
        let mut guests = Vec::new();
        for (name, bytes) in GUESTS {
            let domain = scene::read_guest(&Source::new(name, bytes))?;
            let created = scene::create(lab, &DomainConfig::from(&domain))?;
            out(&format!("  {:6} from {name}, in {}\n", created.guest.name(), scene::language(&domain)));
            self.show_calls(&created);
            guests.push(created.guest);
        }
        Ok(guests)
    }

    fn show_calls(&mut self, created: &Created) {
        for attached in &created.vifs {
            for run in &attached.runs {
                let vif = run.call.environment.iter().find(|(name, _)| name == "XENBUS_PATH");
                let path = vif.map(|(_, path)| path.to_string_lossy().into_owned()).unwrap_or_default();
                out(&format!("         XENBUS_PATH={path} vif={} {}\n", attached.vif, told(run)));
            }
            self.expect(attached.runs.len() == 1, format!("{} was plugged by one call", attached.vif));
        }
    }

    fn ping(&mut self, guests: &[Arc<Guest>], targets: &[Target]) -> Result<(), SceneError> {
        self.title("Who reaches whom");
        let matrix = pings::matrix(guests, targets)?;
        out(&matrix.table());
        self.expect(matrix.is_full(), "everybody reaches everybody");
        Ok(())
    }

    fn attack(&mut self, lab: &Lab, guests: &[Arc<Guest>], targets: &[Target]) -> Result<(), SceneError> {
        self.title(&format!("{LIAR} lies"));
        let find = |name: &str| {
            let guest = guests.iter().find(|guest| guest.name() == name);
            guest.ok_or_else(|| SceneError(format!("there is no guest {name}")))
        };
        let attack = Attack { lab, liar: find(LIAR)?, victim: find(VICTIM)?, targets };
        let before = scene::dropped(lab, LIAR)?;
        let mut outcomes = attack.forge()?;
        // Last: where nothing stops this, a bridge takes the liar for the victim from then on.
        outcomes.extend(attack.impersonate()?);
        for outcome in &outcomes {
            self.judge(outcome);
        }
        out("\n  Frames that the guard dropped:\n");
        let dropped = scene::dropped(lab, LIAR)?;
        for (reason, frames) in &dropped {
            let old = before.iter().find(|(this, _)| this == reason).map_or(0, |(_, frames)| *frames);
            if *frames > old {
                let words = Reason::from_word(reason).map_or_else(|| reason.clone(), |it| it.to_string());
                out(&format!("    {:>4}  {words}\n", frames - old));
            }
        }
        for reason in ["arp", "mac", "ethertype", "ipv6-source"] {
            let has_grown = dropped.iter().any(|(this, frames)| this == reason && *frames > 0);
            self.expect(has_grown, format!("the guard counts what it drops because of {reason}"));
        }
        let honest = pings::matrix(std::slice::from_ref(find(LIAR)?), targets)?;
        out(&format!("\n  Honest again, {LIAR} is heard{}:\n", if honest.is_full() { "" } else { " NOT" }));
        out(&honest.table());
        self.expect(honest.is_full(), format!("{LIAR} reaches everybody again"));
        Ok(())
    }

    fn judge(&mut self, outcome: &Outcome) {
        let reached = if outcome.reached.is_empty() {
            "reaches nobody".to_owned()
        } else {
            format!("REACHES {}", outcome.reached.join(", "))
        };
        out(&format!("  {:50} {reached}\n", outcome.deed));
        self.expect(outcome.reached.is_empty(), format!("{LIAR} {}, and reaches nobody", outcome.deed));
    }

    fn show_host(&mut self, lab: &Lab) -> Result<(), SceneError> {
        self.title("Who is where, says dom0net show");
        out(&indented(&scene::ask_host(lab, &["show", "--drawing"])?));
        out("\n");
        out(&indented(&scene::ask_host(lab, &["show"])?));
        Ok(())
    }

    fn show_store(&mut self, lab: &Lab, guests: &[Arc<Guest>]) -> Result<(), SceneError> {
        let Some(guest) = guests.first() else { return Ok(()) };
        self.title(&format!("What xenstore holds of {}'s interface", guest.name()));
        let vif = lab::VifId { domid: guest.domid(), devid: 0, backend: 0 };
        out(&store::of_vif(lab, vif)?);
        Ok(())
    }

    fn put_away(&mut self, lab: &Lab, config: &XendConfig, before: &Snapshot) -> Result<(), SceneError> {
        self.title("All is put away");
        for guest in lab.toolstack().guests() {
            let destroyed = lab.toolstack().destroy(guest.domid())?;
            for run in &destroyed.runs {
                out(&format!("  {:6} {}\n", guest.name(), told(run)));
                self.expect(run.is_success(), format!("{} is unplugged", guest.name()));
            }
        }
        if let Some(run) = scene::network(lab, config, "stop")? {
            out(&format!("  host   {}\n", told(&run)));
        }
        let differences = lab.host().station().snapshot()?.since(before);
        if differences.is_empty() {
            out("  Links, addresses, routes, rules, settings and packet filter are as they were before.\n");
        }
        for difference in differences {
            out(&format!("  NOT as before: {difference}\n"));
            self.wrong.push(format!("the host is as before: {difference}"));
        }
        Ok(())
    }
}

/// A call and how it went, without the folder of the scripts, which means nothing to anybody.
fn told(run: &ScriptRun) -> String {
    let name = run.call.path.file_name().unwrap_or_default().to_string_lossy();
    format!("{name} {}  [{}, {}]", run.call.arguments.join(" "), run.end, milliseconds(run.took))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn addresses(lab: &Lab, link: &str) -> Vec<String> {
    let snapshot = lab.host().station().snapshot().unwrap_or_default();
    let prefix = format!("address {link} ");
    let all = snapshot.of(prefix.trim_end()).filter_map(|(subject, _)| subject.strip_prefix(&prefix));
    all.filter(|address| !address.starts_with("fe80")).map(str::to_owned).collect()
}

/// Everybody who can be reached: the guests, the host, the gateway and what is behind it.
fn targets(lab: &Lab, guests: &[Arc<Guest>]) -> Result<Vec<Target>, SceneError> {
    let mut targets = Vec::new();
    for guest in guests {
        let addresses = guest.interface(0).addresses.iter().map(ipnet::IpNet::addr).collect();
        targets.push(Target { name: guest.name().to_owned(), addresses });
    }
    let host = addresses(lab, "xenbr0");
    let host = host.iter().filter_map(|net| net.parse::<ipnet::IpNet>().ok()).map(|net| net.addr());
    let wire = lab.wire().config();
    let fixed = [
        ("host", host.collect()),
        ("gateway", wire.gateway.iter().map(ipnet::IpNet::addr).collect()),
        ("internet", wire.internet.clone()),
    ];
    targets.extend(fixed.map(|(name, addresses)| Target { name: name.to_owned(), addresses }));
    match targets.iter().find(|target| target.addresses.is_empty()) {
        Some(target) => Err(SceneError(format!("{} has no address", target.name))),
        None => Ok(targets),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n").replace("  \n", "\n")).collect()
}
