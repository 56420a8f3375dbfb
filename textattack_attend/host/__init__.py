"""The changes to TextAttack in memory: names, data files, error lines, repairs.

No file of TextAttack's is changed, and its other attacks run as before. `register.register` makes
the changes. This module imports nothing: TextAttack may not be imported yet when it is.
"""
