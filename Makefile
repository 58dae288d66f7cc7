# Everything a newcomer and the checks need. `make help` lists the targets.

CARGO ?= cargo
MORTAR := target/release/mortar

.DEFAULT_GOAL := help
.PHONY: help setup build install uninstall demo demo-down test test-csi test-heketi test-lvm sim search fuzz soak lint bench bench-lvm fmt manifests test-deploy test-kube

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the packages that are missing on this Debian machine (as root, only when some are)
	@tools/setup

build: setup ## Build the program: target/release/mortar
	$(CARGO) build --locked --release --package mortar-cli

install: build ## Put it on this machine with a systemd unit: PREFIX=/usr/local, DESTDIR= (as root)
	tools/install $(MORTAR)

uninstall: ## Remove what `make install` put there; settings and records stay (as root)
	tools/install --remove

demo: build ## Real three-node pool, server, volume, two clients, a node lost and healed; all stays up (as root)
	$(MORTAR) demo

demo-down: ## Remove everything that `make demo` made (as root)
	@if [ -x $(MORTAR) ]; then $(MORTAR) demo --down; else \
		echo "demo-down: $(MORTAR) is not built: run \`make build\` first" >&2; exit 1; fi

# Everything that tests is built from the same features, those of the whole workspace with its tests: or all would be built twice.
TESTS = $(CARGO) test --locked --workspace
# The program for tests in other languages, as Rust's tests use it.
BUILD_FOR_TESTS = $(TESTS) --test all --no-run

# What property tests draw from: the same each time, so that one change is judged as the next. `make search` looks further.
SEED ?= 1

test: setup ## Run all tests, those on real labs too (as root)
	PROPTEST_RNG_SEED=$(SEED) $(TESTS) --no-fail-fast

GO ?= go

test-heketi: setup ## Run the tests of Heketi's world: its databases by Go's encoder, its clients, on a real pool too (as root, needs Go 1.25 and Python 3)
	@command -v $(GO) >/dev/null || { echo "test-heketi: $(GO) was not found: install Go 1.25 or later, then try again" >&2; exit 1; }
	$(BUILD_FOR_TESTS)
	cd tests/heketi && MORTAR=$(CURDIR)/target/debug/mortar $(GO) test -count=1 -timeout 30m ./...
	cd tests/heketi && MORTAR=$(CURDIR)/target/debug/mortar $(GO) test -count=1 -timeout 30m -modfile=go.v9.mod -tags heketi9 -skip 'Lab|Python' ./clients

test-csi: setup ## Run csi-sanity for each kind of volume on real pools (as root, with Go 1.25 or later)
	@command -v $(GO) >/dev/null || { echo "test-csi: csi-sanity is a Go program, and go was not found: install Go first" >&2; exit 1; }
	$(TESTS) --test csi -- --ignored --nocapture

test-lvm: setup ## Run the tests on real pools with LVM, in guests where this machine has no device-mapper (as root)
	@CARGO=$(CARGO) tools/guest/tests "growth:: life:: pools::" "moves::a_brick drift::bricks snapshots:: groups::"

manifests: ## Write deploy/manifests from the chart (needs Go 1.26.7)
	cd tests/deploy && $(GO) test -count=1 -run TestManifestsAreFresh . -args -write

test-deploy: ## Check the chart, the manifests, alert rules and the dashboard (needs Go 1.26.7)
	@command -v $(GO) >/dev/null || { echo "test-deploy: $(GO) was not found: install Go 1.26.7 or later, then try again" >&2; exit 1; }
	cd tests/deploy && $(GO) test -count=1 .

# Where Kubernetes' programs are kept once they are built: outside of the repository, since that takes long.
KUBE := $(or $(MORTAR_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mortar-tools)/kube
KUBE_BUILD = $(GO) build -ldflags "-s -w" -o $(KUBE)

test-kube: setup ## Apply deploy/ to a real API server and play claims with the real sidecars (needs Go 1.26.7; builds them once)
	@command -v $(GO) >/dev/null || { echo "test-kube: $(GO) was not found: install Go 1.26.7 or later, then try again" >&2; exit 1; }
	$(BUILD_FOR_TESTS)
	cd tests/kube/cluster && $(KUBE_BUILD)/etcd go.etcd.io/etcd/server/v3
	cd tests/kube/cluster && $(KUBE_BUILD)/ k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager
	cd tests/kube && $(KUBE_BUILD)/ tool
	cd tests/kube && MORTAR=$(CURDIR)/target/debug/mortar MORTAR_KUBE=$(KUBE) $(GO) test -count=1 -timeout 30m .

# How many histories, and the seed of the first.
COUNT ?= 10000
FIRST ?= 1

sim: setup ## Play seeded histories on simulated nodes: COUNT=10000 of them, from seed FIRST=1
	MORTAR_SIM_COUNT=$(COUNT) MORTAR_SIM_FIRST=$(FIRST) $(CARGO) test --locked --release --package mortar-engine \
		--test histories histories_end_well -- --nocapture

# How many rounds of all property tests, each with a seed of its own.
ROUNDS ?= 20

search: setup ## Look for what breaks a property: ROUNDS=20 times the pure rooms' tests, with other random cases each time
	@CARGO=$(CARGO) tools/search $(ROUNDS)

# How long each fuzz target is fed.
SECONDS ?= 60

fuzz: setup ## Feed the fuzz targets (stable compiler), SECONDS=60 each
	@CARGO=$(CARGO) tools/fuzz $(SECONDS) $(TARGETS)

# How often the server and a node are killed, and what chance begins with (a seed of its own each time, unless one is given).
SERVER_KILLS ?= 200
NODE_KILLS ?= 20

soak: setup ## Kill the server SERVER_KILLS=200 times and nodes NODE_KILLS=20 times on a real pool, then count what is left (as root)
	MORTAR_SOAK_SERVER_KILLS=$(SERVER_KILLS) MORTAR_SOAK_NODE_KILLS=$(NODE_KILLS) \
		$(TESTS) --test soak -- --nocapture

lint: setup ## Check form, warnings, arrows between rooms, dependencies
	@tools/lint

bench: build ## Measure, and print the numbers of docs/benchmarks.md (as root)
	$(CARGO) bench --locked --workspace --benches

bench-lvm: build ## Measure on real LVM, in a guest where this machine has no device-mapper (as root)
	CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$(CURDIR)/tools/guest/run MORTAR_GUEST_MEMORY=14G MORTAR_GUEST_LIMIT=3600 \
		$(CARGO) bench --locked --package mortar-cli --bench mortar -- thin drain

fmt: ## Bring all code into form
	$(CARGO) fmt --all
