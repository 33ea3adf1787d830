"""What a browser calls itself, shortened to what a person recognises."""

import re

LONGEST = 80  # characters
BROWSERS = (  # most of them claim to be others too: the most particular name counts
    (r"Edg(?:e|A|iOS)?/(\d+)", "Edge"),
    (r"OPR/(\d+)", "Opera"),
    (r"(?:Firefox|FxiOS)/(\d+)", "Firefox"),
    (r"(?:Chrome|CriOS)/(\d+)", "Chrome"),
    (r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Macintosh|Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)


def in_words(agent: str) -> str:
    """Say browser and system, as `Firefox 128 on Linux`; of what is no browser the first word."""
    browser = next((f"{name} {found[1]}" for pattern, name in BROWSERS if (found := re.search(pattern, agent))), None)
    if browser is None:
        first = agent.split(" ", 1)[0]
        return "".join(each for each in first if each.isprintable())[:LONGEST]
    system = next((name for pattern, name in SYSTEMS if re.search(pattern, agent)), None)
    return f"{browser} on {system}" if system else browser
