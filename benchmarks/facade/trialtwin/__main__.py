"""The command `trialtwin`, and `python -m trialtwin`."""

from simulator.start import main

if __name__ == "__main__":
    main()
