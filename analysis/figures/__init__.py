"""The figures of an analysis and of a study, a module for each thing that is shown; `style` has what they share."""

from simulator.numerics.private_folders import strangers_settings_unread

with strangers_settings_unread("matplotlibrc", told=""):
    import matplotlib as matplotlib
