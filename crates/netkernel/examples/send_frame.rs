//! Sends frames on a device as they are: `send_frame eth0 ffffffffffff00163e00000108060001...`
//!
//! Each argument behind the device is one frame in hexadecimal digits, beginning with the destination's MAC address.

use std::process::ExitCode;

use netkernel::link::LinkName;
use netkernel::packet::PacketSocket;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match send(&arguments.next().unwrap_or_default(), arguments) {
        Ok(count) => {
            println!("{count} frames sent");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("send_frame: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send(device: &str, frames: impl Iterator<Item = String>) -> Result<usize, Box<dyn std::error::Error>> {
    let socket = PacketSocket::open(&LinkName::new(device)?)?;
    let mut count = 0;
    for frame in frames {
        let frame = bytes(&frame).ok_or_else(|| format!("{frame} is no frame in hexadecimal digits"))?;
        socket.send(&frame)?;
        count += 1;
    }
    Ok(count)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
