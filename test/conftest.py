# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every test needs: the built package, and a corner of the machine that nobody else uses."""

import contextlib
import copy
import gc
import importlib.util
import itertools
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import processors
import pytest

SOURCES = pathlib.Path(__file__).resolve().parent.parent
FIRST_DOMAIN_PORT = 47300
DOMAINS = range(1, 102)
"""The domain ids whose ports stay below the ephemeral ports of Linux."""


def _claim_domain():
    """
    Find a ROS domain that no other test run on this machine has.

    The claim is a bound socket: it ends with the process, however that ends.
    """
    start = os.getpid() % len(DOMAINS)
    for domain in [*DOMAINS[start:], *DOMAINS[:start]]:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(('127.0.0.1', FIRST_DOMAIN_PORT + domain))
        except OSError:
            claim.close()
        else:
            return domain, claim
    raise pytest.UsageError('no free ROS domain: are a hundred other test runs going on?')


def pytest_addoption(parser):
    """Let somebody with time play more than the suite does."""
    parser.addoption(
        '--times', type=int, default=1, metavar='N',
        help='try N times as many cases where they are made at random; make test-long: 20')
    parser.addoption(
        '--write-docs', action='store_true',
        help='write docs/reference/faults.md anew from what the scenarios came to')


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run in one process where somebody wants to see the output while it comes (``-s``)."""
    if config.getoption('capture') == 'no' and hasattr(config.option, 'numprocesses'):
        config.option.numprocesses = 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Say what ``-n auto`` is."""
    import side_by_side
    return side_by_side.number_of_workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let tests that wait and tests that compute run side by side."""
    import side_by_side
    # The order is the one of pytest_collection_modifyitems().
    config.option.loadscopereorder = False
    return side_by_side.SideBySide(config, log)


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, where several workers share the tests."""
    if hasattr(config, 'workerinput'):
        import side_by_side
        items.sort(key=lambda item: side_by_side.rank(item.nodeid))


def _be_nice(config):
    worker = getattr(config, 'workerinput', None)
    if worker is not None:
        import side_by_side
        number = int(worker['workerid'].removeprefix('gw'))
        if side_by_side.only_computes(number, worker['workercount']):
            os.nice(side_by_side.NICENESS)
            _give_time(config, side_by_side.PATIENCE)


def _give_time(config, times):
    """Let each test take so many times as long, unless somebody has said how long."""
    if config.option.timeout is None:
        config.option.timeout = times * float(config.getini('timeout'))


@pytest.hookimpl(tryfirst=True)  # before the timeout is read
def pytest_configure(config):
    """Check where the package comes from, and keep this run apart from the rest of the world."""
    package = importlib.util.find_spec('gi3_ros')
    if package is None:
        raise pytest.UsageError('gi3_ros is not built or not found: make test, or . .venv/env.sh')
    if pathlib.Path(package.origin).parent == SOURCES / 'gi3_ros':
        raise pytest.UsageError(
            'gi3_ros comes from the source folder, which has no built messages: '
            'run make test or pytest, not python -m pytest')
    # Also where the user has set a domain: a robot may be listening there.
    domain, config.ros_domain_claim = _claim_domain()
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    _stay_on_this_machine()
    _be_nice(config)
    _set_amount(config, config.getoption('--times'))


