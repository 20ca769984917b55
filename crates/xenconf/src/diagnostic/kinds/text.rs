use crate::diagnostic::kind::declare_kinds;

declare_kinds! { TEXT;

    TEXT_BYTE_ORDER_MARK: "X0001" Warning "a byte order mark at the beginning of the file",
    "Some editors put an invisible character, the byte order mark, before the first line. xend calls it an \
     invalid character and xl a lexical error, and neither reads the file; Python 2, and so xm, takes it. Save \
     the file as UTF-8 without a byte order mark.";

    TEXT_CARRIAGE_RETURN: "X0002" Warning "lines that end in CR LF",
    "The file was saved with the line ends of Windows. Python and xend read them as they read any others; xl \
     calls the carriage return a lexical error and refuses the file. Save it with plain line ends \
     (`sed -i 's/\\r$//' FILE`).";

    TEXT_NOT_UTF8: "X0003" Warning "characters that are neither ASCII nor UTF-8",
    "The file holds bytes that are not valid UTF-8; they were read as Latin-1, which old editors wrote. In a \
     comment they do no harm to xl and xend. Python 2.5 and later, and so xm, refuses a file with such bytes, \
     even in a comment, unless its first or second line names the encoding: `# -*- coding: latin-1 -*-`.";

    TEXT_NON_ASCII: "X0004" Warning "characters outside ASCII without a declared encoding",
    "Python 2.5 and later, and so xm, refuses a file with characters outside ASCII, even in a comment, unless \
     its first or second line names the encoding: `# -*- coding: utf-8 -*-`. xl does not mind.";

    TEXT_NO_FINAL_NEWLINE: "X0005" Warning "a comment on the last line without a line end",
    "For xl a comment ends with its line. When the last line of the file is a comment and has no line end, \
     this is a lexical error, and the file is refused. Add the line end.";

    TEXT_CONTROL_CHARACTER: "X0006" Warning "a control character in the file",
    "The file holds a character that is no text, such as a form feed or a NUL. xl refuses a form feed; Python \
     refuses NUL. They are invisible in most editors; delete them.";

    TEXT_UTF16: "X0007" Error "a file in UTF-16",
    "The file is encoded in UTF-16, as some Windows programs save text. No program of Xen reads it. Save it \
     as UTF-8, or as plain ASCII.";

    TEXT_TOO_LARGE: "X0008" Error "a file that is too large",
    "The file is larger than eight megabytes. A configuration has a few kilobytes; this is something else, \
     and its end was not read.";

    TEXT_BINARY: "X0009" Error "a file that is not text",
    "The file holds NUL characters, as programs and images do. It is no configuration.";

    TEXT_NONE_OF_XENS: "X0010" Error "a file that is none of Xen's",
    "The file was named, but nothing in it is a setting that Xen knows: none of xend-config.sxp, none of xl.conf \
     and none of a domain. Most often it is the wrong file. When it is meant to be a domain, say for which \
     program (--for xm or --for xl), and it is held against that program's rules.\n\n\
     Files that are found in a folder may be anything, and nothing is said of them.";
}
