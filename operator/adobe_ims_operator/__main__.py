"""`python -m adobe_ims_operator`."""

from adobe_ims_operator.cli.main import main

if __name__ == "__main__":
    main()
