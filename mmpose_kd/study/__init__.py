"""Comparisons: many trainings, the same seeds, one table."""
from .plan import Plan, Run, load_plan, plan_of
from .report import write_results
from .results import check_results, collect
from .train import train_all

__all__ = ['Plan', 'Run', 'check_results', 'collect', 'load_plan', 'plan_of', 'train_all', 'write_results']
