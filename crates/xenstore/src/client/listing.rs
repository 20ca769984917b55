//! Reading what does not fit in one reply: long lists of children, and whole trees.

use std::collections::VecDeque;

use super::answer::{Names, Value};
use super::batch::{Batch, Ticket};
use super::error::Error;
use super::replies::Replies;
use super::requests::Requests;
use super::tree::{Builder, Content, Tree, TreeLimits};
use crate::wire::ErrorCode;

/// How often a list that changes while it is read is begun again.
const LISTING_ATTEMPTS: u32 = 100;

/// Nodes that are asked for in one round: two requests each, some ten kilobytes.
const NODES_PER_ROUND: usize = 256;

/// A list of children, in parts (`DIRECTORY_PART`).
pub(super) fn directory_in_parts<R: Requests + ?Sized>(
    requests: &mut R,
    path: &str,
) -> Result<Option<Vec<String>>, Error> {
    for _ in 0..LISTING_ATTEMPTS {
        match whole_list(requests, path)? {
            Listing::Whole(names) => return Ok(Some(names)),
            Listing::Missing => return Ok(None),
            Listing::Changed => {}
        }
    }
    Err(Error::Unstable { path: path.into() })
}

enum Listing {
    Whole(Vec<String>),
    Missing,
    Changed,
}

fn whole_list<R: Requests + ?Sized>(requests: &mut R, path: &str) -> Result<Listing, Error> {
    let mut names = Vec::new();
    let mut offset = 0;
    let mut generation: Option<Vec<u8>> = None;
    loop {
        let mut batch = Batch::new();
        let ticket = batch.directory_part(path, offset)?;
        let replies = requests.run(batch)?;
        let Some(part) = replies.get(ticket)? else {
            return Ok(Listing::Missing);
        };
        if *generation.get_or_insert_with(|| part.generation.to_vec()) != part.generation {
            return Ok(Listing::Changed);
        }
        names.extend(part.names.into_iter().map(str::to_owned));
        offset += part.len;
        if part.last {
            return Ok(Listing::Whole(names));
        }
    }
}

/// A tree, level by level.
pub(super) fn tree<R: Requests + ?Sized>(
    requests: &mut R,
    path: &str,
    limits: TreeLimits,
) -> Result<Option<Tree>, Error> {
    let mut builder = Builder::new(path, limits);
    let mut waiting = VecDeque::from([builder.top()]);
    while !waiting.is_empty() {
        let round: Vec<Visit> = waiting.drain(..waiting.len().min(NODES_PER_ROUND)).collect();
        let mut batch = Batch::new();
        let asked = round.iter().map(|visit| Asked::new(&mut batch, visit)).collect::<Result<Vec<_>, _>>()?;
        let replies = requests.run(batch)?;
        for (visit, asked) in round.into_iter().zip(asked) {
            let content = asked.content(&replies)?;
            let names = asked.names(&replies, requests, &visit)?;
            waiting.extend(builder.add(&visit, content, names)?);
        }
    }
    Ok(builder.finish())
}

/// A node that is to be read.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) index: usize,
    pub(super) path: String,
    /// Whether its children are wanted.
    pub(super) descend: bool,
}

struct Asked {
    value: Ticket<Value>,
    names: Option<Ticket<Names>>,
}

impl Asked {
    fn new(batch: &mut Batch, visit: &Visit) -> Result<Self, Error> {
        let value = batch.read(&visit.path)?;
        let names = visit.descend.then(|| batch.directory(&visit.path)).transpose()?;
        Ok(Self { value, names })
    }

    fn content(&self, replies: &Replies) -> Result<Content, Error> {
        match replies.get(self.value) {
            Ok(Some(value)) => Ok(Content::Value(value.to_vec())),
            Ok(None) => Ok(Content::Gone),
            Err(error) if error.code() == Some(ErrorCode::NotPermitted) => Ok(Content::NotPermitted),
            Err(error) => Err(error),
        }
    }

