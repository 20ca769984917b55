//! Lists a tree like `xenstore-ls`, in a few round trips.
//!
//! ```text
//! cargo run -p xenstore --example ls -- /local/domain/0/backend
//! ```

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use xenstore::{Client, Requests, TreeLimits};

fn main() -> ExitCode {
    match list() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ls: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or("/".to_owned());
    let mut client = Client::open()?;
    let tree = client
        .tree(&path, TreeLimits::default())?
        .ok_or_else(|| format!("{path} does not exist in xenstore"))?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    // The top itself is not shown: the caller has named it.
    for (depth, node) in tree.walk().skip(1) {
        let indent = " ".repeat(depth - 1);
        match node.value() {
            // Escaped: guests choose these bytes, and a terminal obeys some of them.
            Some(value) => writeln!(output, "{indent}{} = \"{}\"", node.name(), value.escape_ascii())?,
            None => writeln!(output, "{indent}{}: not permitted", node.name())?,
        }
    }
    output.flush()?;
    Ok(())
}
