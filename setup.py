# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Install what needs no ROS: the ``gi3`` command, the core and the simulator (``pip install .``).

With ROS the package is built by CMakeLists.txt; package.xml is the source of name and version.
"""

from glob import glob
from xml.etree import ElementTree

from setuptools import find_packages, setup

manifest = ElementTree.parse('package.xml').getroot()
name = manifest.findtext('name')

setup(
    name=name,
    version=manifest.findtext('version'),
    description=' '.join(manifest.findtext('description').split()),
    maintainer=manifest.findtext('maintainer'),
    maintainer_email=manifest.find('maintainer').get('email'),
    license=manifest.findtext('license'),
    python_requires='>=3.10',
    install_requires=[
        'click', 'msgpack', 'numpy', 'plotly>=6', 'pyarrow', 'python-can>=4.3', 'pyyaml', 'rich',
        'rosbags>=0.11,<0.12', 'textual>=8,<9',
    ],
    packages=[
        *find_packages(include=[name, f'{name}.*'], exclude=[f'{name}.nodes*']),
        # The definitions of the messages: bags are read and written without ROS.
        f'{name}.interfaces',
    ],
    package_dir={f'{name}.interfaces': 'msg'},
    package_data={
        f'{name}.logs.report': ['*.css', '*.js'],
        name: ['py.typed'],
        f'{name}.sim': ['vehicles/*.yaml', 'scenarios/*.yaml'],
        f'{name}.interfaces': ['*.msg'],
    },
    data_files=[
        (f'share/{name}/dbc', glob('dbc/*')),
        (f'share/{name}/config', glob('config/*')),
    ],
    entry_points={'console_scripts': [f'gi3 = {name}.tools.main:main']},
)
