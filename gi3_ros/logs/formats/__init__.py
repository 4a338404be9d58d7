"""
Formats of log files: a module for each.

The line formats are parsed here and not by python-can: its readers end at the first bad line, take
most error frames of candump for data frames, leave out those of TRC, and keep times as floats,
which at today's dates are too coarse for nanoseconds.

A line format is a class: ``knows(line)`` tells whether a line is of its kind, and an instance's
``parse(line)`` returns a :class:`~..entries.Heard`, :data:`~.frames.FD`, a :class:`~.frames.Lost`
where the recorder says that it lost frames, or ``None`` for a line that is known and no frame; it
raises ``ValueError`` for a line that it cannot read. A known line leaves the rules as they are,
one that cannot be read lets them begin anew: whatever may be what is left of a frame is such.

It may have ``is_whole(line)``: whether a frame whose line has no end can be trusted; and
``problems``: sentences about what else was not understood.
"""
