"""The stage: one page, and one screen of a terminal, that show both control planes alive.

Its only source is a history, live or recorded: records -> Fold -> view -> board -> page.
"""
