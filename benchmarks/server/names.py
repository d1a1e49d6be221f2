"""What a measurement calls its containers and agents."""


def container(number: int) -> str:
    """The name of container `number`."""
    return f"c{number:05d}"


def agent(number: int) -> str:
    """The name of watching agent `number`."""
    return f"agent{number:04d}"
