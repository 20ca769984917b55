//! What our server promises beyond the protocol: guests are bound, the slow and the hostile harm nobody.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;
use xenstore::wire::{Header, push_message};
use xenstore::{Access, Client, Error, ErrorCode, Permissions, Quotas, Requests, Server, ServerHandle};

use crate::raw::RawClient;

fn server() -> (ServerHandle, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
    (server, folder)
}

fn dom0(server: &ServerHandle) -> Client {
    Client::connect(server.path()).unwrap()
}

fn guest(server: &ServerHandle, domid: u32) -> Client {
    Client::from_socket(server.connect(domid).unwrap()).unwrap()
}

fn request(message_type: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_message(&mut bytes, Header { message_type, ..Header::default() }, &[payload]).unwrap();
    bytes
}

#[test]
fn a_dropped_server_closes_all_and_leaves_no_socket() {
    let (server, folder) = server();
    let guest_socket = folder.path().join("guest");
    server.listen(5, &guest_socket).unwrap();
    let mut client = dom0(&server);
    client.write("/a", "1").unwrap();
    drop(server);
    assert!(matches!(client.read("/a"), Err(Error::Closed { .. })));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn shutting_down_tells_how_it_went() {
    let (server, _folder) = server();
    server.shutdown().unwrap();
}

#[test]
fn a_second_server_at_the_same_place_is_refused() {
    let (server, _folder) = server();
    let error = Server::bind(server.path()).unwrap_err();
    assert!(error.to_string().starts_with("cannot listen at "), "{error}");
    dom0(&server).write("/a", "the first one still answers").unwrap();
}

#[test]
fn who_connects_to_a_guests_socket_is_the_guest() {
    let (server, folder) = server();
    let socket = folder.path().join("guest");
    server.listen(5, &socket).unwrap();
    let mut dom0 = dom0(&server);
    dom0.write("/secret", "s").unwrap();
    dom0.write("/local/domain/5/data", "d").unwrap();
    dom0.set_permissions("/local/domain/5/data", &Permissions::owned_by(5, Access::None)).unwrap();
    let mut guest = Client::connect(&socket).unwrap();
    assert_eq!(guest.read_text("data").unwrap().as_deref(), Some("d"), "relative to its own folder");
    assert_eq!(guest.read("/secret").unwrap_err().code(), Some(ErrorCode::NotPermitted));
    assert_eq!(guest.introduce(9, 1, 1).unwrap_err().code(), Some(ErrorCode::NotPermitted));
    server.stop_listening(&socket).unwrap();
    // Carried out in order: the next command has been obeyed once its connection answers.
    Client::from_socket(server.connect(0).unwrap()).unwrap().read("/a").unwrap();
    assert!(!socket.exists());
    assert_eq!(guest.read_text("data").unwrap().as_deref(), Some("d"), "it stays connected");
}

#[test]
fn a_server_can_have_guests_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut server =
        Server::bind_with(folder.path().join("socket"), Quotas { nodes: 3, ..Quotas::default() }).unwrap();
    server.listen(5, folder.path().join("guest")).unwrap();
    let server = server.spawn().unwrap();
    let mut dom0 = dom0(&server);
    dom0.mkdir("/local/domain/5").unwrap();
    dom0.set_permissions("/local/domain/5", &Permissions::owned_by(5, Access::None)).unwrap();
    let mut guest = Client::connect(folder.path().join("guest")).unwrap();
    guest.write_each([("a", "1"), ("b", "1")]).unwrap();
    assert_eq!(guest.write("c", "1").unwrap_err().code(), Some(ErrorCode::OverQuota));
}

#[test]
fn a_released_domain_is_disconnected() {
    let (server, _folder) = server();
    let mut dom0 = dom0(&server);
    dom0.introduce(5, 1, 1).unwrap();
    let (mut first, mut second) = (guest(&server, 5), guest(&server, 5));
    first.watch("w", "t").unwrap();
    second.watch("w", "t").unwrap();
    dom0.release(5).unwrap();
    for client in [&mut first, &mut second] {
        client.next_event(None).unwrap();
        assert!(matches!(client.next_event(None), Err(Error::Closed { .. })));
    }
}

#[test]
fn quotas_count_all_connections_of_a_domain() {
    let (server, _folder) = server();
    let (mut first, mut second) = (guest(&server, 5), guest(&server, 5));
    for number in 0..129 {
        let client = if number % 2 == 0 { &mut first } else { &mut second };
        client.watch("w", &number.to_string()).unwrap();
    }
    assert_eq!(first.watch("w", "more").unwrap_err().code(), Some(ErrorCode::TooBig));
    drop(second);
    // Its watches go with the connection, which the server notices in its own time.
    let again = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        first.watch("w", "more").is_ok()
    });
    assert!(again);
}

#[test]
fn a_dropped_transaction_is_ended_at_once() {
    let (server, _folder) = server();
    let mut guest = guest(&server, 5);
    for _ in 0..50 {
        // Open ones would use up the quota.
        drop(guest.begin().unwrap());
    }
}

