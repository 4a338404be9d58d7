# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the simulated power modules are installed, how they behave, and what is too much."""

import dataclasses
import enum

from .circuit import CircuitConfig


class Contactors(enum.Enum):
    """Who moves what lies between the modules and the pistol (R45, R47)."""

    OWN = 'own'
    """The charger itself, by its ContactorCommand."""
    CONTROLLER = 'controller'
    """The controller: the coils hang on its relays, ``Inlet`` says how these stand."""
    OUTPUTS = 'outputs'
    """The charger itself, by ADM_CS_SECC_Outputs: the coils hang on digital outputs of the
    controller that are CAN_Controlled (0x63201), at most 100 mA each. ``Inlet`` has the levels."""
    NONE = 'none'
    """Nothing lies between them: the cable is all there is."""

    @property
    def are_of_the_charger(self) -> bool:
        """Whether there are auxiliary contacts, and a voltage behind them, to look at."""
        return self in (Contactors.OWN, Contactors.OUTPUTS)


@dataclasses.dataclass(frozen=True)
class ModulesConfig:
    """Installation, behaviour of the driver, and the limits of what is good for the hardware."""

    circuit: CircuitConfig = dataclasses.field(default_factory=CircuitConfig)
    contactors: Contactors = Contactors.OWN
    main_output: int = 0
    """With OUTPUTS: the digital output of the output contactors, 1 to 4; 0: on none, they stay
    open."""
    precharge_output: int = 0
    """That of the precharge relay."""
    has_feedback: bool = True
    """Contactors of the charger have auxiliary contacts."""
    measures_pistol: bool = True
    """The voltage behind contactors of the charger is measured."""
    wake_up_s: float = 1.5
    """From the first set-point of a stream until the modules are ready."""
    sleep_after_s: float = 5.0
    """Silence after which they have to be woken again."""
    sensor_lag_s: float = 0.005
    """Time constant of the measuring filter."""
    ambient_c: float = 25.0
    kelvin_per_watt: float = 0.0006
    """Temperature rise of the modules over ambient, at the end, per watt of output."""
    thermal_lag_s: float = 120.0
    max_closing_voltage_v: float = 20.0
    max_opening_current_a: float = 5.0
    max_bled_from_battery_j: float = 20.0
    max_precharge_j: float = 500.0
    """Into the precharge resistor in one go; filling the output to 400 V takes 32 J."""
    max_off_current_a: float = 1.0
    off_current_grace_s: float = 0.05
    """Capacitors even out at once when contactors close; what goes on flowing is no inrush."""
    noise_seed: int | None = None
    """With a seed: small repeatable noise on what is measured."""
