# make                 reproduce at laptop scale: environment, pipeline, figures and tables
# make reproduce SCALE=paper | smoke
# make plan            what would run, why, and how long it will take
# make TARGETS="..."   some stages, papers or files only
# make rerun STAGE=... a stage and what depends on it
# make report          one HTML file with all results
# make pack, make restore ARCHIVE=..., make verify   results as one archive
# make test            format, lint, types, documentation, tests
# make docs            API reference and theory as HTML
# make test-system     slow tests: faults, reproducibility, the report in a browser, a cluster
# make test-slurm      the pipeline through a real Slurm on this machine
# make reproduce PROFILE=slurm    on a cluster
# Python here: of this checkout alone, not of the user's settings; workflow/surroundings.py has the same for jobs
unexport SNAKEMAKE_PROFILE $(filter-out PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX,$(filter PYTHON%,$(.VARIABLES)))
export PYTHONNOUSERSITE := 1
export PYTHONUTF8 := 1

SCALE ?= laptop
CORES ?= all
PROFILE ?= default
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# a run that is at work keeps its environment
IDLE = $(PYTHON) -c 'import fcntl; fcntl.flock(open(".run.lock", "a"), fcntl.LOCK_EX | fcntl.LOCK_NB)' 2> /dev/null || \
	{ echo "a run is at work in this checkout, with the environment that would be made anew: wait for it or stop it"; exit 1; }
# what a run needs
READY = $(STAMP) $(if $(filter slurm,$(PROFILE)),$(VENV)/.cluster)
# the only run of this checkout: workflow/run.py
ALONE = $(BIN)/python workflow/run.py
# A value that is not among those allowed ends make, which names it and them: $(call one_of,NAME,value,allowed ones),
# and a fourth argument where only some of these are to be named
one_of = $(or $(filter $(2),$(3)),$(error $(1)=$(2) is unknown; $(1) is one of: $(sort $(or $(4),$(3)))))
VARIABLES := SCALE CORES PROFILE PYTHON STAGE TARGETS SNAKEMAKE_FLAGS ARCHIVE FORCE
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(if $(filter-out BIN VENV $(VARIABLES),$(name)), \
	$(error $(name) is no variable of this Makefile; they are: $(VARIABLES)))))
