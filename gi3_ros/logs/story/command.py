# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What DC_Power_Control has in force at a moment of a log."""

from ...core.interface.signals import DcPowerControl

Function = DcPowerControl.PowerFunction
_WITHOUT_POWER = (Function.OFF, Function.STANDBY)


class CommandInForce:
    """The newest DC_Power_Control of a pistol, until it ends or is not known any more."""

    def __init__(self) -> None:
        self.message: DcPowerControl | None = None
        self.repeated_s = 0.0
        """When it was repeated last."""
        self.is_insulated = False
        """Whether a function is commanded that needs insulation .."""
        self.insulated_v = 0.0
        """.. at this voltage at least."""
        self.test_v = 0.0
        """Of the insulation test while one is commanded, else 0."""

    def see(self, message: DcPowerControl, time_s: float) -> bool:
        """Take a command; return whether it is another one than before."""
        self.repeated_s = time_s
        if message == self.message:
            return False
        self.message = message
        function = message.power_function
        self.is_insulated = function not in _WITHOUT_POWER
        self.insulated_v = self.test_v = 0.0
        if function == Function.INSULATION_TEST:
            self.test_v = self.insulated_v = message.target_voltage
        elif function == Function.PRECHARGE:
            self.insulated_v = message.target_voltage
        return True

    def forget(self) -> None:
        """Take it that nothing is commanded any more."""
        self.message = None
        self.is_insulated = False
        self.test_v = 0.0
