# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
A gateway as one writes it in an afternoon: the yardstick of ours in bench/charger.py.

    python3 bench/naive_gateway.py --port 43113 --pistols pistol1 pistol2

python-can's Notifier, cantools, typed publishers and rclpy.spin(). Same topics and depth as ours,
both directions. It looks at no version, no age, no echo and no rule.
"""

import argparse
import functools
import pathlib

import can
import cantools
import rclpy
from rclpy.node import Node

from gi3_ros import msg as ros
from gi3_ros.bus import open_bus
from gi3_ros.core.interface.signals import MESSAGES

DATABASE = pathlib.Path(__file__).resolve().parents[1] / 'dbc' / 'gi3_v3.2.dbc'


class NaiveGateway(Node):
    """Frames to topics and back; pistols have the indices 1, 2, .."""

    def __init__(self, bus, pistols):
        super().__init__('naive_gateway')
        self.bus = bus
        self.messages = {}
        for message in cantools.database.load_file(DATABASE).messages:
            cls = MESSAGES[message.frame_id]
            ros_type = getattr(ros, cls.__name__)
            fields = {signal.name: (signal.field, type(getattr(ros_type(), signal.field)))
                      for signal in cls.SIGNALS}
            for index, pistol in enumerate(pistols, start=1):
                frame_id = index << 24 | message.frame_id
                topic = f'{pistol}/{cls.TOPIC}'
                if cls.FROM_CONTROLLER:
                    publisher = self.create_publisher(ros_type, topic, 10)
                    self.messages[frame_id] = (message, ros_type, fields, publisher)
                else:
                    self.create_subscription(ros_type, topic, functools.partial(
                        self.send, frame_id, message, fields), 10)
        can.Notifier(bus, [self.receive])

    def receive(self, frame):
        """Publish a frame."""
        if frame.arbitration_id not in self.messages:
            return
        message, ros_type, fields, publisher = self.messages[frame.arbitration_id]
        result = ros_type()
        result.header.stamp = self.get_clock().now().to_msg()
        for name, value in message.decode(frame.data, decode_choices=False).items():
            if name in fields:
                field, kind = fields[name]
                setattr(result, field, kind(value))
        publisher.publish(result)

    def send(self, frame_id, message, fields, content):
        """Send what a topic has."""
        values = {name: getattr(content, field) for name, (field, _) in fields.items()}
        data = message.encode(values)
        self.bus.send(can.Message(arbitration_id=frame_id, data=data))


def main():
    """Run until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--pistols', nargs='+', required=True)
    arguments = parser.parse_args()
    rclpy.init()
    bus = open_bus('udp_multicast', port=arguments.port)
    node = NaiveGateway(bus, arguments.pistols)
    print('up', flush=True)
    rclpy.spin(node)


if __name__ == '__main__':
    main()
