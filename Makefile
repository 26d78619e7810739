# Each target does its whole set-up: a machine with Python 3.11 or newer, pip and make needs nothing else.
#   make demo     train a network on digits, write its curvature report, print where it lies
#   make test     all tests, and the examples of the docstrings and the documentation
#   make lint     format, style and types
#   make clean    remove the environment
# ARGS goes to the command: make demo ARGS="--out /some/folder", make test ARGS="tests/jets -x".

VENV := .venv
RUN := $(VENV)/bin/python
INSTALL = $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt
STATED := pyproject.toml constraints.txt
ARGS ?=

# The first interpreter that answers and is new enough: some are present and only print an error.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$name; break; }; done)

.PHONY: demo test lint clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@$(RUN) -m osculate demo $(ARGS)

test: $(VENV)/.dev
	$(RUN) -m pytest -n 2 $(ARGS)

lint: $(VENV)/.dev
	$(RUN) -m ruff format --check
	$(RUN) -m ruff check
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(RUN) -m pyright --pythonpath $(RUN)

clean:
	rm -rf $(VENV)

# A stamp is renewed when what it installs was stated anew; the developer's set contains the demo's.
$(VENV)/.demo: $(VENV)/.made $(STATED)
	@echo "installing osculate and what the demo needs into $(VENV) (a minute or two)"
	@$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(STATED)
	@echo "installing osculate and its development tools into $(VENV) (a minute or two)"
	@$(INSTALL) -e ".[dev]"
	@touch $@ $(VENV)/.demo

# Where Python comes without ensurepip (Debian), pip from outside puts pip into the environment.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer answers; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(RUN) install --quiet pip; }
	@touch $@
