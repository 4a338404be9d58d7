"""
Draw the state diagrams of the documentation from the tables in the code.

``python3 docs/draw.py`` rewrites what stands between the markers in ``docs/architecture.md``; a
test compares. Not drawn: events that leave everything as it is, and faults, which come anywhere.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'architecture.md'
BEGIN, END = '<!-- begin: {} transitions -->', '<!-- end: {} transitions -->'


def diagram(transitions, fault):
    """Return a mermaid state diagram of ``{(state, event): next state}``."""
    events = {}
    for (before, event), after in transitions.items():
        if before is not after and event is not fault:
            events.setdefault((before.name, after.name), []).append(event.value)
    first = next(iter(transitions))[0].name
    return '\n'.join([
        '```mermaid', 'stateDiagram-v2', f'    [*] --> {first}',
        *(f'    {before} --> {after}: {", ".join(texts)}'
          for (before, after), texts in events.items()),
        '```',
    ])


def drawn(page):
    """Return the text of the page with its diagrams drawn anew."""
    from gi3_ros.core import output_stage, power

    for name, module in (('power', power), ('output stage', output_stage)):
        begin, end = BEGIN.format(name), END.format(name)
        block = diagram(module.TRANSITIONS, module.Happening.FAULT)
        page, count = re.subn(
            f'{begin}.*?{end}', lambda _, text=f'{begin}\n{block}\n{end}': text, page,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f'{PAGE.name} has {count} places for the {name} transitions')
    return page


if __name__ == '__main__':
    # The sources, not what was built from them: the core needs no building.
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(drawn(PAGE.read_text(encoding='utf-8')), encoding='utf-8')
