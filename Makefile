# What is checked, and how: cargo run -p xtask -- help

.PHONY: test check attacks-stock bench bench-peers

# Everything. Installs what it needs where it can, and says what it had to skip.
test:
	@cargo run --quiet --package xtask -- test

# What needs no test to run: format, lints, documentation, licences.
check:
	@cargo run --quiet --package xtask -- check

# Figures, beside what people use today: all parts, or PARTS="plug scale". Needs root. Kept in docs/benchmarks.
XEN = $(CURDIR)/target/xen-packages
bench:
	@cargo build --quiet --release --target x86_64-unknown-linux-musl --package dom0net --package bench
	@XEN_PACKAGES=$(XEN) PATH="$$PATH:$(XEN)/usr/bin" LD_LIBRARY_PATH=$(XEN)/usr/lib/x86_64-linux-gnu \
		target/x86_64-unknown-linux-musl/release/bench $(PARTS) --into docs/benchmarks

# What the figures are held against, from Debian's packages. Xen's are unpacked, not installed.
bench-peers:
	@cargo run --quiet --package xtask -- test --only setup
	@apt-get install -y --no-install-recommends iptables ebtables nftables containernetworking-plugins netavark

# What a guest gets through, with the scripts that Xen ships and with ours, side by side. Takes a minute.
attacks-stock:
	@cargo run --quiet --package xtask -- test --only setup
	@XEN_PACKAGES=$(CURDIR)/target/xen-packages cargo test --quiet --package dom0net --test attacks -- --ignored --nocapture
