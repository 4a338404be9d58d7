# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lists of rules are whole, and each rule says of itself what it is."""

import ast
import dataclasses
import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest

from gi3_ros.core import rules
from gi3_ros.core.interface.layout import CONTROLLER, CUSTOMER
from gi3_ros.core.rules import facts, output
from gi3_ros.core.rules.registry import clauses, OF_CHARGER, OF_CONTROLLER, rank, RULES
from gi3_ros.core.rules.rule import Rule
from gi3_ros.core.rules.tolerances import Tolerances

NUMBER = re.compile(r'R\d+|A\d+|\d\.\d')
FIELDS = {field.name for field in dataclasses.fields(Tolerances)}


def all_rules():
    """Return the classes of rules that say what they check, wherever they are."""
    found = []
    for info in pkgutil.iter_modules([str(pathlib.Path(rules.__file__).parent)]):
        module = importlib.import_module(f'{rules.__name__}.{info.name}')
        found += [
            cls for _, cls in inspect.getmembers(module, inspect.isclass)
            if issubclass(cls, Rule) and cls.__module__ == module.__name__
            and hasattr(cls, 'who') and (cls.clauses() or cls.observation)]
    return found


def test_every_rule_is_in_the_list_of_its_end_and_only_once():
    assert len(set(RULES)) == len(RULES)
    assert set(RULES) == set(all_rules())
    assert {rule.who for rule in OF_CHARGER} == {CUSTOMER}
    assert {rule.who for rule in OF_CONTROLLER} == {CONTROLLER}


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: rule.__name__)
def test_a_rule_says_what_it_is(rule):
    assert rule.clauses() or rule.observation
    for number, sentence in rule.clauses():
        assert NUMBER.fullmatch(number)
        assert sentence
    assert NUMBER.fullmatch(rule.number) or (rule.sentences and not rule.observation)
    assert inspect.getdoc(rule)


def test_a_rule_is_short():
    lengths = {rule.__name__: len(inspect.getsource(rule).splitlines()) for rule in RULES}
    assert {name for name, lines in lengths.items() if lines > 65} == set()


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: rule.__name__)
def test_a_rule_finds_no_other_number_than_its_own(rule):
    """Those that :mod:`gi3_ros.core.command` finds are held by the logs that break them."""
    literals = {
        node.value for node in ast.walk(ast.parse(inspect.getsource(rule)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        and NUMBER.fullmatch(node.value)}
    assert literals <= {number for number, _ in rule.clauses()} | {rule.number}


def test_the_list_of_what_is_checked_is_sorted_and_has_a_row_for_each_sentence():
    found = clauses()
    assert [rank(clause.number) for clause in found] == sorted(
        rank(clause.number) for clause in found)
    assert {clause.rule for clause in found} >= {rule for rule in RULES if rule.clauses()}
    assert len(set(found)) == len(found)
    assert [clause.number for clause in found if clause.number[0] != 'R'] == ['1.4'] * 5 + ['A38']


def methods(cls, name):
    """Return the methods of this name of a class of rules, inherited ones included."""
    return [vars(each)[name] for each in cls.__mro__
            if name in vars(each) and each not in (Rule, object)]


def tolerances_used(cls, functions, seen):
    """Return the tolerances that functions use, with those that they call."""
    used = set()
    for function in functions:
        if not inspect.isfunction(function) or function in seen:
            continue
        seen.add(function)
        source = inspect.getsource(function)
        used |= set(re.findall(r'limits\.(\w+)', source)) & FIELDS
        for name in re.findall(r'(?:self|super\(\))\.(\w+)\(', source):
            used |= tolerances_used(cls, methods(cls, name), seen)
        for name in re.findall(r'\b(\w+)\(', source):
            called = function.__globals__.get(name)
            if getattr(called, '__module__', '').startswith(rules.__name__):
                used |= tolerances_used(cls, [called], seen)
    return used


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: rule.__name__)
def test_a_rule_declares_the_tolerances_that_it_allows_for(rule):
    occasions = [name for name in dir(rule) if name.startswith('on_')]
    used = tolerances_used(
        rule, [method for name in occasions for method in methods(rule, name)], set())
    in_facts = {name for module in (facts, output)
                for name in re.findall(r'limits\.(\w+)', inspect.getsource(module))}
    assert used <= set(rule.tolerances) <= used | in_facts


def test_every_tolerance_is_one_of_a_rule():
    declared = {name for rule in RULES for name in rule.tolerances}
    assert declared == FIELDS
