# livegen's commands. `make jam` and `make test` set up what they need by themselves.
# A virtual environment elsewhere: make jam VENV=/path/to/it

VENV ?= .venv
ARGS ?=
PYTHON := $(VENV)/bin/python
COMMA := ,
SPACE := $() $()
READY := $(VENV)/.livegen-ready
WORKS := $(shell $(PYTHON) -c "" >/dev/null 2>&1 && echo yes)
TEST_EXTRAS := test $(if $(filter 1,$(LIVEGEN_TRAIN)),train docs test-pipeline) $(if $(filter 1,$(LIVEGEN_SERVE)),test-serve)
TEST_READY := $(READY)-$(subst $(SPACE),-,$(strip $(TEST_EXTRAS)))

.PHONY: help setup jam test bench lint docs demos pipeline clean FORCE

help:
	@echo 'make jam    play: plug in a MIDI keyboard (options: make jam ARGS="--play FILE.mid")'
	@echo 'make test   ruff, mypy and the tests (LIVEGEN_TRAIN=1 with training and its pipeline, LIVEGEN_SERVE=1 with the service)'
	@echo 'make setup  only install livegen and what it needs into $(VENV)'
	@echo 'make bench  measure this machine (options: make bench ARGS="--json")'
	@echo 'make lint   ruff and mypy alone'
	@echo 'make docs   build the site into build/site, and check every link in it'
	@echo 'make demos  make the pieces in demos/ again, and measure them'
	@echo 'make pipeline  train the models of params.toml on your songs (options: make pipeline ARGS="--dry-run")'
	@echo 'make clean  remove $(VENV) and every build product'

setup: $(READY)

jam: $(READY)
	@$(PYTHON) -m livegen jam $(ARGS)

# A process for each core, but no more than four; the tests of a file stay in one. Those that play in real time wait
# until the others stand still.
test: lint
	$(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(TEST_READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(READY)
	@$(PYTHON) -m livegen bench $(ARGS)

# A warning is an error: so is a link to a page, a heading or a picture that is not there.
SPHINX := $(PYTHON) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet

docs: $(READY)-docs
	$(SPHINX) --builder html docs build/site
	$(SPHINX) --builder linkcheck docs build/links

demos: $(READY)
	$(PYTHON) tools/demos/make.py $(ARGS)

# The stages of dvc.yaml of which something has changed, without DVC.
pipeline: $(READY)-train
	@$(PYTHON) -m livegen pipeline $(ARGS)

# One stamp for each set of extras: setting up again is needed only when pyproject.toml changes, or when the
# environment's Python went away with an upgrade of the system.
$(TEST_READY): EXTRAS := [$(subst $(SPACE),$(COMMA),$(strip $(TEST_EXTRAS)))]
$(READY)-docs: EXTRAS := [docs]
$(READY)-train: EXTRAS := [train]

$(READY) $(TEST_READY) $(READY)-docs $(READY)-train: pyproject.toml tools/setup.sh $(if $(WORKS),,FORCE)
	@sh tools/setup.sh $(VENV) "$(EXTRAS)"
	@touch $(READY) $@

FORCE:

clean:
	@if [ -f $(VENV)/pyvenv.cfg ]; then rm -rf $(VENV); fi
	rm -rf build dist docs/reference .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find livegen docs tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
