use crate::diagnostic::kind::declare_kinds;

declare_kinds! { PCI;

    PCI_SYNTAX: "X1101" Error "a PCI device that cannot be read",
    "A PCI device is told by its place: [DDDD:]BB:SS.F in hexadecimal, that is domain, bus, slot and function, \
     as lspci prints it. Xen 2.0 wrote BUS,DEV,FUNC with commas, which xl refuses. In SXP, the numbers stand in \
     elements: (pci (bus 0x03) (dev 0x1a) (func 0x1)), hexadecimal after 0x and else decimal.";

    PCI_RANGE: "X1102" Error "a PCI address out of range",
    "A bus is a number up to ff, a slot up to 1f, a function up to 7, all in hexadecimal. A larger number is \
     often a decimal one, or stands in the wrong place.";

    PCI_OPTION: "X1103" Error "an option of a PCI device that cannot be read",
    "Behind the address may follow options with commas between them, each key=value. xl knows vslot, \
     permissive, msitranslate, seize, power_mgmt, rdm_policy and name; xm only msitranslate and power_mgmt, and \
     refuses the others. A bad option stops both.";

    PCI_TWICE: "X1104" Error "a PCI device twice",
    "The same function of the same device is given twice, to one domain or to two. Only one domain can have it \
     at a time.";
}
