"""How slow this machine is, as measured by the lab that started it."""

KEY = "lab.slowness="


def slowness(command_line: str = "/proc/cmdline") -> float:
    """Return the slowness on the kernel's command line: 1 with KVM, about 8 under emulation.

    1 where the command line does not say, as on a developer's own machine.
    """
    try:
        with open(command_line, encoding="ascii", errors="replace") as file:
            words = file.read().split()  # a pass of the agent 13 % of its instructions
    except OSError:
        words = []
    for word in words:
        if word.startswith(KEY):
            try:
                return max(1.0, float(word.removeprefix(KEY)))
            except ValueError:
                break
    return 1.0
