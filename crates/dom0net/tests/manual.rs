//! The manual tells the truth: what it shows is run.
//!
//! In a block ```` ```console ````, a line `$ COMMAND` is run by `sh` in a folder with copies of the project's examples,
//! and must print what stands below it, on either stream; a line `…` stands for any lines. The commands of a page
//! share the folder. A block ```` ```text file=NAME ```` is written into it, so that a page can show a file and then
//! use it.
//!
//! A line `# COMMAND`, as root would type it, needs a host, and so does all in a block ```` ```console,host ````. It is not
//! run, but its commands and flags must exist. In a block with a `$`, such a line is what the command prints.
//!
//! `UPDATE_DOCS=1 cargo test -p dom0net --test manual` writes the pages anew that are made of what the program says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "panicking is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dom0net");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir(repository().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

/// A part of a page between two fences.
struct Block {
    /// What stands behind the opening fence.
    info: String,
    /// The line of the page that the first line of the block is.
    line: usize,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { info: info.to_owned(), line: number + 2, lines: Vec::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

/// A command, where it stands, and what the page says that it prints.
struct Shown<'b> {
    command: &'b str,
    line: usize,
    printed: Vec<&'b str>,
    /// Whether root types it, on a host.
    needs_host: bool,
}

fn commands(block: &Block) -> Vec<Shown<'_>> {
    let is_host = block.info.split(',').any(|word| word == "host" || word == "xen-host");
    // In a block of a user's commands, `#` begins what they print.
    let is_user = block.lines.iter().any(|line| line.starts_with("$ "));
    let mut commands: Vec<Shown<'_>> = Vec::new();
    for (number, line) in block.lines.iter().enumerate() {
        let prompted = line.strip_prefix("$ ").map(|command| (command, is_host));
        let as_root = line.strip_prefix("# ").filter(|_| !is_user).map(|command| (command, true));
        match prompted.or(as_root) {
            Some((command, needs_host)) => {
                commands.push(Shown { command, line: block.line + number, printed: Vec::new(), needs_host });
            }
            None => {
                if let Some(last) = commands.last_mut() {
                    last.printed.push(line);
                }
            }
        }
    }
    commands
}

/// The folder in which the commands of a page are run.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let programs = desk.folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(PROGRAM, programs.join("dom0net")).unwrap();
        let examples = desk.folder.path().join("desk/examples");
        fs::create_dir_all(&examples).unwrap();
        for entry in fs::read_dir(repository().join("examples")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, examples.join(path.file_name().unwrap())).unwrap();
            }
        }
        desk
    }

    fn write(&self, name: &str, lines: &[String]) {
        let path = self.folder.path().join("desk").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }

    /// What a command prints, on both streams in their order.
    fn run(&self, command: &str) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(self.folder.path().join("desk"))
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("XENSTORED_PATH", self.folder.path().join("no-xenstored"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Whether lines are those that were shown, where `…` stands for any.
fn matches(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..])),
        Some((first, rest)) => printed.first() == Some(first) && matches(rest, &printed[1..]),
    }
}

/// What the help says of a command of ours; `None` when there is no such command.
fn help(path: &[&str]) -> Option<String> {
    let output = Command::new(PROGRAM).args(path).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// What a line of commands calls of ours, and does not exist.
fn missing(line: &str) -> Option<String> {
    line.split(['|', ';', '&']).find_map(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (program, rest) = words.split_first()?;
        let mut path = match *program {
            "dom0net" => Vec::new(),
            script if script.starts_with("network-") => vec![script],
            _ => return None,
        };
        let Some(mut said) = help(&path) else { return Some(format!("there is no {program}")) };
        for word in rest.iter().take_while(|word| !word.starts_with('-')) {
            let is_command = said.lines().any(|line| line.split_whitespace().next() == Some(word));
            match help(&[&path[..], &[*word]].concat()).filter(|_| is_command) {
                Some(help) => said = help,
                // What stands behind a command are its arguments.
                None if !path.is_empty() => break,
                None => return Some(format!("there is no dom0net {word}")),
            }
            path.push(word);
        }
        let flags =
            rest.iter().filter(|word| word.starts_with("--")).filter_map(|flag| flag.split('=').next());
        let unknown = flags.into_iter().find(|flag| !said.contains(*flag))?;
        Some(format!("dom0net {} has no {unknown}", path.join(" ")))
    })
}

#[test]
fn what_the_manual_shows_is_what_happens() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let desk = Desk::new();
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for block in blocks(&fs::read_to_string(&page).unwrap()) {
            if let Some(file) = block.info.strip_prefix("text file=") {
                desk.write(file, &block.lines);
            }
            if block.info.split(',').next() != Some("console") {
                continue;
            }
            for shown in commands(&block) {
                let place = format!("docs/{name}:{}: {}", shown.line, shown.command);
                if shown.needs_host {
                    wrong.extend(missing(shown.command).map(|what| format!("{place}\n{what}")));
                    continue;
                }
                count += 1;
                let printed = desk.run(shown.command);
                if !matches(&shown.printed, &printed.lines().collect::<Vec<_>>()) {
                    wrong.push(format!("{place}\nprints:\n{printed}"));
                }
            }
        }
    }
    assert!(count > 0, "no command was run");
    assert!(wrong.is_empty(), "{} of the manual are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn the_page_of_codes_is_what_explain_says() {
    let output = Command::new(PROGRAM).args(["explain", "--markdown"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let path = repository().join("docs/diagnostics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, said).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = said.lines().zip(written.lines()).find(|(said, written)| said != written);
    assert!(said == written, "{}: first difference: {differs:?}; see UPDATE_DOCS", path.display());
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or("");
            if !file.is_empty() && !file.contains("://") {
                let target = page.parent().unwrap().join(file);
                assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            }
        }
    }
}

/// What `man` would complain about in a page, when it is here to ask.
fn complaints(page: &Path) -> Option<String> {
    let mut man = Command::new(testkit::program("man")?);
    man.args(["--warnings=w", "--local-file"]).arg(page).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
    let output = man.output().unwrap();
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn each_command_has_a_page_that_man_reads() {
    let folder = tempfile::tempdir().unwrap();
    let generate =
        |into: &Path| Command::new(PROGRAM).args(["generate", "man", "--into"]).arg(into).output().unwrap();
    assert!(generate(folder.path()).status.success());
    let page = |name: &str| folder.path().join("man8").join(format!("{name}.8"));
    // Deeper and deeper: a command, and what its help lists.
    let mut to_see: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = to_see.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let said = help(&words).unwrap();
        let script = words.first().filter(|word| word.starts_with("network-") || word.contains("vif-"));
        let name = match script {
            Some(&script) if script != "vif-spec" => script.to_owned(),
            _ => [&["dom0net"], &words[..]].concat().join("-"),
        };
        assert!(page(&name).exists(), "there is no page {name}(8)");
        seen += 1;
        let below = said.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = below.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
        let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        to_see.extend(names.map(|name| path.iter().cloned().chain([name.to_owned()]).collect()));
    }
    assert!(seen > 30, "only {seen} commands were found");
    // Where no page can be written, that is said.
    let refused = generate(Path::new(PROGRAM));
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot make"), "{refused:?}");
    for file in fs::read_dir(folder.path().join("man8")).unwrap() {
        let file = file.unwrap().path();
        let Some(complaints) = complaints(&file) else { return };
        assert!(complaints.is_empty(), "{}: {complaints}", file.display());
    }
}
