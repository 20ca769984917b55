//! The client, against our server and against both real daemons: what it promises holds for all.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use xenstore::{
    Access, Batch, Client, Error, ErrorCode, Event, Permissions, Requests, Server, ServerHandle, TreeLimits,
};

use crate::real::RealDaemon;

/// A daemon to talk to, held until the test is over.
enum Daemon {
    Ours(ServerHandle, #[expect(dead_code, reason = "holds the folder of the socket")] TempDir),
    Xenstored(RealDaemon),
    Oxenstored(RealDaemon),
}

impl Daemon {
    fn ours() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
        Self::Ours(server, folder)
    }

    fn socket(&self) -> PathBuf {
        match self {
            Self::Ours(server, _) => server.path().to_owned(),
            Self::Xenstored(daemon) | Self::Oxenstored(daemon) => daemon.socket(),
        }
    }

    fn client(&self) -> Client {
        let mut client = Client::connect(self.socket()).unwrap();
        client.set_reply_limit(Some(Duration::from_secs(10)));
        client
    }
}

/// Makes three tests of each function.
macro_rules! against_all {
    ($($name:ident),* $(,)?) => {
        mod ours {
            $(#[test] fn $name() { super::$name(&super::Daemon::ours()); })*
        }
        mod xenstored {
            $(#[test] fn $name() {
                if let Some(daemon) = crate::real::RealDaemon::start_or_skip() {
                    super::$name(&super::Daemon::Xenstored(daemon));
                }
            })*
        }
        mod oxenstored {
            $(#[test] fn $name() {
                if let Some(daemon) = crate::real::RealDaemon::start_oxenstored_or_skip() {
                    super::$name(&super::Daemon::Oxenstored(daemon));
                }
            })*
        }
    };
}

against_all!(
    values_are_bytes,
    a_missing_node_is_none_and_removing_it_is_fine,
    many_reads_keep_their_order,
    a_refused_request_does_not_stop_the_others_of_a_batch,
    a_batch_can_be_larger_than_all_buffers,
    long_lists_are_complete_and_in_order,
    permissions_are_set_and_read,
    a_transaction_is_seen_only_when_it_is_committed,
    a_transaction_that_met_a_conflict_is_tried_again,
    a_transaction_gives_up_in_the_end,
    a_failing_transaction_leaves_nothing,
    events_that_come_with_replies_are_kept,
    waiting_for_events_ends_in_time,
    domains_come_and_go,
    trees_are_read_as_a_whole,
    trees_have_limits,
    the_device_carries_batches_too,
    commands_are_given_to_the_daemon,
    refusals_say_what_was_asked_of_which_node,
);

fn values_are_bytes(daemon: &Daemon) {
    let mut client = daemon.client();
    let hostile: Vec<u8> = (0..=255).collect();
    client.write("/value", &hostile).unwrap();
    assert_eq!(client.read("/value").unwrap().as_deref(), Some(&hostile[..]));
    let error = client.read_text("/value").unwrap_err();
    assert!(matches!(&error, Error::NotText { path, valid_up_to: 128 } if &**path == "/value"), "{error:?}");
    client.write("/value", "tëxt").unwrap();
    assert_eq!(client.read_text("/value").unwrap().as_deref(), Some("tëxt"));
    client.write("/value", "").unwrap();
    assert_eq!(client.read("/value").unwrap().as_deref(), Some(&b""[..]));
}

fn a_missing_node_is_none_and_removing_it_is_fine(daemon: &Daemon) {
    let mut client = daemon.client();
    assert_eq!(client.read("/no/such/node").unwrap(), None);
    assert_eq!(client.directory("/no/such/node").unwrap(), None);
    assert_eq!(client.permissions("/no/such/node").unwrap(), None);
    assert!(client.tree("/no/such/node", TreeLimits::default()).unwrap().is_none());
    assert!(!client.exists("/no/such/node").unwrap());
    client.remove("/no/such/node").unwrap();
    client.mkdir("/node").unwrap();
    assert!(client.exists("/node").unwrap());
    assert_eq!(client.directory("/node").unwrap(), Some(vec![]));
    client.remove("/node").unwrap();
    client.remove("/node").unwrap();
    assert!(!client.exists("/node").unwrap());
}

fn many_reads_keep_their_order(daemon: &Daemon) {
    let mut client = daemon.client();
    client.write_each([("/vif/mac", "m"), ("/vif/bridge", "b")]).unwrap();
    let [bridge, missing, mac] = client.read_many(["/vif/bridge", "/vif/missing", "/vif/mac"]).unwrap();
    assert_eq!(bridge.unwrap().as_deref(), Some(&b"b"[..]));
    assert_eq!(missing.unwrap(), None);
    assert_eq!(mac.unwrap().as_deref(), Some(&b"m"[..]));
    let values = client.read_each(["/vif/mac"; 3]).unwrap();
    assert!(values.into_iter().all(|value| value.unwrap().as_deref() == Some(b"m")));
}

