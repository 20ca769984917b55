use crate::diagnostic::kind::declare_kinds;

declare_kinds! { VIF;

    VIF_UNKNOWN_KEY: "X0601" Error "a key of a vif that is not known",
    "A specification of an interface is a list of key=value with commas between them. xm ends with \"Invalid \
     vif option\" when it does not know a key. xl prints a message in passing and creates the interface \
     without the setting, so that a guest with a misspelt `bridge` ends up on another network; as an argument \
     of network-attach xl refuses it.\n\n\
     Keys of both: mac bridge script ip backend vifname type model rate accel. Of xl alone: gatewaydev mtu \
     devid vlan trusted untrusted forwarddev colo_…. Of xm alone: policy label.";

    VIF_NO_VALUE: "X0602" Error "a part of a vif without a value",
    "Each part of a specification is written key=value. xm ends with an error when one has no `=`, also when \
     there is only a comma too many at the end. xl leaves empty parts out, and prints a message for others; \
     only the words `trusted` and `untrusted` stand alone.\n\n\
     A comma always separates keys: several addresses of `ip=` have blanks between them.";

    VIF_KEY_TWICE: "X0603" Warning "a key of a vif twice",
    "The same key stands twice in one specification. The last one counts, in xm and in xl, without a word.";

    VIF_BLANK_IN_KEY: "X0604" Error "a blank between a key and its equals sign",
    "xl takes off the blanks before a key and no others: in `mac = x` it looks for a key `mac ` with a blank \
     at its end, which does not exist. xm takes off all blanks.";

    VIF_BLANK_IN_VALUE: "X0605" Warning "a blank at the edge of a value",
    "xl keeps the blanks round a value: `bridge= br0` asks for a bridge whose name begins with a blank. xm \
     takes them off. The value shown here is the one without blanks.";

    VIF_QUOTED_VALUE: "X0606" Error "quotes inside a specification",
    "The specification as a whole is a string in quotes; inside it, quotes are ordinary characters and become \
     part of the value. A MAC address or an IP address with quotes in it works nowhere, although books show \
     it so.\n\n\
     Wrong:  vif = [ 'ip=\"10.0.0.1\",mac=\"ae:00:01:02:03:04\"' ]\n\
     Right:  vif = [ 'ip=10.0.0.1,mac=ae:00:01:02:03:04' ]\n\n\
     The value shown here is the one without quotes.";

    VIF_IGNORED_KEY: "X0607" Warning "a key of a vif that does nothing",
    "The key is known for old times' sake and has no effect. Delete it, so that nobody relies on it.";

    VIF_OLD_KEY: "X0608" Warning "an old name of a key",
    "xl still reads the key under its old name, and prints a message. `netdev` has become `gatewaydev`: the device \
     on which the host answers for a routed guest.";

    VIF_TYPE: "X0609" Error "a type of interface that does not exist",
    "An interface is of type `ioemu` (an emulated card beside the paravirtual interface) or, when nothing is \
     given, what suits the guest. xl also knows the word `vif`. xend takes any other word for a paravirtual \
     interface; xl prints a message and goes on without it.";

    VIF_IOEMU_ON_PV: "X0610" Error "an emulated card in a paravirtual guest",
    "`type=ioemu` asks for an emulated card, which only a fully virtual (HVM) guest has. xl ends with an \
     error; xend creates an interface that the guest cannot use. Delete it, or make the guest an HVM one.";

    NUMBER_INVALID: "X0611" Error "a value that must be a number",
    "The key takes a whole number. xl ends with an error when there is none, and ignores what follows the \
     digits.";

    MTU_DEFAULT: "X0612" Note "an MTU of 1500, which xl does not tell from none",
    "xl takes 1500 for \"not set\" and does not write it down. Xen's vif-bridge then gives the interface the \
     MTU of its bridge, so `mtu=1500` on a bridge of 9000 gives 9000.";

    MTU_RANGE: "X0613" Error "an MTU out of range",
    "The MTU is the size of the largest packet in bytes. Linux takes 68 to 65535 for an interface of Xen. \
     Xen's scripts ignore the kernel's refusal, so the guest gets another MTU than its configuration says.";

    VIF_MISSING_COMMA: "X0614" Error "no comma between two keys of a vif",
    "The keys of a specification have commas between them, and nothing else. With a blank or a semicolon, the \
     second key becomes a part of the value of the first: a bridge with such a name does not exist, and what the \
     second key says has no effect.\n\n\
     Wrong:  vif = [ 'mac=00:16:3e:27:95:c0 bridge=xenbr1' ]\n\
     Right:  vif = [ 'mac=00:16:3e:27:95:c0,bridge=xenbr1' ]\n\n\
     The values shown here are those with the comma.";

    VIF_VIRTIO: "X0615" Warning "an emulated card that no guard holds to its addresses",
    "A guest with an emulated card of the kind virtio says where in a packet a checksum is to be put. The kernel \
     puts it there when the packet leaves the host, behind every packet filter: two bytes of an address, of a port or \
     of ARP can become others. Only its MAC address is safe.\n\n\
     Wrong:  vif = [ 'type=ioemu,model=virtio-net' ]\n\
     Right:  vif = [ 'type=ioemu,model=e1000' ]\n\n\
     A guest that has Xen's own driver uses the vif, whatever the model is, and is faster with it. A guest that you \
     trust may have the card.";

    VIFNAME_INVALID: "X0620" Error "a name that no network device can have",
    "A device's name cannot be empty, `.` or `..`, and cannot contain `/`, `:`, `%` or blanks. The kernel \
     refuses to rename the interface, and it does not come up.";

    VIFNAME_TOO_LONG: "X0621" Error "a vifname over 15 characters",
    "Linux has room for 15 characters in a device's name. Kernels of old cut a longer name without a word, and \
     looking for the full name then found nothing; later ones refuse it, and the guest does not start.\n\n\
     An emulated card (`type=ioemu`, the default of HVM guests under xl) has a tap beside the vif, whose name \
     is the vifname with `-emu` behind it: there the limit is 11.";

    VIFNAME_LONG: "X0622" Warning "a vifname over 8 characters",
    "The limit is 15 characters, and 11 for a guest with an emulated card, whose tap has `-emu` added. Some \
     versions of iptables had trouble with names near the limit. Eight characters are safe everywhere.";

    VIFNAME_RESERVED: "X0623" Warning "a vifname that looks like one of Xen's own",
    "Xen calls the interfaces of domain 5 vif5.0, vif5.1 and so on. A vifname of this form collides as soon as \
     a domain gets that id.";

    SCRIPT_ARGUMENTS: "X0630" Error "arguments in `script=` under xl",
    "xend handed the whole value to a shell, so that `script='vif-bridge bridge=xenbr1'` ran vif-bridge with \
     an argument. xl runs the value as the name of one file, finds none with a blank in it, and the interface \
     does not come up. Say what you need with other keys (`bridge=`), or write a small script that calls \
     Xen's with the arguments.";

    MAC_INVALID: "X0701" Error "a text that is no MAC address",
    "A MAC address is six octets in hexadecimal with colons between them. xm passes anything on, and the \
     guest's driver refuses it later. xl prints a message, keeps the octets that it could read and creates \
     the interface with these: 00:16:3e:00:00:zz becomes 00:16:3e:00:00:00, and so does the next guest's.";

    MAC_MULTICAST: "X0702" Error "a multicast MAC address",
    "When the first octet is odd, the address is one of a group. No interface can have such an address: frames \
     from it are dropped by bridges and switches. For an address of your own choice, let the second digit be \
     2, 6, a or e: locally administered, and no multicast.";

    MAC_ZERO: "X0703" Warning "a MAC address of zeros",
    "xl takes 00:00:00:00:00:00 for \"not given\" and generates an address. xm passes it on, and nothing works. \
     Leave `mac=` out to have an address generated.";

    MAC_HOST_SIDE: "X0704" Error "the address of the host's side of a vif",
    "The host's end of every vif has the address fe:ff:ff:ff:ff:ff, chosen so high that a bridge never takes it \
     for its own. A guest cannot have it too.";

    MAC_FORM: "X0705" Warning "a MAC address in an unusual form",
    "The address is understood, but is not written as six octets of two digits with colons. xl reads any one \
     character between the octets, and single digits. xm passes the text on as it is: the guest's driver \
     wants colons, and xend compares addresses as texts.";

    MAC_DUPLICATE: "X0706" Error "the same MAC address twice",
    "Two interfaces on one network with the same address take each other's traffic: the bridge believes \
     whichever sent last. xend refuses it within one domain; nobody notices it between two.";

    RATE_SYNTAX: "X0801" Error "a rate that cannot be read",
    "A rate is a whole number, then G, M or K as you like, then `B/s` (bytes) or `b/s` (bits): 10MB/s. Behind \
     an `@` may follow the interval in which the guest's credit is renewed: 1MB/s@20ms.\n\n\
     xl ends with an error. xend says nothing and sets no limit at all. xend needs the `s` at the end of the \
     interval; xl reads a bare number there as seconds.";

    RATE_RANGE: "X0802" Error "a rate out of range",
    "The number of a rate and the interval in microseconds must be from 1 to 4294967295. xl reads a number \
     with a leading zero as octal: 08KB/s is zero, and refused. xend also needs the bytes of one interval in \
     that range, and sets no limit when they are not.";

    RATE_NOTHING: "X0803" Error "a rate that rounds to nothing",
    "The rate is so small, or its interval so short, that not even one byte falls on an interval. xl writes a \
     credit of 0 bytes, and the guest can send nothing. (xend sets no limit in this case.)";

    RATE_OCTAL: "X0804" Warning "a rate with a leading zero",
    "xl reads a number with a leading zero as octal: 010MB/s is 8 MB/s. xend reads it as decimal.";

    RATE_BARE_INTERVAL: "X0805" Warning "an interval without a unit",
    "The manual of xl says that a bare number is an interval in microseconds; the program reads it as seconds. \
     xend refuses it and sets no limit. Write the unit.";

    IP_INVALID: "X0901" Error "a word in `ip=` that is no address",
    "`ip=` holds the addresses that the guest may use: IPv4 or IPv6 addresses or prefixes (10.0.0.0/24), with \
     blanks between them. No toolstack checks it; the script fails on it later, or adds a firewall rule that \
     does not match. Names are not looked up.";

    IP_EMPTY: "X0902" Warning "an empty `ip=`",
    "There is nothing behind `ip=`. It is the same as no `ip=`: without addresses no antispoofing, and no route.";

    IP_MISSING: "X0903" Error "a routed interface without `ip=`",
    "In route mode the host needs to know which addresses are behind each interface: vif-route sets a route for \
     each address in `ip=`. Without it the guest gets no packets.";

    IP_UNGUARDED: "X0904" Warning "antispoofing without `ip=`",
    "With `antispoof=yes`, a guest can send only with the addresses of its interface's `ip=`. When the interface \
     has none, it is not restricted at all.";

    IP_OVERLAP: "X0905" Warning "an address that two guests may use",
    "The addresses in `ip=` say what a guest may send with. When the same address, or a prefix that holds it, is \
     given to two guests on the same network, each can pretend to be the other.";

    VLAN_INVALID: "X1001" Error "a `vlan=` that cannot be read",
    "The terms have slashes between them: N (tagged), Np (the PVID: what untagged frames from the guest belong \
     to), Nu (untagged towards the guest), A-B or A-Bu (a range), N+SxC or N+SxCu (N and C more, each S \
     higher). Numbers are from 1 to 4094, none twice, and exactly one has a `p`; a single plain number is \
     the PVID.\n\n\
     The manual's text counts C additional VLANs: 100+10x4 is 100 to 140. That holds here, although the \
     manual's own example shows another result.";
}
