# make demo: install and run the main job. make test: install with the test extras and run the tests.
# make slow: the long checks, for a night, and the figures of docs/validation.md measured again. make plain: pip install alone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Without bytecode on disk every process that a test starts would compile all that it imports: 17 s instead of 2.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test slow figures plain lint lock schema docs notebooks gallery papers clean

demo: $(VENV)/.installed
	$(BIN)/trialtwin demo

# Kernels are compiled before, in processes that share the work: two that test at once would each compile the same.
test: $(VENV)/.installed-test
	$(BIN)/trialtwin warm-up
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow --durations=20 --measured runs/measured.tsv

# What `make slow` measured, into the pages that state it.
figures: $(VENV)/.installed-test
	$(BIN)/python .mkdocs/figures.py

# What a user would type, and that it works from another folder.
plain:
	rm -rf build/plain
	$(PYTHON) -m venv build/plain
	build/plain/bin/pip install --quiet --disable-pip-version-check .
	cd / && $(CURDIR)/build/plain/bin/trialtwin --version && $(CURDIR)/build/plain/bin/trialtwin list
	cd / && $(CURDIR)/build/plain/bin/python -c "import trialtwin; print(trialtwin.load('paper'))"
	rm -rf build/plain

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml requirements.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'TrialTwin needs Python 3.11 or newer')"
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --only-binary :all: --no-deps -r requirements.txt
	$(PIP) --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	$(PIP) --require-hashes --only-binary :all: --no-binary autograd-gamma --use-pep517 --no-build-isolation --no-deps \
		-r requirements-test.txt
	touch $@

# Resolve the pins anew (needs uv); the files hold no address of a package index.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url pyproject.toml --group build
lock:
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --all-extras --group dev --constraint requirements.txt --output-file requirements-test.txt

schema: $(VENV)/.installed
	$(BIN)/trialtwin schema > scenarios/schema/scenario.json
	$(BIN)/trialtwin schema --markdown > docs/keys.md
	$(BIN)/trialtwin schema cohort --markdown > docs/cohort-keys.md
	$(BIN)/python .mkdocs/reference.py

# The site in build/site, to be opened from the disk; with the pages of the studies where `make gallery` made them.
docs: $(VENV)/.installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --config-file .mkdocs/mkdocs.yml

# The tutorials as executed notebooks: about two minutes.
notebooks: $(VENV)/.installed-test
	$(BIN)/python .mkdocs/notebooks.py

# Every study run, its page kept in build/studies for the site: about a quarter of an hour.
gallery: $(VENV)/.installed
	for path in scenarios/studies/*/*.yaml; do name=$$(basename $$path .yaml); \
		$(BIN)/trialtwin run $$name --out build/studies/$$name > /dev/null || exit 1; done
	$(BIN)/trialtwin gallery build/studies

# Derive the worlds of the shipped papers again, and fit them; some minutes each. One alone: make papers PAPERS=NAME.
PAPERS := $(notdir $(patsubst %/paper.yaml,%,$(wildcard scenarios/papers/*/paper.yaml)))
WORLDS := scenarios/worlds
papers: $(VENV)/.installed
	for name in $(PAPERS); do \
		$(BIN)/trialtwin twin $$name --stop-after derive --out build/papers/$$name && \
		sed "s/^name: .*/name: $$name-stated/" build/papers/$$name/world.yaml > $(WORLDS)/$$name-stated.yaml && \
		{ $(BIN)/trialtwin calibrate $$name-stated --out $(WORLDS)/$$name.yaml || test $$? -eq 1; } || exit 1; \
	done

clean:
	rm -rf $(VENV)