#[test]
fn who_asks_without_reading_is_made_to_wait_and_hinders_nobody() {
    let (server, _folder) = server();
    let mut dom0 = dom0(&server);
    dom0.write("/large", [b'x'; 4000]).unwrap();
    let mut greedy = UnixStream::connect(server.path()).unwrap();
    greedy.set_nonblocking(true).unwrap();
    let question = request(2, b"/large\0");
    let mut asked = 0;
    loop {
        match greedy.write(&question) {
            Ok(count) if count == question.len() => asked += 1,
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Either the server needs a moment, or it takes no more.
                std::thread::sleep(Duration::from_millis(20));
                if greedy.write(&question).is_err() {
                    break;
                }
                asked += 1;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(asked < 100_000, "the server takes requests without end");
        if asked % 100 == 0 {
            dom0.read("/large").unwrap().unwrap();
        }
    }
    assert_eq!(dom0.read("/large").unwrap().unwrap().len(), 4000);
    // Once it reads, it gets all that it asked for.
    greedy.set_nonblocking(false).unwrap();
    greedy.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut replies = vec![0; asked * 4016];
    greedy.read_exact(&mut replies).unwrap();
    assert!(replies.chunks_exact(4016).all(|reply| reply[16..].iter().all(|byte| *byte == b'x')));
}

#[test]
fn who_watches_without_reading_is_given_up() {
    let (server, _folder) = server();
    let mut lazy = dom0(&server);
    lazy.watch("/", &"t".repeat(3000)).unwrap();
    let mut busy = dom0(&server);
    for round in 0..4 {
        busy.write_each((0..1000).map(|number| (format!("/{round}/{number}"), "1"))).unwrap();
    }
    let closed = loop {
        match lazy.next_event(Some(Duration::from_secs(10))) {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(closed, Err(Error::Closed { .. })), "{closed:?}");
    busy.read("/0/0").unwrap();
}

#[test]
fn a_guest_may_send_more_requests_than_are_answered_at_once() {
    let (server, _folder) = server();
    let mut stream = server.connect(5).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let question = request(10, b"5\0");
    stream.write_all(&question.repeat(500)).unwrap();
    let mut replies = vec![0; 500 * (16 + "/local/domain/5\0".len())];
    stream.read_exact(&mut replies).unwrap();
}

#[test]
fn a_message_that_is_too_long_ends_the_connection_and_no_other() {
    let (server, _folder) = server();
    let mut stream = server.connect(0).unwrap();
    let header = Header { message_type: 2, len: 4097, ..Header::default() };
    stream.write_all(&header.encode()).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
    dom0(&server).write("/a", "1").unwrap();
}

#[test]
fn half_a_message_waits_for_the_other_half() {
    let (server, _folder) = server();
    let mut dom0 = dom0(&server);
    let whole = request(11, b"/slow\0value");
    let mut stream = server.connect(0).unwrap();
    for byte in &whole {
        assert!(!dom0.exists("/slow").unwrap());
        stream.write_all(&[*byte]).unwrap();
    }
    stream.read_exact(&mut [0; 19]).unwrap();
    assert_eq!(dom0.read_text("/slow").unwrap().as_deref(), Some("value"));
    // Gone in the middle of a request, it changes nothing.
    stream.write_all(&request(13, b"/slow\0")[..20]).unwrap();
    drop(stream);
    assert!(dom0.exists("/slow").unwrap());
}

#[test]
fn the_deepest_tree_is_made_listed_and_removed() {
    let (server, _folder) = server();
    let mut dom0 = dom0(&server);
    let deepest = "/d".repeat(1024);
    dom0.write(&deepest, "1").unwrap();
    dom0.watch(&deepest, "t").unwrap();
    let tree = dom0.tree("/d", xenstore::TreeLimits::default()).unwrap().unwrap();
    assert_eq!(tree.walk().last().map(|(depth, _)| depth), Some(1023));
    dom0.remove("/d").unwrap();
    for _ in 0..2 {
        assert_eq!(dom0.next_event(None).unwrap().unwrap().path, deepest);
    }
    assert_eq!(dom0.directory("/").unwrap(), Some(vec!["tool".to_owned()]));
}

#[test]
fn many_connections_are_served() {
    let (server, _folder) = server();
    let mut clients: Vec<Client> = (0..200).map(|_| dom0(&server)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write(&format!("/{number}"), "1").unwrap();
    }
    assert_eq!(clients[0].directory("/").unwrap().unwrap().len(), 201);
}

proptest! {
    #[test]
    fn no_bytes_at_all_bring_the_server_down(
        garbage in vec(any::<u8>(), 0..3000),
        messages in vec((0_u32..30, vec(any::<u8>(), 0..40)), 0..30),
    ) {
        let (server, _folder) = server();
        for domid in [0, 5] {
            let mut stream = server.connect(domid).unwrap();
            for (message_type, payload) in &messages {
                stream.write_all(&request(*message_type, payload)).unwrap();
            }
            // The server may have hung up.
            drop(stream.write_all(&garbage));
        }
        let mut client = RawClient::from_stream(server.connect(0).unwrap());
        let replies = client.request(2, 0, b"/tool/xenstored\0");
        prop_assert_eq!(replies.last().unwrap().header.message_type, 2);
    }
}
