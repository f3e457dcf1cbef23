import struct

import pytest

from app.brains.confined import seccomp


@pytest.mark.parametrize("machine", seccomp.TABLES)
def test_the_filter_is_well_formed_for_each_machine(machine):
    table = seccomp.TABLES[machine]
    code = seccomp.build_program(table, 4242)
    ops = [code[at : at + 8] for at in range(0, len(code), 8)]
    assert len(ops) < 4096
    assert not set(table.allowed) & set(table.refused)
    assert run_filter(ops, table, table.mmap, (0, 0, 3, 0, 0xFFFFFFFF)) == seccomp.ALLOW
    assert run_filter(ops, table, table.mmap, (0, 0, 7, 0, 0xFFFFFFFF)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.mmap, (0, 0, 3, 0, 5)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.tgkill, (4242,)) == seccomp.ALLOW
    assert run_filter(ops, table, table.tgkill, (1,)) == seccomp.KILL_PROCESS
    assert [run_filter(ops, table, call, (0,)) for call in table.fd_zero] == [seccomp.ALLOW] * 2
    assert [run_filter(ops, table, call, (3,)) for call in table.fd_zero] == [seccomp.KILL_PROCESS] * 2
    assert {run_filter(ops, table, call, ()) for call in table.allowed} == {seccomp.ALLOW}
    assert {run_filter(ops, table, call, ()) for call in table.refused} == {seccomp.REFUSE}
    named = {*table.allowed, *table.refused, *table.fd_zero, table.mmap, table.tgkill}
    assert {run_filter(ops, table, call, ()) for call in range(600) if call not in named} == {
        seccomp.KILL_PROCESS
    }
    assert {run_filter(ops, table, call, (0,)) for call in (table.clone, *table.zygote)} <= {
        seccomp.KILL_PROCESS,
        seccomp.REFUSE,
    }
    if table.x32:
        assert run_filter(ops, table, 0x40000000 | table.allowed[0], ()) == seccomp.KILL_PROCESS
    assert run_filter(ops, table._replace(arch=1), table.allowed[0], ()) == seccomp.KILL_PROCESS


@pytest.mark.parametrize("machine", seccomp.TABLES)
def test_a_zygote_may_fork_and_all_that_its_children_may(machine):
    table = seccomp.TABLES[machine]
    code = seccomp.build_zygote_program(table)
    ops = [code[at : at + 8] for at in range(0, len(code), 8)]
    child = seccomp.build_program(table, 4242)
    child_ops = [child[at : at + 8] for at in range(0, len(child), 8)]
    for call in range(600):
        for arguments in ((0, 0, 3, 0, 0xFFFFFFFF), (4242,)):
            if run_filter(child_ops, table, call, arguments) == seccomp.ALLOW:
                assert run_filter(ops, table, call, arguments) == seccomp.ALLOW, call
    assert run_filter(ops, table, table.clone, (0x01200011,)) == seccomp.ALLOW
    # A thread, a new user namespace.
    assert run_filter(ops, table, table.clone, (0x003D0F00,)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.clone, (0x10000011,)) == seccomp.KILL_PROCESS
    assert {run_filter(ops, table, call, (3,)) for call in table.zygote_fd_zero} == {seccomp.KILL_PROCESS}
    named = {*table.allowed, *table.refused, *table.zygote, *table.fd_zero, *table.zygote_fd_zero}
    named |= {table.mmap, table.tgkill, table.clone}
    assert {run_filter(ops, table, call, ()) for call in range(600) if call not in named} == {
        seccomp.KILL_PROCESS
    }


def run_filter(ops, table, number, arguments):
    """Interpret the few BPF instructions the filter is made of."""
    data = {0: number, 4: table.arch}
    data |= {16 + 8 * index: (arguments[index] if index < len(arguments) else 0) for index in range(6)}
    at = value = 0
    while True:
        code, if_true, if_false, operand = struct.unpack("<HBBI", ops[at])
        at += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            value = data[operand]
            continue
        taken = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
        at += if_true if taken else if_false
