//! The least that a plug can be: two requests to the kernel and one to the store, with no guard, no questions and no
//! care. What any other program takes longer is what it does besides.
//!
//! `floor online|offline`, with `vif`, `bridge` and `XENBUS_PATH` in the environment.

use std::error::Error;
use std::path::PathBuf;

use netkernel::Rtnetlink;
use netkernel::link::{LinkChange, LinkName, Master};
use xenstore::Requests;
use xenstore::client::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let mut kernel = Rtnetlink::open()?;
    let vif = kernel.link(&LinkName::new(variable("vif")?)?)?.ok_or("no such vif")?;
    if std::env::args().nth(1).as_deref() == Some("offline") {
        kernel.change_link(vif.index, &LinkChange { up: Some(false), ..LinkChange::default() })?;
        kernel
            .change_link(vif.index, &LinkChange { master: Some(Master::Nobody), ..LinkChange::default() })?;
        return Ok(());
    }
    let bridge = kernel.link(&LinkName::new(variable("bridge")?)?)?.ok_or("no such bridge")?;
    let plugged =
        LinkChange { master: Some(Master::Link(bridge.index)), up: Some(true), ..LinkChange::default() };
    kernel.change_link(vif.index, &plugged)?;
    let socket = PathBuf::from(variable("XENSTORED_PATH")?);
    let mut store = Client::connect(&socket)?;
    store.write(&format!("{}/hotplug-status", variable("XENBUS_PATH")?), "connected")?;
    Ok(())
}
