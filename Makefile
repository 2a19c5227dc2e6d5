# Everything one does with a checkout. `make help` lists it.

PYTEST = .venv/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run test check interop faults

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: ## Install what is needed and run the whole portal; Ctrl-C stops it.
	@sh deploy/install.sh requirements.txt
	@.venv/bin/python -m observability.embedded run

test: ## Run the test suite on private servers (arguments for pytest: ARGS='-k name').
	@sh deploy/install.sh requirements-dev.txt
	$(PYTEST) -n 2 --dist loadfile -m "not interop and not faults" $(ARGS)

check: ## Check style, types, layers, settings and migrations.
	@sh deploy/install.sh requirements-dev.txt
	@sh deploy/ci/check.sh

interop: ## Test against real peers from Debian's packages, which it installs (as root).
	@sh deploy/install.sh requirements-dev.txt
	@status=0; sh deploy/ci/interop.sh || status=$$?; \
	[ $$status -eq 3 ] && exit 0; [ $$status -eq 0 ] || exit $$status; \
	$(PYTEST) -m interop $(ARGS)

faults: ## Kill processes and ask for far too much, and see that nothing is lost (arguments for pytest: ARGS='-k name').
	@sh deploy/install.sh requirements-dev.txt
	$(PYTEST) tests/faults $(ARGS)
