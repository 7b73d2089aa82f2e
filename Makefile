# The developer's entry points. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo build check test bench soak rotation fuzz clean tools format lint deny

PYTHON ?= python3
CARGO ?= cargo
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)
DENY := $(shell $(CARGO) deny --version >/dev/null 2>&1 && echo yes)

# What talks to the database runs a second time, on Postgres.
ON_POSTGRES := $(PYTHON) -B tools/postgres.py
POSTGRES_TESTS := -p carnet-store -p carnet-server -p carnet-tests
# The same of the whole workspace: a part of it would be built anew, with other features.
POSTGRES_FILTER := package(carnet-store) + package(carnet-server) + package(carnet-tests)

help: ## List the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

demo: ## See it work: OpenBao, Carnet, and the real terraform init, plan and apply.
	@$(PYTHON) -B demo/demo.py

build: ## Build the release binary, target/release/carnet.
	$(CARGO) build --release --bin carnet

check: format lint deny ## Format, lint and run the unit tests.
ifdef NEXTEST
	$(CARGO) nextest run --workspace --exclude carnet-tests
else
	$(CARGO) test --workspace --exclude carnet-tests
endif

test: tools format lint deny ## Prove it: check, and the whole-product tests with real counterparts.
	$(CARGO) build --workspace --bins
ifdef NEXTEST
	$(CARGO) nextest run --workspace
	$(ON_POSTGRES) $(CARGO) nextest run --workspace -E '$(POSTGRES_FILTER)'
else
	$(CARGO) test --workspace
	$(ON_POSTGRES) $(CARGO) test $(POSTGRES_TESTS)
endif

bench: ## Measure; prints a table and writes target/bench.json.
	@$(PYTHON) -B tools/install.py terraform >/dev/null
	$(CARGO) build --release --bin carnet
	@set -e; for bench in $$(ls benches/src/bin | sed 's/\.rs$$//'); do \
	  $(CARGO) run --quiet --release -p carnet-benches --bin $$bench; done

FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1

fuzz: ## Feed arbitrary input to resolution and to adapters, FUZZ_SECONDS each.
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" CARGO_TARGET_DIR=../target/fuzz $(CARGO) build --release
	@set -e; for target in resolution adapter; do mkdir -p fuzz/corpus/$$target; \
	  target/fuzz/release/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 fuzz/corpus/$$target; done

soak: ## Prove it over time: twelve minutes of an apply with tokens that live for one.
	$(CARGO) build --bin carnet
	$(CARGO) run --quiet -p carnet-tests --bin soak

rotation: ## Prove that nobody notices: a new signing key every two seconds for three minutes.
	$(CARGO) build --bin carnet
	$(CARGO) run --quiet -p carnet-tests --bin rotation

clean: ## Remove what was built and installed.
	$(CARGO) clean
	rm -rf .tools .demo

tools:
	$(PYTHON) -B tools/install.py openbao seaweedfs softhsm terraform postgres aws-client kubectl envoy jose-node azurite \
	  boto3 aws-cli google-auth azure-identity hvac kubernetes tencentcloud jose-python pytfe terrasnek schemathesis provider-schemas

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

deny:
ifdef DENY
	$(CARGO) deny check bans licenses sources
else
	@echo "cargo-deny is not installed: bans, licences and sources are not checked (cargo install cargo-deny)"
endif
