"""Headless Chromium over chromedriver's HTTP interface, where both are installed."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # key of an element in the WebDriver standard
is_installed = bool(shutil.which('chromedriver') and (shutil.which('chromium') or shutil.which('google-chrome')))


class Browser:
    """A context manager; pages are 1280x900 in light colours unless changed."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self._address = f'http://127.0.0.1:{port}'
        self._driver = subprocess.Popen(['chromedriver', f'--port={port}'], stdout=subprocess.DEVNULL)
        try:
            self._wait_until_ready()
            arguments = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars']
            wanted = {'goog:chromeOptions': {'args': arguments}, 'goog:loggingPrefs': {'browser': 'ALL'}}
            session = self._call('POST', '/session', {'capabilities': {'alwaysMatch': wanted}})
            self._session = f'/session/{session["sessionId"]}'
            self.show(1280, 900, 'light')
        except BaseException:
            self._driver.kill()
            raise
        return self

    def __exit__(self, *_):
        self._call('DELETE', self._session)
        self._driver.terminate()
        self._driver.wait(10)

    def show(self, width, height, scheme):
        """Choose the size of the screen and 'light' or 'dark'."""
        self.devtools(
            'Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        chosen = {'prefers-color-scheme': scheme, 'prefers-reduced-motion': 'reduce'}
        features = [dict(name=name, value=value) for name, value in chosen.items()]
        self.devtools('Emulation.setEmulatedMedia', features=features)

    def open(self, path):
        self._call('POST', f'{self._session}/url', {'url': path.as_uri()})

    def run(self, script, *arguments):
        """Run JavaScript and give what it returns."""
        return self._call('POST', f'{self._session}/execute/sync', {'script': script, 'args': list(arguments)})

    def click(self, selector):
        """Click as a person would: it fails where something else is in the way."""
        found = self._call('POST', f'{self._session}/element', {'using': 'css selector', 'value': selector})
        self._call('POST', f'{self._session}/element/{found[ELEMENT]}/click', {})

    def wait_for(self, script, seconds=120):
        """Wait until a JavaScript expression is true."""
        until = time.monotonic() + seconds
        while not self.run(f'return {script}'):
            assert time.monotonic() < until, f'{script} did not become true in {seconds} s'
            time.sleep(0.05)

    def messages(self):
        """Everything that the page has written to the console since the last call, errors of loading included."""
        return self._call('POST', f'{self._session}/se/log', {'type': 'browser'})

    def picture(self):
        """Give a screenshot as PNG."""
        return base64.b64decode(self._call('GET', f'{self._session}/screenshot'))

    def devtools(self, command, **parameters):
        """Call Chromium's own protocol."""
        self._call('POST', f'{self._session}/goog/cdp/execute', {'cmd': command, 'params': parameters})

    def _wait_until_ready(self):
        for _ in range(1200):
            try:
                self._call('GET', '/status')
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError('chromedriver does not answer')

    def _call(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)['value']['message']) from error
