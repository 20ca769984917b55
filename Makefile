# What is checked, and how: cargo run -p xtask -- help

.PHONY: test check

# Everything. Installs what it needs where it can, and says what it had to skip.
test:
	@cargo run --quiet --package xtask -- test

# What needs no test to run: format, lints, documentation, licences.
check:
	@cargo run --quiet --package xtask -- check
