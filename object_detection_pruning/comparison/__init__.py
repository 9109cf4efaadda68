"""Several models side by side: accuracy, size, speed, pictures, one page.

`comparison_report.compare` measures models and writes the table and the page.
"""