fn a_refused_request_does_not_stop_the_others_of_a_batch(daemon: &Daemon) {
    let mut client = daemon.client();
    let mut batch = Batch::new();
    let before = batch.write("/before", "1").unwrap();
    let refused = batch.set_permissions("/missing", &Permissions::owned_by(0, Access::None)).unwrap();
    let after = batch.write("/after", "1").unwrap();
    let value = batch.read_text("/after").unwrap();
    let replies = client.run(batch).unwrap();
    replies.get(before).unwrap();
    assert_eq!(replies.get(refused).unwrap_err().code(), Some(ErrorCode::NotFound));
    replies.get(after).unwrap();
    assert_eq!(replies.get(value).unwrap(), Some("1"));
    assert_eq!(replies.check().unwrap_err().code(), Some(ErrorCode::NotFound));
}

fn a_batch_can_be_larger_than_all_buffers(daemon: &Daemon) {
    let mut client = daemon.client();
    let value = vec![b'v'; 2000];
    let mut batch = Batch::new();
    let mut reads = Vec::new();
    for number in 0..1000 {
        batch.write(&format!("/large/{number}"), &value).unwrap();
        reads.push(batch.read(&format!("/large/{number}")).unwrap());
    }
    let replies = client.run(batch).unwrap();
    replies.check().unwrap();
    assert!(reads.into_iter().all(|ticket| replies.get(ticket).unwrap() == Some(&value[..])));
    // Few bytes out, many back.
    let values = client.read_each((0..1000).map(|number| format!("/large/{number}"))).unwrap();
    assert!(values.into_iter().all(|read| read.unwrap().as_ref() == Some(&value)));
}

fn long_lists_are_complete_and_in_order(daemon: &Daemon) {
    let mut client = daemon.client();
    let names: Vec<String> = (1000..4000).map(|number| format!("vif-{number}")).collect();
    let mut batch = Batch::new();
    for name in &names {
        batch.mkdir(&format!("/list/{name}")).unwrap();
    }
    client.run(batch).unwrap().check().unwrap();
    let mut batch = Batch::new();
    let ticket = batch.directory("/list").unwrap();
    let replies = client.run(batch).unwrap();
    match daemon {
        // It breaks the protocol, and is understood all the same.
        Daemon::Oxenstored(_) => assert_eq!(replies.get(ticket).unwrap().unwrap(), names),
        _ => assert_eq!(replies.get(ticket).unwrap_err().code(), Some(ErrorCode::TooBig)),
    }
    assert_eq!(client.directory("/list").unwrap().as_ref(), Some(&names));
    let in_transaction = client.transaction(|transaction| transaction.directory("/list")).unwrap();
    assert_eq!(in_transaction, Some(names));
}

fn permissions_are_set_and_read(daemon: &Daemon) {
    let mut client = daemon.client();
    client.mkdir("/node").unwrap();
    assert_eq!(client.permissions("/node").unwrap(), Some(Permissions::owned_by(0, Access::None)));
    let permissions =
        Permissions::owned_by(3, Access::Read).with(5, Access::ReadWrite).with(6, Access::Write);
    client.set_permissions("/node", &permissions).unwrap();
    assert_eq!(client.permissions("/node").unwrap(), Some(permissions));
    client.set_permissions("@releaseDomain", &Permissions::owned_by(0, Access::None)).unwrap();
}