CONFIG = config/$(call one_of,SCALE,$(SCALE),$(patsubst config/%.yaml,%,$(wildcard config/*.yaml))).yaml
# results go to the folders of the scale that the file states
NAMED = @grep -qx "scale: $(SCALE)" $(CONFIG) || { echo "$(CONFIG) must say \"scale: $(SCALE)\", as its name does"; exit 1; }
PROFILES = $(notdir $(wildcard profiles/*))
SNAKEMAKE = $(ALONE) snakemake $(if $(filter default,$(PROFILE)),--cores $(CORES)) \
	--workflow-profile profiles/$(PROFILE) \
	$(SNAKEMAKE_FLAGS) $(ASKED) --configfile $(CONFIG)
# Files, and rules: those that have no output are for being asked for.
RULES = $(shell sed -nE 's/^(use rule [a-z_]+ as|rule) ([a-z_]+).*/\2/p' Snakefile workflow/rules/*.smk)
NAMES = $(shell awk '/^(use )?rule /{name = $$2; sub(":", "", name); named[name]} /^(use rule|    output:)/{delete named[name]} \
	END{for (name in named) print name}' Snakefile workflow/rules/*.smk)
ASKED = $(foreach target,$(TARGETS),$(if $(findstring /,$(target)),$(target),$(call one_of,TARGETS,$(target),$(RULES),$(NAMES))))

COMMANDS := reproduce install test test-system test-slurm system-programs docs dist lint smoke plan rerun report pack restore \
	verify bench measured numbers schema lock clean
.PHONY: $(COMMANDS)
.DEFAULT:
	$(call one_of,make,$@,,$(COMMANDS))

# Densities and activations come first, in a run of their own: where a file comes out as it was, nothing behind it is
# out of date.
reproduce: $(READY)
	$(NAMED)
	$(if $(TARGETS),,env PREACTIVATIONS_PART=first $(subst --configfile,density activation --configfile,$(SNAKEMAKE)))
	$(SNAKEMAKE)

install: $(STAMP)

# A changed lock or pyproject.toml makes a new environment.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): set PYTHON=..."; exit 1; }
	@$(PYTHON) workflow/surroundings.py
	@$(IDLE)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[pipeline,test]'
	@touch $@

$(VENV)/.%: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[$*]'
	@touch $@

smoke: SCALE = smoke
smoke: reproduce

# The rules of a stage are those of its file; downloads stay.
STAGES = $(filter-out common datasets targets,$(patsubst workflow/rules/%.smk,%,$(wildcard workflow/rules/*.smk)))
FORCED = --forcerun $(shell sed -nE 's/^(use rule [a-z_]+ as|rule) ([a-z_]+).*/\2/p' workflow/rules/$(call one_of,STAGE,$(STAGE),$(STAGES)).smk)

# mistakes in names are told before anything is installed
CHECKED := $(CONFIG) $(ASKED) $(call one_of,PROFILE,$(PROFILE),$(PROFILES)) \
	$(if $(filter rerun,$(MAKECMDGOALS))$(and $(filter plan,$(MAKECMDGOALS)),$(STAGE)),$(FORCED))

plan: $(STAMP)
	$(NAMED)
	@$(BIN)/python workflow/plan.py --cores $(CORES) $(ASKED) --configfile $(CONFIG) $(if $(STAGE),$(FORCED))

rerun: $(READY)
	$(NAMED)
	$(SNAKEMAKE) $(FORCED)

report: reproduce
	$(SNAKEMAKE) --report report-$(SCALE).html --report-stylesheet workflow/report/style.css

pack: $(STAMP)
	$(ALONE) $(BIN)/python workflow/archive.py pack $(basename $(notdir $(CONFIG))) $(ARCHIVE)

restore: $(STAMP)
	@test -n "$(ARCHIVE)" || { echo "restore: say which archive: make restore ARCHIVE=..."; exit 1; }
	$(ALONE) $(BIN)/python workflow/archive.py restore $(ARCHIVE) $(if $(FORCE),--force)

verify: $(STAMP)
	$(BIN)/python workflow/archive.py verify $(basename $(notdir $(CONFIG)))

test: lint docs
	$(BIN)/pytest -n 2

# API reference and theory: docs/_build/index.html
docs: $(STAMP) $(VENV)/.docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build

# Slow tests (first what waits most), and those of programs that pip does not bring; a missing one is named, and nothing is skipped.
test-system: $(STAMP) $(VENV)/.cluster $(VENV)/.system
	@tests/system/programs browser slurm sandbox
	$(BIN)/pytest -n 2 tests/system/test_slurm.py tests/system

# Debian's Slurm, one node on loopback; the programs are installed first where they are missing (by root).
test-slurm: $(STAMP) $(VENV)/.cluster
	@tests/system/programs --install slurm
	$(BIN)/pytest tests/system/test_slurm.py

system-programs:
	@tests/system/programs --install browser slurm sandbox

# Wheel and sdist.
dist: $(STAMP) $(VENV)/.system
	rm -rf dist
	$(BIN)/python -m build --outdir dist

lint: $(STAMP)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/activation.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/propagation.py
	$(BIN)/python benchmarks/edge_of_chaos.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/racing.py
	$(BIN)/python benchmarks/relu_law.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/heavy_tails.py
	$(BIN)/python benchmarks/fits.py

# Training on the real MNIST, narrow and deep corners of the grids: small tables are kept in the repository.
MEASURED := data/reference/measured/mnist
measured: SCALE = mnist
measured: TARGETS = training isometry kernels
measured: $(READY)
	$(SNAKEMAKE)
	mkdir -p $(MEASURED)
	cp $(addprefix tables/mnist/,training_cells.csv training_comparisons.csv training_claims.md \
		isometry_training.csv isometry_comparisons.csv kernels_hypotheses.csv kernels_claims.csv) $(MEASURED)/
	for stage in training isometry kernels; do \
		$(BIN)/python workflow/gather_provenance.py data/mnist/$$stage > $(MEASURED)/$${stage}_provenance.json || exit 1; done

numbers: reproduce
	cp figures/$(SCALE)/propagation_two_layer.png figures/$(SCALE)/activation_exact.png figures/$(SCALE)/propagation_depth_ks.png figures/$(SCALE)/edge_of_chaos_correlations.png docs/figures/
	cp figures/$(SCALE)/training_accuracy_digits_sgd.png docs/figures/training_accuracy.png
	cp figures/$(SCALE)/isometry_density.png figures/$(SCALE)/isometry_training.png docs/figures/
	cp figures/$(SCALE)/kernels_errors.png figures/$(SCALE)/kernels_depth.png docs/figures/
	cp figures/$(SCALE)/fractional_densities.png figures/$(SCALE)/fractional_training.png docs/figures/
	$(BIN)/python workflow/insert.py $(SCALE)
	cp figures/$(SCALE)/rules_stages.png figures/$(SCALE)/propagation_drift.png docs/figures/

schema: $(STAMP)
	$(BIN)/python workflow/schema.py write

# Renew the lock from a fresh environment with the newest versions that pyproject.toml allows.
lock:
	@$(IDLE)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet '.[pipeline,cluster,test,system,docs]'
	$(BIN)/pip freeze --exclude preactivations | sed 's/+[a-z0-9]*$$//' > requirements.lock

clean:
	$(if $(wildcard $(BIN)/python),$(ALONE)) sh -c \
		'find data figures tables -mindepth 1 -maxdepth 1 -type d ! -name raw ! -name reference -exec rm -rf {} + ; \
		rm -rf dist logs benchmarks/results report-*.html .snakemake .cache docs/_build docs/reference'
