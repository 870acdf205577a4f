"""What is compared: the order of choice, on plain stand-ins for runs and pairs."""

from types import SimpleNamespace

import pytest

import whydiff.api.explain
from whydiff.core.errors import WhydiffError
from whydiff.core.question import Question, SideOptions
from whydiff.experiments.explain import choice
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.testing.answers import explanation

ONE, TWO = Question(("a.py",)), Question(("a.py",), b=SideOptions(env={"X": "1"}))
DIFFER = SimpleNamespace(compared=SimpleNamespace(identical=False, a=None, b=None))
AGREE = SimpleNamespace(compared=SimpleNamespace(identical=True, a=None, b=None))
RAN = SimpleNamespace(run=None)
#: What each step says it explained, by the function of another module that does.
EXPLAINED = {
    "explain_chosen": "calls asked for",
    "explain_trainings": "trainings",
    "independent_models": "models",
    "two_runs_of_calls": "calls of two runs",
    "inside_one_run": "calls of one run",
    "all_agree": "all agree",
    "watched": "these trainings agree",
}


@pytest.fixture
def answered(monkeypatch):
    """The first answer for a question, whether B was run for it, and what was explained.

    ``pairs`` are the pairs of trainings that there are, ``nothing`` the functions that find none.
    """

    def answered(question, nothing=(), **pairs):
        def answer_of(name):
            def explain(*arguments):
                asked.touched |= any(argument is asked.site_b for argument in arguments)
                rounds = arguments[-1] is True and "clear" in nothing
                return None if rounds or name in nothing else EXPLAINED[name]

            return explain

        class Asked(Inquiry):
            drawing_settings = ()

            touched = False
            site_b = SimpleNamespace(execution=0, script="")

            @property
            def fits_of_two_runs(self):
                self.touched |= not self.one_run_tells
                return None if self.one_run_tells else pairs.get("two_runs")

        asked = Asked(question, None, None, RAN, SimpleNamespace(execution=0, script=""), *[0] * 3)
        asked.__dict__["fits_of_one_run"] = pairs.get("one_run") if question.one_program else None
        asked.__dict__["successive_fits"] = pairs.get("successive")
        for name in EXPLAINED:
            monkeypatch.setattr(choice, name, answer_of(name))
        monkeypatch.setattr(choice, "answer", lambda compared, metric: None)
        monkeypatch.setattr(choice, "run_alike", lambda a, b: True)
        monkeypatch.setattr(choice, "agree_by_file", lambda a, b: "")
        monkeypatch.setattr(choice, "standardized", lambda a, b: ())
        for name in ("with_seeds_tried", "with_fits_explained", "_with_printed"):
            monkeypatch.setattr(choice, name, lambda asked, found: found)
        monkeypatch.setattr(choice, "with_file_state", lambda found, a, b: found)
        for name in ("with_others", "with_unwatched_loop"):
            monkeypatch.setattr(choice, name, lambda found, execution: found)
        steps = (step(asked) for step in whydiff.api.explain.ORDER_OF_CHOICE)
        return next(filter(None, steps)), asked.touched

    return answered


#: Steps that find nothing; "clear": what they find is rounding, or a log that is somewhat off.
CALLS = ("independent_models", "two_runs_of_calls", "inside_one_run")


@pytest.mark.parametrize(
    ("question", "nothing", "pairs", "explained", "b_runs"),
    [
        # what was asked for by number or line comes before any choice of ours
        (Question(("a.py",), calls=(1, 2)), (), {"one_run": DIFFER}, "calls asked for", False),
        (Question(("a.py",), lines=(1, 2)), ("calls_at",), {}, "calls asked for", False),
        # one script: two independent fits of one run; then it is not run again
        (ONE, (), {"one_run": DIFFER}, "trainings", False),
        (Question(("a.py",), fits=(1, 2)), (), {"one_run": DIFFER}, "trainings", False),
        # where these agree two runs of it may still differ
        (ONE, (), {"one_run": AGREE, "two_runs": DIFFER}, "trainings", True),
        (ONE, (), {"one_run": AGREE, "two_runs": AGREE}, "calls of two runs", True),
        (ONE, CALLS[1:2], {"one_run": AGREE, "two_runs": AGREE}, "calls of one run", True),
        (ONE, CALLS, {"one_run": AGREE, "two_runs": AGREE}, "these trainings agree", True),
        (Question(("a.py",), fits=(1, 2)), (), {"one_run": AGREE}, "these trainings agree", False),
        # one script without such fits
        (ONE, (), {"two_runs": DIFFER}, "models", False),
        (ONE, CALLS[:1], {"two_runs": DIFFER}, "trainings", True),
        (ONE, CALLS[:1], {"two_runs": AGREE}, "calls of two runs", True),
        (ONE, CALLS[:1], {}, "calls of two runs", True),
        (ONE, CALLS, {"two_runs": AGREE, "successive": DIFFER}, "trainings", True),
        (ONE, CALLS[:2], {"two_runs": AGREE, "successive": DIFFER}, "calls of one run", True),
        (ONE, (*CALLS[:2], "clear"), {"two_runs": AGREE, "successive": DIFFER}, "trainings", True),
        (
            ONE,
            (*CALLS[:2], "clear"),
            {"two_runs": AGREE, "successive": AGREE},
            "calls of one run",
            True,
        ),
        (ONE, CALLS, {"two_runs": AGREE}, "these trainings agree", True),
        (ONE, CALLS, {}, "all agree", True),
        # run in two ways, fits of one run are not looked at
        (TWO, (), {"one_run": DIFFER, "two_runs": DIFFER}, "trainings", True),
        (TWO, (), {"one_run": DIFFER, "two_runs": AGREE}, "calls of two runs", True),
        # and where these agree nothing inside one run is explained in their place
        (TWO, CALLS[1:2], {"two_runs": AGREE}, "these trainings agree", True),
        (Question(("a.py",), runs=True), CALLS[1:2], {}, "all agree", True),
    ],
)
def test_the_first_pair_in_the_order_of_choice_is_explained(
    answered, monkeypatch, question, nothing, pairs, explained, b_runs
):
    monkeypatch.setattr(choice, "calls_at", lambda site, lines: lines)
    assert answered(question, nothing, **pairs) == (explained, b_runs)


@pytest.mark.parametrize(
    ("evidence", "fails", "continued"),
    [({"fits": [1, 3]}, False, True), ({"fits": [1, 3]}, True, False), ({}, False, False)],
)
def test_the_fits_that_left_the_weights_are_explained_too(monkeypatch, evidence, fails, continued):
    def two_fits(ran, fits, folder):
        assert fits == (1, 3)
        if fails:
            raise WhydiffError("the two trainings have nothing in common")
        return DIFFER

    monkeypatch.setattr(choice, "two_fits", two_fits)
    monkeypatch.setattr(choice, "explain_trainings", lambda asked, sides: explanation())
    runs = SimpleNamespace(no_time_for=lambda what: False)
    asked = SimpleNamespace(ran_a=None, folder=None, runs=runs)
    found = choice.with_fits_explained(asked, explanation(evidence=evidence, between="calls"))
    assert (found.continued is not None) is continued
    assert any("nothing in common" in note for note in found.notes) is fails
