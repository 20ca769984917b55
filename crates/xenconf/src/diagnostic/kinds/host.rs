use crate::diagnostic::kind::declare_kinds;

declare_kinds! { HOST;

    BRIDGE_MISSING: "X1201" Warning "a bridge that nothing makes",
    "The interface asks for a bridge that does not exist on the host, as far as the host's configuration tells: \
     network-bridge makes one bridge, with the name in `bridge=`, or else xenbr0 (up to Xen 3.1) or the name of \
     the device (3.2 and later). vif-bridge takes eth0 in place of a missing xenbr0. When a script of your own \
     makes the bridges, nothing is said.\n\n\
     xl writes `xenbr0` (or what xl.conf says) for an interface that names no bridge.";

    BRIDGE_OPENVSWITCH: "X1202" Error "a bridge that vif-openvswitch cannot read",
    "For Open vSwitch, the name of the bridge can be followed by a VLAN tag after a dot, and by VLANs of a trunk \
     after colons: br0, br0.100, br0:101:102. Anything else is refused, and the interface does not come up.";

    KEY_UNHONOURED: "X1203" Warning "a key that the host's mode cannot honour",
    "What a key does depends on the script that connects the interface. `bridge` and `vlan` mean nothing for a \
     routed interface, `gatewaydev` nothing for a bridged one, and Open vSwitch takes its VLANs with the \
     bridge's name.";

    SCRIPT_OF_HOST: "X1204" Error "a script of the host for an interface",
    "network-bridge, network-route and network-nat prepare the host, once. vif-bridge, vif-route and vif-nat \
     connect an interface. The one in place of the other does nothing for the interface, or takes the host's \
     network apart.";

    SCRIPTS_MISMATCH: "X1205" Warning "scripts that do not go together",
    "network-bridge goes with vif-bridge, network-route with vif-route, network-nat with vif-nat. Otherwise the \
     host is prepared in one way, and the guests are connected in another.";

    SCRIPT_WORD: "X1206" Warning "an argument of a network script that is no `name=value`",
    "The arguments of Xen's network scripts are words of the form name=value. The first word without an equals \
     sign is taken for the command, in place of the `start` that xend gives.";

    SCRIPT_ARGUMENT_UNKNOWN: "X1207" Warning "an argument that a network script does not know",
    "Xen's network scripts evaluate each name=value as shell code, so that any variable can be set; one that \
     the script does not use has no effect. The variables are bridge, netdev, vifnum, antispoof, and dhcp for \
     network-nat.";

    SCRIPT_ARGUMENT_VALUE: "X1208" Warning "a value that means no",
    "network-bridge compares antispoof with the word `yes`. Everything else, also `true` or `1`, means no.";

    BACKEND_NOT_SERVING: "X1209" Warning "a backend domain that does not serve interfaces",
    "The interface is to be served by a domain whose configuration is among the files, and which is not \
     configured as a network backend: `netif = 1` for xm, `(backend (netif))` in SXP, `driver_domain = 1` for xl.";
}
