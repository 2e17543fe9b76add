"""The parts of the agent that a script's Python imports: ``in_run`` and ``assets``, beside here."""

import os

__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
