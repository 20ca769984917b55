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
            Err(error) => match error.code() {
                Some(ErrorCode::NotPermitted) => Ok(Vec::new()),
                Some(ErrorCode::TooBig) => Ok(directory_in_parts(requests, &visit.path)?.unwrap_or_default()),
                _ => Err(error),
            },
        }
    }
}
