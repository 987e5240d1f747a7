# DATA, WORK, SPAN, WINDOW, MODELS and EPOCHS narrow a run: make run DATA=/data/films MODELS=lstm EPOCHS=3
export TF_CPP_MIN_LOG_LEVEL ?= 2
PY := .venv/bin/python
# Modules share their films between tests, so a module stays with one worker; tests/conftest.py orders them.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder --maxfail 20

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## install the locked stack into .venv/
	@scripts/setup

.PHONY: run
run: setup ## run the pipeline, on the drawn sample or on DATA
	@.venv/bin/marquee run $(if $(DATA),--data "$(DATA)") $(if $(WORK),--work "$(WORK)") $(if $(SPAN),--span "$(SPAN)") \
	  $(if $(WINDOW),--window "$(WINDOW)") $(if $(MODELS),--models "$(MODELS)") $(if $(EPOCHS),--epochs "$(EPOCHS)")

.PHONY: test
test: setup ## every test
	@$(PY) -m pytest $(PARALLEL)

.PHONY: test-fast
test-fast: setup ## the tests that are not slow, some three minutes together
	@$(PY) -m pytest $(PARALLEL) -m "not slow"

.PHONY: test-stack
test-stack: ## run and tests on STACK=1.21 where glibc is too old for it, in a Debian root below WORK; as root
	@WORK="$(or $(WORK),work)" scripts/test-stack "$(STACK)"

.PHONY: lint
lint: setup ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

.PHONY: bench
bench: setup ## rates of the data path against their floor
	@$(PY) -m tests.bench.data_path

.PHONY: bench-models
bench-models: setup ## every model and yardstick on DATA in one table; the reference models take hours
	@$(PY) -m tests.bench.models --data "$(DATA)" --work "$(or $(WORK),work)" $(if $(SPAN),--span "$(SPAN)")

.PHONY: bench-training
bench-training: setup ## Trainer's input beside memory, Evaluators beside plain predict; WORK of a run of all models
	@$(PY) -m tests.bench.training $(if $(WORK),--work "$(WORK)")

.PHONY: bench-serving
bench-serving: setup ## the model server beside the same model called in process; WORK of a run that pushed
	@$(PY) -W ignore -m tests.bench.serving $(if $(WORK),--work "$(WORK)")

.PHONY: bench-tag
bench-tag: setup ## marquee tag on 20,000 films beside the model called in process; WORK of a run that pushed MODELS
	@$(PY) -W ignore -m tests.bench.tag $(if $(WORK),--work "$(WORK)") $(if $(MODELS),--model "$(MODELS)")

.PHONY: soak
soak: setup ## the model server under mixed traffic, good and bad, for MINUTES; WORK of a run that pushed
	@$(PY) -W ignore -m tests.bench.soak --minutes $(or $(MINUTES),10) $(if $(WORK),--work "$(WORK)")

.PHONY: conformance
conformance: setup ## ask the server at ENDPOINT (REST_ENDPOINT, MODEL_ROOT) what TensorFlow Serving would answer
	@CONFORMANCE_ENDPOINT="$(ENDPOINT)" CONFORMANCE_REST_ENDPOINT="$(REST_ENDPOINT)" CONFORMANCE_MODEL_ROOT="$(MODEL_ROOT)" \
	  $(PY) -m pytest -q -rs tests/conformance -k given

.PHONY: lock
lock: setup ## refresh both locks and uv's
	@uv=$$(command -v uv || echo $$PWD/.tools/bin/uv); cd requirements && \
	compile="$$uv pip compile -q --upgrade --generate-hashes"; \
	export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	$$compile --python-version 3.10 -o tfx-1.16.lock tfx-1.16.in && \
	$$compile --universal --python-version 3.10 -o tfx-1.21.lock tfx-1.21.in && \
	$$compile --universal --python-version 3.8 -o uv.lock uv.in
