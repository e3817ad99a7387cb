#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""judge.py FILE.json [PREFIX...]: are all rows there, and within what they must reach?"""
import json
import sys

# Row: most it may take, in multiples of its baseline; None: no limit is set.
ROWS = {
    "linux.map_4k": 1.1,
    "linux.map_64k": 0.8,
    "linux.map_2m": 0.8,
    "linux.map_1g": None,
    "linux.map_random_small": None,
    "linux.alloc_free": None,
    "linux.attach_detach_pasid": None,
    "linux.set_clear_hwid": None,
    "linux.page_request": None,
}


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        have = {row["name"]: row for row in json.load(file)}
    prefixes = tuple(sys.argv[2:]) or ("",)
    bad = []
    for name, limit in ROWS.items():
        if not name.startswith(prefixes):
            continue
        if name not in have:
            bad.append(f"{name}: not measured")
        elif limit is not None and have[name]["ratio"] > limit:
            bad.append(f"{name}: {have[name]['ratio']:.2f}x, at most {limit:.1f}x is wanted")
    for line in bad:
        print(f"bench-linux: {line}", file=sys.stderr)
    if bad:
        return 1
    print(f"bench-linux: OK, {len(have)} rows in {sys.argv[1]}")
    return 0


sys.exit(main())
