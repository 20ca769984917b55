//! Where our server answers differently from xenstored 4.17, on purpose.
//!
//! Each difference is shown on both sides, so that this list stays true.

use super::rig::Rig;
use super::{Client, Step};
use crate::real::RealDaemon;

struct Difference {
    name: &'static str,
    reason: &'static str,
    client: Client,
    message_type: u32,
    payload: &'static [u8],
    real: &'static [u8],
    ours: &'static [u8],
}

const DIFFERENCES: [Difference; 7] = [
    Difference {
        name: "malformed path of READ",
        reason: "xenstored 4.17 answers the error that happened last, or dies if there was none; 4.18: EINVAL",
        client: Client::Dom0,
        message_type: 2,
        payload: b"/tool\0/tool\0",
        real: b"ENOENT\0",
        ours: b"EINVAL\0",
    },
    Difference {
        name: "malformed path of MKDIR",
        reason: "the same",
        client: Client::Dom0,
        message_type: 12,
        payload: b"/tool",
        real: b"ENOMEM\0",
        ours: b"EINVAL\0",
    },
    Difference {
        name: "permissions of an unknown special path",
        reason: "the same",
        client: Client::Dom0,
        message_type: 14,
        payload: b"@other\0n0\0",
        real: b"ENOENT\0",
        ours: b"EINVAL\0",
    },
    Difference {
        name: "permissions of a special path, set by a guest",
        reason: "the same; we say EACCES",
        client: Client::Guest5,
        message_type: 14,
        payload: b"@introduceDomain\0n5\0",
        real: b"ENOENT\0",
        ours: b"EACCES\0",
    },
    Difference {
        name: "special watches that are no text",
        reason: "nothing can ever match them",
        client: Client::Dom0,
        message_type: 4,
        payload: b"@\xff\0t\0",
        real: b"OK\0",
        ours: b"EINVAL\0",
    },
    Difference {
        name: "soft quotas",
        reason: "they only cause lines in the log, and there is none",
        client: Client::Dom0,
        message_type: 0,
        payload: b"quota-soft\0set\0memory\x001\0",
        real: b"OK\0",
        ours: b"EINVAL\0",
    },
    Difference {
        name: "log",
        reason: "there is none",
        client: Client::Dom0,
        message_type: 0,
        payload: b"log\0off\0",
        real: b"OK\0",
        ours: b"EINVAL\0",
    },
];

#[test]
fn the_intended_differences_are_as_listed() {
    let Some(real) = RealDaemon::start_or_skip() else { return };
    let mut real = Rig::real(real);
    let mut ours = Rig::ours();
    for Difference { name, reason, client, message_type, payload, real: theirs, ours: mine } in DIFFERENCES {
        // The last error of the real daemon is known after this.
        assert_eq!(real.ask(Client::Dom0, 2, b"/missing\0"), b"ENOENT\0");
        assert_eq!(real.ask(client, message_type, payload), theirs, "{name}: {reason}");
        assert_eq!(ours.ask(client, message_type, payload), mine, "{name}: {reason}");
    }
}

#[test]
fn quotas_are_listed_alike_but_for_memory_which_is_not_counted() {
    let Some(real) = RealDaemon::start_or_skip() else { return };
    let mut real = Rig::real(real);
    let mut ours = Rig::ours();
    for question in [&b"quota\0"[..], b"quota\x005\0", b"quota\x000\0"] {
        let without_memory = |answer: Vec<u8>| {
            let text = String::from_utf8(answer).unwrap();
            text.lines().filter(|line| !line.starts_with("memory")).collect::<Vec<_>>().join("\n")
        };
        let theirs = without_memory(real.ask(Client::Dom0, 0, question));
        assert_eq!(theirs, without_memory(ours.ask(Client::Dom0, 0, question)));
        assert!(theirs.lines().count() > 3, "{theirs}");
    }
}

#[test]
fn a_transaction_does_not_bring_the_rights_of_a_released_domain_back() {
    let Some(real) = RealDaemon::start_or_skip() else { return };
    for (mut rig, answer) in [(Rig::real(real), &b"new"[..]), (Rig::ours(), b"EACCES\0")] {
        rig.ask(Client::Dom0, 11, b"/granted\0old");
        rig.ask(Client::Dom0, 14, b"/granted\0n0\0r5\0");
        rig.ask(Client::Dom0, 6, b"\0");
        let in_transaction = |message_type, payload: &[u8]| Step::Request {
            client: Client::Dom0,
            message_type,
            tx_id: 1,
            payload: payload.to_vec(),
        };
        rig.carry_out(&in_transaction(11, b"/granted\0new"));
        rig.carry_out(&Step::Restart(Client::Guest5));
        rig.carry_out(&in_transaction(7, b"T\0"));
        // xenstored takes the entry for one that was made after the new domain 5.
        assert_eq!(rig.ask(Client::Guest5, 2, b"/granted\0"), answer);
    }
}
