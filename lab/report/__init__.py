"""Reports: one judgement as a table, a figure, a page, JSON and JUnit XML."""
