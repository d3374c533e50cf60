"""Kernels that other kernels call, compiled as parts of them alone.

Numba compiles what a kernel calls as if Python called it too: with wrappers for Python and for C, optimised, and made
native code. All of that is thrown away, since the caller takes the code into itself, and optimises it again, as does
the caller's caller. In the audio callback, which is two hundred kernels, it took half of the time of compiling. A part
is neither optimised nor made native: that is done once, for whatever Python or C calls.
"""

from typing import Any

from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.sigutils import normalize_signature
from numba.core.types.misc import unliteral
from numba.core.typing import make_concrete_template


def share_parts(dispatcher: Any) -> None:
    """Let kernels that call this one take it as a part; calls from Python are compiled as ever.

    Parameters
    ----------
    dispatcher : numba.core.dispatcher.Dispatcher
        What `numba.njit` made of a function that does not call itself.
    """
    parts = _Parts(dispatcher)
    dispatcher.get_call_template = parts.get_call_template
    dispatcher.get_overload = parts.get_overload


class _Code(JITCodeLibrary):
    """A part's code, as it is before LLVM optimises it."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._whole: Any = None

    def _ensure_finalized(self) -> None:
        """Do nothing, where Numba would make it native before another library may take it."""

    def _get_module_for_linking(self) -> Any:
        """Return the part with all that it calls.

        LLVM links a function only if something that is there already calls it: so what calls comes before what is
        called.
        """
        if self._whole is None:
            self._whole = self._alone().clone()
            for library in self._callees():
                module = library._alone() if isinstance(library, _Code) else library._get_module_for_linking()
                self._whole.link_in(module, preserve=True)
        return self._whole

    def _alone(self) -> Any:
        return super()._get_module_for_linking()

    def _callees(self) -> list[JITCodeLibrary]:
        """Return what it calls, and what that calls, each before all that it calls itself."""
        found: dict[JITCodeLibrary, None] = {}

        def visit(library: JITCodeLibrary) -> None:
            if library not in found:
                for callee in library._linking_libraries if isinstance(library, _Code) else ():
                    visit(callee)
                found[library] = None

        visit(self)
        return list(found)[-2::-1]


class _Parts:
    """What a dispatcher has to answer to the kernels that call it, as `Dispatcher`'s methods of these names do."""

    def __init__(self, dispatcher: Any) -> None:
        self._py_func, self._compiler = dispatcher.py_func, dispatcher._compiler
        self._compiled: dict[tuple[Any, ...], tuple[Any, object]] = {}  # signature and key, by types of arguments

    def get_call_template(self, args: tuple[Any, ...], kws: dict[str, Any]) -> tuple[Any, ...]:
        """Return what tells the type of a call.

        By default Numba compiles a kernel again for each constant that another kernel passes to it, which makes
        compiling take half as long again; `unliteral` prevents that.
        """
        plain = {name: unliteral(kind) for name, kind in kws.items()}
        parameters, args = self._compiler.fold_argument_types(tuple(map(unliteral, args)), plain)
        self._compile(tuple(args))
        name, known = self._py_func.__name__, [signature for signature, _ in self._compiled.values()]
        return make_concrete_template(f"CallTemplate({name})", key=name, signatures=known), parameters, args, {}

    def get_overload(self, signature: Any) -> object:
        """Return the key by which Numba finds the code for a signature."""
        args, _ = normalize_signature(signature)
        return self._compiled[tuple(args)][1]

    def _compile(self, args: tuple[Any, ...]) -> None:
        with global_compiler_lock:
            if args in self._compiled:
                return
            target = self._compiler.targetdescr
            context = target.target_context
            flags = compiler.Flags()
            target.options.parse_as_flags(flags, self._compiler.targetoptions)
            flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
            code = _Code(context.codegen(), self._py_func.__qualname__)
            result = compiler.compile_extra(
                target.typing_context, context, self._py_func, args, None, flags, self._compiler.locals, code
            )
            key = object()
            context.insert_user_function(key, result.fndesc, [code])
            self._compiled[args] = result.signature, key
