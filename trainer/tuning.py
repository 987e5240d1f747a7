"""A search for hyperparameters: what TFX's Tuner is given.

One network learns for each trial, from all of train, and is judged by its plain cross-entropy on eval, as everything is
that learns here. The best numbers reach the Trainer by its `hyperparameters`, see `trainer.recipe.tuned`.
"""

import copy
import logging
import math
from collections.abc import Mapping

import keras_tuner
from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trials
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from trainer import fitting
from trainer.recipe import Recipe, choose, tuned

log = logging.getLogger("marquee.trainer")

OBJECTIVE = "cross_entropy"  # on eval


def tuner(fn_args: FnArgs, recipes: Mapping[str, Recipe]) -> TunerFnResult:
    """The search that TFX's Tuner is to run.

    Args:
        fn_args: TFX's, of a Tuner; `custom_config` as `fitting.run` has it, and `tuner_trials`.
        recipes: by variant.

    Raises:
        MarqueeError: as `fitting.read`.
    """
    given = copy.copy(fn_args)
    given.model_run_dir = given.serving_model_dir = fn_args.working_dir  # a Tuner has none, and nothing is kept
    recipe = choose(recipes, fn_args.custom_config)
    return TunerFnResult(tuner=Search(fitting.read(given, recipe), recipe), fit_kwargs={"verbose": 0})


def space(recipe: Recipe) -> keras_tuner.HyperParameters:
    """Around a recipe's own numbers, which are the defaults.

    `width` and `dropout` are factors of what the network has of units and of dropout.
    """
    found = keras_tuner.HyperParameters()
    rate, decay = recipe.learning_rate, recipe.weight_decay
    found.Float("learning_rate", rate / 4, rate * 4, sampling="log", default=rate)
    if decay:
        found.Float("weight_decay", decay / 10, decay * 10, sampling="log", default=decay)
    found.Float("dropout", 0.4, 1.6, step=0.2, default=1.0)
    found.Choice("width", [0.5, 1.0, 1.5, 2.0], default=1.0)
    return found


class Search(base_tuner.BaseTuner):
    """Trials one after the other, the recipe as it is the first of them."""

    def __init__(self, job: fitting.Job, recipe: Recipe):
        self._job, self._recipe = job, recipe
        most = job.settings["tuner_trials"]
        oracle = _FromTheRecipe(
            keras_tuner.Objective(OBJECTIVE, "min"),
            max_trials=most,
            num_initial_points=max(2, most // 2),
            seed=job.settings["seed"],
            hyperparameters=space(recipe),
            tune_new_entries=False,
            allow_new_entries=False,
        )
        super().__init__(oracle, directory=str(job.folder), project_name=job.settings["name"], overwrite=True)

    def run_trial(self, trial: trials.Trial, verbose: int) -> dict[str, float]:
        """Lets a network learn, and returns how well it does on eval.

        Raises:
            keras_tuner.errors.FailedTrialError: it learnt nothing that is a number; the search goes on.
            keras_tuner.errors.FatalError: the search would fail at every trial.
        """
        values = trial.hyperparameters.values
        title = f"{self._job.settings['name']} trial {len(self.oracle.trials)}/{self.oracle.max_trials}"
        try:
            history = fitting.learn_one(self._job, tuned(self._recipe, values), title)
        except Exception as error:  # KerasTuner would take it for a bad trial
            raise keras_tuner.errors.FatalError(str(error)) from error
        best = min((each for each in history["val_cross_entropy"] if math.isfinite(each)), default=math.nan)
        told = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        log.info("%s: cross-entropy %.4f with %s", title, best, told)
        if math.isnan(best):
            raise keras_tuner.errors.FailedTrialError(f"no finite cross-entropy with {told}")
        return {OBJECTIVE: best}


class _FromTheRecipe(keras_tuner.oracles.BayesianOptimizationOracle):
    """Begins with the defaults, so that what is found is no worse on eval than what there is without a search."""

    def populate_space(self, trial_id: str) -> dict:
        if self.trials:
            return super().populate_space(trial_id)
        values = {each.name: each.default for each in self.hyperparameters.space}
        return {"status": trials.TrialStatus.RUNNING, "values": values}