fn a_transaction_is_seen_only_when_it_is_committed(daemon: &Daemon) {
    let (mut client, mut other) = (daemon.client(), daemon.client());
    let mut transaction = client.begin().unwrap();
    transaction.write_each([("/t/a", "1"), ("/t/b", "2")]).unwrap();
    assert_eq!(transaction.directory("/t").unwrap(), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert!(!other.exists("/t").unwrap());
    assert!(transaction.commit().unwrap());
    assert_eq!(other.read_text("/t/b").unwrap().as_deref(), Some("2"));
    for end in ["aborted", "dropped"] {
        let mut transaction = client.begin().unwrap();
        transaction.write("/t/a", end).unwrap();
        match end {
            "aborted" => transaction.abort().unwrap(),
            _ => drop(transaction),
        }
        assert_eq!(client.read_text("/t/a").unwrap().as_deref(), Some("1"), "{end}");
    }
}

fn a_transaction_that_met_a_conflict_is_tried_again(daemon: &Daemon) {
    let (mut client, mut other) = (daemon.client(), daemon.client());
    client.write("/count", "1").unwrap();
    let mut attempts = 0;
    let count = client
        .transaction(|transaction| {
            attempts += 1;
            let count: u32 = transaction.read_text("/count")?.unwrap().parse().unwrap();
            if attempts == 1 {
                other.write("/count", "10")?;
            }
            transaction.write("/count", (count + 1).to_string())?;
            Ok::<_, Error>(count + 1)
        })
        .unwrap();
    assert_eq!((count, attempts), (11, 2));
    assert_eq!(other.read_text("/count").unwrap().as_deref(), Some("11"));
}

fn a_transaction_gives_up_in_the_end(daemon: &Daemon) {
    let (mut client, mut other) = (daemon.client(), daemon.client());
    let mut attempts = 0;
    let result = client.transaction(|transaction| {
        attempts += 1;
        transaction.read("/busy")?;
        other.write("/busy", attempts.to_string())?;
        transaction.write("/mine", "1")
    });
    assert!(matches!(result, Err(Error::Conflict { attempts: 100 })), "{result:?}");
    assert_eq!(attempts, 100);
    assert!(!client.exists("/mine").unwrap());
}

fn a_failing_transaction_leaves_nothing(daemon: &Daemon) {
    #[derive(Debug)]
    enum Failure {
        Own,
        #[expect(dead_code, reason = "shown when the test fails")]
        Store(Error),
    }
    impl From<Error> for Failure {
        fn from(error: Error) -> Self {
            Self::Store(error)
        }
    }
    let mut client = daemon.client();
    let result: Result<(), Failure> = client.transaction(|transaction| {
        transaction.write("/half", "done")?;
        Err(Failure::Own)
    });
    assert!(matches!(result, Err(Failure::Own)), "{result:?}");
    assert!(!client.exists("/half").unwrap());
}

fn events_that_come_with_replies_are_kept(daemon: &Daemon) {
    let mut client = daemon.client();
    let event = |path: &str| Some(Event { path: path.to_owned(), token: "token".to_owned() });
    client.watch("/watched", "token").unwrap();
    client.write_each([("/watched/a", "1"), ("/watched/b", "1")]).unwrap();
    client.remove("/watched").unwrap();
    assert_eq!(client.next_event(None).unwrap(), event("/watched"), "each watch fires once at the start");
    assert_eq!(client.next_event(None).unwrap(), event("/watched/a"));
    assert_eq!(client.next_event(None).unwrap(), event("/watched/b"));
    assert_eq!(client.next_event(None).unwrap(), event("/watched"));
    client.unwatch("/watched", "token").unwrap();
    client.write("/watched", "1").unwrap();
    assert_eq!(client.next_event(Some(Duration::ZERO)).unwrap(), None);
    assert_eq!(client.unwatch("/watched", "token").unwrap_err().code(), Some(ErrorCode::NotFound));
    client.watch("relative", "token").unwrap();
    assert_eq!(client.next_event(None).unwrap(), event("relative"));
    client.reset_watches().unwrap();
    assert_eq!(client.unwatch("relative", "token").unwrap_err().code(), Some(ErrorCode::NotFound));
}

fn waiting_for_events_ends_in_time(daemon: &Daemon) {
    let (mut client, mut other) = (daemon.client(), daemon.client());
    assert_eq!(client.next_event(Some(Duration::from_millis(1))).unwrap(), None);
    client.watch("/watched", "t").unwrap();
    assert!(client.next_event(Some(Duration::from_secs(10))).unwrap().is_some());
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        other.write("/watched", "1").unwrap();
    });
    assert!(client.next_event(Some(Duration::from_secs(10))).unwrap().is_some());
    writer.join().unwrap();
    // The client is as good as before.
    assert_eq!(client.read_text("/watched").unwrap().as_deref(), Some("1"));
}

fn domains_come_and_go(daemon: &Daemon) {
    let mut client = daemon.client();
    let special = |name: &str| Some(Event { path: name.to_owned(), token: "t".to_owned() });
    assert_eq!(client.domain_path(7).unwrap(), "/local/domain/7");
    assert!(!client.is_introduced(7).unwrap());
    for name in ["@introduceDomain", "@releaseDomain"] {
        client.watch(name, "t").unwrap();
        assert_eq!(client.next_event(None).unwrap(), special(name));
    }
    if let Daemon::Oxenstored(_) = daemon {
        return; // It would map the ring by the hypervisor, for which nothing stands here.
    }
    client.introduce(7, 1, 2).unwrap();
    client.introduce(8, 1, 2).unwrap();
    client.set_target(8, 7).unwrap();
    client.resume(7).unwrap();
    assert!(client.is_introduced(7).unwrap());
    for _ in 0..2 {
        assert_eq!(client.next_event(None).unwrap(), special("@introduceDomain"));
    }
    client.release(8).unwrap();
    client.release(7).unwrap();
    for _ in 0..2 {
        assert_eq!(client.next_event(None).unwrap(), special("@releaseDomain"));
    }
    let error = client.release(7).unwrap_err();
    assert_eq!(error.to_string(), "xenstore refused RELEASE of \"7\": ENOENT (it does not exist)");
}

