"""The protocol and the decisions, free of ROS, of CAN drivers and of clocks."""
