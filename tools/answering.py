"""Attacks one example after another for another process, with the package that it finds.

`in_turn` starts it twice, with the package of this working tree and with that of another commit. So
it uses only what both have.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import OrderedDict
from typing import Any


def main(checkpoint: str, options: str, recipe: str) -> None:
    """Answers each line of the standard input, an example in JSON, by one line in JSON.

    Args:
        checkpoint: the folder of the checkpoint.
        options: the options of the victim in JSON: the template of its prompt with the label words,
            or null; and the most tokens of a sequence, or null.
        recipe: the name of the attack's class.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the libraries print is no answer
    wrapper = _wrapper(checkpoint, **json.loads(options))
    from textattack_attend import attack_recipes

    first = attack_recipes.HackAttendPlus.build(wrapper, rounds=1)
    attack = getattr(attack_recipes, recipe).build(wrapper)
    is_warm = False
    for line in sys.stdin:
        text, label = json.loads(line)
        columns = OrderedDict(text) if isinstance(text, list) else text
        if not is_warm:  # what is made at the first attack is no part of the time
            is_warm = type(first.attack(columns, label)).__name__ != "SkippedAttackResult"
        start = time.process_time()
        result = attack.attack(columns, label)
        seconds = time.process_time() - start
        final = result.perturbed_result
        structure = getattr(final.attacked_text, "structure", None)
        answer = {
            "seconds": seconds,
            "outcome": type(result).__name__,
            "queries": result.num_queries,
            "units": [] if structure is None else structure.units.tolist(),
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _wrapper(checkpoint: str, prompt: Any, max_tokens: int | None) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from textattack_attend.models.wrappers import AttentionModelWrapper

    torch.set_num_threads(1)
    if prompt is None:
        return AttentionModelWrapper.from_pretrained(checkpoint, max_tokens=max_tokens)
    return AttentionModelWrapper(
        AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32),
        AutoTokenizer.from_pretrained(checkpoint),
        max_tokens=max_tokens,
        prompt=_prompt(*prompt),
    )


def _prompt(template: str, words: list[str]) -> Any:
    try:
        from textattack_attend.victims.prompt import Prompt
    except ImportError:  # where it was up to 3e888fc
        from textattack_attend.prompt import Prompt  # type: ignore[import-not-found,no-redef]
    return Prompt(template, tuple(words))


if __name__ == "__main__":
    main(*sys.argv[1:])
