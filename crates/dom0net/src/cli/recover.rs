//! `dom0net recover`: undo or finish what was cut short.

use dom0net::hotplug;
use dom0net::log::{Event, Level, tell};
use dom0net::network::{self, Records, Recovered};
use dom0net::places::Places;
use dom0net::plan::Kernel;
use dom0net::routed;

use super::fail;
use super::output::announce;

/// Runs the command and returns the exit status.
pub(crate) fn run() -> u8 {
    let records = Records::of(&Places::from_environment());
    let aside = match records.set_unreadable_aside() {
        Ok(aside) => aside,
        Err(error) => return fail(&error),
    };
    for path in &aside {
        fail(&format!(
            "a record could not be read, and is set aside as {}; what it was about stays as it is: \
             look at it with network-bridge status, and with ip address",
            path.display()
        ));
    }
    let recovered = Kernel::open()
        .map_err(network::Error::from)
        .and_then(|mut kernel| network::recover(&mut kernel, &records));
    let undone = Kernel::open().map_err(routed::Error::from).and_then(|mut kernel| {
        let undone = routed::recover(&mut kernel, &Places::from_environment());
        kernel.close_later();
        undone
    });
    let undone = match undone {
        Ok(undone) => undone,
        Err(error) => return fail(&error),
    };
    for record in &undone {
        let message = format!("{}: what was left of it has been undone", record.name);
        announce(&message);
        let fields = [("network", record.name.as_str())];
        tell(&Event { program: "dom0net", level: Level::Warning, message: &message, fields: &fields });
    }
    let swept = Kernel::open().map_err(hotplug::Error::from).and_then(|mut kernel| {
        let swept = hotplug::sweep_all(&mut kernel, &Places::from_environment());
        kernel.close_later();
        swept
    });
    let swept = match swept {
        Ok(swept) => swept,
        Err(error) => return fail(&error),
    };
    for port in &swept {
        let message = format!("{port} has gone without a word; what was left of it has been taken away");
        announce(&message);
        let fields = [("vif", &*port.to_string())];
        tell(&Event { program: "dom0net", level: Level::Warning, message: &message, fields: &fields });
    }
    let is_well = undone.is_empty() && aside.is_empty() && swept.is_empty();
    match recovered {
        Ok(recovered) if recovered.is_empty() && is_well => {
            announce("nothing was left half done");
        }
        Ok(recovered) => recovered.iter().for_each(tell_of),
        Err(error) => return fail(&error),
    }
    u8::from(!aside.is_empty())
}

fn tell_of(recovered: &Recovered) {
    let (record, message) = (recovered.record(), recovered.to_string());
    announce(&message);
    let fields = [("bridge", record.bridge.name.as_str()), ("uplink", record.uplink.name.as_str())];
    tell(&Event { program: "dom0net", level: Level::Warning, message: &message, fields: &fields });
}
