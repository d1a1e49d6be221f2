"""Measure the state server alone, on this machine: no VM, real process, real sockets, real disk."""
