"""For users of Qlib: its data folders, expressions and handlers, and workflow files, whose model part runs here.

    result = quantick.qlib.run_workflow("workflow_config_lstm_Alpha158.yaml")
    print(result)

Needs ``pip install quantick[qlib]`` (pandas and PyYAML). Qlib itself is not needed.
"""
from quantick.qlib.data import BinData
from quantick.qlib.expression import Expression
from quantick.qlib.handlers import Processor, alpha158, alpha360
from quantick.qlib.workflow import Workflow, WorkflowResult, read_workflow, run_workflow, signal_metrics

__all__ = ["BinData", "Expression", "Processor", "Workflow", "WorkflowResult", "alpha158", "alpha360", "read_workflow",
           "run_workflow", "signal_metrics"]
