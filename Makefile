# All the set-up a fresh machine with a Rust toolchain needs: `make demo` and `make test` install what is missing,
# saying so.

.DEFAULT_GOAL := build
.PHONY: build demo test agents lint deny bench bench-lookup bench-questions bench-engines torture sim explained mutants fuzz ci tmux strace python git npm ip browser chromium \
	chromium-headless-shell nextest

build:
	cargo build --release

# A sealed tour in a temporary home: daemon, workers, messages, a crash, `why`, `audit`.
demo: tmux
	cargo build --release
	@cargo run --release --quiet -- demo

# nextest gives every test a process of its own; without it the same tests run under `cargo test`.
test: tmux strace python browser nextest
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --no-fail-fast; else cargo test --no-fail-fast; fi
	cargo test --doc

# The real claude and codex, each in a home of its own, against a made-up model server, where no byte can leave the
# machine. Installs both below target/ (some hundred megabytes, once). `make agents AGENTS_TESTS=claude`
agents: tmux git npm ip nextest
	.ci/agents $(AGENTS_TESTS)

lint:
	cargo fmt --check
	cargo clippy --all-targets --features agents -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

deny:
	@command -v cargo-deny >/dev/null || { echo "make: installing cargo-deny (some minutes)"; cargo install cargo-deny --locked; }
	cargo deny check licenses bans sources
	@# Apart, for its database cannot be reached everywhere.
	cargo deny check advisories

# How long one waits for dormouse, next to what the machine itself takes. `make bench DORMOUSE_BENCH_ROUNDS=200`
bench: tmux strace
	DORMOUSE_BENCH_ROUNDS=$${DORMOUSE_BENCH_ROUNDS:-60} cargo bench --bench latency

# `log` and `why` on a long history, with indexes and without. `make bench-lookup DORMOUSE_BENCH_MIB=10240`
bench-lookup:
	DORMOUSE_BENCH_MIB=$${DORMOUSE_BENCH_MIB:-1024} cargo bench --manifest-path benches/engines/Cargo.toml --bench lookup

# `why`, `audit` and `whatif` over a long history, next to reading and folding it. `make bench-questions DORMOUSE_BENCH_RECORDS=10000000`
bench-questions:
	DORMOUSE_BENCH_RECORDS=$${DORMOUSE_BENCH_RECORDS:-1000000} cargo bench --bench questions

# Durable appends next to the disk and to other engines, then reading a history again next to memory, SQLite and JSON
# lines. `make bench-engines DORMOUSE_BENCH_RECORDS=10000000`
bench-engines:
	cargo bench --manifest-path benches/engines/Cargo.toml --bench append
	DORMOUSE_BENCH_RECORDS=$${DORMOUSE_BENCH_RECORDS:-1000000} cargo bench --manifest-path benches/engines/Cargo.toml --bench replay

# A long campaign: the tests that kill the daemon do it this often. `make torture DORMOUSE_KILLS=500`
torture: tmux strace nextest
	DORMOUSE_KILLS=$${DORMOUSE_KILLS:-50} cargo nextest run --no-fail-fast --test fleet --test journal_killed -E 'test(kill)'

# A long campaign: so many made-up worlds that nobody has seen, for campaigns of a size share none, and what of the rules they
# reached. `make sim SIM_SEEDS=100000`
sim:
	seeds=$${SIM_SEEDS:-100000}; \
	cargo run --release --quiet -- sim --seeds $$seeds --from $$(($$(date +%s) * seeds)) --coverage

# A long campaign: whatever happened in so many made-up worlds can be explained from its records. `make explained WORLDS=10000`
explained:
	DORMOUSE_WORLDS=$${WORLDS:-10000} cargo test --release --test sim_explained -- --nocapture

# Would the simulator have found it? Bugs are switched on one by one, and each must be caught within so many worlds.
mutants: nextest
	cargo clippy --all-targets --features deliberate-bugs -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --no-fail-fast --features deliberate-bugs --test sim_mutants; \
	else cargo test --no-fail-fast --features deliberate-bugs --test sim_mutants; fi

# Every fuzz target in turn, each so many seconds; what they find is kept in fuzz/found. `make fuzz FUZZ_SECONDS=60`
fuzz:
	fuzz/run $${FUZZ_SECONDS:-600}

ci: lint test

# A program that tests need, by the system's own package manager. `make tmux`, `make strace`, `make python`
define install
	@command -v $(1) >/dev/null && exit 0; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	if command -v apt-get >/dev/null; then set -- $$root sh -c 'apt-get update -qq && apt-get install -y -qq $(2)'; \
	elif command -v dnf >/dev/null; then set -- $$root dnf install -y -q $(2); \
	elif command -v pacman >/dev/null; then set -- $$root pacman -Sy --noconfirm $(3); \
	elif command -v apk >/dev/null; then set -- $$root apk add --quiet $(2); \
	elif command -v brew >/dev/null; then set -- brew install $(3); \
	else echo "make: $(1) is missing, and no package manager is known here: install $(4)" >&2; exit 1; fi; \
	echo "make: $(1) is missing, installing it: $$*"; \
	"$$@"
endef

tmux:
	$(call install,tmux,tmux,tmux,tmux 3.2 or later)

# Stands between a writer and the kernel in the tests that refuse it a call.
strace:
	$(call install,strace,strace,strace,strace)

# The second reader of the journal is in Python, so that it shares nothing with the first.
python:
	$(call install,python3,python3,python,Python 3.10 or later)

# Codex asks about a folder only where that is under version control.
git:
	$(call install,git,git,git,git)

# Brings the real agent programs.
npm:
	$(call install,npm,npm,npm,npm (it comes with Node.js))

# Switches on the one network that the agent programs get, loopback. Its package is called otherwise in some places.
ip:
	$(call install,ip,$(if $(shell command -v dnf),iproute,iproute2),iproute2,ip (of iproute2))

# Opens the page that `journal export --format html` writes.
browser:
	@for it in chromium-headless-shell chromium google-chrome; do command -v $$it >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null; then $(MAKE) --no-print-directory chromium-headless-shell; \
	else $(MAKE) --no-print-directory chromium; fi

chromium-headless-shell:
	$(call install,chromium-headless-shell,chromium-headless-shell fonts-dejavu-core,chromium,chromium-headless-shell)

chromium:
	$(call install,chromium,chromium,chromium,Chromium)

nextest:
	@cargo nextest --version >/dev/null 2>&1 && exit 0; \
	echo "make: cargo-nextest is missing, installing it (some minutes, once)"; \
	cargo install cargo-nextest --locked || echo "make: it cannot be installed; the tests run under cargo test"
