"""What a cohort is, whoever made it: the words that the rooms above share.

Takes nothing but arrays. Gives `Cohorts` (a block of replicates: `Observed`, which an estimator sees, and `Hidden`,
which it does not), variables and the terms that are written of them, linear predictors of terms, the `Estimand` that
an estimate answers, and the `Address` at which a patient's luck stands.

Shapes are (replicates, patients) throughout; a block's replicates may differ in who is present.
"""
