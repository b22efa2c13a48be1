# `make run` and `make test` install their own tools, and skip steps that are up to date.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(HOME)/.cargo/bin:$(PATH)

# Ports of `make run`: `make run PORT=8080 BACKEND_PORT=8081`.
PORT ?= 3000
BACKEND_PORT ?= 3001

# The tests start these binaries. One build for both shares every dependency.
BUILD := cargo build --bins --tests --locked
# Two tests at a time for each CPU, because most tests wait.
NEXTEST = cargo nextest run --no-fail-fast --locked --test-threads $$((2 * $$(nproc)))
# Features of libraries that only tests need. A check of the programs that has them takes the libraries from the check of the tests.
TEST_FEATURES := --features tokio/test-util,serde/alloc,bytes/serde
TEST_TOOLS := .venv/installed crates/vt/differential/node_modules/.package-lock.json web/node_modules/.package-lock.json
NPM := npm --prefix web
PAGE := web/app/out/index.html
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/app/out -prune -o -path web/app/.next -prune -o -path web/dist -prune \
	-o -path web/test-results -prune -o -type f -print)

PEERS := testing/bench/.venv/installed testing/bench/.ttyd/installed testing/bench/peers/node_modules/.package-lock.json

.PHONY: help bench bench-micro run programs test test-lints test-alone test-rust test-docs test-deploy test-page test-browser test-workflows test-firefox \
	test-webkit image image-test pin-images push package package-test release-check fmt page system-run system-test system-firefox system-webkit

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: system-run $(PAGE) ## Start a terminal on this machine and print its address
	@cargo build --package backend --package dev-gateway --bins
	@PORT=$(PORT) BACKEND_PORT=$(BACKEND_PORT) scripts/run

# The parts behind the first two mostly wait: they run side by side, two at a time, and each prints when it ends. A part that fails
# does not keep the others from running.
test: ## Check everything, as CI does
	@failed=; for part in test-lints test-alone; do $(MAKE) $$part || failed="$$failed $$part"; done; \
	$(MAKE) --keep-going --jobs=2 --output-sync=target test-rust test-browser test-page test-deploy test-docs test-workflows || failed="$$failed, and the parts with an Error above"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

# The second check is of the programs as users build them: together with the tests, they have what only tests need.
test-lints: system-test ## Check formatting, lints and dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --locked $(TEST_FEATURES) -- -D warnings
	cargo fetch --locked
	cargo deny --offline check bans licenses sources

test-alone: programs $(TEST_TOOLS) ## Run the Rust tests that need the machine for themselves
	$(NEXTEST) -E 'group(alone)'

test-rust: programs $(TEST_TOOLS) ## Run the other Rust tests
	$(NEXTEST) -E 'not group(alone)'

test-docs: programs ## Check the documentation of the code
	unset MAKEFLAGS; cargo test --doc --locked
	RUSTDOCFLAGS='--deny warnings' cargo doc --no-deps --locked $(TEST_FEATURES)

programs: system-test
	$(BUILD)

test-deploy: .venv/installed deploy/cdk/node_modules/.package-lock.json ## Check the templates and scripts of the deployment
	PYTHONDONTWRITEBYTECODE=1 .venv/bin/python -m pytest -c deploy/pytest.ini

test-workflows: .github/lint/node_modules/.package-lock.json ## Check the GitHub workflows
	npm --prefix .github/lint test

test-page: $(PAGE) ## Check the page: types, units, and its package
	$(NPM) run check
	$(NPM) test

test-browser: programs $(PAGE) ## Check the page in a real browser
	$(NPM) run e2e
	$(NPM) run e2e:instances

test-firefox: system-firefox $(PAGE) ## Run the browser tests that Firefox can run in Debian's (about 15 minutes)
	cargo build --bins --locked
	$(NPM) run e2e:firefox

test-webkit: system-webkit $(PAGE) ## Run the few browser tests that drive Debian's WebKit
	cargo build --bins --locked
	$(NPM) run e2e:webkit

