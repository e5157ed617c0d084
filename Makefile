# Everything a fresh machine needs is git and Python 3.11 or newer.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test test-real crash lint types bench image lock clean

demo: .venv-run/.stamp
	.venv-run/bin/python entrypoint.py demo

test: .venv/.stamp
	$(BIN)/python -m pytest -q -m "not real" -n 2

test-real: .venv/.stamp
	$(BIN)/python -m pytest tests/real -m real -rs -n 5

N ?= 25
crash: .venv/.stamp
	RALPH_CRASH_STRIDE=1 RALPH_CRASH_INSTANTS=$(N) $(BIN)/python -m pytest -q -n 2 --timeout 7200 tests/crash

lint: .venv/.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict action.yml .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .
	$(BIN)/shellcheck .ci/run
	$(if $(wildcard Dockerfile),$(BIN)/hadolint Dockerfile)

types: .venv/.stamp
	$(BIN)/mypy

bench: .venv/.stamp
	$(BIN)/python -m benchmarks

image:
	docker build -t ralph-action .

lock:
	set -e; for set in run dev; do env -u PIP_FIND_LINKS -u UV_FIND_LINKS uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url --no-emit-find-links requirements/$$set.in -o requirements/$$set.txt; done

clean:
	rm -rf .venv .venv-run

.venv/.stamp: requirements/dev.txt
	$(call environment,.venv,requirements/dev.txt)

.venv-run/.stamp: requirements/run.txt
	$(call environment,.venv-run,requirements/run.txt)

define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
$(PYTHON) -m venv $(1)
$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
@touch $(1)/.stamp
endef
