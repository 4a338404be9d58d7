# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A real browser for tests: Chromium over its DevTools pipe, which needs no library, no port."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'))), None)
AT_MOST_S = 120.0
"""For one answer: starting the browser takes seconds, on a busy machine half a minute."""


def _out_of_the_way(fd):
    """Move a descriptor to where the browser's 3 and 4 do not overwrite it."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved


class Browser:
    """
    One page in a browser of its own, driven by the DevTools protocol.

    :param folder: for its profile
    :param zone: time zone of whoever looks at the page
    """

    def __init__(self, folder, *, zone='UTC', width=1440, height=900):
        self.events = []
        """(method, params), in order."""
        self._numbers = itertools.count(1)
        self._rest = b''
        to_read, self._write = map(_out_of_the_way, os.pipe())
        self._read, to_write = map(_out_of_the_way, os.pipe())
        self._process = subprocess.Popen(
            [CHROMIUM, '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
             '--disable-dev-shm-usage', '--disable-background-networking',
             f'--user-data-dir={folder / "driven"}', '--remote-debugging-pipe', 'about:blank'],
            preexec_fn=lambda: (os.dup2(to_read, 3), os.dup2(to_write, 4)), pass_fds=(3, 4),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
            env={**os.environ, 'TZ': zone})
        os.close(to_read)
        os.close(to_write)
        self._session = None
        page = next(each for each in self.ask('Target.getTargets')['targetInfos']
                    if each['type'] == 'page')
        self._session = self.ask(
            'Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.ask(f'{domain}.enable')
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(30)

    def ask(self, method, **params):
        """Send a command, return its result; events that come before it are kept."""
        number = next(self._numbers)
        message = {'id': number, 'method': method, 'params': params}
        if self._session:
            message['sessionId'] = self._session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._next(AT_MOST_S)
            if answer.get('id') == number:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']

    def _next(self, seconds):
        end_s = time.monotonic() + seconds
        while b'\0' not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0, end_s - time.monotonic()))
            assert ready, f'the browser said nothing for {seconds} s'
            chunk = os.read(self._read, 1 << 20)
            assert chunk, 'the browser has ended'
            self._rest += chunk
        text, _, self._rest = self._rest.partition(b'\0')
        message = json.loads(text)
        if 'method' in message:
            self.events.append((message['method'], message['params']))
        return message

    def open(self, path, *, hash=''):
        """Open a page of gi3 report and wait until its charts are drawn."""
        self.ask('Page.navigate', url=path.as_uri() + hash)
        self.wait('document.readyState === "complete" && '
                  '(document.documentElement.dataset.drawn || !document.getElementById("data"))')

    def value(self, expression):
        """Return what an expression is worth in the page, as if a person had caused it."""
        result = self.ask('Runtime.evaluate', expression=expression, returnByValue=True,
                          awaitPromise=True, userGesture=True)
        assert 'exceptionDetails' not in result, result['exceptionDetails']
        return result['result'].get('value')

    def wait(self, condition, seconds=60.0):
        """Wait until an expression is true in the page."""
        end_s = time.monotonic() + seconds
        while not self.value(f'Boolean({condition})'):
            assert time.monotonic() < end_s, f'never came true: {condition}'
            self.frame()
        return True

    def frame(self):
        """Let the page draw."""
        self.value('new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))')

    def resize(self, width, height, *, is_mobile=False):
        """Give the page another size, such as that of a phone."""
        self.ask('Emulation.setDeviceMetricsOverride', width=width, height=height,
                 deviceScaleFactor=1, mobile=is_mobile)
        self.ask('Emulation.setTouchEmulationEnabled', enabled=is_mobile)

    def mouse(self, kind, x, y, **params):
        """Move or press the mouse: 'mouseMoved', 'mousePressed', 'mouseReleased'."""
        self.ask('Input.dispatchMouseEvent', type=kind, x=x, y=y, **params)

    def click(self, x, y):
        """Click as a person does."""
        self.mouse('mouseMoved', x, y)
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        self.mouse('mouseReleased', x, y, button='left', clickCount=1)

    def tap(self, x, y):
        """Touch the screen for a moment."""
        self.ask('Input.dispatchTouchEvent', type='touchStart', touchPoints=[{'x': x, 'y': y}])
        self.ask('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])

    def swipe(self, x, y, by):
        """Move a finger up or down the screen."""
        self.ask('Input.dispatchTouchEvent', type='touchStart', touchPoints=[{'x': x, 'y': y}])
        for step in range(1, 11):
            self.ask('Input.dispatchTouchEvent', type='touchMove', touchPoints=[
                {'x': x, 'y': y + by * step / 10}])
            self.frame()
        self.ask('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])

    def key(self, name):
        """Press a key, such as 'ArrowRight'."""
        for kind in ('keyDown', 'keyUp'):
            self.ask('Input.dispatchKeyEvent', type=kind, key=name, code=name)

    def picture(self, path, *, is_whole=False):
        """Photograph what is in sight, or the whole page."""
        data = self.ask('Page.captureScreenshot', captureBeyondViewport=is_whole)['data']
        path.write_bytes(base64.b64decode(data))

    def pdf(self, path, **options):
        """Print the page."""
        path.write_bytes(base64.b64decode(self.ask('Page.printToPDF', **options)['data']))

    def pages(self):
        """Return how many pages are open, in windows and tabs."""
        return sum(each['type'] == 'page' for each in self.ask('Target.getTargets')['targetInfos'])

    def requests(self):
        """Return the addresses that the page asked for, except those that are in it."""
        return [params['request']['url'] for method, params in self.events
                if method == 'Network.requestWillBeSent'
                and not params['request']['url'].startswith(('data:', 'blob:'))]
