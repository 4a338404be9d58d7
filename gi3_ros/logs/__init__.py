"""Logs of a bus and bags of topics: read, written, told as a story; needs no ROS."""
