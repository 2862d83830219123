"""Pages in a real browser, Debian's Chromium without a window."""

import html
import json
import re
import shutil
import subprocess

# Each page in a frame of its own width, measured once it is drawn.
_PAGE = """<!doctype html><meta charset="utf-8"><body>{frames}<pre id="out"></pre><script>
window.onload = () => {{
  const found = [...document.querySelectorAll("iframe")].map(look);
  document.getElementById("out").textContent = JSON.stringify(found);
}};
function look(frame) {{
  const page = frame.contentDocument;
  const pictures = [...page.querySelectorAll("svg")].map(svg => {{
    const {{width, height}} = svg.getBoundingClientRect();
    return {{
      alt: svg.getAttribute("aria-label"), width, height,
      drawn: svg.querySelectorAll("path, use, image").length,
    }};
  }});
  return {{
    scroll: page.documentElement.scrollWidth, width: page.documentElement.clientWidth, pictures,
    requests: frame.contentWindow.performance.getEntriesByType("resource").map(one => one.name),
  }};
}}
</script>"""


def chromium():
    """The program, or None."""
    return shutil.which("chromium")


def look(pages, width, folder):
    """Return measurements of each page at a width in pixels, and the lines of the console."""
    frames = "".join(
        f'<iframe style="width:{width}px; height:900px" srcdoc="{html.escape(page, quote=True)}">'
        "</iframe>"
        for page in pages
    )
    path = folder / f"frames{width}.html"
    path.write_text(_PAGE.format(frames=frames), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0")
    done = subprocess.run(
        [chromium(), *options, "--virtual-time-budget=5000", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    (found,) = re.findall(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found)), console
