# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
CONTEXT ?=
N ?=
HITS ?=
ENGINE ?= $(firstword $(foreach name,docker podman buildah,$(if $(shell $(name) info > /dev/null 2>&1 && echo yes),$(name))))
BASE ?=
PLATFORM ?=
REGISTRY ?=
SOURCE ?=
ARCHIVES ?=
SIGN ?=
MINOR ?=
NEW ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
WORKERS ?= 4
VENV := .venv/.installed
RUN := PYTHONPATH=. .venv/bin/python
# Where that is set, as in many containers, each process of the tests compiles all modules again, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(RUN) -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-20s %s\n", $$1, $$2 }'

.PHONY: venv
venv: $(VENV) ## Set up .venv with adobe-ims-operator and adobe-ims-stand-in

.PHONY: demo
demo: | .venv/bin/python ## Watch tokens rotate on a local API server (CONTEXT=NAME: on that context of your kubeconfig)
	@PYTHONPATH=.:hack .venv/bin/python -m demo.begin --install '$(MAKE) --no-print-directory venv' $(if $(CONTEXT),--context '$(CONTEXT)')

.PHONY: demo-client-secrets
demo-client-secrets: $(VENV) ## Watch a client secret be replaced on a local API server: a hundred days in a minute
	@PYTHONPATH=.:hack .venv/bin/python -m demo.client_secrets

.PHONY: test
test: check binaries ## Check and test everything but pods, on real control planes (WORKERS=2: on two of them)
	@$(PYTEST) tests --ignore=tests/node --ignore=tests/release

.PHONY: test-unit
test-unit: $(VENV) ## Test what needs no cluster, in two minutes
	@$(PYTEST) tests/unit

.PHONY: test-integration
test-integration: $(VENV) binaries ## Test what needs a real control plane
	@$(PYTEST) tests/integration

.PHONY: test-node
test-node: $(VENV) ## Test the whole product in pods, on a real node (Linux, as root)
	@$(RUN) -m testbed.node_sandbox .venv/bin/python -m pytest tests/node

.PHONY: test-kubernetes
test-kubernetes: $(VENV) ## Test on another Kubernetes, as `make test-kubernetes MINOR=1.34`; docs/support-matrix.md has the minors
	@test -n '$(MINOR)' || { echo "name a minor version, as in: make test-kubernetes MINOR=1.34" >&2; exit 1; }
	@KUBERNETES_MINOR='$(MINOR)' $(RUN) hack/support_matrix.py '$(MINOR)'

.PHONY: release-rehearsal
release-rehearsal: $(VENV) ## Make a release on loopback, verify it, and install it on a real node (Linux, as root)
	@$(RUN) -m testbed.binaries release > /dev/null
	@$(RUN) -m testbed.image again > /dev/null
	@PYTHONPATH=.:hack .venv/bin/python -m testbed.node_sandbox .venv/bin/python -m pytest tests/release

