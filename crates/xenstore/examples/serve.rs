//! A xenstore without Xen: serves an in-memory store on a socket.
//!
//! ```text
//! cargo run -p xenstore --example serve -- /tmp/xenstore                  # for dom0
//! cargo run -p xenstore --example serve -- /tmp/xenstore 5=/tmp/guest5    # and for domain 5
//! XENSTORED_PATH=/tmp/xenstore xenstore-ls
//! ```

use std::error::Error;
use std::process::ExitCode;

use xenstore::Server;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which socket? usage: serve SOCKET [DOMID=SOCKET]...")?;
    let mut server = Server::bind(path)?;
    for argument in arguments {
        let (domid, path) =
            argument.split_once('=').ok_or_else(|| format!("{argument}: DOMID=SOCKET is needed"))?;
        let domid = domid.parse().map_err(|error| format!("{argument}: {domid} is no domain id: {error}"))?;
        server.listen(domid, path)?;
    }
    server.run()?;
    Ok(())
}
