//! What the bytes of a file can do.

use super::Example;

pub(super) static TABLE: &[Example] = &[
    Example::xl("X0001", b"\xef\xbb\xbfname = 'web'\ntype = 'pv'\n"),
    Example::xl("X0002", b"name = 'web'\r\ntype = 'pv'\r\n"),
    Example::xm("X0003", b"# gar\xe7on\nname = 'web'\n"),
    Example::xm("X0004", "# garçon\nname = 'web'\n".as_bytes()),
    Example::xl("X0005", b"name = 'web'\ntype = 'pv'\n# end"),
    Example::xl("X0006", b"name = 'web'\n\x0c\ntype = 'pv'\n"),
    Example::new("X0007", "web.cfg", b"\xff\xfen\0a\0m\0e\0=\0'\0w\0e\0b\0'\0\n\0"),
    Example { goes_on: true, ..Example::xm("X0008", b"name = 'web'\n") },
    Example::new("X0009", "kernel", b"\x7fELF\x02\x01\x01\0\0\0"),
    Example::new("X0010", "fstab", b"/dev/sda1 / ext3 defaults 0 1\n"),
];
