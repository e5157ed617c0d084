"""The real CLIs in the loop, each against a scripted endpoint in its own dialect."""

from __future__ import annotations

import pytest

from ralph_action.agents import adapter_of
from tests.lab.dialects import CACHED, INPUT, OUTPUT
from tests.lab.models import Models
from tests.lab.place import Place, state_of
from tests.real.bench import Bench
from tests.real.packages import programs_of
from tests.real.setups import ENDS, PASSES, SETUPS

pytestmark = pytest.mark.real


def bench_of(agent: str, play: str, place: Place) -> Bench:
    if play in (without := SETUPS[agent].without):
        pytest.skip(f"NOT RUN: {agent}, {play}: {without[play]}")
    traits = adapter_of(agent).TRAITS
    assert traits.seen == traits.version, "the version that is installed is the one that was seen running"
    return Bench(agent, place, programs_of(traits.package, traits.version))


@pytest.fixture(params=sorted(SETUPS))
def agent(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_edits_files_and_keeps_its_promise(agent: str, place: Place) -> None:
    """By its own shell tool; the promise is read from its words, the tokens from its figures."""
    traits = adapter_of(agent).TRAITS
    with Models() as models:
        code, log, work = bench_of(agent, "edit", place).run(models, "tool", "--max-iterations", "2")
    assert code == 0, log
    assert place.remote.run("show", "ralph/t:made.txt") == "made"
    names = place.remote.run("ls-tree", "-r", "--name-only", "ralph/t").split()
    assert names == ["PROMPT.md", "made.txt"], "it leaves nothing of its own in the work tree"
    state = state_of(work)
    assert (state["status"], state["iteration"]) == ("completed", 1)
    used = SETUPS[agent].calls * (INPUT + OUTPUT)
    assert state["tokens_used"] == (used if traits.reports_tokens else None), log
    assert bool(state["session_id"]) is traits.resumes
    assert f"Agent {agent}: " in log
    assert CACHED < INPUT


@pytest.mark.parametrize("play", sorted(ENDS))
def test_what_cannot_pass_ends_it(agent: str, place: Place, play: str) -> None:
    """Auth, billing, a bad model: at once, with what to set. A limit pauses it, as its end is too far away."""
    reason, exit_code = ENDS[play]
    with Models() as models:
        code, log, work = bench_of(agent, play, place).run(models, play, "--max-wait", "1s")
    state = state_of(work)
    assert (state["stop_reason"], code, state["iteration"]) == (reason, exit_code, 0), log


@pytest.mark.parametrize("play", sorted(PASSES))
def test_what_passes_is_waited_for(agent: str, place: Place, play: str) -> None:
    """No iteration is used up. A CLI that waits for it by itself is ended at its time limit, and says why it waited."""
    limit = SETUPS[agent].patience.get(play, "200s")
    with Models() as models:
        bench = bench_of(agent, play, place)
        code, log, work = bench.run(models, play, "--iteration-timeout", limit, until="the iteration is not used up")
    assert any(f"({kind}); the iteration is not used up" in log for kind in PASSES[play]), log
    assert (code, state_of(work)["iteration"]) == (130, 0), log


@pytest.mark.parametrize("play", ["hang", "midstream"])
def test_one_that_hangs_is_ended(agent: str, place: Place, play: str) -> None:
    """Before or in the middle of its answer; it is ended with all that it started, and what it had done is kept."""
    with Models() as models:
        limits = ("--iteration-timeout", "12s", "--max-iterations", "1")
        code, log, work = bench_of(agent, play, place).run(models, play, *limits)
    assert code == 11, log
    assert state_of(work)["iterations"][0]["ended"] == "timeout", log


def test_one_that_hangs_after_its_result(agent: str, place: Place) -> None:
    """Its closing event is enough: it is ended then, and the call is done."""
    bench = bench_of(agent, "after", place)
    bench.hang_after_its_result()
    with Models() as models:
        code, log, work = bench.run(models, "text", "--max-iterations", "1", "--iteration-timeout", "150s")
    assert code == 0, log
    assert state_of(work)["iterations"][0]["ended"] == "done", log


def test_garbage_is_no_answer(agent: str, place: Place) -> None:
    """A stream that is cut off and goes on as a proxy's error page: the loop goes on, or waits; it is never done."""
    with Models() as models:
        limits = ("--iteration-timeout", "15s", "--max-runtime", "40s", "--max-iterations", "1")
        code, log, work = bench_of(agent, "garbage", place).run(models, "garbage", *limits)
    assert (state_of(work)["status"], code) in {("stopped", 11), ("paused", 10)}, log
