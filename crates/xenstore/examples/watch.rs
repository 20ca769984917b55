//! Tells of changes like `xenstore-watch`, with the new values.
//!
//! ```text
//! cargo run -p xenstore --example watch -- 20 /local/domain/0/backend/vif     # for 20 seconds
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use xenstore::{Client, Requests};

fn main() -> ExitCode {
    match watch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().ok_or("how long? usage: watch SECONDS PATH...")?.parse()?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut client = Client::open()?;
    for path in arguments {
        client.watch(&path, "watch")?;
    }
    while let Some(event) = client.next_event(Some(end.saturating_duration_since(Instant::now())))? {
        // An event says that something may have changed; what is there now has to be read.
        match client.read(&event.path) {
            Ok(Some(value)) => println!("{} = \"{}\"", event.path, value.escape_ascii()),
            Ok(None) => println!("{} is not there", event.path),
            // Such as `@releaseDomain`, which is no node.
            Err(_) => println!("{}", event.path),
        }
    }
    Ok(())
}
