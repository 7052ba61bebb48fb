# Needs python3 (3.11 or newer) and make; everything else comes into .venv from the lock files.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# What a production-like configuration looks like to `check --deploy`; made anew on every run.
DEPLOY_ENV = env -u DATABASE_URL DRAGOMAN_VAR_DIR=.venv/check DRAGOMAN_MODE=production DRAGOMAN_BASE_URL=https://id.example.com \
	DRAGOMAN_ALLOWED_HOSTS=id.example.com DRAGOMAN_EMAIL_URL=smtp://mail.example.com \
	DRAGOMAN_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	DRAGOMAN_SEALING_KEYS=$$($(BIN)/python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())')

# Programs are started often here, by the tests above all: each module is compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format lock messages ci attack screenshots fuzz examples bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/base: requirements/base.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/dev: .venv/base requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: .venv/base ## start a seeded demo (PORT=8000) with its own PostgreSQL
	@exec $(MANAGE) run_demo --port $(PORT)

test: .venv/dev ## run all tests, in parallel, on a real PostgreSQL (ARGS=...)
	$(BIN)/pytest -n auto $(ARGS)

check: .venv/dev ## lint, formatting, types, layers, migrations, deployment checks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports
	@$(DEPLOY_ENV) $(MANAGE) makemigrations --check --dry-run
	@$(DEPLOY_ENV) $(MANAGE) check --deploy --database default --fail-level WARNING

format: .venv/dev ## format the source and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/dev ## renew requirements/*.txt from *.in
	for name in base ldap dev; do $(BIN)/uv pip compile --quiet --no-config --no-header --universal \
		--python-version 3.11 --upgrade --generate-hashes requirements/$$name.in \
		-o requirements/$$name.txt; done

messages: .venv/base ## gather the texts of the pages for translators and compile them (needs gettext)
	$(MANAGE) makemessages --locale de --no-location --no-obsolete --no-wrap $(addprefix --ignore ,.venv node_modules var tests)
	@sed -i.old -e '/^"POT-Creation-Date/d' -e '/^"Report-Msgid-Bugs-To/d' locale/de/LC_MESSAGES/django.po
	@rm locale/de/LC_MESSAGES/django.po.old
	msgfmt --check-format --check-domain --statistics -o locale/de/LC_MESSAGES/django.mo locale/de/LC_MESSAGES/django.po

ci: ## what the build server runs
	bash .ci/run

attack: .venv/dev ## attack every login at length: 2,000 long random stories, 20 rounds of each race
	DRAGOMAN_ATTACK_RUNS=$${DRAGOMAN_ATTACK_RUNS:-2000} DRAGOMAN_ATTACK_STEPS=$${DRAGOMAN_ATTACK_STEPS:-30} \
	DRAGOMAN_RACE_ROUNDS=$${DRAGOMAN_RACE_ROUNDS:-20} \
		$(BIN)/pytest tests/attack -n auto $(ARGS)

screenshots: .venv/dev ## take pictures of every page, in light and dark, wide and narrow (needs Chromium)
	$(BIN)/python -m tests.web.screenshots

fuzz: .venv/dev ## make up calls from the OpenAPI document at length (DRAGOMAN_FUZZ_EXAMPLES=200)
	DRAGOMAN_FUZZ_EXAMPLES=$${DRAGOMAN_FUZZ_EXAMPLES:-200} $(BIN)/pytest tests/openapi/test_fuzz.py -n auto $(ARGS)

examples: .venv/dev ## record the examples of the OpenAPI document anew, with a real demo
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.openapi.recording

bench: .venv/dev ## measure start and memory, the cost of a guarded call, logins beside a dead provider
	$(BIN)/python -m bench.boot
	$(BIN)/python -m bench.guarded_call
	$(BIN)/python -m bench.hanging_provider

clean: ## remove everything that was made here, the demo's data too
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov
