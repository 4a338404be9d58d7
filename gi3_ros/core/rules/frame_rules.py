"""The rules about single frames, whatever they say: whole, without stray bits, known labels."""

from ..interface.signals import AdmCsSeccOutputs, AdvanticsControllerStatus, NewChargeSession

_NEWER_LABELS = {
    AdvanticsControllerStatus: ('State=13',),
    NewChargeSession: ('Plug_and_pins=4',),
}
"""Of v3.4 (Charge_Pause) and v3.3 (MCS): not of this version, and nobody's breach (7.1, R52)."""
_NEWER_BITS = {AdmCsSeccOutputs: (1 << 28) - (1 << 4)}
"""The three LEDs of v3.6."""


def not_newer(message, undefined):
    """Return which of the undefined labels of a message are not those of a newer version."""
    newer = _NEWER_LABELS.get(type(message), ())
    return tuple(label for label in undefined if label not in newer)


class FrameRules:
    """
    Judge the frames of one end one by one.

    :param findings: the :class:`~.findings.Findings` that take the breaches
    :param label_rule: what an undefined label breaks
    """

    def __init__(self, findings, label_rule='1.4'):
        self._findings = findings
        self._label_rule = label_rule
        self._spoilt = set()

    def was_spoilt(self, message):
        """Tell whether the last one of this message was not sound."""
        return message.NAME in self._spoilt

    def see(self, message, undefined, unassigned_bits, now_s):
        """Take a frame that gave a message; the parameters are those of ``codec.Received``."""
        name = message.NAME
        if not undefined and not unassigned_bits and name not in self._spoilt:
            return
        undefined = not_newer(message, undefined)
        unassigned_bits &= ~_NEWER_BITS.get(type(message), 0)
        self._spoilt.add(name)
        self._findings.mend(('length', name))
        if self._findings.breaks(('bits', name), unassigned_bits != 0):
            self._findings.add(
                now_s, 'R52', f'unassigned bits set in {name}', unassigned_bits=unassigned_bits)
        if self._findings.breaks(('labels', name), bool(undefined)):
            self._findings.add(
                now_s, self._label_rule, f'undefined value in {name}: {", ".join(undefined)}')
        if not undefined and not unassigned_bits:
            self._spoilt.discard(name)

    def see_short(self, message_class, text, now_s):
        """Take a frame with fewer bytes than its message has (1.4.2)."""
        self._spoilt.add(message_class.NAME)
        if self._findings.breaks(('length', message_class.NAME), True):
            self._findings.add(now_s, '1.4', text)
