from .words import PLEASE


def please(text):
    return f"{PLEASE}, {text}"
