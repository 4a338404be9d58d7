"""The other end of the bus: an ADVANTICS controller with a vehicle, and the power modules."""
