"""What every test needs: the built package, and a ROS domain that nobody else uses."""

import importlib.util
import os
import pathlib
import socket

import pytest

SOURCES = pathlib.Path(__file__).resolve().parent.parent
FIRST_DOMAIN_PORT = 47300
DOMAINS = range(1, 102)
"""The domain ids whose ports stay below the ephemeral ports of Linux."""


def _claim_domain():
    """
    Find a ROS domain that no other test run on this machine has.

    The claim is a bound socket: it ends with the process, however that ends.
    """
    start = os.getpid() % len(DOMAINS)
    for domain in [*DOMAINS[start:], *DOMAINS[:start]]:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(('127.0.0.1', FIRST_DOMAIN_PORT + domain))
        except OSError:
            claim.close()
        else:
            return domain, claim
    raise pytest.UsageError('no free ROS domain: are a hundred other test runs going on?')


def pytest_configure(config):
    """Check where the package comes from, and keep this run apart from the rest of the world."""
    package = importlib.util.find_spec('gi3_ros')
    if package is None:
        raise pytest.UsageError('gi3_ros is not built or not found: make test, or . .venv/env.sh')
    if pathlib.Path(package.origin).parent == SOURCES / 'gi3_ros':
        raise pytest.UsageError(
            'gi3_ros comes from the source folder, which has no built messages: '
            'run make test or pytest, not python -m pytest')
    # Also where the user has set a domain: a robot may be listening there.
    domain, config.ros_domain_claim = _claim_domain()
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'


def pytest_unconfigure(config):
    """Give the domain back."""
    claim = getattr(config, 'ros_domain_claim', None)
    if claim is not None:
        claim.close()
