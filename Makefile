# Everything a developer needs: `make testnet` starts a local network, `make test` runs all checks.
# One build profile for all (--release): RocksDB takes some 13 minutes on two cores, once.

CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/target
WITAN := $(CARGO_TARGET_DIR)/release/witan

.PHONY: build testnet test lint unit clients web-test web-soak install soak scenarios fuzz bank clean-testnet import-debian bench-etcd

## Builds target/release/witan.
build: install
	$(CARGO) build --release --locked -p witan
	@if [ "$(CARGO_TARGET_DIR)" != "$(CURDIR)/target" ]; then \
		mkdir -p target/release && cp -f "$(WITAN)" target/release/witan; fi

## Starts four validators here and shows them until Ctrl-C.
testnet: build
	$(WITAN) testnet up -n 4

## All checks, as CI runs them.
test: install lint unit clients web-test

## The clients in other languages, and the examples of README.md, against a local network. `unit` has built the Rust one already.
clients: build
	@sh scripts/install-clients.sh
	$(CARGO) build --release --locked --workspace --example hello
	sh scripts/test-clients.sh "$(WITAN)" "$(dir $(WITAN))examples/hello"

## The explorer in a headless Chromium against a local network: every tab, searches, a transaction across groups, proofs, a fault.
## WITAN_SCREENSHOTS=1 puts pictures of it into docs/images.
web-test: build
	@sh scripts/install-clients.sh
	@sh scripts/install-chromium.sh
	sh scripts/test-web.sh "$(WITAN)"

## The explorer left open under load, for FOR, such as 30m: what it takes of the browser's memory and of the node.
web-soak: build
	@sh scripts/install-clients.sh
	@sh scripts/install-chromium.sh
	sh scripts/test-web.sh "$(WITAN)" soak $(FOR)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

unit:
	$(CARGO) test --release --locked --workspace --no-fail-fast

## The simulator at length: FOR is how long in each setting. Fresh seeds for each engine, with 4 and 7 nodes, under faults
## alone and, where an engine withstands liars, under attackers too; then four groups of each engine on 4 nodes, and three
## groups with an engine each, with transactions across groups, the last also with groups of some of the nodes. A seed that breaks a promise is printed with the command that
## replays it.
FOR ?= 1m
ENGINES ?= hotstuff pbft raft
soak: build
	@set -e; \
	for engine in $(ENGINES); do for nodes in 4 7; do for attackers in "" --byzantine; do \
		[ "$$engine$$attackers" = raft--byzantine ] && continue; \
		echo "$$engine, $$nodes nodes $$attackers"; \
		$(WITAN) sim run --engine $$engine -n $$nodes --for $(FOR) $$attackers; \
	done; done; done; \
	for engine in $(ENGINES); do \
		echo "$$engine, 4 nodes, 4 groups"; \
		$(WITAN) sim run --engine $$engine -n 4 --shards 4 --for $(FOR); \
	done; \
	echo "hotstuff, pbft and raft, 4 nodes, 3 groups"; \
	$(WITAN) sim run -n 4 --shards 3 --group-engines 2=pbft,3=raft --for $(FOR); \
	echo "hotstuff, pbft and raft, 8 nodes, 3 groups of four nodes each"; \
	$(WITAN) sim run -n 8 --shards 3 --group-engines 2=pbft,3=raft \
		--group-nodes 1=n0+n1+n2+n3,2=n2+n3+n4+n5,3=n4+n5+n6+n7 --for $(FOR)

## Every scenario of the gallery on real processes, one after another, each on a network of its own; `make test` runs all of them in
## the simulator. SCENARIOS names others.
SCENARIOS ?= $(sort $(wildcard testnet/scenarios/*.toml))
scenarios: build
	@failed=; \
	for scenario in $(SCENARIOS); do \
		$(WITAN) testnet run $$scenario || failed="$$failed $$scenario"; \
	done; \
	if [ -n "$$failed" ]; then echo "did not pass:$$failed"; exit 1; fi

## The bank at length, with nothing beside it: transfers among four groups for 60 s while a node is killed and another one
## stands still; under one engine, and under three.
bank: install
	WITAN_BANK_SECONDS=60 $(CARGO) test --release --locked -p witan --test acceptance a_bank -- --nocapture --test-threads 1

## REQUESTS requests at random against a network of four nodes and two groups (`make test` sends 5,000), over HTTP and WebSocket.
REQUESTS ?= 100000
fuzz: install
	WITAN_FUZZ_REQUESTS=$(REQUESTS) $(CARGO) test --release --locked -p witan --test acceptance \
		requests_at_random -- --nocapture --test-threads 1

## Raft beside etcd, where Debian's etcd-server and etcd-client are installed: ROUNDS of it.
ROUNDS ?= 5
bench-etcd: build
	$(CARGO) build --release --locked -p witan-testnet --example etcd_load
	python3 bench/etcd.py --rounds $(ROUNDS)

## What the build needs beside rust, gcc, g++, make, python3 and git: libclang, for RocksDB's bindings.
install:
	@sh scripts/install-libclang.sh

## Real input at full size: the Debian package index into four validators, checked from end to end.
import-debian: build
	python3 scripts/import-debian.py $(WITAN)
