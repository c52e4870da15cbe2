"""The figures of an analysis and of a study, a module for each thing that is shown; `style` has what they share."""
