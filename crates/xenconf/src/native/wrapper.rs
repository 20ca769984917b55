//! Wrapper scripts that call Xen's network scripts several times, as the books show them. They are read, not run:
//! what is understood are calls with plain words, variables that were set to plain words, and `for` over words.

use std::collections::HashMap;

use super::shell::{Command, Part, commands};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::script::is_xens_network_script;
use crate::source::{Source, Span};

/// A call of one of Xen's network scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The script, without its folder.
    pub script: String,
    /// Its `name=value` words.
    pub arguments: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// More calls than a host has networks.
const MAX_CALLS: usize = 256;

/// The calls that a script makes when it is started, each once.
#[must_use]
pub fn calls(source: &Source, diagnostics: &mut Diagnostics) -> Vec<Call> {
    let commands = commands(source.text());
    let mut reader = Reader { variables: HashMap::new(), calls: Vec::new(), diagnostics };
    reader.run(&commands);
    reader.calls
}

struct Reader<'d> {
    variables: HashMap<String, Option<String>>,
    calls: Vec<Call>,
    diagnostics: &'d mut Diagnostics,
}

/// Words of the shell that have no effect on a network by themselves.
const HARMLESS: [&str; 30] = [
    "set", "exit", "shift", "echo", "printf", "true", "false", ":", "case", "esac", "then", "else", "fi",
    "if", "elif", "[", "[[", "test", "export", "local", "readonly", "return", "logger", "sleep", "cd",
    "exec", "do", "done", "{", "}",
];

impl Reader<'_> {
    fn run(&mut self, commands: &[Command]) {
        let mut index = 0;
        while let Some(command) = commands.get(index) {
            index += 1;
            if plain(command.words.first()) == Some("for") {
                let end = end_of_loop(commands, index);
                let body = commands.get(index..end).unwrap_or(&[]);
                self.run_loop(command, body);
                index = end + 1;
                continue;
            }
            self.command(command);
        }
    }

    /// `for NAME in WORD…; do …; done`
    fn run_loop(&mut self, head: &Command, body: &[Command]) {
        let name = head.words.get(1).map(|word| self.expand(word).unwrap_or_default()).unwrap_or_default();
        let words: Vec<Option<String>> = head.words.iter().skip(3).map(|word| self.expand(word)).collect();
        for word in words.into_iter().take(MAX_CALLS) {
            if self.calls.len() >= MAX_CALLS {
                return;
            }
            self.variables.insert(name.clone(), word);
            for command in body {
                self.command(command);
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let mut words = command.words.as_slice();
        // A branch of `case` begins with a pattern; keywords may stand before a command.
        while let Some(first) = plain(words.first()) {
            let is_pattern = first.ends_with(')') && !first.contains('(');
            if !is_pattern
                && !matches!(
                    first,
                    "then"
                        | "else"
                        | "do"
                        | "exec"
                        | "if"
                        | "elif"
                        | "!"
                        | "sh"
                        | "bash"
                        | "."
                        | "{"
                        | "eval"
                )
            {
                break;
            }
            words = words.get(1..).unwrap_or(&[]);
        }
        let Some(first) = words.first() else { return };
        if self.assignment(first, words.len()) {
            return;
        }
        let path = self.path(first);
        let script = path.rsplit('/').next().unwrap_or("");
        if !is_xens_network_script(script) || script == "network" && !path.contains('/') {
            return self.question(script, command.span);
        }
        let arguments: Vec<Option<String>> = words
            .iter()
            .skip(1)
            .filter(|word| !matches!(word.as_slice(), [Part::Variable(_)] | [Part::Text(_), Part::Variable(_)] if !has_equals(word)))
            .map(|word| self.expand(word))
            .collect();
        if arguments.iter().any(Option::is_none) {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::NATIVE_COMPUTED,
                    command.span,
                    format!("an argument of this call of `{script}` is computed"),
                )
                .note("it is not known without running the script, and the call is left out")
                .help("write the network by hand"),
            );
            return;
        }
        let arguments: Vec<String> =
            arguments.into_iter().flatten().filter(|word| word.contains('=')).collect();
        let call = Call { script: script.to_owned(), arguments, span: command.span };
        let is_new =
            !self.calls.iter().any(|known| known.script == call.script && known.arguments == call.arguments);
        // The branch for `stop` says the same again.
        if is_new && self.calls.len() < MAX_CALLS {
            self.calls.push(call);
        }
    }

    /// `NAME=VALUE` alone sets a variable.
    fn assignment(&mut self, word: &[Part], words: usize) -> bool {
        let Some(Part::Text(text)) = word.first() else { return false };
        let Some((name, value)) = text.split_once('=') else { return false };
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || words > 1 {
            return false;
        }
        let mut rest = word.to_vec();
        if let Some(first) = rest.first_mut() {
            *first = Part::Text(value.to_owned());
        }
        let value = self.expand(&rest);
        self.variables.insert(name.to_owned(), value);
        true
    }

    /// A word with its variables filled in; `None` when one of them is not known.
    fn expand(&self, word: &[Part]) -> Option<String> {
        word.iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.clone()),
                Part::Variable(name) if name == "@" || name == "*" => Some(String::new()),
                Part::Variable(name) => self.variables.get(name).cloned().flatten(),
                Part::Computed => None,
            })
            .collect()
    }

    /// The name of the program that a word calls; what is not known stands for a folder.
    fn path(&self, word: &[Part]) -> String {
        word.iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Variable(name) => self.variables.get(name).cloned().flatten().unwrap_or_default(),
                Part::Computed => String::new(),
            })
            .collect()
    }

    /// A command that may do something to the network, and is not understood.
    fn question(&mut self, program: &str, span: Span) {
        const NETWORK: [&str; 12] = [
            "brctl",
            "ip",
            "ifconfig",
            "route",
            "iptables",
            "ip6tables",
            "ebtables",
            "nft",
            "modprobe",
            "sysctl",
            "tunctl",
            "ovs-vsctl",
        ];
        if HARMLESS.contains(&program) || !NETWORK.contains(&program) {
            return;
        }
        self.diagnostics.push(
            Diagnostic::new(&kinds::NATIVE_OTHER_COMMAND, span, format!("`{program}` is not converted"))
                .note(
                    "what it does to the network has no counterpart in the new configuration, or another one",
                )
                .help("look at the line, and say in the new configuration what is still needed"),
        );
    }
}

