# On a fresh machine with cargo, go and terraform: `make demo` shows the provider at work, `make test` tests it.

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
platform := $(shell uname -s | tr '[:upper:]' '[:lower:]')_$(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
# Where rustup neither has the toolchain of rust-toolchain.toml nor can download it, the default one builds.
ifeq ($(shell cargo --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN := stable
endif

# A folder with a copy of https://github.com/rustsec/advisory-db, for `make deny`.
ADVISORIES ?=

# Which build of the provider `make mirror` takes: release or debug.
PROFILE ?= release
built = $(or $(CARGO_TARGET_DIR),target)/$(PROFILE)/terraform-provider-mesh

# Where `make install` puts the provider; terraform and tofu look there without being told.
MIRROR ?= $(HOME)/.terraform.d/plugins

# `no` leaves out the tests that send requests through a real istiod and real Envoys: they need Linux and root.
MESH ?= yes

# The fuzz targets that `make fuzz` runs; all of them if it is empty.
FUZZ ?=

# The program that runs the provider in `make demo`.
TERRAFORM ?= terraform

# The targets of Rust that `make package` builds for; this machine's unless others are named.
TARGETS ?= $(shell rustc -vV | sed -n 's/^host: //p')
# Where the files of a release are put, and the OpenPGP private key that signs them.
DIST ?= target/dist
SIGNING_KEY ?=

.PHONY: help build test soak fuzz bench tools servers demo cluster install mirror package package-checksums package-check clean deny deny-tools fuzz-tools registry-check package-tools release-check publish need-mesh need-cargo need-go need-terraform need-demo-terraform

help:
	@echo 'make demo     plan, apply, change and destroy the photo application on a throwaway control plane'
	@echo 'make test     everything: format, lints, all tests, real servers, real terraform and tofu, a real mesh (MESH=no: without)'
	@echo 'make soak     scenarios with the oldest Istio, then every fault at every request of every operation, two hours; goes on where it stopped'
	@echo 'make fuzz     15 minutes of each fuzz target, with cargo-fuzz'
	@echo 'make bench    what many services cost in time, memory and requests'
	@echo 'make install  build the provider and put it where `terraform init` and `tofu init` find it'
	@echo 'make deny     licences, sources and duplicates of the dependencies, with cargo-deny (ADVISORIES=…: known vulnerabilities too)'
	@echo 'make registry-check  what the Terraform Registry expects of docs/, with tfplugindocs'
	@echo 'make package  what the registries expect of a release, in target/dist (TARGETS=…, SIGNING_KEY=…)'
	@echo 'make package-check  build the package twice, in two folders, and compare the bytes'
	@echo 'make cluster  hold a throwaway control plane open until Ctrl-C, and print its kubeconfig'
	@echo 'make tools    build etcd, kube-apiserver, kubectl, OpenTofu, istioctl, istiod and its agent into target/tools, and Envoy'
	@echo 'make clean    remove what was built, the tools too'

# What fails fast comes first. The servers' tests wait more than they compute, so they may outnumber the cores. A mesh computes more.
test: need-cargo need-go need-terraform need-mesh
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked
	$(MAKE) --no-print-directory tools
	cargo test --locked --test it -- --ignored --skip bench:: --skip walk:: --skip mesh:: --test-threads=6
	cargo test --locked --test it -- --ignored walk:: --skip soak --nocapture --test-threads=3
ifeq ($(MESH),no)
	@echo 'MESH=no: the scenarios of tests/it/mesh were left out, so no request was sent through a real istiod and Envoy.'
else
	cargo test --locked --test it -- --ignored mesh:: --test-threads=3
endif

# Scenarios that the oldest Istio must show as well: what it makes of every object, who may call, where hidden services lead, and
# releases under load.
oldest := admission photo_application hidden_callers releases

# `rm target/walk/progress.txt` begins anew.
soak: need-cargo need-go need-terraform tools
ifneq ($(MESH),no)
	@tests/tools/build.sh target/tools oldest
	MESH_TOOLS=$(abspath target/tools/oldest) cargo test --locked --test it -- --ignored $(oldest:%=mesh::%) --test-threads=2
endif
	WALK_WORKERS=20 WALK_KILLS=50 WALK_RACES=20 cargo test --locked --test it -- --ignored walk:: --skip sample --nocapture --test-threads=1

fuzz: need-cargo
	@cargo fuzz --version >/dev/null || { echo 'cargo-fuzz is missing: make fuzz-tools' >&2; exit 1; }
	@tests/fuzz/run.sh $(FUZZ)

# Installs what `make fuzz` needs.
fuzz-tools: need-cargo
	cargo install --locked cargo-fuzz

bench: need-cargo need-go need-terraform servers
	cargo build --locked --release
	MESH_PROVIDER=$(abspath $(built)) cargo test --locked --test it -- --ignored bench:: --nocapture --test-threads=1

tools: servers need-mesh
	@tests/tools/build.sh target/tools tofu
	@tests/tools/build.sh target/tools istioctl
ifneq ($(MESH),no)
	@tests/tools/build.sh target/tools mesh
endif

# What a throwaway control plane needs.
servers: need-go
	@tests/tools/build.sh target/tools control-plane
	@tests/tools/build.sh target/tools kubectl

# Unoptimized, because that is built in a third of the time. An installed kubectl is good enough here.
demo: need-cargo need-go need-demo-terraform
	@echo 'building the provider, 2 minutes the first time on two cores' >&2
	@cargo build --locked --quiet
	@tests/tools/build.sh target/tools control-plane
	@command -v kubectl >/dev/null || tests/tools/build.sh target/tools kubectl
	@$(MAKE) --no-print-directory mirror MIRROR=target/demo/plugins PROFILE=debug >/dev/null
	@TERRAFORM='$(TERRAFORM)' examples/demo.sh target/demo/plugins

cluster: need-go servers
	@echo 'The kubeconfig of a throwaway control plane with kinds of Istio follows; Ctrl-C ends it.'
	@tests/tools/control-plane.sh

# The provider alone, unoptimized.
build: need-cargo
	cargo build --locked

install: need-cargo
	cargo build --locked --release
	@$(MAKE) --no-print-directory mirror

# Puts what is built into MIRROR, for both registries, as `init` looks for it there.
mirror:
	@for registry in registry.terraform.io registry.opentofu.org; do \
		folder="$(MIRROR)/$$registry/mesh-provider/mesh/$(version)/$(platform)"; \
		mkdir -p "$$folder" && rm -f "$$folder/terraform-provider-mesh_v$(version)" && \
		cp "$(built)" "$$folder/terraform-provider-mesh_v$(version)" && echo "installed in $$folder" || exit 1; \
	done

# What the dependencies may be: licences, sources, and one TLS stack. ADVISORIES is a folder with a copy of the RustSec advisory
# database, in which their known vulnerabilities are looked up.
deny: need-cargo
	@cargo deny --version >/dev/null 2>&1 || { echo 'cargo-deny is missing: cargo install --locked cargo-deny' >&2; exit 1; }
	cargo deny --locked check --hide-inclusion-graph bans licenses sources
ifneq ($(ADVISORIES),)
	@cargo audit --version >/dev/null 2>&1 || { echo 'cargo-audit is missing: cargo install --locked cargo-audit' >&2; exit 1; }
	cargo audit --no-fetch --stale --db '$(ADVISORIES)' --deny warnings
endif

# Installs what `make deny` needs.
deny-tools: need-cargo
	cargo install --locked cargo-deny cargo-audit

# What the Terraform Registry expects of docs/, as its own tool sees it.
registry-check: need-cargo need-go need-terraform
	@cargo build --locked --quiet
	@$(MAKE) --no-print-directory mirror MIRROR=target/demo/plugins PROFILE=debug >/dev/null
	@tests/tools/registry.sh target/demo/plugins target/tools

# Installs what `make package` needs for TARGETS.
package-tools: need-cargo
	@set -e; for target in $(TARGETS); do packaging/tools.sh "$$target"; done

# Whether the version in Cargo.toml is what TAG says, and in the changelog.
release-check:
	@[ 'v$(version)' = '$(TAG)' ] || { echo 'Cargo.toml says $(version), and the tag is $(TAG)' >&2; exit 1; }
	@grep -q '^## $(version)$$' CHANGELOG.md || { echo 'CHANGELOG.md has no section "## $(version)"' >&2; exit 1; }

# Publishes what is in DIST as the release of this version, for which the registries look.
publish:
	@mkdir -p target && sed -n '/^## $(version)$$/,/^## /p' CHANGELOG.md | sed '/^## /d' >target/notes.md
	gh release create 'v$(version)' --verify-tag --title 'v$(version)' --notes-file target/notes.md $(DIST)/*

# Builds and packs the provider for each target of Rust in TARGETS, then writes the checksums. With SIGNING_KEY, the file of an
# OpenPGP private key, they are signed.
package: need-cargo
	@set -e; for target in $(TARGETS); do \
		packaging/build.sh "$$target" "target/package/$$target"; \
		packaging/pack.sh "target/package/$$target" "$$(packaging/platform.sh "$$target")" "$(DIST)"; \
	done
	@$(MAKE) --no-print-directory package-checksums

# The checksums of all archives that are in DIST, wherever they were packed.
package-checksums:
	@packaging/checksums.sh "$(DIST)" "$(SIGNING_KEY)"

package-check: need-cargo
	@set -e; for target in $(TARGETS); do packaging/check.sh "$$target" "$(DIST)"; done
	@$(MAKE) --no-print-directory package-checksums

clean:
	cargo clean

need-mesh:
ifneq ($(MESH),no)
	@tests/tools/mesh-system.sh
endif
need-cargo:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install Rust (https://rustup.rs)' >&2; exit 1; }
need-go:
	@command -v go >/dev/null || { echo 'go is missing: install Go (https://go.dev/dl), which builds the servers and tools to test against' >&2; exit 1; }
need-demo-terraform:
	@command -v '$(TERRAFORM)' >/dev/null || { echo '$(TERRAFORM) is missing: install Terraform (https://developer.hashicorp.com/terraform/install), or set TERRAFORM=tofu' >&2; exit 1; }
need-terraform:
	@command -v terraform >/dev/null || { echo 'terraform is missing: install it (https://developer.hashicorp.com/terraform/install)' >&2; exit 1; }
