"""How a jam that runs keeps pace: `livegen doctor --live` asks its page, and tells what its last plans took."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from livegen.cli.output import out, print_json, printable
from livegen.errors import PortError
from livegen.session.pacing.diagnosis import REASONS, Diagnosis, Miss, diagnose, rows_of
from livegen.web.page.address import address_of
from livegen.web.settings import DEFAULT_HOST, DEFAULT_PORT
from livegen.web.wire import PLANS_PATH

_PATIENCE_SECONDS: Final = 5.0
_MOST_BYTES: Final = 1 << 22
_MOST_SENTENCE_BYTES: Final = 500
_MOST_SHOWN: Final = 5
_CURE: Final = (
    "play with `livegen jam`, without --no-web, and give the address that it prints with --page if it is another"
)
_FACTS: Final = ("seconds", "lookahead", "block_ms", "late_frames", "underflows")


def ask_jam(page: str | None = None) -> dict[str, Any]:
    """Ask a jam for its last plans.

    Parameters
    ----------
    page : str, optional
        Address of its page, with the token if one is needed; the usual one on this machine if left out.

    Returns
    -------
    dict
        The fields of `livegen.web.plans.plans`, unpacked.

    Raises
    ------
    PortError
        If no jam answers there, or it does not let us in.
    """
    address = address_of(DEFAULT_HOST, DEFAULT_PORT, "") if page is None else page
    asked = urllib.parse.urlsplit(address)
    if asked.scheme not in ("http", "https") or not asked.netloc:
        raise PortError(f"{printable(address)!r} is no address of a page: give one such as http://127.0.0.1:9125/")
    url = urllib.parse.urlunsplit(asked._replace(path=PLANS_PATH))
    try:
        with _opener().open(url, timeout=_PATIENCE_SECONDS) as answer:
            told = json.loads(answer.read(_MOST_BYTES))
        rows_of(told["columns"], told["plans"])
        if not {"now_ns", *_FACTS} <= told.keys():
            raise KeyError
    except urllib.error.HTTPError as error:
        said = printable(error.read(_MOST_SENTENCE_BYTES).decode("utf-8", "replace")) or error.reason
        raise PortError(f"the jam at {address} does not tell: {said}") from error
    except (OSError, http.client.HTTPException) as error:
        raise PortError(f"no jam answers at {address}: {_CURE}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PortError(f"what answers at {address} is no jam of this version of livegen: {_CURE}") from error
    return dict(told)


def show_pace(told: dict[str, Any], as_json: bool) -> None:
    """Print what a jam has told, as a short diagnosis or as one JSON object."""
    found = diagnose(rows_of(told["columns"], told["plans"]), int(told["now_ns"]))
    if as_json:
        print_json({**{name: told[name] for name in _FACTS}, "log": asdict(found)})
        return
    for sentence in (_counted(told, found), _answered(found)):
        out.print(sentence, highlight=False, markup=False, soft_wrap=True)
    table = Table("ms", "half within", "99 % within", "longest", box=None, header_style="bold")
    for what, times in (
        ("a plan begins late by", found.begin_late_ms),
        ("its first frame is there after", found.answer_ms),
        ("all of it is there after", found.plan_ms),
    ):
        table.add_row(what, *(f"{times[each]:.2f}" for each in ("p50", "p99", "max")))
    out.print(table)
    for reason, n in found.reasons.items():
        out.print(f"{n} late: {REASONS[reason]}", highlight=False, markup=False, soft_wrap=True)
    for miss in found.misses[-_MOST_SHOWN:]:
        out.print(f"  {_told(miss)}", highlight=False, markup=False, soft_wrap=True)


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses without a proxy: the jam is near, and its token is for nobody else."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _counted(told: dict[str, Any], found: Diagnosis) -> str:
    causes = ", ".join(f"{n} for a {cause}" for cause, n in found.plans.items() if n)
    return (
        f"{sum(found.plans.values())} plans in {found.seconds:.1f} s, {told['lookahead']} frames ahead, blocks of "
        f"{told['block_ms']:.1f} ms: {causes or 'none yet'}. Since the start, {told['seconds']:.0f} s ago: "
        f"{told['late_frames']} late frames, {told['underflows']} underflows"
    )


def _answered(found: Diagnosis) -> str:
    if not found.keys:
        return "no key went down or came up meanwhile"
    return (
        f"{100.0 * found.keys_on_time / found.keys:.1f} % of {found.keys} keys were answered in the first frame that "
        "could know of them"
    )


def _told(miss: Miss) -> str:
    late = f"{miss.frames_late} frame{'s' * (miss.frames_late > 1)} late" if miss.frames_late else "nothing waited"
    parts = ", ".join(f"{what} {ms:.1f}" for what, ms in miss.parts_ms.items() if ms >= 0.05)
    return f"frame {miss.frame}, {miss.seconds_ago:.1f} s ago, for a {miss.cause}, {late}: {miss.reason} (ms: {parts})"
