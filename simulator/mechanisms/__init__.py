"""How patients, treatment and courses come about: one file for each mechanism.

Each takes its own Spec (a section of a world), what was drawn before it, and the streams of random numbers. Each gives
arrays for a block: covariates, the choice of treatment, latent courses, when they start, what is seen of them, what is
written down of them, and what is written down wrongly.

A mechanism draws at addresses of its own, so that adding one disturbs no other.
"""