fn plain(word: Option<&Vec<Part>>) -> Option<&str> {
    match word?.as_slice() {
        [Part::Text(text)] => Some(text),
        _ => None,
    }
}

fn has_equals(word: &[Part]) -> bool {
    word.iter().any(|part| matches!(part, Part::Text(text) if text.contains('=')))
}

/// The index of the `done` that ends the loop whose body begins at `from`.
fn end_of_loop(commands: &[Command], from: usize) -> usize {
    let mut depth = 1_usize;
    for (offset, command) in commands.iter().skip(from).enumerate() {
        match plain(command.words.first()) {
            Some("for" | "while" | "until") => depth += 1,
            Some("done") => {
                depth -= 1;
                if depth == 0 {
                    return from + offset;
                }
            }
            _ => {}
        }
    }
    commands.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<&'static str>) {
        let mut diagnostics = Diagnostics::new();
        let calls = calls(&Source::new("wrapper", text.as_bytes()), &mut diagnostics);
        let shown =
            calls.iter().map(|call| format!("{} {}", call.script, call.arguments.join(" "))).collect();
        (shown, diagnostics.into_iter().map(|found| found.kind.code).collect())
    }

    #[test]
    fn calls_are_found_in_the_shapes_that_people_write() {
        for text in [
            "#!/bin/sh\n/etc/xen/scripts/network-bridge start vifnum=0\n/etc/xen/scripts/network-bridge start vifnum=1\n",
            "dir=$(dirname \"$0\")\n\"$dir/network-bridge\" \"$@\" vifnum=0\n\"$dir/network-bridge\" \"$@\" vifnum=1\n",
            "XENDIR=\"/etc/xen/scripts\"\n${XENDIR}/network-bridge $1 vifnum=0\n$XENDIR/network-bridge $1 vifnum=1\n",
            "for i in 0 1; do\n  ./network-bridge \"$@\" vifnum=$i\ndone\n",
            "case \"$1\" in\nstart)\n network-bridge start vifnum=0 && network-bridge start \\\n vifnum=1 ;;\nstop)\n network-bridge stop vifnum=0\n network-bridge stop vifnum=1 ;;\nesac\nexit 0\n",
            "set -e # strict\nOP=$1\nshift\nscript=/etc/xen/scripts/network-bridge\n$script ${OP} vifnum=0\nsh $script ${OP} vifnum='1'\n",
        ] {
            assert_eq!(
                read(text),
                (vec!["network-bridge vifnum=0".into(), "network-bridge vifnum=1".into()], vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert_eq!(
            read("network-bridge start netdev=$(cat /etc/dev)\n"),
            (vec![], vec![kinds::NATIVE_COMPUTED.code])
        );
        assert_eq!(
            read("brctl addbr xenbr2\nip link set xenbr2 up\necho done\n").1,
            [kinds::NATIVE_OTHER_COMMAND.code; 2]
        );
        assert_eq!(read("# network-bridge start\nnetwork restart\nservice network stop\n"), (vec![], vec![]));
    }

    #[test]
    fn unfinished_scripts_come_to_an_end() {
        for text in ["'", "\"", "$(", "${", "`", "\\", "for i in 1 2; do network-bridge", "for", "case", "$"]
        {
            read(text);
        }
    }
}
