"""The commands by what one wants of them, as `trialtwin --help` lists them: a short plain line each."""

import textwrap

import click

GROUPS: dict[str, dict[str, str]] = {
    "Start": {
        "demo": "A published study simulated and judged, in a minute",
        "list": "The worlds, studies and papers that are shipped",
        "warm-up": "Compile now what the first run would compile",
    },
    "Ask about a paper": {
        "review": "Its referee's report: could it be bias, and what is plausible?",
        "audit": "Do its printed numbers agree with each other?",
        "paper": "Begin a paper from its pasted tables, and see how they are read",
        "twin": "Turn a pasted paper into simulated patients like its own",
        "tipping": "How strong must something unrecorded be to explain its result?",
        "compatible": "Which true effects fit its result, and under which suspicion?",
        "decompose": "Which imperfection makes how much of the bias?",
        "multiverse": "Would another defensible analysis have said the same?",
        "claims": "How often do its claims come out where they are false?",
        "power": "How many patients, events or months does each analysis need?",
    },
    "Run studies": {
        "new": "Begin a what-if of your own: a commented file to edit",
        "show": "What a study says, and which of its values are assumed",
        "run": "Simulate a study many times, judge each analysis by the truth",
        "simulate": "Write simulated patients to a file",
        "calibrate": "Fit a world to the numbers that its paper prints",
    },
    "Your own data": {
        "analyze": "Analyse a file of patients: Table 1, matching, survival",
        "ipd": "Get patients back from a digitised Kaplan-Meier curve",
        "performance": "Judge the results of a simulation that you ran elsewhere",
    },
    "Manage runs": {
        "status": "How far is a run, what failed, who is at work on it?",
        "merge": "Join the parts of a run that several machines computed",
        "report": "Build the page of a finished run again",
        "gallery": "One page that links all finished runs of a folder",
        "diff": "What differs between two studies, or between two runs?",
        "replay": "One simulated study again, with every step of its analysis",
    },
    "Check": {
        "check": "Is a study's file valid?",
        "fidelity": "Do the simulated patients print what the paper prints?",
        "published": "Which numbers of a paper can be typed in, and how",
        "verify": "Is a run, perhaps somebody else's, what it says?",
        "validate": "Do we find answers that are known from elsewhere?",
        "schema": "The keys of a file, or of what a command prints with --json",
        "doctor": "Is this installation in order, and what to do if not",
    },
}
"""Commands by heading, in the order in which they are listed. A command that stands in none is listed last."""
OTHERS = "Others"


class ByWish(click.Group):
    """A group whose help lists its commands under `GROUPS`."""

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the headings and their commands."""
        listed = {heading: {name: self.commands[name] for name in names if name in self.commands}
                  for heading, names in GROUPS.items()}  # fmt: skip
        known = {name for own in listed.values() for name in own}
        listed[OTHERS] = {name: one for name, one in self.commands.items() if name not in known}
        width = max(map(len, self.commands))
        for heading, own in listed.items():
            rows = [
                (name, GROUPS.get(heading, {}).get(name) or one.get_short_help_str(70)) for name, one in own.items()
            ]
            if rows:
                formatter.write(f"\n{heading}:\n")
            for name, line in rows:
                start, rest = f"  {name:{width}}  ", " " * (width + 4)
                room = max(formatter.width, width + 24)
                wrapped = textwrap.wrap(line, room, initial_indent=start, subsequent_indent=rest)
                formatter.write("\n".join(wrapped) + "\n")
