"""A world fitted to its paper, and how well it prints that paper.

Takes a world with its published numbers. Gives the targets among them, a calibrated world with the errors of what was
fitted, the fidelity of every printed number, and the fit in absolute terms.
"""