bench: system-test .venv/installed $(PEERS) web/dist/core/index.js ## Measure Termgate and its peers on this machine, in one run
	cargo build --release --bin termgate --bin bootstrap --bin dev-gateway --bin bench
	target/release/bench $(FIGURES)

bench-micro: ## Measure each hot part alone (PARTS="vt"), and compare with the previous run
	cargo bench --package microbench -- $(PARTS)

# `bench prediction` types with the page's own client.
web/dist/core/index.js: web/node_modules/.package-lock.json $(PAGE_SOURCES)
	web/node_modules/.bin/tsc -p web/tsconfig.lib.json
	@touch $@

testing/bench/.venv/installed: testing/bench/peers/requirements.txt
	python3 -m venv testing/bench/.venv
	testing/bench/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

testing/bench/.ttyd/installed: testing/bench/peers/fetch-ttyd
	testing/bench/peers/fetch-ttyd testing/bench/.ttyd
	@touch $@

testing/bench/peers/node_modules/.package-lock.json: testing/bench/peers/package-lock.json testing/bench/peers/package.json | system-test
	npm --prefix testing/bench/peers ci
	@touch $@

package: ## Build the function and the admin's zip (ARCHITECTURE=arm64)
	@scripts/package

image: ## Build the image of the terminal service (TAG, TOOLS, BASE, RUST, PLATFORM)
	@scripts/image

pin-images: ## Pin the base images to their digests (needs Docker and the registries)
	@scripts/pin-images

push: ## Push that image (REGISTRY=123456789012.dkr.ecr.eu-central-1.amazonaws.com)
	@scripts/push

package-test: system-test .venv/installed ## Build the function with SAM for this machine, and run the whole-stack tests with it
	@ARCHITECTURE=$$(uname -m | sed s/aarch64/arm64/) scripts/package
	$(BUILD)
	E2E_BOOTSTRAP=$(CURDIR)/.aws-sam/build/Function/bootstrap cargo test --package e2e --test whole_stack --test doctor --locked -- bootstrap real_function

image-test: ## Build the image without a registry, start it, and use it (as root, about ten minutes)
	cargo build --bins --locked
	@scripts/image-test

release-check: .venv/installed web/node_modules/.package-lock.json deploy/cdk/node_modules/.package-lock.json ## Do everything that a release needs, but publish nothing (as root, an hour)
	@scripts/release-check
	@$(MAKE) test
	@$(MAKE) package-test
	@$(MAKE) image-test

fmt: web/node_modules/.package-lock.json ## Format everything
	cargo fmt --all
	$(NPM) run format

page: $(PAGE) ## Build the page that the gateway serves

$(PAGE): web/node_modules/.package-lock.json $(PAGE_SOURCES)
	$(NPM) run build
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json web/package.json web/.npmrc
	$(NPM) ci
	@touch $@

# xterm.js without a page is the reference for the service's emulator.
crates/vt/differential/node_modules/.package-lock.json: crates/vt/differential/package-lock.json crates/vt/differential/package.json | system-test
	npm --prefix crates/vt/differential ci
	@touch $@

deploy/cdk/node_modules/.package-lock.json: deploy/cdk/package-lock.json deploy/cdk/package.json deploy/cdk/.npmrc | system-test
	npm --prefix deploy/cdk ci
	@touch $@

.github/lint/node_modules/.package-lock.json: .github/lint/package-lock.json .github/lint/package.json | system-test
	npm --prefix .github/lint ci
	@touch $@

# Only tests use Python: moto is their DynamoDB API, the other packages check the templates.
.venv/installed: testing/e2e/requirements.txt deploy/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check $(addprefix --requirement ,$^)
	@touch $@

system-run system-test system-firefox system-webkit: system-%:
	@scripts/setup $*

$(PAGE) web/node_modules/.package-lock.json: | system-run
.venv/installed: | system-test
