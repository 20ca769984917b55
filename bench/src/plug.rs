//! A plug: from the moment that the toolstack starts the script to its end.

use std::error::Error;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::{DomainConfig, Lab, LabConfig};

use crate::contender::Contender;
use crate::statistics::Sample;

/// How often each contender plugs, unless told otherwise.
pub(crate) const ROUNDS: usize = 20;

/// Between two calls, so that none waits for what the kernel still tidies up after the one before.
const PAUSE: Duration = Duration::from_millis(150);

/// The guest's interface, with an address that the guard holds it to.
const VIF: &str = "mac=00:16:3e:00:00:02,ip=10.0.0.2,bridge=xenbr0";

/// That of the other guest, where there is one.
const NEIGHBOUR: &str = "mac=00:16:3e:00:00:03,ip=10.0.0.3,bridge=xenbr0";

/// What was measured of one contender.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// `online`.
    pub(crate) online: Sample,
    /// `offline`.
    pub(crate) offline: Sample,
}

/// A host with a guest, whose interface is plugged and unplugged by one contender.
struct Stage {
    lab: Lab,
    contender: Contender,
    environment: Vec<(String, OsString)>,
}

/// Lets all of them plug and unplug, in turn.
pub(crate) fn measure(contenders: &[Contender], rounds: usize) -> Result<Vec<Measured>, Box<dyn Error>> {
    let stages = contenders.iter().map(Stage::new).collect::<Result<Vec<_>, _>>()?;
    let mut measured: Vec<Measured> = contenders.iter().map(Measured::new).collect();
    for _ in 0..rounds {
        for (stage, measured) in stages.iter().zip(&mut measured) {
            measured.offline.add(stage.call("offline")?);
            measured.online.add(stage.call("online")?);
        }
    }
    Ok(measured)
}

impl Measured {
    fn new(contender: &Contender) -> Self {
        Self { title: contender.title, online: Sample::default(), offline: Sample::default() }
    }
}

impl Stage {
    fn new(contender: &Contender) -> Result<Self, Box<dyn Error>> {
        let mut config = LabConfig::default();
        config.toolstack.scripts.clone_from(&contender.scripts);
        config.toolstack.environment.push(("bridge".to_owned(), "xenbr0".into()));
        let lab = Lab::build(config)?;
        lab.add_bridge("xenbr0", &["eth0"])?;
        if contender.has_neighbour {
            lab.toolstack().create(&DomainConfig::xl("neighbour", &[NEIGHBOUR])?)?;
        }
        let created = lab.toolstack().create(&DomainConfig::xl("guest", &[VIF])?)?;
        let call = &created.vifs.first().and_then(|vif| vif.runs.first()).ok_or("no script was called")?.call;
        let environment = lab.environment().into_iter().chain(call.environment.clone()).collect();
        Ok(Self { lab, contender: contender.clone(), environment })
    }

    /// Calls the script as the toolstack does, and says how long it took.
    fn call(&self, operation: &str) -> Result<Duration, Box<dyn Error>> {
        let mut command = Command::new(self.contender.scripts.join("vif-bridge"));
        command.args([operation, "type_if=vif"]).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        thread::sleep(PAUSE);
        let (status, took) = self.lab.host().run(|| {
            let begin = Instant::now();
            (command.status(), begin.elapsed())
        })?;
        if !status?.success() {
            return Err(format!("{}: {operation} failed", self.contender.title).into());
        }
        Ok(took)
    }
}
