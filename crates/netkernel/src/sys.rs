//! The system calls that neither `std` nor a safe crate offers in the form needed here.
//!
//! This is the only unsafe code of the project. Each function is small, takes and returns safe types, and holds
//! nothing but the call itself: what the bytes mean is decided elsewhere.
#![allow(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "libc gives its constants wider types than the fields that they are made for"
)]

use std::ffi::{CString, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// What a netlink socket may be asked to do beyond the ordinary (`netlink(7)`, `SOL_NETLINK`).
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum NetlinkOption {
    /// Errors carry the kernel's sentence and the place of the offending attribute.
    ExtendedAck = libc::NETLINK_EXT_ACK,
    /// Dumps honour the filters in their header, and refuse what they do not know.
    StrictCheck = libc::NETLINK_GET_STRICT_CHK,
}

/// Opens a netlink socket of `protocol` (`NETLINK_ROUTE`, `NETLINK_NETFILTER`), closed on exec.
///
/// It gets its port number from the kernel with the first message sent.
pub(crate) fn netlink_socket(protocol: c_int) -> io::Result<OwnedFd> {
    socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol)
}

/// Sets `option` of the netlink socket to `value`.
pub(crate) fn set_netlink_option(socket: &impl AsFd, option: NetlinkOption, value: u32) -> io::Result<()> {
    set_option(socket, libc::SOL_NETLINK, option as c_int, &value)
}

/// Sends `bytes` as one datagram. Netlink sockets without an address send to the kernel.
pub(crate) fn send(socket: &impl AsFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of a slice that lives through the call, which only reads it.
    let sent =
        retry(|| unsafe { libc::send(socket.as_fd().as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) })?;
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Receives one datagram into `buffer`, in place of what is in it, and returns its *real* length, which is larger than
/// the buffer's capacity when the datagram was cut: then the buffer is empty.
pub(crate) fn receive(socket: &impl AsFd, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.clear();
    let space = buffer.spare_capacity_mut();
    // SAFETY: pointer and length are those of a slice borrowed mutably; the call only writes, and no more than that
    // even when MSG_TRUNC makes it return more.
    let length = retry(|| unsafe {
        libc::recv(socket.as_fd().as_raw_fd(), space.as_mut_ptr().cast(), space.len(), libc::MSG_TRUNC)
    })?;
    if length <= space.len() {
        // SAFETY: the call has written `length` bytes from the buffer's beginning on, which is within its capacity.
        unsafe { buffer.set_len(length) };
    }
    Ok(length)
}

/// Waits until `socket` has something to read. False: nothing came in `limit` (rounded up to milliseconds).
pub(crate) fn wait_readable(socket: &impl AsFd, limit: Duration) -> io::Result<bool> {
    let mut entry = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = c_int::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
    // SAFETY: `entry` is one pollfd that lives through the call, and the count says one.
    let ready = retry(|| unsafe { libc::poll(&raw mut entry, 1, milliseconds) as isize })?;
    Ok(ready > 0)
}

/// The index of the network device called `name` in the calling thread's namespace, and none when there is none.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a NUL-terminated string that lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Opens an `AF_PACKET` socket that sees every frame of the device with this index, and none that this machine
/// sends on it (`packet(7)`).
pub(crate) fn packet_socket(ifindex: u32) -> io::Result<OwnedFd> {
    // Protocol 0: nothing is received between the socket's birth and its binding to one device.
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)?;
    bind_to_device(&socket, libc::ETH_P_ALL as u16, ifindex)?;
    Ok(socket)
}

/// Opens an `AF_PACKET` socket that sends on the device with this index, past its queueing discipline, and receives
/// nothing.
pub(crate) fn packet_sender(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1_i32)?;
    bind_to_device(&socket, 0, ifindex)?;
    Ok(socket)
}

/// Opens an `AF_PACKET` socket that sends frames with a `virtio_net_hdr` in front on the device with this index, and receives
/// nothing.
pub(crate) fn offload_sender(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1_i32)?;
    bind_to_device(&socket, 0, ifindex)?;
    Ok(socket)
}

/// How many frames [`send_burst`] sends.
pub(crate) const BURST: usize = 64;

/// Sends the same frame [`BURST`] times with one call, and returns how many of it the kernel took.
pub(crate) fn send_burst(socket: &impl AsFd, frame: &[u8]) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
    // SAFETY: all-zero is a valid mmsghdr (null pointers with zero lengths).
    let mut messages: [libc::mmsghdr; BURST] = unsafe { std::mem::zeroed() };
    for message in &mut messages {
        message.msg_hdr.msg_iov = &raw mut part;
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: each header points at one iovec over a slice that lives through the call, which only reads it; the count
    // is that of the array.
    retry(|| unsafe {
        libc::sendmmsg(socket.as_fd().as_raw_fd(), messages.as_mut_ptr(), BURST as _, 0) as isize
    })
}

fn bind_to_device(socket: &OwnedFd, protocol: u16, ifindex: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::sa_family_t,
        sll_protocol: protocol.to_be(),
        sll_ifindex: ifindex.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the address is a whole sockaddr_ll and the length is its size.
    retry(|| unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        ) as isize
    })
    .map(drop)
}

/// A frame's length in the buffer, and the VLAN tag that the kernel took off it: (TPID, TCI).
pub(crate) type ReceivedFrame = (usize, Option<(u16, u16)>);

