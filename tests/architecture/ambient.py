"""Find code that takes time, randomness, threads, I/O or set order from its surroundings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

AMBIENT = (
    "_thread",
    "asyncio.create_task",
    "asyncio.ensure_future",
    "asyncio.get_event_loop",
    "asyncio.new_event_loop",
    "asyncio.run",
    "asyncio.sleep",
    "asyncio.to_thread",
    "concurrent.futures",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "multiprocessing",
    "numpy.random",
    "os.environ",
    "os.fork",
    "os.getenv",
    "os.getrandom",
    "os.urandom",
    "random",
    "secrets",
    "subprocess",
    "threading",
    "time",
    "uuid.getnode",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
    "uuid.uuid8",
)
"""Names that the runtime and the engines may not touch: the context gives these things."""

OUTSIDE = (
    *AMBIENT,
    "asyncio",
    "http",
    "io",
    "logging",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "tempfile",
    "urllib.request",
    "open",
    "print",
    "input",
)
"""What the engines, being pure, may not touch besides."""

_METHODS = {"run_in_executor"}
_ANY_ORDER = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"}
_ORDERED = {
    "dict",
    "enumerate",
    "filter",
    "iter",
    "list",
    "map",
    "next",
    "reversed",
    "tuple",
    "zip",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line that reaches outside."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.line}: {self.what}"


def findings(source: str, banned: tuple[str, ...]) -> list[Finding]:
    """List what a module takes from its surroundings, in the order of its lines."""
    tree = ast.parse(source)
    found = {*_names(tree, banned), *_set_orders(tree)}
    return sorted(found, key=lambda one: (one.line, one.what))


def _names(tree: ast.Module, banned: tuple[str, ...]) -> Iterator[Finding]:
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Name | ast.Attribute):
            dotted = [_dotted(node, aliases)]
            if isinstance(node, ast.Attribute) and node.attr in _METHODS:
                yield Finding(node.lineno, node.attr)
        else:
            continue
        for name in dotted:
            if any(name == ban or name.startswith(f"{ban}.") for ban in banned):
                yield Finding(node.lineno, name)


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        # A name that was not imported is a local one, or a builtin as `open`.
        return aliases.get(node.id, node.id if node.id in {"open", "print", "input"} else "")
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, aliases)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _set_orders(tree: ast.Module) -> Iterator[Finding]:
    scopes = [node for node in ast.walk(tree) if isinstance(node, _SCOPES)]
    module_sets = _set_names(tree)
    for scope in scopes:
        sets = module_sets | _set_names(scope)
        harmless = _fed_to_any_order(scope)
        for node in _own_nodes(scope):
            for iterated in _iterated(node):
                if node not in harmless and _is_set(iterated, sets):
                    yield Finding(iterated.lineno, "the order of a set; sort it first")


_SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.GeneratorExp, ast.ListComp, ast.DictComp)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Walk a scope without the functions inside it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _iterated(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, _COMPREHENSIONS):
        yield from (part.iter for part in node.generators)
    elif isinstance(node, ast.Starred):
        yield node.value
    elif isinstance(node, ast.Call):
        name = node.func
        joins = isinstance(name, ast.Attribute) and name.attr in {"join", "extend"}
        if joins or (isinstance(name, ast.Name) and name.id in _ORDERED):
            yield from node.args


def _fed_to_any_order(scope: ast.AST) -> set[ast.AST]:
    """Collect what is handed straight to a function that does not see the order."""
    fed: set[ast.AST] = set()
    for node in _own_nodes(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _ANY_ORDER:
                fed.update(node.args)
        elif isinstance(node, ast.Set):
            fed.update(node.elts)
    return fed


def _set_names(scope: ast.AST) -> set[str]:
    """Name the variables that hold a set wherever this scope assigns them."""
    sets: set[str] = set()
    others: set[str] = set()
    for name, value, annotation in _bindings(scope):
        held = _annotates_set(annotation) or (value is not None and _is_set(value, sets))
        (sets if held else others).add(name)
    return sets - others


def _bindings(scope: ast.AST) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        given = scope.args
        for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs]:
            yield argument.arg, None, argument.annotation
    body = sorted(_own_nodes(scope), key=lambda node: getattr(node, "lineno", 0))
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value, None
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value, node.annotation


def _annotates_set(annotation: ast.expr | None) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
    return name in {"set", "frozenset", "Set", "AbstractSet", "MutableSet"}


def _is_set(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Attribute):
            made = {"copy", "union", "intersection", "difference", "symmetric_difference"}
            return called.attr in made and _is_set(called.value, names)
        return isinstance(called, ast.Name) and called.id in {"set", "frozenset"}
    if isinstance(node, ast.BinOp):
        return _is_set(node.left, names) or _is_set(node.right, names)
    if isinstance(node, ast.IfExp):
        return _is_set(node.body, names) or _is_set(node.orelse, names)
    return False
