# Two commands are enough: `make run` and `make test`. Each does all its own set-up.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
# Checks of style need the settings and no server.
NOWHERE := DJANGO_SETTINGS_MODULE=mutualaid.settings DATABASE_URL=postgresql://nobody@localhost/none \
	BROKER_URL=redis://localhost/0
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: run test setup lint soak messages lock stop clean help

help:
	@echo "make run    the whole system on http://localhost:8000 (PORT=…); Ctrl-C ends it"
	@echo "make test   every test; make soak: the long ones; make lint: style, types, texts"
	@echo "make setup  the virtual environment, and nothing else"
	@echo "make messages  the texts of code and templates into locale/, for their Chinese"
	@echo "make lock   resolve the lock files again (LOCK_FLAGS=--upgrade for newer releases)"
	@echo "make stop   end what runs on this folder's data; make clean: delete that data, too"

run: $(VENV)/.runtime
	@sh scripts/system_packages.sh $(BIN)/python run
	@exec $(BIN)/python -m mutualaid.run

test: setup
	@sh scripts/system_packages.sh $(BIN)/python test
	@$(BIN)/python manage.py compile_texts
	@exec $(BIN)/python -m pytest $(ARGS)

soak: setup
	@sh scripts/system_packages.sh $(BIN)/python test
	@$(BIN)/python manage.py compile_texts
	@exec env SOAK=1 $(BIN)/python -m pytest -m "soak or trials" -v $(ARGS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(NOWHERE) $(BIN)/mypy .
	@$(NOWHERE) $(BIN)/python scripts/check_templates.py
	@$(NOWHERE) $(BIN)/python scripts/check_texts.py

messages: setup
	@$(BIN)/python manage.py makemessages -l zh_Hans --no-obsolete -i .venv -i .data

setup: $(VENV)/.dev

$(VENV)/bin/python:
	@sh scripts/make_venv.sh $(PYTHON) $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing packages (once)…"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

# requirements-dev.txt holds everything of requirements.txt, too.
$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing packages (once)…"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $(VENV)/.runtime $@

lock: setup
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) $(LOCK_FLAGS) -o requirements.txt
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) $(LOCK_FLAGS) -c requirements.txt --group dev -o requirements-dev.txt

stop: $(VENV)/.runtime
	@$(BIN)/python -m mutualaid.run stop

clean: $(VENV)/.runtime
	@$(BIN)/python -m mutualaid.run clean
