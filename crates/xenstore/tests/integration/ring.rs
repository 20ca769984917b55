//! A guest's end of the ring page through which it talks to the real daemon (`docs/misc/xenstore-ring.txt`).
//!
//! The page is a file that the daemon has mapped; reading and writing the file is seen on the other side.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::raw::Wire;

const RING_LEN: u32 = 1024;
const REQUESTS: u64 = 0;
const REPLIES: u64 = 1024;
const REQUEST_CONSUMER: u64 = 2048;
const REQUEST_PRODUCER: u64 = 2052;
const REPLY_CONSUMER: u64 = 2056;
const REPLY_PRODUCER: u64 = 2060;

pub(crate) struct Ring {
    page: File,
    events: File,
}

impl Ring {
    pub(crate) fn open(folder: &Path, domid: u32) -> Self {
        let open = |name: &str| OpenOptions::new().read(true).write(true).open(folder.join(name)).unwrap();
        Self { page: open(&format!("ring-{domid}")), events: open("events") }
    }

    fn index(&self, at: u64) -> u32 {
        let mut bytes = [0; 4];
        self.page.read_exact_at(&mut bytes, at).unwrap();
        u32::from_le_bytes(bytes)
    }

    fn set_index(&mut self, at: u64, index: u32) {
        self.page.write_all_at(&index.to_le_bytes(), at).unwrap();
        self.events.write_all(&[1]).unwrap();
    }

    /// Waits until `producer` is ahead of `consumer` by something else than `but`.
    fn wait(&self, producer: u64, consumer: u64, but: u32) -> (u32, u32) {
        let start = Instant::now();
        loop {
            let indexes = (self.index(producer), self.index(consumer));
            if indexes.0.wrapping_sub(indexes.1) != but {
                return indexes;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "the daemon does not answer");
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

impl Wire for Ring {
    fn send(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (producer, consumer) = self.wait(REQUEST_PRODUCER, REQUEST_CONSUMER, RING_LEN);
            let place = producer % RING_LEN;
            let room = (RING_LEN - producer.wrapping_sub(consumer)).min(RING_LEN - place) as usize;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.page.write_all_at(now, REQUESTS + u64::from(place)).unwrap();
            self.set_index(REQUEST_PRODUCER, producer.wrapping_add(u32::try_from(now.len()).unwrap()));
            bytes = later;
        }
    }

    fn receive(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let (producer, consumer) = self.wait(REPLY_PRODUCER, REPLY_CONSUMER, 0);
            let place = consumer % RING_LEN;
            let there = producer.wrapping_sub(consumer).min(RING_LEN - place) as usize;
            let (now, later) = bytes.split_at_mut(there.min(bytes.len()));
            self.page.read_exact_at(now, REPLIES + u64::from(place)).unwrap();
            self.set_index(REPLY_CONSUMER, consumer.wrapping_add(u32::try_from(now.len()).unwrap()));
            bytes = later;
        }
    }
}
