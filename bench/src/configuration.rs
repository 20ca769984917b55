//! Many configuration files checked at once.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::contender;
use crate::report::{Drawing, Report, Table, Value, millis};

/// How many files, and how often, unless told otherwise.
pub(crate) const FILES: usize = 10_000;
pub(crate) const ROUNDS: usize = 7;

/// A guest as xl has it.
const XL: &str = "\
# Guest number {n}.
name = \"guest{n}\"
type = \"pvh\"
memory = 512
vcpus = 2
disk = [ \"phy:/dev/vg0/guest{n},xvda,w\" ]
vif = [ 'mac={mac},ip={ip},bridge=xenbr0,vifname=guest{n}', 'bridge=xenbr1,rate=10Mb/s' ]
on_crash = \"restart\"
";

/// A guest as xm had it: Python, computed.
const XM: &str = "\
# Guest number {n}.
import os
number = {n}
name = \"guest%d\" % number
kernel = \"/boot/vmlinuz-xen\"
memory = 256
disk = [ 'phy:vg0/%s,xvda1,w' % name ]
vif = [ 'mac={mac}, bridge=xenbr0, ip={ip}' ]
if number > 5:
    extra = \"4 console=hvc0\"
";

/// Writes the files, and has them checked.
pub(crate) fn measure(rounds: usize, files: usize) -> Result<Report, Box<dyn Error>> {
    let program = contender::program("dom0net")?;
    let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
    let mut languages: [Vec<PathBuf>; 2] = Default::default();
    for number in 0..files {
        let template = [XL, XM][number % 2];
        let path = folder.path().join(format!("{number}.cfg"));
        fs::write(&path, filled(template, number))?;
        languages[number % 2].push(path);
    }
    let [xl, xm] = languages;
    let both = [xl.clone(), xm.clone()].concat();
    let sets = [("xl", xl), ("xm", xm), ("both", both)];
    let mut checked: [Vec<f64>; 3] = Default::default();
    let mut read: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        for (((_, files), checked), read) in sets.iter().zip(&mut checked).zip(&mut read) {
            checked.push(time(Command::new(&program).arg("check").args(files))?);
            read.push(time(Command::new("cat").args(files))?);
        }
    }
    let columns = sets.iter().map(|(language, files)| format!("{} of {language}", files.len())).collect();
    let mut table = Table::new("files checked by one call", "ms", columns)
        .drawn(Drawing::Bars)
        .note("Half of the files are of xl, half of xm, which are Python and computed. Names, MAC and IP addresses of all are compared with each other.");
    table.row("`cat`: only read", read.into_iter().map(Value::of).collect());
    table.row("`dom0net check`", checked.into_iter().map(Value::of).collect());
    Ok(Report { part: "check", title: "Configuration files checked", tables: vec![table.beside_first_row()] })
}

fn filled(template: &str, number: usize) -> String {
    let [.., high, middle, low] = number.to_be_bytes();
    template
        .replace("{n}", &number.to_string())
        .replace("{mac}", &format!("00:16:3e:{high:02x}:{middle:02x}:{low:02x}"))
        .replace("{ip}", &format!("10.{high}.{middle}.{low}"))
}

fn time(command: &mut Command) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    let took = begin.elapsed();
    if output.status.success() {
        return Ok(millis(took));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{}: {}",
        command.get_program().display(),
        said.lines().take(8).collect::<Vec<_>>().join("\n")
    )
    .into())
}
