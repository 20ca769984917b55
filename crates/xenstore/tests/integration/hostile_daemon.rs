//! The client against daemons that fail, hang or lie.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use xenstore::client::{Address, Violation};
use xenstore::wire::{Header, MessageType, push_message};
use xenstore::{Client, Error, Requests};

/// A client whose daemon is `daemon`, in a thread.
fn client_of(daemon: impl FnOnce(UnixStream) + Send + 'static) -> (Client, JoinHandle<()>) {
    let (near, far) = UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || daemon(far));
    (Client::from_socket(near).unwrap(), thread)
}

/// Reads the first request and answers with these messages; then waits for the client to go.
fn answering(messages: Vec<(MessageType, u32, Vec<u8>)>) -> (Client, JoinHandle<()>) {
    client_of(move |mut stream| {
        let mut request = [0; 1000];
        assert_ne!(stream.read(&mut request).unwrap(), 0);
        let mut bytes = Vec::new();
        for (message_type, req_id, payload) in messages {
            let header = Header { message_type: message_type.number(), req_id, ..Header::default() };
            push_message(&mut bytes, header, &[&payload]).unwrap();
        }
        stream.write_all(&bytes).unwrap();
        drop(stream.read(&mut request));
    })
}

fn violation(result: Result<Option<Vec<u8>>, Error>) -> Violation {
    match result {
        Err(Error::Protocol { violation, .. }) => violation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_daemon_that_does_not_answer_is_given_up_in_time() {
    let (mut client, thread) = answering(vec![]);
    let limit = Duration::from_millis(50);
    client.set_reply_limit(Some(limit));
    let start = Instant::now();
    let error = client.read("/a").unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!((limit..limit * 200).contains(&start.elapsed()), "{:?}", start.elapsed());
    // The reply may still come, and must not be taken for another's.
    assert!(matches!(client.read("/a"), Err(Error::Broken { .. })));
    drop(client);
    thread.join().unwrap();
}

#[test]
fn a_daemon_that_dribbles_cannot_stretch_the_time() {
    let (mut client, thread) = client_of(|mut stream| {
        while stream.write_all(&[0]).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    client.set_reply_limit(Some(Duration::from_millis(100)));
    let start = Instant::now();
    assert!(matches!(client.read("/a"), Err(Error::Timeout { .. })));
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(client);
    thread.join().unwrap();
}

#[test]
fn a_reply_may_come_byte_by_byte() {
    let (mut client, thread) = client_of(|mut stream| {
        let mut request = [0; 100];
        assert_ne!(stream.read(&mut request).unwrap(), 0);
        let mut reply = Vec::new();
        push_message(&mut reply, Header { message_type: 2, req_id: 1, ..Header::default() }, &[b"value"])
            .unwrap();
        for byte in reply {
            stream.write_all(&[byte]).unwrap();
        }
    });
    assert_eq!(client.read("/a").unwrap().as_deref(), Some(&b"value"[..]));
    thread.join().unwrap();
}

#[test]
fn a_daemon_that_goes_away_is_told_from_other_failures() {
    let (mut client, thread) = client_of(drop);
    thread.join().unwrap();
    assert!(matches!(client.read("/a"), Err(Error::Closed { .. })));
    assert!(matches!(client.next_event(None), Err(Error::Broken { .. })));
}

#[test]
fn lies_of_the_daemon_end_the_talk() {
    let (mut client, _thread) = answering(vec![(MessageType::Read, 99, vec![])]);
    assert_eq!(violation(client.read("/a")), Violation::UnexpectedReply { req_id: 99 });
    assert!(matches!(client.read("/a"), Err(Error::Broken { .. })));

    let (mut client, _thread) = answering(vec![(MessageType::Error, 1, b"EWHAT\0".to_vec())]);
    let unknown = Violation::UnknownError { operation: MessageType::Read, name: "EWHAT".to_owned() };
    assert_eq!(violation(client.read("/a")), unknown);

    let (mut client, _thread) = answering(vec![(MessageType::WatchEvent, 0, b"no token".to_vec())]);
    assert_eq!(violation(client.read("/a")), Violation::Payload { operation: MessageType::WatchEvent });

    let (mut client, _thread) = client_of(|mut stream| {
        stream.write_all(&[0xff; 16]).unwrap();
        drop(stream.read(&mut [0; 100]));
    });
    assert!(matches!(violation(client.read("/a")), Violation::Stream(_)));
}

#[test]
fn a_reply_that_nobody_asked_for_is_no_event() {
    let (mut client, thread) = client_of(|mut stream| {
        let mut reply = Vec::new();
        push_message(&mut reply, Header { message_type: 2, req_id: 7, ..Header::default() }, &[]).unwrap();
        stream.write_all(&reply).unwrap();
    });
    let error = client.next_event(Some(Duration::from_secs(10))).unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn events_in_front_of_a_reply_are_kept() {
    let (mut client, _thread) = answering(vec![
        (MessageType::WatchEvent, 0, b"/a\0t\0".to_vec()),
        (MessageType::Read, 1, b"v".to_vec()),
        (MessageType::WatchEvent, 0, b"/b\0t\0".to_vec()),
    ]);
    assert_eq!(client.read("/a").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(client.next_event(None).unwrap().unwrap().path, "/a");
    assert_eq!(client.next_event(None).unwrap().unwrap().path, "/b");
}

#[test]
fn an_absent_daemon_is_an_error_with_all_that_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let addresses = [Address::Socket(socket.clone()), Address::Either(file.clone())];
    let error = Client::open_first(&addresses).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&socket.display().to_string()) && text.contains(&file.display().to_string()),
        "{text}"
    );
    assert!(matches!(error, Error::Open(error) if error.tried.len() == 2));
}

#[test]
fn a_path_may_lead_to_a_socket_or_to_a_device() {
    // Any device that can be opened for reading and writing will do; this one has nothing to say.
    let mut client = Client::open_first(&[Address::Either("/dev/null".into())]).unwrap();
    assert!(matches!(client.read("/a"), Err(Error::Closed { .. })));
}
