# All the set-up a fresh machine with a Rust toolchain needs: `make demo` and `make test` install what is missing,
# saying so.

.DEFAULT_GOAL := build
.PHONY: build demo test lint deny bench bench-lookup bench-engines torture fuzz ci tmux strace nextest

build:
	cargo build --release

# A sealed tour in a temporary home: daemon, workers, messages, a crash, `why`, `audit`.
demo: tmux
	cargo build --release
	@cargo run --release --quiet -- demo

# nextest gives every test a process of its own; without it the same tests run under `cargo test`.
test: tmux strace nextest
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --no-fail-fast; else cargo test --no-fail-fast; fi
	cargo test --doc

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

deny:
	@command -v cargo-deny >/dev/null || { echo "make: installing cargo-deny (some minutes)"; cargo install cargo-deny --locked; }
	cargo deny check

# How long one waits for dormouse, next to what the machine itself takes. `make bench DORMOUSE_BENCH_ROUNDS=200`
bench: tmux
	DORMOUSE_BENCH_ROUNDS=$${DORMOUSE_BENCH_ROUNDS:-60} cargo bench --bench latency

# `log` and `why` on a long history, with indexes and without. `make bench-lookup DORMOUSE_BENCH_MIB=10240`
bench-lookup:
	DORMOUSE_BENCH_MIB=$${DORMOUSE_BENCH_MIB:-1024} cargo bench --manifest-path benches/engines/Cargo.toml --bench lookup

# Reading a history again, next to memory, SQLite and JSON lines. `make bench-engines DORMOUSE_BENCH_RECORDS=10000000`
bench-engines:
	DORMOUSE_BENCH_RECORDS=$${DORMOUSE_BENCH_RECORDS:-1000000} cargo bench --manifest-path benches/engines/Cargo.toml --bench replay

# A long campaign: the tests that kill the daemon do it this often. `make torture DORMOUSE_KILLS=500`
torture: tmux strace nextest
	DORMOUSE_KILLS=$${DORMOUSE_KILLS:-50} cargo nextest run --release --no-fail-fast -E 'test(kill)'

# Every fuzz target in turn, each so many seconds; what they find is kept in fuzz/found. `make fuzz FUZZ_SECONDS=60`
fuzz:
	fuzz/run $${FUZZ_SECONDS:-600}

ci: lint test

# strace stands between a writer and the kernel in the tests that refuse it a call.
tmux strace:
	@command -v $@ >/dev/null && exit 0; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	if command -v apt-get >/dev/null; then set -- $$root sh -c 'apt-get update -qq && apt-get install -y -qq $@'; \
	elif command -v dnf >/dev/null; then set -- $$root dnf install -y -q $@; \
	elif command -v pacman >/dev/null; then set -- $$root pacman -Sy --noconfirm $@; \
	elif command -v apk >/dev/null; then set -- $$root apk add --quiet $@; \
	elif command -v brew >/dev/null; then set -- brew install $@; \
	else echo "make: $@ is missing, and no package manager is known here: install it (tmux: 3.2 or later)" >&2; exit 1; fi; \
	echo "make: $@ is missing, installing it: $$*"; \
	"$$@"

nextest:
	@cargo nextest --version >/dev/null 2>&1 && exit 0; \
	echo "make: cargo-nextest is missing, installing it (some minutes, once)"; \
	cargo install cargo-nextest --locked || echo "make: it cannot be installed; the tests run under cargo test"
