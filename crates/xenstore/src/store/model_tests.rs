//! The store against a model that is too simple to be wrong: a list of nodes that is searched from one end to
//! the other.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::node::{Caller, child_of};
use super::{Quotas, Store, Transaction, View};
use crate::permissions::Permissions;
use crate::wire::{ErrorCode, strings};

/// In the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model(Vec<(String, Permissions, Vec<u8>)>);

#[derive(Debug, Clone)]
enum Operation {
    Read,
    List,
    Write(Vec<u8>),
    Mkdir,
    Remove,
    SetPermissions(Permissions),
}

type Answer = Result<Vec<u8>, ErrorCode>;

impl Model {
    fn new() -> Self {
        let dom0: Permissions = "n0".parse().unwrap();
        Self(["/", "/tool", "/tool/xenstored"].map(|path| (path.to_owned(), dom0.clone(), Vec::new())).into())
    }

    /// The nodes of a picture, with children in the order in which the lists have them.
    fn of(picture: &Picture) -> Self {
        let mut nodes = vec!["/".to_owned()];
        let mut next = 0;
        while let Some(path) = nodes.get(next).cloned() {
            let (_, _, list) = &picture[&path];
            nodes.extend(strings(list).map(|name| child_of(&path, str::from_utf8(name).unwrap())));
            next += 1;
        }
        let looks = |path: String| {
            let (permissions, value, _) = &picture[&path];
            let permissions = permissions.parse().unwrap();
            (path, permissions, value.clone())
        };
        Self(nodes.into_iter().map(looks).collect())
    }

    fn find(&mut self, path: &str) -> Option<&mut (String, Permissions, Vec<u8>)> {
        self.0.iter_mut().find(|(known, ..)| known == path)
    }

    fn nearest(&mut self, path: &str) -> Permissions {
        let mut path = path.to_owned();
        loop {
            if let Some((_, permissions, _)) = self.find(&path) {
                return permissions.clone();
            }
            path = above(&path);
        }
    }

    fn carry_out(&mut self, domid: u32, path: &str, operation: &Operation) -> Answer {
        let may = |permissions: &Permissions| match operation {
            Operation::Read | Operation::List => permissions.access_of(domid).can_read(),
            _ => permissions.access_of(domid).can_write(),
        };
        let is_owner = |permissions: &Permissions| domid == 0 || permissions.owner() == domid;
        let Some((_, permissions, value)) = self.find(path) else {
            if !may(&self.nearest(path)) {
                return Err(ErrorCode::NotPermitted);
            }
            return match operation {
                Operation::Write(value) => self.make(domid, path, value),
                Operation::Mkdir => self.make(domid, path, b""),
                Operation::Remove if self.find(&above(path)).is_some() => Ok(Vec::new()),
                _ => Err(ErrorCode::NotFound),
            };
        };
        if !may(permissions) {
            return Err(ErrorCode::NotPermitted);
        }
        match operation {
            Operation::Read => return Ok(value.clone()),
            Operation::List => return Ok(self.list(path)),
            Operation::Mkdir => {}
            Operation::Write(new) => value.clone_from(new),
            Operation::Remove if path == "/" => return Err(ErrorCode::Invalid),
            Operation::Remove => {
                let below = format!("{path}/");
                self.0.retain(|(known, ..)| known != path && !known.starts_with(&below));
            }
            Operation::SetPermissions(_) if !is_owner(permissions) => return Err(ErrorCode::NotPermitted),
            Operation::SetPermissions(new) if domid != 0 && new.owner() != permissions.owner() => {
                return Err(ErrorCode::NotOwner);
            }
            Operation::SetPermissions(new) => permissions.clone_from(new),
        }
        Ok(Vec::new())
    }

    fn make(&mut self, domid: u32, path: &str, value: &[u8]) -> Answer {
        if self.find(path).is_none() {
            self.make(domid, &above(path), b"")?;
            let mut permissions = self.nearest(path);
            if domid != 0 {
                permissions.set_owner(domid);
            }
            self.0.push((path.to_owned(), permissions, value.to_vec()));
        }
        Ok(Vec::new())
    }

    fn list(&self, path: &str) -> Vec<u8> {
        let children = self.0.iter().filter(|(known, ..)| known != "/" && above(known) == path);
        children
            .flat_map(|(known, ..)| format!("{}\0", known.rsplit('/').next().unwrap()).into_bytes())
            .collect()
    }

    /// What a store with these nodes looks like.
    fn picture(&self) -> Picture {
        let looks = |(path, permissions, value): &(String, Permissions, Vec<u8>)| {
            (path.clone(), (permissions.to_string(), value.clone(), self.list(path)))
        };
        self.0.iter().map(looks).collect()
    }
}

/// By path: permissions, value, list of children.
type Picture = BTreeMap<String, (String, Vec<u8>, Vec<u8>)>;