def _set_amount(config, factor):
    import amount
    amount.factor = factor
    if factor != 1:
        _give_time(config, factor)
    if importlib.util.find_spec('hypothesis') is not None:
        from hypothesis import HealthCheck, settings

        # How long a case takes says more about what else this machine does.
        settings.register_profile(
            'gi3', max_examples=amount.many(100), deadline=None,
            suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile('gi3')


def _stay_on_this_machine():
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        os.environ.pop(name, None)
    if importlib.util.find_spec('rclpy') is not None:
        from gi3_ros.dds import keep_out_of_shared_memory
        keep_out_of_shared_memory()


def pytest_unconfigure(config):
    """Give the domain back."""
    claim = getattr(config, 'ros_domain_claim', None)
    if claim is not None:
        claim.close()


# Ports and processes


@pytest.fixture
def claim_port():
    """
    Give UDP ports that no other test run on this machine uses, until the end of the test.

    Each claim is a bound socket of its own. Made sharable after it was bound, it lets the bus
    and the plug link in, while the kernel gives the number to nobody else who asks for any.
    """
    with contextlib.ExitStack() as claims:
        def bind(port):
            held = claims.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            # Not the address of the plug link, which does not share.
            held.bind(('127.0.0.2', port))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(('127.0.0.1', held.getsockname()[1]))
            return held.getsockname()[1]

        def claim(count=1):
            """Return a port; with ``count`` the first of so many in a row."""
            while True:
                with contextlib.suppress(OSError, OverflowError):
                    port = bind(0)
                    for further in range(1, count):
                        bind(port + further)
                    return port

        yield claim


class Recorder:
    """What was heard in one place, in order, with a way to wait for more of it."""

    def __init__(self, name):
        self.name = name
        self.heard = []
        self.heard_at_s = []
        """When each of them was heard, in seconds of the wall clock."""
        self._news = threading.Condition()

    def hear(self, item):
        """Take an item; from any thread."""
        at_s = time.time()
        with self._news:
            self.heard_at_s.append(at_s)
            self.heard.append(item)
            self._news.notify_all()

    @property
    def mark(self):
        """How many were heard so far: where to go on waiting."""
        return len(self.heard)

    @property
    def last(self):
        """The newest item."""
        return self.heard[-1]

    def wait_for(self, is_wanted=lambda _item: True, *, after=0, timeout_s=10.0):
        """Return the first item from number ``after`` on that is wanted, or fail the test."""
        looked_at = after
        deadline_s = time.monotonic() + timeout_s
        with self._news:
            while True:
                while looked_at < len(self.heard):
                    item = self.heard[looked_at]
                    looked_at += 1
                    if is_wanted(item):
                        return item
                if not self._news.wait(deadline_s - time.monotonic()):
                    break
        last = self.heard[-1] if self.heard else 'nothing'
        pytest.fail(
            f'{self.name}: not heard within {timeout_s:g} s among {looked_at - after}; '
            f'last: {last}')


@pytest.fixture
def recorder():
    """Give the class :class:`Recorder`."""
    return Recorder


class Process:
    """
    A program of the package in a process group of its own.

    :param program: name of an executable in ``lib/gi3_ros``
    """

    def __init__(self, program, *arguments):
        # Here, as the tests of the core run without ROS.
        import ament_index_python
        prefix = pathlib.Path(ament_index_python.get_package_prefix('gi3_ros'))
        self.output = Recorder(program)
        """Its lines."""
        self._popen = subprocess.Popen(
            [prefix / 'lib' / 'gi3_ros' / program, *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors='replace', start_new_session=True,
        )
        # Whatever this test has. It asks for more itself, once it is up.
        processors.be_ordinary(self.pid)
        self._reader = threading.Thread(target=self._read, name=f'output of {program}')
        self._reader.start()

    def _read(self):
        for line in self._popen.stdout:
            self.output.hear(line.rstrip())

    @property
    def text(self):
        """All of its output so far."""
        return '\n'.join(self.output.heard)

    @property
    def is_running(self):
        return self._popen.poll() is None

    def wait_for_line(self, pattern, *, timeout_s=30.0):
        """Return the first line that contains the regular expression."""
        return self.output.wait_for(
            lambda line: re.search(pattern, line) is not None, timeout_s=timeout_s)

    def signal(self, number):
        """Send a signal to it alone."""
        self._popen.send_signal(number)

    def exit_status(self, *, timeout_s=30.0):
        """Wait for its end; all of its output is there then."""
        status = self._popen.wait(timeout_s)
        self._reader.join(timeout_s)
        return status

    @property
    def pid(self):
        """Of the process itself."""
        return self._popen.pid

    @property
    def has_left_processes(self):
        """Whether a process of its group lives on after its end."""
        try:
            os.killpg(self._popen.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def close(self):
        """
        End it with all that it started.

        Kindly first: what a killed process leaves in shared memory makes later ones wait.
        """
        # To end takes some 60 ms of processor time, and the sessions of others would wait.
        processors.be_ordinary(self.pid)
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self._popen.pid, signal.SIGINT)
            self._popen.wait(5.0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join()
        self._popen.stdout.close()


@pytest.fixture
def start_process(tmp_path, monkeypatch, request):
    """Start programs of the package; all of them are gone after the test, however it ends."""
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path))
    processes = []

    def start(program, *arguments):
        processes.append(Process(program, *arguments))
        return processes[-1]

    yield start
    for process in reversed(processes):
        process.close()
        # pytest shows it when the test has failed.
        print(f'--- {process.output.name}\n{process.text}')


# ROS


DEPTH = 2000
"""Of topics: more than a busy machine leaves unread, so that nothing is lost."""


class World:
    """
    The test's own corner of the ROS graph: one executor thread, one node, a pistol's namespace.

    The namespace is new for each test, as DDS may remember the entities of the last one for a
    while. Nodes under test come into the same executor, as they do in the process ``charger``,
    and are led through their lifecycle by the services that a launch file uses.
    """

    _numbers = itertools.count(1)

    def __init__(self):
        import lifecycle_msgs.msg
        import lifecycle_msgs.srv
        import rclpy
        from rclpy.signals import SignalHandlerOptions

        from gi3_ros.nodes.executor import make_executor

        self._rclpy = rclpy
        self._lifecycle = lifecycle_msgs
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.root = f'/test{next(self._numbers)}'
        """Namespace above the pistol's."""
        self.pistol = f'{self.root}/pistol1'
        self.node = rclpy.create_node('world', namespace=self.pistol)
        self._executor = make_executor()
        self._executor.add_node(self.node)
        self._nodes = []
        self._ended = []
        self._publishers = {}
        self._recorders = {}
        self._clients = {}
        self._is_spinning = True
        self._thread = threading.Thread(target=self._spin, name='world')
        self._thread.start()

    def _spin(self):
        while self._is_spinning:
            self._executor.spin_once(timeout_sec=0.02)

    def close(self):
        """Take everything down; a node that is still active goes safe first."""
        for node in self._nodes:
            if node not in self._ended:
                self.end(node)
        self._is_spinning = False
        self._thread.join()
        self._executor.shutdown()
        for node in (*self._nodes, self.node):
            node.destroy_node()
        self._nodes.clear()
        self._ended.clear()
        self._clients.clear()
        self._publishers.clear()
        # rclpy frees a lifecycle node's own services only with the last reference to it. Left to
        # chance, that comes in the middle of another test, and Fast DDS may wait there for ever.
        del node
        gc.collect()
        self._rclpy.shutdown()

    def _in_executor(self, function):
        # Where the service of a transition runs, too: entities are not destroyed in mid-wait.
        done = threading.Event()
        task = self._executor.create_task(function)
        task.add_done_callback(lambda _task: done.set())
        assert done.wait(10.0), f'{function} did not return'
        return task.result()

    # Nodes under test

    def create(self, node_class, *, namespace=None, **parameters):
        """Create a node with parameters, in the pistol's namespace; it is unconfigured."""
        overrides = [
            self._rclpy.parameter.Parameter(name, value=value)
            for name, value in parameters.items()
        ]
        node = node_class(namespace=namespace or self.pistol, parameter_overrides=overrides)
        self._nodes.append(node)
        self._executor.add_node(node)
        return node

    def bring_up(self, node_class, **options):
        """Create, configure and activate a node."""
        node = self.create(node_class, **options)
        assert self.change(node, 'configure')
        assert self.change(node, 'activate')
        return node

    def change(self, node, transition):
        """Ask a node for a transition; returns whether it was done."""
        number = getattr(self._lifecycle.msg.Transition, f'TRANSITION_{transition.upper()}')
        return self.call(
            self._lifecycle.srv.ChangeState, f'{node.get_fully_qualified_name()}/change_state',
            transition=self._lifecycle.msg.Transition(id=number),
        ).success

    def end(self, node):
        """Shut a node down for good, as the end of its process does."""
        self._ended.append(node)
        self._in_executor(node.trigger_shutdown)

    def state_of(self, node):
        """Return a node's lifecycle state in a word."""
        return self.call(
            self._lifecycle.srv.GetState, f'{node.get_fully_qualified_name()}/get_state',
        ).current_state.label

    # Topics and services, relative to the pistol's namespace

    def listen(self, ros_type, topic, *, latched=False):
        """Return the :class:`Recorder` of a topic, which hears from now on."""
        recorder = self._recorders.get(topic)
        if recorder is None:
            qos = self._rclpy.qos.QoSProfile(depth=DEPTH)
            if latched:
                qos.durability = self._rclpy.qos.DurabilityPolicy.TRANSIENT_LOCAL
            recorder = self._recorders[topic] = Recorder(topic)
            self.node.create_subscription(ros_type, topic, recorder.hear, qos)
        return recorder

    def publish(self, topic, message):
        """Publish a copy, stamped with now when it has a header without a stamp."""
        publisher = self._publishers.get(topic)
        if publisher is None:
            publisher = self._publishers[topic] = self.node.create_publisher(
                type(message), topic, DEPTH)
            self.wait_until(lambda: publisher.get_subscription_count() > 0, f'{topic} is heard')
        message = copy.deepcopy(message)
        header = getattr(message, 'header', None)
        if header is not None and header.stamp.sec == 0:
            header.stamp = self.now()
        publisher.publish(message)

    def call(self, ros_type, name, *, timeout_s=10.0, **fields):
        """Call a service and return its answer."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(ros_type, name)
        assert client.wait_for_service(timeout_s), f'nobody offers {name}'
        answered = threading.Event()
        future = client.call_async(ros_type.Request(**fields))
        future.add_done_callback(lambda _future: answered.set())
        assert answered.wait(timeout_s), f'{name} did not answer'
        return future.result()

    def now(self):
        """Return the ROS time as a stamp."""
        return self.node.get_clock().now().to_msg()

    @staticmethod
    def wait_until(is_so, words, *, timeout_s=10.0):
        """Look again and again for something that nobody announces."""
        deadline_s = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < deadline_s, f'not within {timeout_s:g} s: {words}'
            time.sleep(0.005)


@pytest.fixture
def world():
    """Give a :class:`World`, and see that no thread outlives it."""
    before = set(threading.enumerate())
    world = World()
    yield world
    world.close()
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not left, f'threads were left behind: {left}'
