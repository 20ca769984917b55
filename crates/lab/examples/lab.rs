//! A lab that stays: `up`, `list`, `enter STATION [COMMAND…]`, `down`. `once` ends with what it was started for,
//! with status 3; `watch` does not end by itself, but with this command.
//!
//! It is its own hotplug script: called as `vif-bridge` it plugs an interface into its bridge, as simply as can be.

use std::error::Error;
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use lab::keeper::{self, Context, Next, Places};
use lab::{DomainConfig, Lab, Ping};
use netkernel::Rtnetlink;
use netkernel::link::{LinkChange, LinkName, Master, index_of};
use xenstore::{Client, Requests};

/// The word with which this program calls itself.
const HIDDEN: &str = "--stage";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if Path::new(&name).ends_with("vif-bridge") {
        return status(plug().map(|()| 0));
    }
    let command = arguments.next().unwrap_or_default();
    let places = Places::from_environment();
    match command.to_str() {
        Some(HIDDEN) => keeper::main(&[HIDDEN], arguments, work).into(),
        Some("up" | "once" | "watch") => {
            status(keeper::start(&places, &[HIDDEN], &[command]).map_err(Into::into))
        }
        Some("list") => status(list(&places)),
        Some("enter") => {
            let station = arguments.next().unwrap_or_default();
            let command: Vec<OsString> = arguments.collect();
            status(keeper::enter(&places, &station.to_string_lossy(), &command).map_err(Into::into))
        }
        Some("down") => status(keeper::end(&places).map(|()| 0).map_err(Into::into)),
        _ => {
            eprintln!("usage: lab up | once | watch | list | enter STATION [COMMAND...] | down");
            ExitCode::from(2)
        }
    }
}

fn status(result: Result<u8, Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list(places: &Places) -> Result<u8, Box<dyn Error>> {
    let running = keeper::running(places)?;
    println!("process {}: {}", running.pid, running.stations.join(", "));
    Ok(0)
}

/// What happens inside.
fn work(context: &Context) -> Next {
    let lab = match build(context) {
        Ok(lab) => lab,
        Err(error) => {
            eprintln!("lab: {error}");
            return Next::End(1);
        }
    };
    match context.arguments.first().and_then(|word| word.to_str()) {
        Some("up") => Next::Stay(Box::new(lab)),
        Some("watch") => loop {
            std::thread::park();
        },
        _ => Next::End(3),
    }
}

fn build(context: &Context) -> Result<Lab, Box<dyn Error>> {
    let mut config = context.config();
    config.toolstack.scripts = context.folder().into();
    symlink(std::env::current_exe()?, context.folder().join("vif-bridge"))?;
    let lab = Lab::build(config)?;
    lab.add_bridge("xenbr0", &["eth0"])?;
    let web = lab.create(&DomainConfig::xl("web", &["ip=10.0.0.2"])?)?;
    println!("web and the gateway: {}", web.station().ping(&Ping::to([10, 0, 0, 254]))?);
    Ok(lab)
}

/// The script: the device becomes a port of its bridge, and the store is told.
fn plug() -> Result<(), Box<dyn Error>> {
    let path = std::env::var("XENBUS_PATH")?;
    let vif = std::env::var("vif")?;
    if std::env::args().nth(1).as_deref() != Some("online") {
        return Ok(());
    }
    let mut store = Client::open()?;
    let bridge = store.read_text(&format!("{path}/bridge"))?.ok_or("the vif has no bridge")?;
    let index = |name: &str| index_of(&LinkName::new(name).ok()?);
    let master = index(&bridge).map(Master::Link).ok_or("there is no such bridge")?;
    let change = LinkChange { master: Some(master), up: Some(true), ..LinkChange::default() };
    Rtnetlink::open()?.change_link(index(&vif).ok_or("there is no such device")?, &change)?;
    store.write(&format!("{path}/hotplug-status"), "connected")?;
    Ok(())
}
