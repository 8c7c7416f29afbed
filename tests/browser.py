"""A page in a real browser: in frames as wide as a phone and as a screen, light or dark."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
WIDTHS = (390, 1280)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

MEASURE = """
const box = element => element.getBoundingClientRect();
const measure = (frame, inside) => {
  const page = frame.contentDocument.documentElement;
  const style = frame.contentWindow.getComputedStyle(page.querySelector("body"));
  const over = [...page.querySelectorAll(inside)].filter(e => box(e).right > page.clientWidth + 1);
  return {
    width: page.clientWidth, scroll: page.scrollWidth, over: over.length,
    drawn: [...page.querySelectorAll("svg")].every(e => box(e).height > 50),
    text: style.color, back: style.backgroundColor, said: page.querySelector("body").innerText,
  };
};
const say = found => { document.querySelector("pre").textContent = JSON.stringify(found); };
"""


def frames_page(source, script):
    """HTML of a page with a frame of each width, whose script `say`s what it finds.

    source (str): Attributes of a frame, such as src="...".
    """
    frames = "".join(f'<iframe width="{w}" height="900" {source}></iframe>' for w in WIDTHS)
    return (
        f"<!doctype html><meta charset=utf-8>{frames}<pre></pre><script>{MEASURE}{script}</script>"
    )


def look_at(url, scheme, folder, patience=5000):
    """What the script of the page at an address said."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    command += ["--disable-sync", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    command += [f"--virtual-time-budget={patience}"]
    if scheme == "dark":
        command.append("--blink-settings=preferredColorScheme=0")
    result = subprocess.run([*command, url], capture_output=True, text=True, timeout=120)
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", result.stdout, re.S)[1]))


def check_frames(found, scheme):
    """Nothing is wider than its frame, and the colours are those that were asked for."""
    assert [frame["width"] > 300 for frame in found] == [True] * len(WIDTHS)
    for frame in found:
        assert frame["scroll"] <= frame["width"] and frame["over"] == 0 and frame["drawn"]
        assert (frame["back"] == "rgb(22, 24, 28)") == (scheme == "dark")
        assert frame["text"] != frame["back"]
