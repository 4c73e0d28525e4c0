# Two commands make the book: `make site` and `make test`. Each sets itself up in .venv first.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8000
EXTRAS ?= dev,book,lab
BIN    := $(VENV)/bin

# Small matrices gain nothing from many BLAS threads, and lose much when notebooks run side by side.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help site book quarto serve lab chapter test matrix notebooks export readme rooms lint bench frameworks install clean

help:
	@echo "make site       export the package and render the book into _docs/"
	@echo "make serve      the same, and show it at http://localhost:$(PORT)/"
	@echo "make book       the whole book in one file, _docs/dlnotes.epub"
	@echo "make quarto     the same notebooks rendered by Quarto, for those who have it, into _proc/_docs/"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make chapter    NB=nbs/02_scales.ipynb: export it, run it, store its outputs, and run its module's tests"
	@echo "make test       run every notebook, then the tests (NB=nbs/02_scales.ipynb: one, and its module's tests)"
	@echo "make matrix     the tests on Python 3.11 with the oldest libraries, and on 3.12 and 3.13 with the newest"
	@echo "make notebooks  run every notebook and store its outputs (NB=nbs/02_scales.ipynb for one)"
	@echo "make export     notebooks -> dlnotes/*.py"
	@echo "make readme     nbs/index.ipynb -> README.md"
	@echo "make rooms      the table of rooms in CONTRIBUTING.md, from the notebooks"
	@echo "make lint       ruff over the code and the notebooks, and a strict type checker over what is public"
	@echo "make bench      every figure of speed and memory, beside its peer (NAMES='draws losses'; default all)"
	@echo "make frameworks run the appendix's programs in environments of their own (NAMES='theano torch'; default all)"
	@echo "make clean      remove what the commands above made"

site: install _docs/index.html
	@echo "The book is in _docs/: open _docs/index.html"

# Built again only if something it is made from has changed.
_docs/index.html: $(wildcard nbs/* web/* web/*/*) settings.ini
	@$(BIN)/nbdev_export
	@$(BIN)/python -m web

serve: site
	@echo "http://localhost:$(PORT)/  (Ctrl-C ends it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _docs

lab: install
	@$(BIN)/jupyter lab nbs

chapter: install export
	@test -n "$(NB)" || { echo "Which one? make chapter NB=nbs/02_scales.ipynb"; exit 1; }
	@$(BIN)/python tests/run.py --store $(NB)

test: install
	@$(BIN)/python tests/run.py $(NB)

matrix: install
	@$(BIN)/python .ci/matrix.py

notebooks: install export
	@$(BIN)/python .ci/notebooks.py run $(NB)

export: install
	@$(BIN)/nbdev_export

book: site
	@$(BIN)/python -m web epub

quarto: install export
	@$(BIN)/python -m web quarto

readme: install
	@$(BIN)/python -m web readme

rooms: install
	@$(BIN)/python -m web.rooms

lint: install
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python .ci/typed.py

bench: install
	@$(BIN)/python benchmarks/bench.py $(NAMES)

frameworks: install
	@$(BIN)/python frameworks/run.py $(or $(NAMES),all)

install: $(VENV)/installed-$(EXTRAS)

$(VENV)/installed-$(EXTRAS): setup.py settings.ini pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dlnotes needs Python 3.11 or later as $(PYTHON): try make PYTHON=python3.11"; exit 1; }
	@echo "Setting up $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf _docs _proc build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .venvs $(VENV)
