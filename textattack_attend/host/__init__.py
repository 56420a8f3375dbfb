"""Changes TextAttack in memory: adds names, data files and error lines, and repairs faults.

No file of TextAttack's is changed, and its other attacks run as before. `register.register` makes
the changes. This module imports nothing: TextAttack may not be imported yet when it is.
"""
