#!/usr/bin/env python3
"""Opens a report in headless Chromium as a reader would: desktop, phone (390 px), desktop in dark mode.

    tools/report_check.py out/us_daily/report.html --screenshots FOLDER

Fails on a console error or warning, an uncaught exception, any request but for the page itself, or a page that is
wider than the phone. Writes a screenshot of the whole page for each view. Speaks the DevTools protocol over a pipe,
with the standard library alone.
"""
import argparse
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import sys
import tempfile
import time

VIEWS = {
    "desktop": {"width": 1280, "height": 900, "mobile": False, "scheme": "light"},
    "phone": {"width": 390, "height": 844, "mobile": True, "scheme": "light"},
    "dark": {"width": 1280, "height": 900, "mobile": False, "scheme": "dark"},
    "phone-dark": {"width": 390, "height": 844, "mobile": True, "scheme": "dark"},
}
# Chromium draws no surface taller than this; a longer page is cut there.
TALLEST = 16_000
# A function of the window's width; a page without a viewport line is laid out wider than the phone and shrunk.
WIDER_THAN_WINDOW = """
(limit => {
  const root = document.documentElement;
  const over = Math.max(root.scrollWidth, root.clientWidth) - limit;
  if (over <= 0) return "";
  const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > limit + 1);
  const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "");
  return over + " px wider than the window: " + wide.slice(0, 3).map(name).join(", ");
})
"""


class ChromiumError(Exception):
    pass


def find_chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """A headless Chromium; commands go in on its descriptor 3, answers and events come out on 4, ended by NUL."""

    def __init__(self, program, profile):
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()
        # Out of the way of 3 and 4, which the child's ends become.
        child_in = fcntl.fcntl(to_read, fcntl.F_DUPFD_CLOEXEC, 10)
        child_out = fcntl.fcntl(from_write, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(to_read)
        os.close(from_write)
        command = [program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run",
                   "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
                   "--disable-component-update", "--disable-default-apps", "--hide-scrollbars", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = os.posix_spawn(program, command, dict(os.environ), file_actions=[
            (os.POSIX_SPAWN_DUP2, child_in, 3),
            (os.POSIX_SPAWN_DUP2, child_out, 4),
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ], setpgroup=0)
        os.close(child_in)
        os.close(child_out)
        self.buffer = b""
        self.next_id = 0
        self.events = []

    def receive(self, deadline):
        """The next message, or None when the deadline has passed."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_read], [], [], left)[0]:
                return None
            data = os.read(self.from_read, 1 << 20)
            if not data:
                raise ChromiumError("Chromium ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, seconds=60, **parameters):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        deadline = time.monotonic() + seconds
        while True:
            answer = self.receive(deadline)
            if answer is None:
                raise ChromiumError(f"{method}: no answer in {seconds} s")
            if answer.get("id") == self.next_id:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def gather(self, seconds, until=None):
        """Collects events for so long, or until one of this name has come."""
        deadline = time.monotonic() + seconds
        while not any(event.get("method") == until for event in self.events):
            event = self.receive(deadline)
            if event is None:
                return until is None
            self.events.append(event)
        return True

    def close(self):
        os.close(self.to_write)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if os.waitpid(self.process, os.WNOHANG)[0]:
                break
            time.sleep(0.05)
        else:
            os.killpg(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.from_read)


def complaints_of(events, page):
    """What a view's events hold against the page."""
    found = []
    for event in events:
        method, data = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled" and data["type"] in ("error", "warning", "assert"):
            words = " ".join(str(item.get("value", item.get("description", ""))) for item in data["args"])
            found.append(f"console {data['type']}: {words}")
        elif method == "Runtime.exceptionThrown":
            details = data["exceptionDetails"]
            found.append("exception: " + details.get("exception", {}).get("description", details["text"]).split("\n")[0])
        elif method == "Log.entryAdded" and data["entry"]["level"] in ("error", "warning"):
            found.append(f"log {data['entry']['level']}: {data['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            url = data["request"]["url"]
            if url.split("#")[0] != page and not url.startswith("data:"):
                found.append(f"request: {url}")
        elif method == "Network.webSocketCreated":
            found.append(f"request: {data['url']}")
    return found


def look(browser, page, view, screenshot):
    """Opens the page in one view, writes its screenshot, and returns the complaints."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable", session)
    browser.call("Emulation.setDeviceMetricsOverride", session, width=view["width"], height=view["height"],
                 deviceScaleFactor=1, mobile=view["mobile"])
    browser.call("Emulation.setEmulatedMedia", session,
                 features=[{"name": "prefers-color-scheme", "value": view["scheme"]}])
    browser.events.clear()
    answer = browser.call("Page.navigate", session, url=page)
    if answer.get("errorText"):
        raise ChromiumError(f"{page}: {answer['errorText']}")
    if not browser.gather(60, until="Page.loadEventFired"):
        raise ChromiumError(f"{page}: not loaded after 60 s")
    browser.gather(1)  # what scripts do a moment later
    result = browser.call("Runtime.evaluate", session, returnByValue=True,
                          expression=f"{WIDER_THAN_WINDOW}({view['width']})")["result"]
    complaints = complaints_of(browser.events, page)
    if view["mobile"] and result.get("value"):
        complaints.append(result["value"])
    if screenshot:
        size = browser.call("Page.getLayoutMetrics", session)["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": view["width"], "height": min(size["height"], TALLEST), "scale": 1}
        data = browser.call("Page.captureScreenshot", session, format="png", captureBeyondViewport=True, clip=clip)
        screenshot.write_bytes(base64.b64decode(data["data"]))
    browser.call("Target.closeTarget", targetId=target)
    return complaints


def check(report, screenshots=None, program=None):
    """{view: complaints} of a report file."""
    program = program or find_chromium()
    if program is None:
        raise ChromiumError("chromium is not installed")
    if not report.is_file():
        raise ChromiumError(f"{report}: no such file")
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="quantick-browser-", ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            page = report.resolve().as_uri()
            return {name: look(browser, page, view, screenshots / f"{name}.png" if screenshots else None)
                    for name, view in VIEWS.items()}
        finally:
            browser.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path, help="folder for a picture of each view")
    arguments = parser.parse_args()
    try:
        found = check(arguments.report, arguments.screenshots)
    except ChromiumError as error:
        print(f"report_check: {error}", file=sys.stderr)
        return 1
    for view, complaints in found.items():
        for complaint in complaints:
            print(f"{view}: {complaint}")
    total = sum(map(len, found.values()))
    print(f"report_check: {len(found)} views, {total} complaints")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