fn above(path: &str) -> String {
    let end = path.rfind('/').unwrap().max(1);
    path[..end].to_owned()
}

fn picture(store: &Store) -> Picture {
    let nodes = store.nodes.iter();
    nodes
        .map(|(path, node)| {
            (path.to_string(), (node.permissions.listed.to_string(), node.value.clone(), node.list()))
        })
        .collect()
}

fn answer(view: &mut View<'_>, path: &str, operation: &Operation) -> Answer {
    let nothing = |()| Vec::new();
    match operation {
        Operation::Read => view.read(path).map(|node| node.value.clone()),
        Operation::List => view.read(path).map(|node| node.list()),
        Operation::Write(value) => view.write(path, value).map(nothing),
        Operation::Mkdir => view.mkdir(path).map(nothing),
        Operation::Remove => view.remove(path).map(nothing),
        Operation::SetPermissions(permissions) => {
            view.set_permissions(path, permissions.clone()).map(nothing)
        }
    }
}

fn caller(domid: u32) -> Caller {
    Caller { domid, target: None }
}

fn requests() -> impl Strategy<Value = Vec<(u32, &'static str, Operation)>> {
    let paths = ["/", "/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f/g", "/tool"];
    let permissions =
        ["n0", "b0", "n5", "r5,w6", "n6,b5", "n0,r5,w6"].map(|list| list.parse::<Permissions>().unwrap());
    let operation = prop_oneof![
        Just(Operation::Read),
        Just(Operation::List),
        vec(any::<u8>(), 0..3).prop_map(Operation::Write),
        Just(Operation::Mkdir),
        Just(Operation::Remove),
        select(permissions.to_vec()).prop_map(Operation::SetPermissions),
    ];
    vec((select(vec![0, 0, 5, 6]), select(paths.to_vec()), operation), 0..60)
}

proptest! {
    #[test]
    fn the_store_does_what_the_model_does(requests in requests()) {
        let mut store = Store::new(Quotas::default());
        let mut model = Model::new();
        for (domid, path, operation) in &requests {
            let expected = model.carry_out(*domid, path, operation);
            prop_assert_eq!(answer(&mut store.view(caller(*domid), None), path, operation), expected);
            prop_assert_eq!(picture(&store), model.picture());
            for domid in [0, 5, 6] {
                let owned = store.nodes.values().filter(|node| node.permissions.owner() == domid).count();
                prop_assert_eq!(store.owned_by(domid), owned);
            }
        }
    }

    #[test]
    fn an_undisturbed_transaction_does_what_its_requests_do_directly(
        before in requests(),
        inside in requests(),
        domid in select(vec![0, 5]),
    ) {
        let mut direct = Store::new(Quotas::default());
        let mut store = Store::new(Quotas::default());
        for (domid, path, operation) in &before {
            for store in [&mut direct, &mut store] {
                drop(answer(&mut store.view(caller(*domid), None), path, operation));
            }
        }
        let untouched = picture(&store);
        let mut transaction = Transaction::default();
        for (_, path, operation) in &inside {
            let expected = answer(&mut direct.view(caller(domid), None), path, operation);
            let answered = answer(&mut store.view(caller(domid), Some(&mut transaction)), path, operation);
            prop_assert_eq!(answered, expected);
            prop_assert_eq!(&picture(&store), &untouched);
        }
        prop_assert!(store.commit(caller(domid), transaction).is_ok());
        prop_assert_eq!(picture(&store), picture(&direct));
        for domid in [0, 5, 6] {
            prop_assert_eq!(store.owned_by(domid), direct.owned_by(domid));
        }
    }

    #[test]
    fn a_disturbed_transaction_takes_effect_as_a_whole_or_not_at_all(
        before in requests(),
        inside in requests(),
        meanwhile in requests(),
    ) {
        let mut store = Store::new(Quotas::default());
        for (domid, path, operation) in &before {
            drop(answer(&mut store.view(caller(*domid), None), path, operation));
        }
        let mut transaction = Transaction::default();
        let mut seen = Vec::new();
        for (_, path, operation) in &inside {
            seen.push(answer(&mut store.view(Caller::DOM0, Some(&mut transaction)), path, operation));
        }
        for (domid, path, operation) in &meanwhile {
            drop(answer(&mut store.view(caller(*domid), None), path, operation));
        }
        let mut expected = picture(&store);
        if store.commit(Caller::DOM0, transaction).is_ok() {
            // As if all of it happened now: each request gets the answer that it got then.
            let mut model = Model::of(&expected);
            for ((_, path, operation), seen) in inside.iter().zip(seen) {
                prop_assert_eq!(model.carry_out(0, path, operation), seen);
            }
            expected = model.picture();
        }
        prop_assert_eq!(picture(&store), expected);
    }
}
