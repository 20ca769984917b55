use crate::diagnostic::kind::declare_kinds;

declare_kinds! { XL;

    XL_SYNTAX: "X0301" Error "a line that xl does not understand",
    "xl reads lines of the form `name = value` and nothing else. A value is a string in single or double \
     quotes, a number of digits, or a list of values in square brackets with commas between them. One line \
     that is wrong makes xl refuse the whole file.\n\n\
     Wrong:  bridge = xen-br0\n\
     Right:  bridge = 'xen-br0'";

    XL_NAME: "X0302" Error "a name that xl cannot read",
    "The names of settings begin with a lower case letter and go on with lower case letters, digits, dots and \
     underscores. A capital letter or a hyphen is a lexical error for xl, and the file is refused.";

    XL_STRING: "X0303" Error "a string that xl cannot read",
    "xl's strings begin and end with the same quote on the same line. There are no strings over several lines, \
     none in three quotes, and no two strings side by side: these are Python's, and xm's.";

    XL_ESCAPE: "X0304" Error "an escape that xl refuses",
    "In a string, xl knows the escapes \\' \\\" \\\\ \\a \\b \\f \\n \\r \\t \\v. It refuses \\x and all others, \
     and with them the file. Write the character itself, and a backslash twice.";

    XL_OCTAL_ESCAPE: "X0305" Warning "an octal escape that yields nothing",
    "xl accepts \\101 in a string and then, by a mistake in its reader, puts nothing in its place: '\\101bc' is \
     the string bc. Write the character itself.";

    XL_COMPUTED: "X0306" Error "xl does not compute values",
    "xl's configuration files look like Python and are not: there are no variables, no arithmetic, no string \
     formatting, no `if`, `def` or `import`. The whole file is refused, sometimes with a hint that it looks \
     like Python. Write the values themselves. A file for xm can be converted.";

    XL_NUMBER: "X0307" Error "a number that xl cannot read",
    "A number without quotes consists of digits (0x and the digits a to f may follow a leading digit). \
     Negative numbers, fractions and units such as 64M are lexical errors. Put such a value in quotes where \
     the setting takes a string.";

    XL_UNCLOSED_LIST: "X0308" Error "a list is never closed",
    "A list begins with [ and ends with ]. Lines may end after the opening bracket, after a comma and before \
     the closing bracket. When the end is missing, xl reads on and reports a line far below.";

    XL_MIXED_ADDITION: "X0309" Error "a string added to a list, or a list to a string",
    "`+=` joins a string to a string, or a list to a list. xl refuses the file when the two are not alike. \
     (xl knows `+=` since Xen 4.13.)";

    XL_TOO_DEEP: "X0310" Error "lists nested too deeply",
    "Lists stand inside each other more than a hundred times. No setting of xl takes that.";
}
