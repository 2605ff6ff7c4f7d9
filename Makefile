# make demo    train a teacher, a student, and the student with Multi-KD on drawn data, and print the comparison
# make test    run the test suite
# make soak    run the tests that take minutes: docs/reliability.md
# make coverage  run the test suite and print which lines and branches it leaves out
# make mutants   change the losses, connectors and objectives in one place at a time, and list what no test notices
# make lint    run the linter
# make types   check the types
# make docs    build the documentation in docs/_build/html; a warning is an error
# make notebook  run the notebook of the documentation
# make matrix  install and test the current stack and OpenMMLab's of PyTorch 2.1: tests/matrix.sh
# make dist    build and check the source distribution and the wheel in dist/
#
# Each but `make matrix`, whose environments are its own, creates the virtual environment .venv first, and anew only when
# the files in requirements/ change. What only `make mutants`, `types`, `docs`, `notebook` and `dist` need is installed into
# it by them; `make mutants` needs Python 3.10 or newer.
#
# On Linux, pip's default index has PyTorch with several gigabytes of CUDA libraries. Where only the CPU is wanted, name
# the index of CPU builds that PyTorch's installation page gives, in one of pip's usual ways:
#   make test PIP_ARGS='--extra-index-url URL'
#   PIP_EXTRA_INDEX_URL=URL make test

# Python 3.12 comes last because xtcocotools has no wheel for it: it is compiled there.
PYTHON ?= $(shell for p in python3.11 python3.10 python3.9 python3.12 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' 2> /dev/null \
	&& echo $$p && break; done)
PIP = .venv/bin/python -m pip --disable-pip-version-check install $(PIP_ARGS)
LATER := requirements/dev.txt requirements/docs.txt requirements/mutants.txt
READY := .venv/ready-$(shell cat $(filter-out $(LATER),$(sort $(wildcard requirements/*.txt))) | cksum | cut -d ' ' -f 1)
WORKERS ?= 2

.PHONY: demo test soak coverage mutants lint types docs notebook matrix dist clean

demo: $(READY)
	OMP_NUM_THREADS=1 .venv/bin/python -W ignore tools/demo.py $(DEMO_ARGS)

test: $(READY)
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

soak: $(READY)
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m soak -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

coverage: $(READY)
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

mutants: .venv/with-mutants
	OMP_NUM_THREADS=1 .venv/bin/mutmut run --max-children $(WORKERS) $(MUTANTS)
	.venv/bin/mutmut results

lint: $(READY)
	.venv/bin/ruff check .

types: .venv/with-dev
	.venv/bin/mypy

docs: .venv/with-docs
	.venv/bin/sphinx-build -W --keep-going -q docs docs/_build/html

notebook: .venv/with-docs
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest tests/test_notebook.py $(PYTEST_ARGS)

matrix:
	tests/matrix.sh current $(PYTHON) $(PYTEST_ARGS)
	tests/matrix.sh openmmlab $(PYTHON) $(PYTEST_ARGS)

dist: .venv/with-dev
	rm -rf dist
	.venv/bin/python -m build --no-isolation
	.venv/bin/twine check --strict dist/*

.venv/with-%: requirements/%.txt $(READY)
	$(PIP) -r $<
	@touch $@

clean:
	rm -rf .venv build dist docs/_build docs/zoo *.egg-info mutants mmpose_kd/.mim

.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'error: found no Python 3.9 to 3.12 with venv;' \
		'install one, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo '[1/4] virtual environment in .venv, of $(PYTHON)'
	$(PYTHON) -m venv .venv

$(READY): | .venv/bin/python
	@rm -f .venv/ready-*
	@echo '[2/4] PyTorch (200 MB for the CPU build, several GB with CUDA) and ordinary packages'
	$(PIP) -r requirements.txt
	@echo '[3/4] OpenMMLab'
	$(PIP) --no-deps --no-build-isolation -r requirements/openmmlab.txt
	@echo '[4/4] mmpose_kd'
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
