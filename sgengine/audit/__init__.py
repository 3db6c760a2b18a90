"""What delaying and abandoning would do to a trace: every figure before and after."""

from sgengine.audit.break_even import BreakEven, break_even
from sgengine.audit.change import Change, Marks, change
from sgengine.audit.effects import Effects
from sgengine.audit.operations import Abandon, Delay, Operation, parse_abandon, parse_delay
from sgengine.audit.run import Audited, AuditedGroup, audit, audit_table

__all__ = [
    "Abandon",
    "Audited",
    "AuditedGroup",
    "BreakEven",
    "Change",
    "Delay",
    "Effects",
    "Marks",
    "Operation",
    "audit",
    "audit_table",
    "break_even",
    "change",
    "parse_abandon",
    "parse_delay",
]
