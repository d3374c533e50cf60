"""Compare ten NSF files as played here and by Game_Music_Emu: `PYTHONPATH=. python tools/judge_nsf.py`.

Each file is compared voice by voice three times: as both play it; with Game_Music_Emu's calls of PLAY put into ours;
and with its habits of triangle and noise as well. `tests/nsf_reference.py` tells what these are, and which of the two
a console has. It needs Debian's libgme0, and the folder of reference tools beside the checkout.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from nsf_reference import FILES, TakenOver, compared, outside


def main() -> None:
    """Print what is outside of the bounds in each file, and how many files are within."""
    for taken_over in TakenOver:
        n_within, pulses_within = 0, 0
        for name, content in FILES.items():
            reports = compared(content(), taken_over)
            out = {voice: outside(name, voice, report) for voice, report in reports.items()}
            n_within += not any(out.values())
            pulses_within += not (out["p1"] or out["p2"])
            said = "; ".join(f"{voice} {', '.join(figures)}" for voice, figures in out.items() if figures)
            sys.stdout.write(f"{taken_over.name.lower()}: {name}: {said or 'within the bounds'}\n")
            sys.stdout.flush()
        sys.stdout.write(
            f"{taken_over.name.lower()} taken over: {n_within} of {len(FILES)} files within the bounds, the pulses of "
            f"{pulses_within}\n\n"
        )


if __name__ == "__main__":
    main()
