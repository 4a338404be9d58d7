#!/usr/bin/env python3
# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Run a command where there is real SocketCAN, with an interface ``vcan0`` that is up.

    python3 test/kernel/real_kernel.py [--seconds 120] COMMAND [ARGUMENT ...]

Two places are tried, neither of which touches the interfaces of this machine:

1. a network namespace of this machine's own kernel, where that kernel has vcan,
2. user-mode Linux, a kernel that runs as a process (Debian: ``apt-get install user-mode-linux
   iproute2 kmod``), over the files of this machine, read-only; /dev/shm may be written to.

Exit status and output are the command's; 125, with a word why, where neither is to be had.
"""

import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

NOWHERE = 125
TOO_LONG = 124
ROOM_MB = 1600
MODULES = (
    'net/can/can', 'net/can/can-raw', 'drivers/net/can/dev/can-dev', 'drivers/net/can/vcan',
    'drivers/net/can/slcan/slcan', 'net/sched/sch_tbf',
)
VCAN = (
    'ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && '
    'ip link add vcan0 type vcan && ip link set vcan0 up')
INIT = """#!/bin/sh
# The first process of the guest. It writes what the command says, and its status, to the folder.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
mount -t tmpfs run /run
mount -t hostfs -o {folder} none {folder}
for module in {modules}; do
    insmod /usr/lib/uml/modules/$(uname -r)/kernel/$module.ko
done >{folder}/modules 2>&1
{vcan} >>{folder}/modules 2>&1 && touch {folder}/is_up
. {folder}/environment
export PATH="$PATH:/usr/sbin:/sbin" TMPDIR=/dev/shm ROS_LOG_DIR=/dev/shm/log
cd {here}
( {command} ) >{folder}/output 2>&1 </dev/null
echo $? >{folder}/status
sync
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'
"""


def namespace():
    """Return what to put before a command to run it beside this machine's own vcan, if it has."""
    # Root needs no user namespace, which would forbid it slcan.
    prefix = ['unshare', '--net'] if os.getuid() == 0 else ['unshare', '--map-root-user', '--net']
    probe = [*prefix, 'sh', '-c', VCAN]
    try:
        is_there = not subprocess.run(probe, capture_output=True, timeout=10).returncode
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [*prefix, 'sh', '-c', f'{VCAN} && exec "$@"', 'sh'] if is_there else None


def user_mode_linux():
    """Return the kernel's command, ``None`` when it is not installed or lacks its tools."""
    tools = [shutil.which(name, path=f'{os.environ["PATH"]}:/sbin:/usr/sbin')
             for name in ('linux.uml', 'ip', 'insmod')]
    return tools[0] if all(tools) else None


def run(command, *, seconds):
    """
    Run a command where SocketCAN is.

    :param command: list of words
    :returns: ``(exit status, output)``; :data:`NOWHERE` with a word why
    """
    prefix = namespace()
    if prefix is not None:
        return _run_here([*prefix, *command], seconds)
    kernel = user_mode_linux()
    if kernel is None:
        return NOWHERE, (
            'neither vcan in this kernel, nor user-mode Linux: apt-get install user-mode-linux '
            'iproute2 kmod\n')
    with tempfile.TemporaryDirectory(prefix='kernel-') as folder:
        return _run_in_guest(kernel, command, seconds, pathlib.Path(folder))


def _run_here(command, seconds, *, goes_first=False):
    """Run it; ``goes_first`` asks for the processor before ordinary processes."""
    with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True) as process:
        if goes_first:
            # After all that plays a session on this machine itself.
            with contextlib.suppress(OSError):
                os.sched_setscheduler(process.pid, os.SCHED_RR, os.sched_param(1))
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return TOO_LONG, process.communicate()[0]
        return process.returncode, output


def _run_in_guest(kernel, command, seconds, folder):
    environment = ''.join(
        f'export {name}={shlex.quote(value)}\n' for name, value in os.environ.items()
        if name.isidentifier() and name not in ('PWD', 'OLDPWD', 'SHLVL', '_', 'TMPDIR'))
    (folder / 'environment').write_text(environment)
    init = folder / 'init'
    init.write_text(INIT.format(
        folder=folder, here=shlex.quote(os.getcwd()), command=shlex.join(command),
        modules=' '.join(MODULES), vcan=VCAN))
    init.chmod(0o755)
    _, console = _run_here([
        'env', f'TMPDIR={_room()}', kernel, f'mem={ROOM_MB}M', f'umid={folder.name}',
        'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', f'init={init}', 'con=null',
        'con0=null,fd:1', 'quiet'], seconds, goes_first=True)
    output = folder / 'output'
    said = output.read_text(errors='replace') if output.exists() else ''
    if (folder / 'status').exists() and (folder / 'is_up').exists():
        return int((folder / 'status').read_text()), said
    if (folder / 'is_up').exists():
        return TOO_LONG, f'{said}\nnot done within {seconds} s\n'
    modules = folder / 'modules'
    problems = modules.read_text() if modules.exists() else console
    return NOWHERE, f'user-mode Linux does not give vcan here: {problems.strip()[-500:]}\n'


def _room():
    """Return where the guest's memory goes, a sparse file: /dev/shm of a container is small."""
    shared = '/dev/shm'
    if os.path.isdir(shared) and shutil.disk_usage(shared).free > ROOM_MB << 20:
        return shared
    return tempfile.gettempdir()


def main():
    """Run a command from the shell."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0].strip())
    parser.add_argument('--seconds', type=float, default=120.0, help='end it after that long')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error('which command?')
    status, output = run(arguments.command, seconds=arguments.seconds)
    sys.stdout.write(output)
    return status


if __name__ == '__main__':
    sys.exit(main())
