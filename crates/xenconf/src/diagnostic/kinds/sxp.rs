use crate::diagnostic::kind::declare_kinds;

declare_kinds! { SXP;

    SXP_UNCLOSED_LIST: "X0101" Error "a parenthesis is never closed",
    "Every form of an SXP file begins with an opening parenthesis and ends with a closing one. xend reads the \
     whole file before it looks at any of it, and when a list is still open at the end it refuses the file: \
     xend does not start, or the domain is not created.\n\n\
     The reader here takes a parenthesis in the first column for the beginning of the next form and goes on \
     from there, so that the forms below are checked too.\n\n\
     Wrong:  (network-script network-bridge\n\
     Right:  (network-script network-bridge)";

    SXP_STRAY_PARENTHESIS: "X0102" Error "a parenthesis closes nothing",
    "A closing parenthesis stands where no list is open. xend calls this a syntax error and refuses the whole \
     file. Often the opening parenthesis was deleted together with the beginning of its line, or only a part \
     of a form was commented out: a `#` hides the rest of its own line and nothing else.";

    SXP_UNCLOSED_STRING: "X0103" Error "a string has no closing quote",
    "A string begins with ' or \" and ends with the same character, and it may run over many lines. When the \
     closing quote is missing, the string swallows everything up to the next quote, which may be an \
     apostrophe in a comment far below; the error that xend then gives has nothing to do with the place.\n\n\
     Wrong:  (network-script 'network-bridge netdev=eth1)\n\
     Right:  (network-script 'network-bridge netdev=eth1')";

    SXP_BAD_CHARACTER: "X0104" Error "a character that cannot stand outside quotes",
    "Outside quotes and comments only printable ASCII may begin a value. Anything else, such as a letter with \
     an accent, a typographic quote or a no-break space that came in by copying from a web page, makes xend \
     stop with \"invalid character\". Put the value in straight quotes.";

    SXP_BAD_ESCAPE: "X0105" Error "an octal escape above \\377",
    "In a string, a backslash and up to three octal digits stand for one character, and the highest one is \
     \\377. xend refuses a file with a larger number.";

    SXP_UNKNOWN_ESCAPE: "X0106" Warning "a backslash before a character that needs none",
    "The escapes that xend knows are \\a \\b \\t \\n \\v \\f \\r \\\\ \\' \\\" and octal and hexadecimal \
     numbers. With any other character, xend keeps the backslash and drops the character: '^host\\.example$' \
     becomes ^host\\example$. In a regular expression, as in xend-relocation-hosts-allow, this opens or closes \
     the wrong door without a word. Write the backslash twice.\n\n\
     The value shown here is the one that was meant: backslash and character.";

    SXP_HEX_ESCAPE: "X0107" Warning "a hexadecimal escape that xend misreads",
    "xend reads \\x41 as it should, but takes the digits a to f for zero (\\x4A becomes @), and it fails on an \
     escape with one digit. Write the character itself, or the octal escape: \\112.\n\n\
     The value shown here is the one that was meant.";

    SXP_SEMICOLON: "X0108" Warning "a semicolon does not begin a comment",
    "Other languages of this family begin a comment with a semicolon; this one uses #. For xend the semicolon \
     ends a word and begins another one, so the words of the remark become values of the configuration.";

    SXP_QUOTE_IN_ATOM: "X0109" Warning "a quote in the middle of a word",
    "A quote opens a string only where a value begins. Inside a word it is an ordinary character, and the next \
     blank ends the word: b'c d' is the two values b'c and d'. Put the quotes round the whole value.";

    SXP_CONTROL_D: "X0110" Warning "a control-D ends the file early",
    "The character 0x04 between two values means the end of the file to xend, which reads nothing behind it. \
     It is invisible in most editors; delete it.";

    SXP_EXTRA_VALUE: "X0111" Warning "a value that is not read",
    "A form takes the one value behind its name; what follows is not read, without a word. The classic is\n\n\
     Wrong:  (network-script network-bridge netdev=eth1)\n\
     Right:  (network-script 'network-bridge netdev=eth1')\n\n\
     where the argument stands outside the quotes and the script runs without it.";
}
