use crate::diagnostic::kind::declare_kinds;

declare_kinds! { XEND;

    XEND_LOOSE_WORD: "X0401" Warning "a word outside of any form",
    "xend-config.sxp consists of forms: (name value). A bare word between them, or a list without a name, is \
     read and then not looked at. Most often the `#` before a remark is missing, or a parenthesis.";

    XEND_SECOND_FORM: "X0402" Warning "an option set twice",
    "For each option xend takes the first form of that name and never looks at another one. In most other \
     files it is the last one that counts. Guides that add a line at the end of the file are wrong whenever the \
     option stands further up already.";

    XEND_UNKNOWN_OPTION: "X0403" Warning "an option that xend does not know",
    "xend looks up the options that it knows by name and never asks whether there are others. A misspelt \
     option is the same as none.";

    XEND_OLD_OPTION: "X0404" Warning "an option of an old version",
    "`vif-bridge` named the default bridge until October 2005. `vif-antispoof` set the policy of the FORWARD \
     chain in Xen 2.0; later it became an argument of the script: \
     (network-script 'network-bridge antispoof=yes').";

    XEND_TRUTH: "X0405" Error "a value that is neither yes nor no",
    "The option takes yes, y, 1, on, true or t, and no, n, 0, off, false or f, in small or capital letters. \
     With anything else xend does not start.";

    SCRIPT_BLANKS: "X0410" Warning "blanks in a script's value",
    "xend cuts the value of network-script at every single blank: two blanks in a row make an empty argument, \
     and a tab or a line end does not separate words at all. The argument behind it may then be taken for the \
     command.";

    SCRIPT_QUOTING: "X0411" Warning "quoting in a script's value",
    "xend hands the words of the value to the script without a shell, so quotes and other characters of the \
     shell arrive as they are. Xen's own scripts then evaluate each name=value as shell code, which makes such \
     characters dangerous.";

    SCRIPT_UNKNOWN: "X0412" Warning "a script that is almost one of Xen's",
    "A name without a slash is looked up in /etc/xen/scripts. This one is not among the scripts that came with \
     Xen, but looks very much like one of them. With a script that does not exist xend goes on without a \
     network, and says so only in its log.";

    XL_CONF_OLD_NAME: "X0420" Warning "an old name of a setting of xl.conf",
    "`vifscript` and `defaultbridge` have become `vif.default.script` and `vif.default.bridge`. The old names are \
     still read, with a message, when the new ones are not there.";

    XL_CONF_NO_SCRIPTS: "X0421" Warning "nobody runs the scripts of interfaces",
    "`run_hotplug_scripts = 0` makes xl leave the scripts to udev. Xen's rules for udev were removed in 4.6, so \
     that nobody runs them, and every guest with an interface fails to start.";
}
