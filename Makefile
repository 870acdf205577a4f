# `make demo` and `make test` set up everything they need, once; Python 3.11, pip and make suffice.
# `make help` lists the targets.

PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)
# -qq: errors only. One -q leaves warnings about every extra package index that lacks a package.
PIP_FLAGS := -qq --disable-pip-version-check

# The environments. Each is made again when the project's requirements change, else left alone:
# a second `make` needs no network.
ENV := .venv/ready
PURE := .venv-pure/ready
REQUIREMENTS := pyproject.toml constraints.txt

# Packages that know no Keras: their tests must pass where none is installed.
PURE_TESTS := $(wildcard $(addprefix tests/,core diagnosis stats script_text fixes lint storage report cli))

FASHION_FILES := build/keras/datasets/fashion-mnist/train-images-idx3-ubyte.gz

export TF_CPP_MIN_LOG_LEVEL ?= 3

CASES := cases-jax cases-tensorflow cases-torch

.PHONY: help demo test chromium gallery quick mutants engines thorough simulations attack lint pure cases $(CASES) versions fashion docs screenshots clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

demo: export KERAS_BACKEND ?= jax
demo: $(ENV) ## Explain four small examples: models only built, weight initialization, shuffling, optimizer.
	@for name in built_only weight_initialization shuffling optimizer; do \
		printf '\n$$ whydiff explain examples/%s.py\n' $$name; \
		.venv/bin/whydiff explain examples/$$name.py || exit 1; \
	done

test: lint pure chromium ## Check style, types and imports; run all tests.
	.venv/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m 'not thorough'

# Pages are tested in a real browser. Debian's or Ubuntu's package; elsewhere say what is missing.
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

chromium: ## Install Chromium, in which pages are tested, where there is none (Debian or its kin).
ifeq ($(CHROMIUM),)
	@command -v apt-get >/dev/null || { \
		echo "The tests of pages need Chromium: install it, so that \`chromium\` runs."; exit 1; }
	@if [ "$$(id -u)" = 0 ]; then as_root=; \
	elif command -v sudo >/dev/null; then as_root="sudo -n"; \
	else echo "The tests of pages need Chromium: apt-get install chromium, as root."; exit 1; fi; \
	install="apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core"; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$as_root $$install >/dev/null || { $$as_root apt-get -qq update && $$as_root $$install >/dev/null; }
endif

quick: $(ENV) ## The tests without those that train for long.
	.venv/bin/python -m pytest -n 2 -m 'not long and not thorough'

mutants: $(ENV) ## Small faults in the deciding packages, noticed by the quick tests; MUTANTS=300 for a sample.
	.venv/bin/python tests/mutants.py $(MUTANTS:%=--sample %) $(SEED:%=--seed %) $(MUTATED)

engines: $(ENV) ## The executors' conformance suite on a local Ray and on executorlib's local mode.
	.venv/bin/python -m pytest -n 2 -m thorough tests/runner/test_executors.py

thorough: $(ENV) ## What `make test` leaves out: many trainings, long simulations, all sets of versions.
	JAX_ENABLE_COMPILATION_CACHE=0 .venv/bin/python -m pytest -n 2 --dist loadgroup -m thorough
	.venv/bin/python benchmarks/simulations.py
	$(PYTHON) docs/make_versions.py

simulations: $(ENV) ## Measure what every interval and test promises; writes the tables in docs/.
	.venv/bin/python benchmarks/simulations.py --write

ATTACKS := tests/storage tests/cli/test_hostile_input.py tests/cli/test_other_peoples_files.py \
	tests/api/test_ending.py tests/api/test_faults.py tests/api/test_signals.py

attack: $(ENV) ## Hostile files by the thousand, faults and kills, counted; ATTACK=N of each kind of file, PART=tests/... alone.
	WHYDIFF_ATTACK=$(or $(ATTACK),2000) .venv/bin/python -m pytest -n 2 $(or $(PART),$(ATTACKS))

lint: $(ENV) ## Check style, types and which package imports which.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

pure: $(PURE) ## The tests of the pure packages where no Keras is installed.
	.venv-pure/bin/python -m pytest -n 2 -m 'not thorough' tests/pure_environment.py $(PURE_TESTS)

cases: $(CASES) ## Score the cases and situations in ../shared on every backend.

# Both folders, even where one fails.
$(CASES): cases-%: $(ENV)
	@failed=0; for folder in cases situations; do \
		[ ! -d ../shared/$$folder ] || .venv/bin/python ../shared/$$folder/score.py \
			--whydiff $(CURDIR)/.venv/bin/whydiff --backend $* || failed=1; \
	done; exit $$failed

versions: ## Explain scripts beside older and newer versions of Keras; SETS=oldest tries one set.
	$(PYTHON) docs/make_versions.py $(SETS)

fashion: $(ENV) $(FASHION_FILES) ## Explain a training on Fashion-MNIST: docs/fashion_mnist.md.
	.venv/bin/python docs/make_transcripts.py docs/fashion_mnist.md

docs: $(ENV) ## Build the site into build/site; a link that leads nowhere is an error.
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict

gallery: $(ENV) chromium ## Ask the questions of docs/gallery again: answers and pictures; QUESTION=resumed one.
	.venv/bin/python docs/make_gallery.py $(QUESTION)

screenshots: $(ENV) chromium ## Make the pictures of pages, and the walks: docs/images.
	.venv/bin/python docs/make_screenshots.py
	.venv/bin/python docs/make_pull_request.py
	.venv/bin/python docs/make_walks.py

clean: ## Remove the environments and everything built.
	rm -rf .venv .venv-pure .venv-versions build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# torch alone and first, at exactly this version: left to a range, pip takes a CUDA build of it
# and gigabytes of libraries.
$(ENV): $(REQUIREMENTS)
	$(call make_env,.venv)
	.venv/bin/python -m pip install $(PIP_FLAGS) torch==2.13.0
	.venv/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt \
		-e '.[jax,tensorflow-cpu,torch,dev]'
	@touch $@

$(PURE): $(REQUIREMENTS)
	$(call make_env,.venv-pure)
	.venv-pure/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt -e . \
		pytest pytest-xdist hypothesis ml-dtypes safetensors
	@touch $@

define make_env
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "whydiff needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	echo "Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
@echo "Setting up $(1): a few minutes the first time."
@$(PYTHON) -m venv $(1)
endef

# The real data, from the Debian package unpacked here: nothing is installed on the system, and
# Keras finds them where it would have put its own download.
APT_GET := apt-get -qq -o APT::Sandbox::User=$(shell id -un)

$(FASHION_FILES):
	@mkdir -p build/debian $(@D)
	cd build/debian && { $(APT_GET) download dataset-fashion-mnist \
		|| { $(APT_GET) update && $(APT_GET) download dataset-fashion-mnist; }; }
	dpkg -x build/debian/dataset-fashion-mnist_*.deb build/debian
	ln -sf $(CURDIR)/build/debian/usr/share/datasets/fashion-mnist/*.gz $(@D)/
