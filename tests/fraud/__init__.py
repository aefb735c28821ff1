"""Fraud planted among honest acts in known numbers, and how much of it is found: `python -m tests.fraud`.

All of it is synthetic: nobody rode, and no meter was read. Fraud of which the data tell nothing is not planted: a copy
on another bicycle a day later is a ride like any other.
"""
