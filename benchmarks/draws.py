"""Points of five hyperparameters: `Space.sample` beside scikit-learn's ParameterSampler and Optuna's random draws."""

from bench import Case

from dlnotes import Integer, LogUniform, ReverseLogUniform, Space, Uniform

space = Space(
    lr=LogUniform(1e-4, 1),
    momentum=ReverseLogUniform(0.9, 0.999),
    hidden=Integer(50, 100),
    batch=Integer(16, 512, log=True),
    dropout=Uniform(0, 0.5),
)


def with_sklearn(n):
    from scipy import stats
    from sklearn.model_selection import ParameterSampler

    theirs = dict(
        lr=stats.loguniform(1e-4, 1),
        momentum=stats.uniform(0.9, 0.099),  # neither library has a log scale of 1 - value
        hidden=stats.randint(50, 101),
        batch=stats.loguniform(16, 512),
        dropout=stats.uniform(0, 0.5),
    )
    return lambda: list(ParameterSampler(theirs, n, random_state=0))


def with_optuna(n):
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    theirs = dict(
        lr=FloatDistribution(1e-4, 1, log=True),
        momentum=FloatDistribution(0.9, 0.999),
        hidden=IntDistribution(50, 100),
        batch=IntDistribution(16, 512, log=True),
        dropout=FloatDistribution(0, 0.5),
    )

    def draw():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(n):
            study.ask(theirs)

    return draw


def cases(threads, compiled):
    n = 1000
    for peer, theirs in (("scikit-learn", with_sklearn), ("Optuna", with_optuna)):
        yield Case(f"{n} points, beside {peer}", lambda: space.sample(n), theirs(n), peer, per=n, seconds=3)
