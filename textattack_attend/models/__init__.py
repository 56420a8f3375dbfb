"""Models: wrappers that TextAttack's attacks can query."""