.PHONY: release
release: $(VENV) ## Fill a registry with images and chart, as `make release REGISTRY=registry.example.com/team` (SIGN="--key FILE")
	@test -n '$(REGISTRY)' || { echo "name a registry, as in: make release REGISTRY=registry.example.com/team" >&2; exit 1; }
	@PYTHONPATH=.:hack .venv/bin/python -m release '$(REGISTRY)' --source='$(SOURCE)' $(if $(ARCHIVES),--archives='$(ARCHIVES)') $(if $(BASE),--base='$(BASE)') \
	  $(SIGN) $(if $(SIGN),--files $(wildcard dist/*.whl dist/*.tar.gz))

.PHONY: packages
packages: $(VENV) ## Build sdist, wheel and the notes of a release into dist/
	@rm -rf dist && .venv/bin/python -m hatchling build -d dist > /dev/null
	@$(RUN) hack/version.py --notes > dist/notes.md

.PHONY: version
version: $(VENV) ## Print the version, or set it in all that names it: make version NEW=0.2.0
	@$(RUN) hack/version.py $(NEW)
	@$(if $(NEW),$(MAKE) --no-print-directory manifests)

.PHONY: bench
bench: $(VENV) binaries ## Measure the operator beside the bare floor, in minutes (N=100: with so many credentials)
	@PYTHONPATH=.:benchmarks .venv/bin/python -m bench $(N)

.PHONY: bench-full
bench-full: $(VENV) binaries ## The same for 1,000 and 10,000 credentials, in half an hour
	@PYTHONPATH=.:benchmarks .venv/bin/python -m bench 1000 10000 --idle 60

.PHONY: bench-fair
bench-fair: $(VENV) binaries ## A burst, a slow IMS, 429s and a busy namespace: no token expires, none is held up, in 25 minutes
	@PYTHONPATH=.:benchmarks .venv/bin/python -m bench.fair

.PHONY: bench-shared
bench-shared: $(VENV) binaries ## 500 namespaces take the token of one credential: how soon they follow a rotation, in three minutes
	@PYTHONPATH=.:benchmarks .venv/bin/python -m bench.shared

.PHONY: bench-soak
bench-soak: $(VENV) binaries ## A day in a minute, for ten minutes: memory stays, no token is late, early or doubled
	@PYTHONPATH=.:benchmarks .venv/bin/python -m bench.soak

.PHONY: crash-client-secrets
crash-client-secrets: $(VENV) binaries ## kill -9 at every step of replacing client secrets, 100 times each, in an hour or more (HITS=5: fewer)
	@PYTHONPATH=.:hack .venv/bin/python -m crash_client_secrets $(HITS) $(if $(ONLY),--only "$(ONLY)")

.PHONY: check
check: $(VENV) ## Formatter, linter, types, the direction of imports, and all that is made from a source
	@.venv/bin/ruff format --check --quiet . || { echo "run 'make fmt'" >&2; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python hack/reference.py --check
	@.venv/bin/python hack/values.py --check
	@$(RUN) hack/manifests.py --check
	@$(RUN) hack/version.py --check
	@$(RUN) hack/workflows.py

.PHONY: reference
reference: $(VENV) ## Write the fields of the CRDs into docs/reference.md and docs/reference-client-secret.md
	@.venv/bin/python hack/reference.py

.PHONY: manifests
manifests: $(VENV) ## Write deploy/ and the chart's table of values, both from the chart
	@.venv/bin/python hack/values.py
	@$(RUN) hack/manifests.py

.PHONY: dashboard
dashboard: $(VENV) binaries ## Draw docs/dashboard.svg from live data, in four minutes
	@PYTHONPATH=.:hack .venv/bin/python -m dashboard

.PHONY: docs
docs: .docs/.installed ## Build the documentation into site/, and check every link (then: open site/index.html)
	@NO_MKDOCS_2_WARNING=1 .docs/bin/mkdocs build --quiet --strict

.PHONY: docs-serve
docs-serve: .docs/.installed ## Show the documentation on http://127.0.0.1:8000, again at each change
	@NO_MKDOCS_2_WARNING=1 .docs/bin/mkdocs serve --strict

.PHONY: fmt
fmt: $(VENV) ## Format, and mend what the linter can mend
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format --quiet .

.PHONY: image
image: ## Build the container images (ENGINE=docker, podman or buildah; BASE=another Python image; PLATFORM=linux/arm64)
	@test -n '$(ENGINE)' || { echo "docker, podman or buildah is needed, and none of them answers to \`info\`; name another with ENGINE=" >&2; exit 1; }
	@for target in operator stand-in; do \
	  $(ENGINE) build --target $$target $(if $(BASE),--build-arg BASE='$(BASE)') $(if $(PLATFORM),--platform '$(PLATFORM)') \
	    --tag adobe-ims-$$target:$(VERSION) .; done

.PHONY: cluster
cluster: $(VENV) ## Start a control plane with the CRD, and leave it running
	@$(RUN) -m testbed.cluster up

.PHONY: cluster-down
cluster-down: $(VENV) ## End that control plane, and forget its data
	@$(RUN) -m testbed.cluster down

.PHONY: binaries
binaries: $(VENV) # Before the tests, since the first build takes minutes and each test only seconds.
	@$(RUN) -m testbed.binaries control-plane helm monitoring > /dev/null

.PHONY: lock
lock: $(VENV) ## Resolve the dependencies again, to their newest versions
	@for group in run stand-in build docs dev; do \
	  case $$group in run) from=pyproject.toml ;; stand-in) from="-c requirements/run.txt hack/stand-in/pyproject.toml" ;; build | docs) from="--group $$group" ;; dev) from="--group dev pyproject.toml" ;; esac; \
	  .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    -o requirements/$$group.txt $$from || exit 1; \
	done

.PHONY: clean
clean: ## Remove what the other targets made in this folder
	@rm -rf .venv .docs site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with PYTHON=, as in: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo "Python's venv module is needed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@rm -rf .venv && $(PYTHON) -m venv .venv

$(VENV): requirements/dev.txt pyproject.toml hack/stand-in/pyproject.toml | .venv/bin/python
	@echo "Installing the pinned dependencies into .venv" >&2
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable hack/stand-in
	@touch $@

# A folder of its own: mkdocs would bring its versions of what the operator is tested with.
.docs/.installed: requirements/docs.txt | .venv/bin/python
	@echo "Installing mkdocs into .docs" >&2
	@rm -rf .docs && .venv/bin/python -m venv .docs
	@.docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@
