//! What a round trip costs, and what pipelining saves.
//!
//! ```text
//! cargo run --release -p xenstore --example measure             # against a server in this program
//! cargo run --release -p xenstore --example measure -- SOCKET   # a daemon or the device; writes below /measure
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use xenstore::{Batch, Client, Requests, Server, TreeLimits};

/// As many as a large host has.
const VIFS: usize = 4000;
const KEYS: [&str; 10] = [
    "bridge",
    "mac",
    "ip",
    "script",
    "vifname",
    "rate",
    "frontend",
    "frontend-id",
    "state",
    "hotplug-status",
];
const ROUNDS: usize = 200;

fn main() -> ExitCode {
    let result = match std::env::args_os().nth(1) {
        Some(path) => Client::connect(path).map_err(Into::into).and_then(|mut client| measure(&mut client)),
        None => measure_own_server(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_own_server() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("xenstore-measure-{}", std::process::id()));
    let server = Server::bind(path)?.spawn()?;
    measure(&mut Client::connect(server.path())?)
}

fn measure(client: &mut Client) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    fill(client)?;
    println!("write {VIFS} vifs of {} nodes        {:>8.1} ms", KEYS.len(), milliseconds(start.elapsed()));

    let keys: [String; 6] = std::array::from_fn(|index| format!("/measure/7/0/{}", KEYS[index]));
    let one_by_one = median(|| keys.iter().try_for_each(|key| client.read(key).map(drop)))?;
    let pipelined = median(|| client.read_many(keys.each_ref()).map(drop))?;
    let single = median(|| client.read(&keys[0]).map(drop))?;
    println!("read one key                        {:>8.1} µs", microseconds(single));
    println!("read six keys one by one            {:>8.1} µs", microseconds(one_by_one));
    println!("read six keys in one round trip     {:>8.1} µs", microseconds(pipelined));

    let start = Instant::now();
    let names = client.directory("/measure")?.unwrap_or_default();
    println!("list {} names                     {:>8.1} ms", names.len(), milliseconds(start.elapsed()));
    let start = Instant::now();
    let paths = names.iter().flat_map(|name| KEYS.map(|key| format!("/measure/{name}/0/{key}")));
    let values = client.read_each(paths)?;
    println!("read {} known keys               {:>8.1} ms", values.len(), milliseconds(start.elapsed()));
    let start = Instant::now();
    let tree = client.tree("/measure", TreeLimits::default())?;
    let nodes = tree.map_or(0, |tree| tree.walk().count());
    println!("read the tree of {nodes} nodes       {:>8.1} ms", milliseconds(start.elapsed()));

    client.remove("/measure")?;
    Ok(())
}

fn fill(client: &mut Client) -> Result<(), xenstore::Error> {
    let mut batch = Batch::new();
    for vif in 0..VIFS {
        for key in KEYS {
            batch.write(&format!("/measure/{vif}/0/{key}"), "00:16:3e:00:00:01")?;
        }
    }
    client.run(batch)?.check()
}

fn median(mut work: impl FnMut() -> Result<(), xenstore::Error>) -> Result<Duration, xenstore::Error> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
