"""Entry point of a zygote, `python -P -s -S zygote.py SITE_PACKAGES FLAVOUR LAYERS`: confined, forks children.

Descriptor 0 is the host's control socket. Host to zygote: `F` with a socket beside it asks for a child, `R` and
numbers for the ends of children. Zygote to host: JSON; with a new child's number comes its pidfd.
"""

import array
import gc
import importlib
import json
import os
import socket
import sys

_CONTROL = 0
_REQUEST_BYTES = 4096
_FLAVOURS = {"script": ("script",), "template": ("template", "grammar")}


def load(flavour):  # noqa: ANN001, ANN201  annotations would bring more modules in
    """Import the modules of a flavour; each has a LANGUAGE to run, a COMPILER, or both."""
    return [importlib.import_module(f"brains.confined.{name}") for name in _FLAVOURS[flavour]]


def main(site_packages: str, flavour: str, layers: str, load=load) -> None:  # noqa: ANN001
    """Import the modules of a flavour from two folders, remove these from the path, and serve.

    The folder of `app` is put on the path, so that this package is called `brains.confined` here: importing
    `app` itself would bring the web framework in.
    """
    here = os.path.abspath(__file__)  # noqa: PTH100  pathlib would be one more module in every child
    app = os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120  the same
    folders = [site_packages, app]
    sys.path += folders
    life = importlib.import_module("brains.confined.life")
    confine = importlib.import_module("brains.confined.confine")
    wanted = [name for name in layers.split(",") if name]
    confinement = confine.Confinement(wanted)
    control = socket.socket(fileno=_CONTROL)
    try:
        confinement.enter()
        modules = load(flavour)
        importlib.import_module("brains.confined.zones").load_tables()
        del sys.path[-len(folders) :]
        child = life.Child(modules, confinement)
        serve(control, child, confinement)
    except confine.StepFailedError as error:
        os.write(_CONTROL, json.dumps({"refused": str(error)}).encode())
        os._exit(3)
    except OSError as error:
        # A traceback would go to a descriptor that is closed: the exit code tells the host what it was.
        os._exit(error.errno or 1)


def serve(control, child, confinement):  # noqa: ANN001, ANN201
    """Test the confinement on a throw-away child, report the layers in force, and fork until the host hangs up."""
    child.warm_up()
    in_force = confinement.seal()
    gc.collect()
    gc.freeze()
    in_force["proof"] = _test_confinement(child)
    os.write(_CONTROL, json.dumps({"ready": in_force}).encode())
    while True:
        order, ancillary, _, _ = control.recvmsg(_REQUEST_BYTES, socket.CMSG_SPACE(4))
        if not order:
            os._exit(0)
        if order == b"F":
            _fork(control, child, int.from_bytes(ancillary[0][2][:4], sys.byteorder))
        else:
            os.write(_CONTROL, json.dumps({"ends": [_reap(int(pid)) for pid in order[1:].split()]}).encode())


def _test_confinement(child):  # noqa: ANN001, ANN202
    """Run the warm-up in a fully confined child: return 0 on success, else the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        child.test_confinement()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork(control, child, descriptor):  # noqa: ANN001, ANN202
    pid = os.fork()
    if pid == 0:
        os.dup2(descriptor, _CONTROL)
        os.closerange(1, descriptor + 2)
        child.serve_jobs()
    os.close(descriptor)
    pidfd = os.pidfd_open(pid)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
    control.sendmsg([json.dumps({"child": pid}).encode()], rights)
    os.close(pidfd)


def _reap(pid):  # noqa: ANN001, ANN202
    """Wait for an ended child; return its number, status and peak memory (KB)."""
    _, status, usage = os.wait4(pid, 0)
    return [pid, status, usage.ru_maxrss]


if __name__ == "__main__":
    main(*sys.argv[1:])
