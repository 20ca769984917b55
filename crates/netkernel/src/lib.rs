//! Linux networking over netlink.
