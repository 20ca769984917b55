use crate::diagnostic::kind::declare_kinds;

declare_kinds! { PYTHON;

    PY_SYNTAX: "X0201" Error "a line that is not Python",
    "A domain configuration of xm is a Python program, and Python reads the whole of it before anything is \
     carried out: one line with a syntax error, and no domain is created. xl has a smaller grammar and refuses \
     the same lines.\n\n\
     A setting is a name, an equals sign and a value: a string in quotes, a number, or a list of these in \
     square brackets with commas between them.\n\n\
     Wrong:  bridge = xen-br0\n\
     Right:  bridge = 'xen-br0'";

    PY_UNCLOSED_BRACKET: "X0202" Error "a bracket is never closed",
    "A list begins with [ and ends with ], and it may run over several lines. When the end is missing, Python \
     goes on reading the lines below as part of the list and reports a place far from the fault. The reader \
     here takes the next line that is an assignment for the end of the list.";

    PY_UNCLOSED_STRING: "X0203" Error "a string has no closing quote",
    "A string ends with the quote that it began with, on the same line. Only a string in three quotes ('''…''' \
     or \"\"\"…\"\"\") may run over several lines, and xl does not know those.";

    PY_BAD_CHARACTER: "X0204" Error "a character that cannot stand outside quotes",
    "Outside strings and comments, Python 2 knows only ASCII. Typographic quotes and no-break spaces come in \
     by copying from web pages and word processors; they look almost like the real ones. Replace them with \
     straight quotes and plain blanks.";

    PY_INDENTATION: "X0205" Error "an indentation that means nothing",
    "In Python, the blanks at the beginning of a line say which block it belongs to. A line that is indented \
     without a block is refused by xm (unexpected indent); xl does not mind. Begin the line in the first \
     column. A list may be indented as you like once its bracket is open.";

    PY_TOO_DEEP: "X0206" Error "nested too deeply",
    "Brackets or blocks stand inside each other more than a hundred times. Python itself gives up there, and \
     no configuration needs it.";

    ASSIGNMENT_IN_LIST: "X0207" Error "a part of a specification outside its quotes",
    "The whole specification of an interface or a disk is one string. When its quote is closed too early, the \
     rest of it stands outside, where an equals sign is not allowed.\n\n\
     Wrong:  vif = [ 'ip=10.0.0.1', bridge=xenbr0 ]\n\
     Right:  vif = [ 'ip=10.0.0.1, bridge=xenbr0' ]\n\n\
     The value shown here is the one that was meant, where that is plain.";

    PY_GLUED_STRINGS: "X0208" Warning "two strings without a comma between them",
    "Python glues strings that stand side by side into one. In a list of specifications this makes one \
     nonsensical interface out of two. Put a comma between them. xl refuses such a line.";

    PY_F_STRING: "X0209" Warning "a string that only Python 3 knows",
    "Strings of the form f'…{name}…' came with Python 3.6. xm was written for Python 2 to its end and refuses \
     the file. They are worked out here all the same. Write '…%s…' % name.";

    PY_NEEDS_PYTHON: "X0210" Error "something that only running the file would tell",
    "xm runs its configuration files as programs, so a file can compute its values in any way that Python \
     knows. Here files are read, never run: what is worked out are literal values, arithmetic, string \
     formatting, conditions on known values, variables given with --var, os.uname(), and the checks that \
     xm_vars declares. Loops, comprehensions, calls of other functions and imported code are not.\n\n\
     xl refuses all of it. Write the values themselves, one after the other; or let a program of your own \
     write the file.\n\n\
     It is an error when a setting of the domain depends on it, else a warning.";

    PY_UNDEFINED: "X0211" Error "a name that is not defined",
    "A word without quotes is the name of a variable for Python. xm stops with a NameError when there is no \
     such variable. Most often the quotes are missing. If the file is meant to get the variable from the \
     command line, as `xm create FILE vmid=1` gave it, give it here with --var vmid=1.";

    PY_MISSING_VARIABLE: "X0212" Error "a variable that the file asks for was not given",
    "The file declares, with xm_vars.var, that it needs a variable, and checks it with xm_vars.check. xm got \
     such variables on its command line: `xm create FILE vmid=1`. Give it here with --var vmid=1.";

    PY_WRONG_TYPE: "X0213" Error "values of types that do not go together",
    "Python does not add a number to a string, nor make a number of a text that is none. xm stops with a \
     TypeError or a ValueError. Variables from the command line are strings: int(vmid) makes a number of one.";

    PY_FORMAT: "X0214" Error "a format that does not fit its values",
    "In 'text %d text' % value, each conversion (%d, %s, %02x …) takes one value, and there must be exactly as \
     many values as conversions. %d takes a number; variables from the command line are strings until int() \
     makes numbers of them. A percent sign that is meant as such is written %%.";

    PY_RAISED: "X0215" Error "the file refuses its own values",
    "The file checks its variables and ends with `raise` when they are not what it needs. With the values that \
     it was read with, it does; xm would print the error and create nothing.";

    PY_TOO_MUCH: "X0216" Error "values that grow without end",
    "The values of this file become so large that working them out was given up. No configuration needs that.";

    PY_CHARACTERS: "X0217" Error "a string added to a list",
    "In Python, `list += 'text'` adds the characters of the text to the list, one by one. To add the text as a \
     whole, put it in square brackets: `list += ['text']`. xl refuses to add a string to a list.\n\n\
     The value shown here is the one that was meant.";
}