/// Receives one frame from a [`packet_socket`] without waiting; none when nothing is there.
pub(crate) fn receive_frame(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<Option<ReceivedFrame>> {
    // Room for one tpacket_auxdata, aligned as a control message must be.
    let mut control = [0_u64; 8];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all-zero is a valid msghdr (null pointers with zero lengths).
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the header points at one iovec over a mutably borrowed slice and at a control buffer, with their
    // true lengths; all live through the call.
    let received =
        retry(|| unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) });
    let length = match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        other => other?.min(buffer.len()),
    };
    let mut tag = None;
    // SAFETY: the CMSG functions walk the control buffer that recvmsg has just filled, whose length the header
    // holds; the data of a PACKET_AUXDATA message is a tpacket_auxdata, read without assuming alignment.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_PACKET && (*message).cmsg_type == libc::PACKET_AUXDATA {
                let data = ptr::read_unaligned(libc::CMSG_DATA(message).cast::<libc::tpacket_auxdata>());
                if data.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                    let protocol = if data.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0 {
                        data.tp_vlan_tpid
                    } else {
                        0x8100
                    };
                    tag = Some((protocol, data.tp_vlan_tci));
                }
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    Ok(Some((length, tag)))
}

/// Moves the calling thread into a new network namespace of its own.
pub(crate) fn unshare_network() -> io::Result<()> {
    // SAFETY: unshare(2) takes no pointers, and a network namespace is the thread's alone to change.
    retry(|| unsafe { libc::unshare(libc::CLONE_NEWNET) as isize }).map(drop)
}

/// Moves the calling thread into the network namespace that `namespace` refers to.
pub(crate) fn enter_network(namespace: &impl AsFd) -> io::Result<()> {
    // SAFETY: setns(2) takes no pointers; it checks what the descriptor is.
    retry(|| unsafe { libc::setns(namespace.as_fd().as_raw_fd(), libc::CLONE_NEWNET) as isize }).map(drop)
}

/// Leaves the last reference to `descriptor` to a child process, which sleeps for `delay` until `is_over` says that it may end.
///
/// For a descriptor whose closing makes the closer wait (an nfnetlink socket after a deletion waits out an RCU
/// grace period, 5 to 20 ms). By the time that the child closes it, nothing is left to wait for. The child has
/// no other descriptor open.
///
/// Where no child can be made, the caller's closing is all that there is: slower, and as right.
///
/// Only for programs with one thread that are about to end: the child is not waited for.
pub(crate) fn close_in_child(descriptor: RawFd, delay: Duration, mut is_over: impl FnMut() -> bool) {
    // SAFETY: fork takes no pointers. The child is that of a program with one thread, so that no lock is held by a thread which it
    // does not have; it never returns to the caller.
    unsafe {
        if libc::fork() != 0 {
            // The parent, or no child: the caller's own reference is the caller's to close.
            return;
        }
        let kept = descriptor.cast_unsigned();
        let close_range = |first: u32, last: u32| libc::syscall(libc::SYS_close_range, first, last, 0) == 0;
        let closed = (kept == 0 || close_range(0, kept - 1)) && close_range(kept + 1, u32::MAX);
        if !closed {
            // Kernels before 5.9: the hotplug program has few descriptors, and low ones.
            for other in (0..1024).filter(|&fd| fd != descriptor) {
                libc::close(other);
            }
        }
        // Waiting for nothing, with a limit, is sleeping.
        let milliseconds = c_int::try_from(delay.as_millis()).unwrap_or(c_int::MAX);
        while !is_over() {
            libc::poll(ptr::null_mut(), 0, milliseconds);
        }
        libc::_exit(0)
    }
}

/// Lets `socket` send messages of this many bytes at once, as far as the caller may have that.
pub(crate) fn widen_send_buffer(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    // The kernel keeps a little of the buffer for itself.
    let size = c_int::try_from(bytes.saturating_add(4096)).unwrap_or(c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &size)
        .or_else(|_| set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, &size))
}

fn socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: socket(2) takes no pointers.
    let fd = retry(|| unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) as isize })?;
    let fd = c_int::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the descriptor is new, open, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_option<T: Copy>(socket: &impl AsFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: pointer and length are those of `value`, which lives through the call.
    retry(|| unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        ) as isize
    })
    .map(drop)
}

/// Makes these signals do nothing to this process. Programs that it starts get them as ever: a handler ends with the
/// program that has it. Those that are ignored already stay so.
pub(crate) fn survive(signals: &[c_int]) -> io::Result<()> {
    extern "C" fn nothing(_: c_int) {}
    for &signal in signals {
        // SAFETY: all-zero is a valid sigaction (the default, with an empty mask and no flags).
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: the null pointer changes nothing, and `action` lives through the call.
        retry(|| unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) as isize })?;
        if action.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        action.sa_sigaction = nothing as extern "C" fn(c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the handler is a function that touches nothing, and `action` lives through the call.
        retry(|| unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) as isize })?;
    }
    Ok(())
}

/// Makes the calling thread run before all that are not of such a kind (`SCHED_FIFO`, `sched(7)`). Programs that it starts are
/// ordinary ones.
pub(crate) fn run_first() -> io::Result<()> {
    // SAFETY: all-zero is a valid sched_param.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = 1;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: `parameters` lives through the call, which only reads it. Not the C library's: musl's refuses to do it.
    retry(|| unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const parameters) as isize
    })
    .map(drop)
}

/// Calls until it is not interrupted by a signal, and turns −1 into the error of `errno`.
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(result) = usize::try_from(call()) {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
