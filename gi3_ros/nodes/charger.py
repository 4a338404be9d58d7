"""charger: the four nodes of one pistol in one process, with the same topics as apart."""

from .gateway import Gateway
from .lifecycle import run
from .power_control import PowerControlNode
from .precharge import PrechargeNode
from .session import SessionNode


def main():
    """Run gateway, power_control, precharge and session."""
    return run(Gateway, PowerControlNode, PrechargeNode, SessionNode)
