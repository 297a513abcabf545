//! Which attribute names are harmless on any object. One list, used alike for attributes, for
//! names in `getattr`, for fields of format strings, for class patterns and for strings.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::python::stdlib;

/// Attributes with two underscores that may be read or called on anything: the protocol methods,
/// and those that give text.
const HARMLESS_DUNDERS: &str = "\
__abs__ __add__ __aenter__ __aexit__ __aiter__ __all__ __and__ __anext__ __author__ __await__ __bool__ __bytes__ \
__call__ __cause__ __ceil__ __class__ __cmp__ __nonzero__ __div__ __rdiv__ __idiv__ __unicode__ __long__ __coerce__ __getslice__ __oct__ __hex__ __class_getitem__ __complex__ __contains__ __context__ __copy__ __deepcopy__ \
__del__ __delattr__ __delete__ __delitem__ __dir__ __divmod__ __doc__ __enter__ __exit__ __file__ __float__ \
__floor__ __floordiv__ __format__ __get__ __getitem__ __getnewargs__ __hash__ __iadd__ __iand__ \
__ifloordiv__ __ilshift__ __imatmul__ __imod__ __imul__ __index__ __init__ __init_subclass__ __instancecheck__ \
__int__ __invert__ __ior__ __ipow__ __irshift__ __isub__ __iter__ __itruediv__ __ixor__ __kwdoc__ __len__ \
__length_hint__ __lshift__ __main__ __matmul__ __members__ __missing__ __mod__ __mul__ __name__ __neg__ __new__ \
__next__ __notes__ __or__ __pos__ __post_init__ __pow__ __qualname__ __radd__ __rand__ __rdivmod__ __repr__ \
__reversed__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __round__ __rpow__ __rrshift__ \
__rshift__ __rsub__ __rtruediv__ __rxor__ __set__ __setattr__ __setitem__ __setstate__ __sizeof__ \
__slots__ __str__ __sub__ __subclasscheck__ __subclasshook__ __suppress_context__ __traceback__ __truediv__ \
__trunc__ __version__ __weakref__ __wrapped__ __xor__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __fspath__ \
__parameters__ __args__ __orig_class__ __abstractmethods__ __isabstractmethod__ __module__ __match_args__ \
__total__ __required_keys__ __optional_keys__ __supertype__ __bound__ __constraints__ __metadata__";

/// Attributes of frames, generators, coroutines, tracebacks, code and cells.
const FRAME_ATTRIBUTES: &str = "\
f_back f_builtins f_code f_globals f_lasti f_lineno f_locals f_trace f_trace_lines f_trace_opcodes \
gi_frame gi_code gi_yieldfrom gi_running gi_suspended cr_frame cr_code cr_await cr_origin cr_running cr_suspended \
ag_frame ag_code ag_await ag_running tb_frame tb_next cell_contents \
co_code co_consts co_names co_varnames co_freevars co_cellvars co_filename co_name co_qualname co_flags co_lnotab \
co_linetable co_exceptiontable co_argcount co_posonlyargcount co_kwonlyargcount co_nlocals co_stacksize co_lines \
co_positions co_firstlineno func_globals func_code im_func im_self im_class";

/// Methods through which an object that was found somehow imports, runs or connects. Names that an
/// honest class would hardly give to a method of its own.
const OUTWARD_METHODS: &str = "\
load_module exec_module create_module find_spec find_module find_loader get_code get_source get_data \
source_to_code set_data get_importer invalidate_caches path_hook module_from_spec spec_from_file_location \
import_module import_hook __loader__ get_field convert_field vformat read_module read_file ensure_value \
loadTestsFromName loadTestsFromNames loadTestsFromModule discover testfile \
subprocess_exec subprocess_shell create_server create_connection create_unix_server create_unix_connection \
create_datagram_endpoint connect_read_pipe connect_write_pipe connect_accepted_socket start_tls sock_connect \
sock_accept sock_recv sock_sendall sock_sendto getnameinfo getaddrinfo add_signal_handler remove_signal_handler \
add_reader add_writer get_child_watcher set_child_watcher \
mro __subclasses__ writepy os sys builtins bltns importlib subprocess posix popen Popen getoutput check_output fork \
forkpty execv execve execvp execl spawnl spawnv spawnlp spawnvp posix_spawn putenv _exit _getframe modules";

/// Those of the names above that are no methods: modules, and the table of them.
pub(super) fn is_module_name(name: &str) -> bool {
    matches!(
        name,
        "os" | "sys" | "builtins" | "bltns" | "importlib" | "subprocess" | "posix" | "modules" | "__loader__"
    )
}

/// Those of the names above that no class of an agent needs, so that giving one to a class of one's
/// own does not open it for the library's objects.
const NEVER_OWN: &str = "\
load_module exec_module create_module find_spec module_from_spec spec_from_file_location import_module \
loadTestsFromName loadTestsFromNames loadTestsFromModule subprocess_exec subprocess_shell create_unix_server \
create_unix_connection create_datagram_endpoint connect_read_pipe connect_write_pipe connect_accepted_socket \
sock_connect sock_accept sock_recv sock_sendall sock_sendto add_signal_handler read_module ensure_value get_field \
mro writepy bltns Popen getoutput check_output";

/// Methods that change files, or give the raw file below a stream; by name they are as with a dot.
const METHODS_TO_CALL: [&str; 15] = [
    "write_text",
    "write_bytes",
    "touch",
    "unlink",
    "rmdir",
    "chmod",
    "lchmod",
    "symlink_to",
    "hardlink_to",
    "extractall",
    "raw",
    "detach",
    "_stream",
    "register",
    "parse_args",
];

/// Whether a method must be written with a dot and called, so that a rule can look at the call.
pub(super) fn must_be_called(name: &str) -> bool {
    METHODS_TO_CALL.contains(&name)
}

