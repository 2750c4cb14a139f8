"""One picture of a run: CPU per transaction, a group of bars for each experiment, a bar for each target."""

from xml.sax.saxutils import escape

COLOURS = {"relay": "#9aa5b1", "haproxy": "#4c78a8", "pgbouncer": "#f2a541", "pgproctor": "#2f855a"}
LEFT, TOP, BAR, GAP, GROUP_GAP, WIDTH = 210, 56, 11, 2, 14, 860


def cpu_per_transaction(raw):
    """`raw` as Bench.raw; experiments without a figure for each of the four targets are left out."""
    groups = {}
    for experiment, target, figures in raw:
        if target in COLOURS and "cpu_us" in figures:
            groups.setdefault(experiment, {})[target] = figures["cpu_us"]
    groups = {name: values for name, values in groups.items() if len(values) == len(COLOURS)}
    most = max((value for values in groups.values() for value in values.values()), default=1)
    scale = (WIDTH - LEFT - 70) / most
    parts, y = [], TOP
    for at, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<rect x="{LEFT + at * 110}" y="30" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + at * 110 + 15}" y="39">{escape(name)}</text>')
    for experiment, values in groups.items():
        middle = y + len(COLOURS) * (BAR + GAP) / 2 + 4
        label = experiment.removeprefix("pgbench -S -M ")
        parts.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>')
        for name, colour in COLOURS.items():
            width = values[name] * scale
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 1}" class="value">{values[name]:.1f}</text>')
            y += BAR + GAP
        y += GROUP_GAP
    style = "text{font:12px sans-serif;fill:#222}.value{font-size:10px;fill:#555}.title{font-size:14px;font-weight:bold}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}">\n'
        f'<style>{style}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="10" y="20" class="title">Proxy CPU per transaction, µs (pgbench -S)</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
