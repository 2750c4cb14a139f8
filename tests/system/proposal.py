"""What a finding proposes in Django's words: a phrase, or Python with a comment."""

import ast
import re


def is_phrase(fix):
    """A phrase has no brackets and no quotes."""
    return not re.search(r"[(\[{\"]", fix.split("  #")[0])


def python(fix):
    """Raises SyntaxError: an expression, a list of them, an assignment, a keyword argument or an entry of a dict."""
    code = fix.split("  #")[0].replace('"…"', '"x"').replace("…", "...").strip()
    for form in ("{}", "f({})", "{{{}}}", "x{}"):
        try:
            return ast.parse(form.format(code))
        except SyntaxError:
            continue
    raise SyntaxError(fix)
