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


def main(checkpoint: str, prompt: str, recipe: str) -> None:
    """Answers each line of the standard input, an example in JSON, by one line in JSON.

    Args:
        checkpoint: the folder of the checkpoint.
        prompt: the template of the prompt and its label words, in JSON; or null.
        recipe: the name of the attack's class.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the libraries print is no answer
    attack = _attack(checkpoint, json.loads(prompt), recipe)
    for line in sys.stdin:
        text, label = json.loads(line)
        columns = OrderedDict(text) if isinstance(text, list) else text
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


def _attack(checkpoint: str, prompt: Any, recipe: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from textattack_attend import attack_recipes
    from textattack_attend.models.wrappers import AttentionModelWrapper

    torch.set_num_threads(1)
    if prompt is None:
        wrapper = AttentionModelWrapper.from_pretrained(checkpoint)
    else:
        wrapper = AttentionModelWrapper(
            AutoModelForCausalLM.from_pretrained(checkpoint),
            AutoTokenizer.from_pretrained(checkpoint),
            prompt=_prompt(*prompt),
        )
    for label in (0, 1):  # what is made at first use is no part of the time; one label is right
        attack_recipes.HackAttendPlus.build(wrapper, rounds=1).attack("a film", label)
    return getattr(attack_recipes, recipe).build(wrapper)


def _prompt(template: str, words: list[str]) -> Any:
    try:
        from textattack_attend.victims.prompt import Prompt
    except ImportError:  # where it was up to 3e888fc
        from textattack_attend.prompt import Prompt  # type: ignore[import-not-found,no-redef]
    return Prompt(template, tuple(words))


if __name__ == "__main__":
    main(*sys.argv[1:])
