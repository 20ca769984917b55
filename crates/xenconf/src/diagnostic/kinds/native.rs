use crate::diagnostic::kind::declare_kinds;

declare_kinds! { NATIVE;

    NATIVE_OWN_SCRIPT: "X1301" Error "a network script of your own",
    "The network script is none of those that came with Xen, so which networks it makes is not known. Many hosts \
     have a wrapper there that calls network-bridge several times. Given along with the configuration, such a \
     wrapper is read: calls with plain words, variables that were set to plain words, and `for` over words. \
     `dom0net convert` looks for it beside the configuration, in the folder `scripts` there and where xend runs it; \
     --script names another place.";

    NATIVE_UNKNOWN_ARGUMENT: "X1302" Warning "an argument of a network script without a counterpart",
    "The argument sets a variable of the old script that means nothing in the new configuration, or nothing at \
     all. Say what it was for in the new one, if it is still needed.";

    NATIVE_COMPUTED: "X1303" Warning "a call with a computed argument",
    "The wrapper computes an argument of this call, with $(…) or with a variable that is set elsewhere. Scripts \
     are read here, not run, so the network of this call is left out. Write it by hand.";

    NATIVE_OTHER_COMMAND: "X1304" Warning "a command that is not converted",
    "The wrapper changes the network with a command of its own. Whether that is still needed only its author \
     knows; the new configuration may say the same in another way.";

    NATIVE_UNREADABLE: "X1305" Error "a file of networks that cannot be read",
    "dom0net.toml is written in TOML: keys and values, texts in quotes, and `[[network]]` above each network. What it \
     may say is listed in the documentation, and in a JSON schema for editors. Nothing in it is passed over: a key \
     that is not known, or a value of another type, is an error, and none of the networks is started.";

    NATIVE_IMPOSSIBLE: "X1306" Error "a network that cannot be as it is said",
    "What dom0net.toml says of this network does not go together, or a value is none that the network can have: a key \
     of another mode, two networks of one name, a forward to no address, a word that the guard does not know. The \
     network would not be started, or its guests would be refused.";
}