fn trees_are_read_as_a_whole(daemon: &Daemon) {
    let mut client = daemon.client();
    let mut batch = Batch::new();
    for domid in 100..=700 {
        batch.write(&format!("/backend/vif/{domid}/0/mac"), format!("mac of {domid}")).unwrap();
        batch.write(&format!("/backend/vif/{domid}/0/state"), "4").unwrap();
    }
    client.run(batch).unwrap().check().unwrap();
    let tree = client.tree("/backend", TreeLimits::default()).unwrap().unwrap();
    assert_eq!(tree.top().name(), "backend");
    assert_eq!(tree.walk().count(), 2 + 601 * 4);
    assert_eq!(tree.value("vif/600/0/mac"), Some(&b"mac of 600"[..]));
    assert_eq!(tree.value("vif/701/0/mac"), None);
    let start: Vec<(usize, &str)> = tree.walk().take(7).map(|(depth, node)| (depth, node.name())).collect();
    let expected = [(0, "backend"), (1, "vif"), (2, "100"), (3, "0"), (4, "mac"), (4, "state"), (2, "101")];
    assert_eq!(start, expected);
    let whole = client.tree("/", TreeLimits::default()).unwrap().unwrap();
    assert_eq!(whole.value("backend/vif/107/0/state"), Some(&b"4"[..]));
    assert!(whole.get("tool/xenstored").is_some());
}

fn trees_have_limits(daemon: &Daemon) {
    let mut client = daemon.client();
    client.write_each([("/a/b/c/d", "1"), ("/a/x", "1")]).unwrap();
    let names = |client: &mut Client, depth| {
        let tree = client.tree("/a", TreeLimits { depth, ..TreeLimits::default() }).unwrap().unwrap();
        tree.walk().map(|(_, node)| node.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut client, 0), ["a"]);
    assert_eq!(names(&mut client, 1), ["a", "b", "x"]);
    assert_eq!(names(&mut client, 2), ["a", "b", "c", "x"]);
    let nodes = |nodes| TreeLimits { nodes, ..TreeLimits::default() };
    assert!(client.tree("/a", nodes(5)).unwrap().is_some());
    let error = client.tree("/a", nodes(4)).unwrap_err();
    assert!(matches!(error, Error::TooManyNodes { limit: 4, .. }), "{error:?}");
}

fn the_device_carries_batches_too(daemon: &Daemon) {
    // A socket stands for the device: the bytes are the same.
    let socket = UnixStream::connect(daemon.socket()).unwrap();
    let mut client = Client::from_device(File::from(OwnedFd::from(socket)));
    client.write_each((0..1500).map(|number| (format!("/d/{number}"), number.to_string()))).unwrap();
    assert_eq!(client.read_text("/d/1499").unwrap().as_deref(), Some("1499"));
    client.watch("/d", "t").unwrap();
    assert!(client.next_event(Some(Duration::from_secs(10))).unwrap().is_some());
    // The kernel's buffer is smaller than a message may be; the connection survives.
    let error = client.write("/d", vec![0; 4078]).unwrap_err();
    assert!(matches!(error, Error::TooLong { len: 4081, max: 4080, .. }), "{error:?}");
    client.write("/d", "still works").unwrap();
}

fn commands_are_given_to_the_daemon(daemon: &Daemon) {
    let mut client = daemon.client();
    assert!(!client.control(&["help"]).unwrap().is_empty());
    if let Daemon::Oxenstored(_) = daemon {
        return; // It answers OK to whatever it does not know, and its quotas are in its configuration.
    }
    assert_eq!(client.control(&["nonsense"]).unwrap_err().code(), Some(ErrorCode::Invalid));
    assert!(client.control(&["quota"]).unwrap().contains("nodes            :     1000"));
    assert_eq!(client.control(&["quota", "set", "nodes", "2000"]).unwrap(), "OK");
    assert!(client.control(&["quota"]).unwrap().contains("nodes            :     2000"));
}

fn refusals_say_what_was_asked_of_which_node(daemon: &Daemon) {
    let mut client = daemon.client();
    let error = client.set_permissions("/missing", &Permissions::owned_by(0, Access::None)).unwrap_err();
    assert_eq!(error.to_string(), "xenstore refused SET_PERMS of \"/missing\": ENOENT (it does not exist)");
    let error = client.write("/with space", "").unwrap_err();
    assert!(matches!(error, Error::Path(_)), "refused without asking");
    client.write("/still/works", "1").unwrap();
}