    fn names<R: Requests + ?Sized>(
        &self,
        replies: &Replies,
        requests: &mut R,
        visit: &Visit,
    ) -> Result<Vec<String>, Error> {
        let Some(ticket) = self.names else {
            return Ok(Vec::new());
        };
        match replies.get(ticket) {
            Ok(names) => Ok(names.unwrap_or_default().into_iter().map(str::to_owned).collect()),
            Err(error) if error.code() == Some(ErrorCode::NotPermitted) => Ok(Vec::new()),
            Err(error) if error.code() == Some(ErrorCode::TooBig) => {
                Ok(directory_in_parts(requests, &visit.path)?.unwrap_or_default())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wire::{Header, Message, MessageType};

    /// A daemon that answers requests with the payloads of a script, one after the other.
    struct Script {
        payloads: VecDeque<&'static [u8]>,
        /// What was asked.
        asked: Vec<String>,
    }

    impl Script {
        fn new(payloads: &[&'static [u8]]) -> Self {
            Self { payloads: payloads.iter().copied().collect(), asked: Vec::new() }
        }
    }

    impl Requests for Script {
        fn run(&mut self, batch: Batch) -> Result<Replies, Error> {
            let count = batch.len();
            let mut replies = Replies::new(batch, 0, Path::new("/script").into());
            for index in 0..count {
                let (operation, asked) = replies.batch().request(index).unwrap();
                self.asked.push(asked.escape_ascii().to_string());
                let payload = self.payloads.pop_front().unwrap();
                let message_type = if payload.starts_with(b"E") { MessageType::Error } else { operation };
                let req_id = u32::try_from(index).unwrap();
                let header = Header { message_type: message_type.number(), req_id, ..Header::default() };
                replies.accept(Message { header, payload }, count)?;
            }
            Ok(replies)
        }
    }

    #[test]
    fn a_list_that_changes_while_it_is_read_is_read_again() {
        let mut script = Script::new(&[b"E2BIG\0", b"7\0a\0b\0", b"8\0d\0\0", b"8\0b\0c\0", b"8\0d\0\0"]);
        let names = script.directory("/list").unwrap().unwrap();
        assert_eq!(names, ["b", "c", "d"]);
        assert_eq!(
            script.asked,
            [r"/list\x00", r"/list\x000\x00", r"/list\x004\x00", r"/list\x000\x00", r"/list\x004\x00"]
        );
    }

    #[test]
    fn a_list_that_never_rests_is_an_error() {
        let mut payloads: Vec<&'static [u8]> = vec![b"E2BIG\0"];
        for _ in 0..LISTING_ATTEMPTS {
            payloads.extend([&b"1\0a\0"[..], b"2\0b\0\0"]);
        }
        let error = Script::new(&payloads).directory("/list").unwrap_err();
        assert!(matches!(error, Error::Unstable { .. }), "{error:?}");
    }

    #[test]
    fn a_list_that_goes_away_meanwhile_is_missing() {
        assert_eq!(Script::new(&[b"E2BIG\0", b"ENOENT\0"]).directory("/list").unwrap(), None);
        assert_eq!(Script::new(&[b"E2BIG\0", b"1\0a\0", b"ENOENT\0"]).directory("/list").unwrap(), None);
    }

    #[test]
    fn a_tree_shows_what_may_be_read_and_leaves_out_what_went_away() {
        let answers: [(&[u8], &[u8]); 4] = [
            (b"", b"hidden\0a\0gone\0"),
            (b"EACCES\0", b"EACCES\0"),
            (b"value", b"EACCES\0"),
            (b"ENOENT\0", b"ENOENT\0"),
        ];
        let mut script = Script::new(&answers.map(|(value, names)| [value, names]).concat());
        let tree = script.tree("/", TreeLimits::default()).unwrap().unwrap();
        let nodes: Vec<_> = tree.walk().map(|(_, node)| (node.name(), node.value())).collect();
        assert_eq!(nodes, [("", Some(&b""[..])), ("hidden", None), ("a", Some(b"value"))]);
        assert_eq!(script.asked[2..4], [r"/hidden\x00", r"/hidden\x00"]);
    }

    #[test]
    fn any_other_refusal_ends_the_reading_of_a_tree() {
        let script = &[&b""[..], b"a\0", b"EINVAL\0", b""];
        let error = Script::new(script).tree("/", TreeLimits::default()).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Invalid));
    }

    #[test]
    fn a_daemon_without_parts_says_so() {
        let error = Script::new(&[b"E2BIG\0", b"ENOSYS\0"]).directory("/list").unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NotSupported));
    }
}
