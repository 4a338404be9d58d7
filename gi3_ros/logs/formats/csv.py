"""Tables with commas between the values."""

import base64

from ..entries import Heard
from .frames import float_ns, make_frame


class PythonCanCsv:
    """What python-can writes as CSV."""

    kind = 'python-can CSV'
    HEADER = 'timestamp,arbitration_id,extended,remote,error,dlc,data'

    def parse(self, line):
        line = line.strip()
        if not line or line == self.HEADER:
            return None
        seconds, can_id, extended, remote, error, _, data = line.split(',')
        flags = [each.strip() == '1' for each in (extended, remote, error)]
        data = b'' if flags[1] else base64.b64decode(data, validate=True)
        return Heard(float_ns(float(seconds)), make_frame(int(can_id, 16), data, *flags))

    @classmethod
    def knows(cls, line):
        return line.strip() == cls.HEADER