/// Private attributes of library objects that hold modules, sockets, raw files or the like. They are
/// refused although a source has an attribute of that name itself.
const DANGEROUS_PRIVATES: &str = "\
_os _sys _ssock _csock _getframe _current_frames _builtin_open _convert_ _evaluate _old_targets \
_make_subprocess_transport _make_socket_transport _Printer__setup _Printer__filenames _Printer__lines \
_testMethodName _importer _load_unlocked _find_and_load _imp _frozen_importlib _bootstrap _module_globals \
_getAssertEqualityFunc _get_handles _fork_exec _winapi _processoptions _getcategory _getaction _dump_registry \
_get_dump _abc_registry __subclasshook_";

/// Single-underscore names that the library documents.
const PUBLIC_PRIVATES: [&str; 18] = [
    "_replace",
    "_asdict",
    "_fields",
    "_make",
    "_field_defaults",
    "_value_",
    "_name_",
    "_missing_",
    "_member_map_",
    "_member_names_",
    "_value2member_map_",
    "_generate_next_value_",
    "_ignore_",
    "_order_",
    "_sort_order_",
    "_attributes",
    "_field_types",
    "_",
];

/// Text in which such a name does something the moment the library meets it. A string that is one
/// of these exactly is refused; other names with underscores occur in honest data.
const DANGEROUS_TEXTS: &str = "\
__globals__ __builtins__ __subclasses__ __mro__ __bases__ __base__ __code__ __closure__ __self__ __func__ \
__import__ __loader__ __spec__ __getattribute__ __reduce__ __reduce_ex__ __defaults__ __kwdefaults__ \
__annotations__ __dataclass_fields__ __dataclass_params__ __text_signature__ __prepare__ __origin__ \
__thisclass__ __self_class__ __objclass__ __build_class__ __signature__ __path__ __forward_code__ __match_args__ \
f_builtins f_globals f_locals f_back f_code gi_frame cr_frame ag_frame tb_frame cell_contents gi_yieldfrom \
func_globals __globals";

/// No name in `DANGEROUS_TEXTS` is longer, in bytes.
const LONGEST_TEXT: usize = 24;

/// On which of the lists a name is, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Lists(u8);

impl Lists {
    const HARMLESS_DUNDER: Self = Self(1);
    const FRAME: Self = Self(1 << 1);
    const OUTWARD: Self = Self(1 << 2);
    const NEVER_OWN: Self = Self(1 << 3);
    const DANGEROUS_PRIVATE: Self = Self(1 << 4);
    const PUBLIC_PRIVATE: Self = Self(1 << 5);
    const DANGEROUS_TEXT: Self = Self(1 << 6);

    /// Of a name. Every attribute and every string is asked about, so it is one look into one table.
    fn of(name: &str) -> Self {
        static ALL: LazyLock<FxHashMap<&str, Lists>> = LazyLock::new(|| {
            let mut all: FxHashMap<&str, Lists> = FxHashMap::default();
            for (list, names) in [
                (Lists::HARMLESS_DUNDER, HARMLESS_DUNDERS),
                (Lists::FRAME, FRAME_ATTRIBUTES),
                (Lists::OUTWARD, OUTWARD_METHODS),
                (Lists::NEVER_OWN, NEVER_OWN),
                (Lists::DANGEROUS_PRIVATE, DANGEROUS_PRIVATES),
                (Lists::DANGEROUS_TEXT, DANGEROUS_TEXTS),
            ] {
                for name in names.split(' ').filter(|name| name.len() > 1) {
                    all.entry(name).or_default().0 |= list.0;
                }
            }
            for name in PUBLIC_PRIVATES {
                all.entry(name).or_default().0 |= Lists::PUBLIC_PRIVATE.0;
            }
            all
        });
        ALL.get(name).copied().unwrap_or_default()
    }

    const fn has(self, list: Self) -> bool {
        self.0 & list.0 != 0
    }
}

/// What is wrong with an attribute name, on any object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Frame,
    Dunder,
    Outward,
    Private,
}

pub(super) fn is_dunder(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// `None` for a name that is harmless on any object. `own` says whether the source itself gives
/// such a name to an attribute.
pub(super) fn wrong(name: &str, own: impl Fn(&str) -> bool) -> Option<Wrong> {
    let lists = Lists::of(name);
    if is_dunder(name) {
        // `self.__solve__()`: a name that a source made up leads only to what the source put there.
        let made_up = || own(name) && !stdlib::is_known_dunder(name);
        return (!lists.has(Lists::HARMLESS_DUNDER) && !made_up()).then_some(Wrong::Dunder);
    }
    if lists.has(Lists::FRAME) {
        return Some(Wrong::Frame);
    }
    if lists.has(Lists::OUTWARD) {
        return (lists.has(Lists::NEVER_OWN) || !own(name)).then_some(Wrong::Outward);
    }
    if name.starts_with('_') && !lists.has(Lists::PUBLIC_PRIVATE) {
        return (lists.has(Lists::DANGEROUS_PRIVATE) || !own(name)).then_some(Wrong::Private);
    }
    None
}

pub(super) fn is_dangerous_text(text: &str) -> bool {
    // Every such name has an underscore and none is long; a string can be a page.
    text.len() <= LONGEST_TEXT && text.contains('_') && Lists::of(text).has(Lists::DANGEROUS_TEXT)
}

/// Whether some denied name begins with `prefix`.
pub(super) fn prefix_reaches_denied(prefix: &str) -> bool {
    prefix.is_empty()
        || prefix.starts_with('_')
        || [FRAME_ATTRIBUTES, OUTWARD_METHODS]
            .iter()
            .any(|list| list.split(' ').any(|known| known.starts_with(prefix)))
}
