"""Compare ten NSF files as played here and by Game_Music_Emu: `PYTHONPATH=. python tools/judge_nsf.py`.

Each file is compared voice by voice, as both play it and then wave by wave with Game_Music_Emu's phases put into ours.
`tests/nsf_reference.py` tells how, and which of the two a console has. It needs Debian's libgme0, and the folder of
reference tools beside the checkout.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from nsf_reference import FILES, compared, compared_by_wave, outside, outside_by_wave

_WAYS = {"as it is": (compared, outside), "by wave": (compared_by_wave, outside_by_wave)}


def main() -> None:
    """Print what is outside of the bounds in each file, and how many files are within."""
    for way, (compare, find_outside) in _WAYS.items():
        n_within, pulses_within = 0, 0
        for name, content in FILES.items():
            reports = compare(content())
            out = {voice: find_outside(name, voice, report) for voice, report in reports.items()}
            n_within += not any(out.values())
            pulses_within += not (out["p1"] or out["p2"])
            said = "; ".join(f"{voice} {', '.join(figures)}" for voice, figures in out.items() if figures)
            sys.stdout.write(f"{way}: {name}: {said or 'within the bounds'}\n")
            sys.stdout.flush()
        sys.stdout.write(
            f"{way}: {n_within} of {len(FILES)} files within the bounds, the pulses of {pulses_within}\n\n"
        )


if __name__ == "__main__":
    main()
