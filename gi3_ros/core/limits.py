"""
What this charger can do, as configured and as lowered for the moment (R32, R33).

Entry names and defaults are the controller's own (interface.md 5.1), so one configuration can be
read by both sides.
"""

import dataclasses
import math

from .signals import DcPowerParameters

SMALLEST_CURRENT_A = 0.1
"""0 means 'configured default' in DC_Power_Parameters, so less than this cannot be told (R33)."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChargerLimits:
    """Configured maxima of the charger and its cable."""

    max_charger_voltage: float = 500.0
    """V"""
    max_charger_current: float = 120.0
    """A, charge direction"""
    max_charger_discharge_current: float = 0.0
    """A, magnitude; 0 forbids discharging"""
    max_charger_power: float = 0.0
    """W; 0 = max_charger_voltage x max_charger_current"""
    max_charger_discharge_power: float = 0.0
    """W; 0 = max_charger_voltage x max_charger_discharge_current"""
    max_cable_voltage: float = 500.0
    """V"""
    max_cable_current: float = 100.0
    """A"""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0:
                raise ValueError(f'{field.name} must be a finite number >= 0, not {value}')

    @property
    def max_voltage_v(self):
        """V that charger and cable both allow."""
        return min(self.max_charger_voltage, self.max_cable_voltage)

    def clamp_current(self, current_a, *, voltage_v):
        """
        Bring a current inside what charger and cable allow.

        :param voltage_v: present output voltage, for the power limits
        :returns: the current and the names of the limits that shaped it
        """
        charging = current_a >= 0
        charger = self.max_charger_current if charging else self.max_charger_discharge_current
        power = self.max_charger_power if charging else self.max_charger_discharge_power
        bounds = [('charger', charger), ('cable', self.max_cable_current)]
        if power and voltage_v > 0:
            bounds.append(('power', power / voltage_v))
        magnitude, by = abs(current_a), []
        for name, bound in bounds:
            if magnitude > bound:
                magnitude, by = bound, [name]
        return math.copysign(magnitude, current_a) if magnitude else 0.0, by


class AdvertisedLimits:
    """
    The content of DC_Power_Parameters: what we tell the controller, and when it is due.

    :param configured: the :class:`ChargerLimits` that cap everything
    """

    SPACING_S = 0.1
    """Two frames are at least this far apart (R4)."""
    _MARGIN_S = 0.005
    """Scheduling on the way to the bus may bring two frames closer together."""

    def __init__(self, configured):
        self._configured = configured
        self._wanted = DcPowerParameters()
        self._lease_current_a = None
        self._sent = None
        self._sent_s = None

    @property
    def current(self):
        """The message that describes the limits in force."""
        charge_a = self._wanted.maximum_charge_current
        if self._lease_current_a is not None:
            charge_a = min(
                charge_a or self._configured.max_charger_current, self._lease_current_a,
            )
        return dataclasses.replace(self._wanted, maximum_charge_current=charge_a)

    def set(self, *, voltage_v, charge_current_a, discharge_current_a):
        """
        Lower the limits; 0 gives one back to its configured maximum.

        :raises ValueError: for a value that makes no sense or lies above the configured maximum
        """
        configured = self._configured
        wishes = (
            ('maximum_voltage', voltage_v, configured.max_charger_voltage, 'V'),
            ('maximum_charge_current', charge_current_a, configured.max_charger_current, 'A'),
            ('maximum_discharge_current', discharge_current_a,
             configured.max_charger_discharge_current, 'A'),
        )
        for name, value, maximum, unit in wishes:
            if not math.isfinite(value) or value < 0:
                raise ValueError(f'{name} must be a finite number >= 0, not {value}')
            if value > maximum:
                raise ValueError(
                    f'{name} {value:g} {unit} is above the configured maximum of {maximum:g} '
                    f'{unit}'
                )
            if 0 < value < SMALLEST_CURRENT_A:
                raise ValueError(
                    f'{name} {value:g} {unit} would be sent as 0, which means the configured '
                    'maximum (R33)'
                )
        self._wanted = DcPowerParameters(
            maximum_voltage=voltage_v, maximum_charge_current=charge_current_a,
            maximum_discharge_current=discharge_current_a,
        )

    def lease(self, current_a):
        """Apply a lease in Target_Mode (R32), or ``None`` when it has ended."""
        self._lease_current_a = current_a

    def announce(self):
        """Make the limits due again: a session is beginning."""
        self._sent = None

    def due(self, *, now_s):
        """Return the message to send now, or ``None``: on change, never faster than R4 allows."""
        if self._sent_s is not None and now_s - self._sent_s < self.SPACING_S + self._MARGIN_S:
            return None
        message = self.current
        if message == self._sent:
            return None
        self._sent, self._sent_s = message, now_s
        return message
