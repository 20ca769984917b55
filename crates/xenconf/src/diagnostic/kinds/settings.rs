use crate::diagnostic::kind::declare_kinds;

declare_kinds! { SETTINGS;

    ASSIGNED_TWICE: "X0501" Warning "a setting is made twice",
    "The same variable is assigned twice, and nothing uses the first value. The last assignment counts, in xm \
     and in xl; the first one is lost without a word. In xend-config.sxp it is the other way round: there the \
     first form of a name counts.";

    UNKNOWN_SETTING: "X0502" Warning "a setting that is not known",
    "xm and xl look up the settings that they know by name and never ask whether there are others. A misspelt \
     setting is the same as none, and nobody says so. A setting that only the other program knows is ignored \
     as well.";

    XM_IGNORED_TYPE: "X0503" Warning "a value of a type that xm leaves out",
    "When xm has run a file, it takes the variables whose values are strings, lists and plain numbers, and \
     leaves out all others without a word: True, False, None, tuples in round brackets, dictionaries, long \
     numbers. `netif = True` does nothing; `vif = ('…',)` gives no interface.";

    WRONG_TYPE: "X0504" Error "a value of the wrong type",
    "The setting takes another kind of value: a string in quotes, or a list in square brackets.";

    NAME_MISSING: "X0510" Error "a domain without a name",
    "xl needs a name for each domain and ends with an error when there is none. xm took the name of the file.";

    NAME_INVALID: "X0511" Error "a name that no domain can have",
    "A domain's name must not be empty, and must not contain a slash or control characters: it becomes part \
     of paths.";

    NAME_OF_DIGITS: "X0512" Warning "a domain whose name is a number",
    "Wherever a command takes a domain, it takes a name or an id, and a word of digits alone is an id. A domain \
     with such a name can be created, and afterwards not be named.";

    UUID_INVALID: "X0513" Error "a text that is no UUID",
    "A UUID is written as 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 with hyphens between them. \
     Without `uuid`, one is generated; under xm a new one each time.";

    GUEST_TYPE: "X0514" Error "a type of guest that does not exist",
    "xl knows the types pv, pvh and hvm, in small letters. `builder = 'hvm'` is the older way to say hvm.";

    VIF_LIST: "X0520" Error "`vif` is not a list of strings",
    "The interfaces of a domain are a list of strings, one for each interface; an empty string is an interface \
     with all defaults.\n\n\
     With a plain string xm goes over its characters one by one and ends with an error, and xl prints a warning \
     and creates the domain without an interface. A list inside the list makes xl stop reading there without a \
     word.\n\n\
     Wrong:  vif = 'bridge=xenbr0'\n\
     Right:  vif = [ 'bridge=xenbr0' ]";

    NICS: "X0521" Warning "`nics` is an old setting",
    "Until 2005 `nics` said how many interfaces a domain has. Later xm adds interfaces with defaults up to \
     that number and prints a warning; xl ignores it. Write one empty string for each such interface: \
     vif = [ '', '' ].";

    VIF2: "X0522" Warning "`vif2` no longer exists",
    "`vif2` described interfaces of netchannel2, which was in Xen from 2009 to 2012 and is gone. xl prints a \
     warning and creates no interface.";

    VIFNAME_TWICE: "X0523" Error "a vifname used twice",
    "Two interfaces cannot have the same name on the host. The second one does not come up, and the domain is \
     not created (before Xen 4.2: it kept its own name without a word).";

    DEVID_TWICE: "X0524" Error "a device number used twice",
    "`devid` is the number of the interface in the guest: eth0 has 0. Two interfaces of one domain cannot have \
     the same.";

    KERNEL_IP_PROTOCOL: "X0530" Warning "a value of `dhcp` that the kernel does not know",
    "`dhcp` becomes the last part of the kernel's `ip=` line. Linux knows off, none, on, any, dhcp, bootp, rarp \
     and both there. Some books show dhcp=\"yes\", which the kernel does not understand.";

    KERNEL_IP_UNUSED: "X0531" Warning "a kernel address setting without effect",
    "netmask, gateway and hostname become parts of the kernel's `ip=` line, and xm makes this line only when \
     `ip` is set or `dhcp` is something else than off.";

    XL_IGNORES_KERNEL_IP: "X0532" Warning "xl makes no `ip=` line for the kernel",
    "xm made an `ip=…` argument for the guest's kernel out of dhcp, ip, netmask, gateway, hostname and \
     interface. xl does not know these settings. Write the argument into `extra` or `cmdline` yourself; the help \
     shows it.";

    BACKEND_IMPORTS: "X0540" Error "a network backend with interfaces of its own",
    "A domain that serves network interfaces to others (`netif`, `(backend (netif))`) cannot itself have \
     interfaces that another domain serves. It reaches the network through a card that is passed to it (`pci`).";

    BACKEND_NO: "X0541" Warning "`netif = 'no'` means yes",
    "In a file, xm asks only whether the value is empty or zero, so the string 'no' makes the domain a backend. \
     Only on xm's command line do yes and no mean what they say.";

    XL_IGNORES_BACKEND: "X0542" Warning "xl ignores `netif` and `blkif`",
    "xm made a backend of a domain with `netif = 1`. For xl, write `driver_domain = 1`, which gives the domain \
     the rights to serve devices, and run `xl devd` inside it.";

    SXP_SECOND_DOMAIN: "X0550" Warning "more than one domain in a file",
    "xm takes the first form of an SXP file and does not look at the others. Write each domain in a file of \
     its own.";

    SXP_STRAY_DEVICE: "X0551" Error "a device outside of `(device …)`",
    "In SXP, each device of a domain stands in a form of its own: (device (vif (bridge xenbr0))). Elsewhere \
     xend does not look for it.";

    SXP_BACKEND: "X0552" Warning "a backend of an unknown kind",
    "`(backend (netif))` makes a domain serve network interfaces to others, `(backend (blkif))` block devices. \
     xend does not know other words there.";

    DOMAIN_IN_XML: "X0553" Warning "a domain written in XML",
    "Late versions of xm also read domains in XML, for the Xen API of xend. It is not read here, and xl does not \
     read it either. `xm list -l` prints a domain in SXP, which can be converted.";

    NAME_TWICE: "X0560" Warning "two files for domains of one name",
    "Two files configure domains with the same name. Only one of them can run at a time; often one is an old \
     version of the other.";

    UUID_TWICE: "X0561" Warning "two files for domains with one UUID",
    "Two files configure domains with the same UUID. For Xen they are the same domain, so only one can run at a \
     time. Often one file is an old version, or a copy in which the UUID was forgotten. What else the two files \
     have in common is not reported.";
}
