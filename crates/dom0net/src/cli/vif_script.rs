//! What the scripts for a guest's interface say of themselves. Toolstacks never ask; people do.

use dom0net::hotplug::Mode;

/// How a script is called.
pub(crate) fn help(mode: Mode) -> String {
    let script = mode.script();
    format!(
        "{what}

Usage: {script} online|offline [type_if=vif] [name=value...] [--dry-run]
       {script} add|remove type_if=tap [name=value...] [--dry-run]

A toolstack calls it, with these in the environment:

  XENBUS_PATH   the backend folder of the interface in xenstore, as in backend/vif/3/0
  vif           the interface's device, as in vif3.0
  INTERFACE     the tap's, for add and remove

What the interface shall be is said by the nodes there, which come from the guest's configuration; words of
the form name=value stand in for nodes that are missing.

  --dry-run     print what would be done, and do nothing

Examples:
  XENBUS_PATH=backend/vif/3/0 vif=vif3.0 {script} online --dry-run
  (vif-script {script})      in /etc/xen/xend-config.sxp
  vif = ['script={script}']  in a guest's configuration
",
        what = what(mode)
    )
}

fn what(mode: Mode) -> &'static str {
    match mode {
        Mode::Bridge => "Plug a guest's interface into its bridge, and guard it.",
        Mode::Route => "Route to a guest's interface, and guard it.",
        Mode::Nat => "Lead a guest's interface out by network address translation, and guard it.",
        Mode::OpenVSwitch => "Plug a guest's interface into an Open vSwitch, and guard it.",
    }
}
