# What is checked, and how: cargo run -p xtask -- help

.PHONY: test check attacks-stock bench

# Everything. Installs what it needs where it can, and says what it had to skip.
test:
	@cargo run --quiet --package xtask -- test

# What needs no test to run: format, lints, documentation, licences.
check:
	@cargo run --quiet --package xtask -- check

# What a plug costs, beside Xen's own scripts. Needs root.
bench:
	@cargo build --quiet --release --target x86_64-unknown-linux-musl --package dom0net --package bench
	@target/x86_64-unknown-linux-musl/release/bench

# What a guest gets through, with the scripts that Xen ships and with ours, side by side. Takes a minute.
attacks-stock:
	@cargo run --quiet --package xtask -- test --only setup
	@XEN_PACKAGES=$(CURDIR)/target/xen-packages cargo test --quiet --package dom0net --test attacks -- --ignored --nocapture
