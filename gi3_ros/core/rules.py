"""
The rules of the interface, held against what both ends of one pistol really send.

:class:`Rules` is the one judge for all who ask: the gateway while it happens, ``gi3 audit`` and
``gi3 report`` afterwards. What binds the charger is in :mod:`.customer_rules` and
:mod:`.power_rules`, what binds the controller in :mod:`.controller_rules` and
:mod:`.command_rules`; docs/rules.md has a row for each rule.
"""

from .codec import Rejection
from .controller_rules import ControllerRules, INFORMATION
from .customer_rules import CustomerRules

TICK_S = 0.1
"""How often :meth:`Rules.tick` should be called, at least."""


class Rules:
    """
    Judge both ends of one pistol.

    Each breach is named once while it lasts, as a :class:`~.findings.Finding` with the end that
    broke the rule. ``now_s`` is seconds on one clock; frames may arrive a little out of order.

    :param tolerances: :class:`~.findings.Tolerances`
    """

    def __init__(self, tolerances=None):
        self._ends = (CustomerRules(tolerances), ControllerRules(tolerances))

    @property
    def is_in_session(self):
        """
        Whether both ends have to send every 100 ms: from the announcement to the end (R2).

        Where a log begins in mid-session the state tells.
        """
        customer, controller = self._ends
        return customer.is_in_session or controller.is_in_session

    def receive(self, received, *, now_s):
        """
        Take a frame of this pistol that gave a message.

        :param received: :class:`~.codec.Received`
        :returns: list of new findings
        """
        message, undefined, bits = (
            received.message, received.undefined, received.unassigned_bits)
        customer, controller = self._ends
        # Half of the traffic is what the vehicle tells again and again; it binds no charger.
        is_information = type(message) in INFORMATION
        if is_information and controller.notes(message, undefined, bits):
            return []
        new = controller.receive(
            message, now_s=now_s, undefined=undefined, unassigned_bits=bits)
        if not is_information:
            new += customer.receive(
                message, now_s=now_s, undefined=undefined, unassigned_bits=bits)
        return new

    def reject(self, rejected, *, now_s):
        """
        Take a frame that gave none; only one that is too short is somebody's fault (1.4).

        :param rejected: :class:`~.codec.Rejected`, of this pistol
        :returns: list of new findings
        """
        if rejected.kind is not Rejection.SHORT:
            return []
        customer, controller = self._ends
        message_class, text = rejected.message_class, rejected.text
        new = controller.reject(message_class, text, now_s=now_s)
        if not message_class.FROM_CONTROLLER:
            new += customer.reject(message_class, text, now_s=now_s)
        return new

    def tick(self, *, now_s):
        """Look for what should have come by now; return the new findings."""
        customer, controller = self._ends
        return controller.tick(now_s=now_s) + customer.tick(now_s=now_s)
