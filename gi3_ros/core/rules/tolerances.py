# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How far a good charger and a good controller may be off: every tolerance, with its reason."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """
    How far a good charger and a good controller may be off.

    The limits of the protocol are R-numbers; what is added to them here is room for ramps,
    measuring and a busy machine. Seconds, volts, amperes; a share is of the set-point.
    """

    # Frames
    status_gap_s: float = 0.25
    """Largest distance between two Power_Modules_Status; nominal 0.1 s (R2)."""
    status_loss_s: float = 0.5
    """Longer silence is a loss, as in the controller (R3)."""
    first_status_s: float = 35.0
    """
    From the first New_Charge_Session to the first Power_Modules_Status (R2).

    Modules may have slept, and New_Charge_Session is what wakes them: ``enable_s``.
    """
    status_rate_hz: float = 45.0
    """More than four times the nominal rate (R2): duplicates are no flood .."""
    flood_s: float = 2.0
    """.. nor is what comes at once after a stall: the rate is that of so long a time."""
    parameters_spacing_s: float = 0.1
    """R4."""
    parameters_jitter_s: float = 0.02
    """Arrival may be closer than sending was."""
    button_s: float = 10.0
    """Nobody presses a button for longer: it does not come back (R39)."""

    # System_Enable and what is measured besides the power
    enable_s: float = 35.0
    """
    From the first New_Charge_Session to Allowed: "a few tens of seconds" (R6).

    Less than the patience of the simulated vehicle, so that the charger is named before it leaves.
    """
    temperature_c: float = 120.0
    """Nothing that still works is hotter; 215 °C is a careless 0xFF (R50)."""

    # A controller that falls silent
    controller_timeout_s: float = 0.2
    """R1."""
    controller_jitter_s: float = 0.02
    """What was sent this much earlier may have arrived too late."""
    silence_reaction_s: float = 0.5
    """From the timeout to no current (R1)."""

    # Insulation test
    rise_v_per_s: float = 200.0
    """
    Slopes that the maker's own charger has, and with it others; no page bounds them.

    A voltage has so much time for its way, and the times below on top of it ..
    """
    lowering_v_per_s: float = 100.0
    """.. and one that is later, but still on its way, is an observation (R11, R15, R18, R19)."""
    test_rise_s: float = 5.0
    """From the first Insulation_Test command to 90 % of the voltage, without its way (R11)."""
    test_sag_s: float = 1.0
    """How long the voltage may fall below that again (R11)."""

    # Lowering
    lowering_s: float = 5.0
    """From the first Lowering command to 20 V (R15), or to 10 V at the end of CHAdeMO (R18),
    without the way there."""

    # Precharge
    precharge_rise_s: float = 5.0
    """From the first Precharge command into the window, without the way there (R19)."""
    precharge_window_v: float = 20.0
    """R19."""
    precharge_out_s: float = 1.0
    """How long the voltage may be out of the window altogether, once it was in it (R19)."""
    precharge_floor_a: float = 3.0
    """Chargers may use this much when the vehicle asks for less (A13)."""
    precharge_over_s: float = 0.2
    """Charging capacitors may take more for this long."""

    # No power
    off_current_a: float = 1.0
    off_current_s: float = 0.5
    """R21, R22, R38: from the command to no current; after a transfer R42's time counts."""

    # Power transfer
    exceed_s: float = 1.0
    """A set-point counts this long after it was replaced by a lower one (R24, R25, R29) .."""
    ramp_a_per_s: float = 20.0
    """.. and then the current may come down this slowly; or up, where that takes longer than
    ``follow_s`` (R28)."""
    follow_s: float = 6.0
    """Room for the charger's own way to a set-point that is further from 0 A (R24, R25, R28) .."""
    short_s: float = 1.5
    """.. and how long it may fall short after that: the end of a charge may be on its way."""
    chademo_rise_s: float = 5.0
    """Without a precharge the voltage has to rise before a current can flow (R46)."""
    current_a: float = 1.0
    current_share: float = 0.02
    voltage_v: float = 10.0
    voltage_share: float = 0.02
    """Current and voltage: whichever of the absolute value and the share is larger."""
    discharge_from_v: float = 0.0
    """
    Below it the modules need not discharge.

    The ``min_charger_discharge_voltage`` of the controller's configuration; nothing on the bus
    tells it.
    """

    # End of the charge
    end_current_a: float = 1.0
    chademo_end_current_a: float = 5.0
    end_current_s: float = 3.0
    """From the first Standby of the end, or of a pause in the transfer (R42, A10)."""

    # The controller
    announcement_gap_s: float = 0.35
    """Largest distance between two New_Charge_Session; nominal 0.1 s (R6)."""
    emergency_gap_s: float = 0.25
    """Largest distance between two Emergency_Stop; nominal 0.1 s (R38)."""
    crossing_s: float = 0.5
    """Command and state of the same moment are no further apart than this (A5)."""
    reaction_s: float = 1.5
    """From the cause to the controller's Emergency_Stop, or to its end of the power (R3, R8, R14,
    R41); the first also has the 0.5 s of its own timeout."""
    unavailable_s: float = 60.0
    """From a withdrawal before the loop to the end of the session: the vehicle is told when it
    asks next (R7, R26)."""
    information_s: float = 10.0
    """From the first New_Charge_Session to all four EV_Information (R49)."""
    silence_of_commands_s: float = 60.0
    """Between two DC_Power_Control in a transfer (R26) .."""
    chademo_silence_of_commands_s: float = 1.0
    """.. where a vehicle asks about every 0.1 s."""
    limits_s: float = 5.0
    """From DC_Power_Parameters to commands within them (R33, A44)."""
    stop_s: float = 90.0
    """From the stop button to the end of the transfer (R39): the vehicle is told when it asks next
    (R26), and "should comply quickly"."""
    initialisation_s: float = 5.0
    """From Not_Available after a restart to the flags, of a charger that had allowed the start
    before (R34, A7)."""
