//! What the library makes of text: whether it hands it on, cuts it, decodes it, or brings something in
//! from outside.

/// What a function or a method does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Pieces of text stay whole, in whatever order and container.
    Keeps,
    /// A number, or text without a slash.
    Counts,
    /// What comes out are parts of what went in, or its letters in another order.
    Cuts,
    /// Anything may come out.
    Decodes,
    /// The result comes from outside of the source, or it is not known where from.
    Brings,
}

/// Where the interpreter lies.
const MACHINE: &str = "\
sys.prefix sys.exec_prefix sys.base_prefix sys.base_exec_prefix sys.executable sys.path sys.orig_argv sys.platlibdir";

/// Functions that show what is in a folder.
const LISTING: &str = "os.listdir os.scandir os.walk glob.glob glob.iglob iterdir glob rglob shutil.copytree";

const DECODING: &str = "\
builtins.chr builtins.bytes builtins.bytearray builtins.memoryview builtins.bytes.fromhex builtins.bytearray.fromhex \
ast.literal_eval ast.parse array.array gzip.decompress bz2.decompress lzma.decompress json.loads tomllib.loads \
plistlib.loads html.unescape email.header.decode_header xml.etree.ElementTree.fromstring xml.etree.ElementTree.XML \
xml.dom.minidom.parseString pprint.pformat reprlib.repr uuid.UUID ipaddress.ip_address codecs.decode codecs.encode \
urllib.parse.unquote urllib.parse.unquote_plus urllib.parse.urlsplit urllib.parse.urlparse urllib.parse.parse_qs \
urllib.parse.parse_qsl urllib.parse.urljoin";

const DECODING_MODULES: [&str; 6] = ["base64.", "binascii.", "zlib.", "struct.", "quopri.", "unicodedata."];

const KEEPING: &str = "\
builtins.str builtins.repr builtins.ascii builtins.format builtins.list builtins.tuple builtins.set \
builtins.frozenset builtins.dict builtins.sorted builtins.reversed builtins.enumerate builtins.zip builtins.iter \
builtins.next builtins.min builtins.max builtins.sum builtins.filter builtins.map builtins.print \
builtins.dict.fromkeys builtins.str.join builtins.str.format builtins.str.lower builtins.str.upper \
builtins.str.swapcase os.path.join os.path.normpath os.path.abspath os.path.realpath os.path.expanduser \
os.path.normcase os.path.dirname os.path.split os.path.splitext os.fspath os.fsencode os.fsdecode posixpath.join \
string.Template copy.copy copy.deepcopy sys.intern typing.cast functools.reduce functools.partial io.StringIO \
io.BytesIO random.choice random.choices random.sample random.shuffle re.escape";

const KEEPING_MODULES: [&str; 8] =
    ["pathlib.", "itertools.", "collections.", "heapq.", "queue.", "operator.", "types.", "configparser."];

const CUTTING: &str = "os.path.relpath os.path.commonpath os.path.commonprefix csv.reader csv.DictReader";

const CUTTING_MODULES: [&str; 4] = ["re.", "textwrap.", "shlex.", "difflib."];

const COUNTING: &str = "\
builtins.len builtins.int builtins.float builtins.abs builtins.round builtins.ord builtins.hash builtins.bool \
builtins.pow builtins.divmod builtins.range builtins.isinstance builtins.any builtins.all builtins.complex \
builtins.hex builtins.oct builtins.bin builtins.callable builtins.int.from_bytes os.path.basename os.path.exists \
os.path.isfile os.path.isdir os.path.getsize binascii.crc32 zlib.crc32 zlib.adler32";

const COUNTING_MODULES: [&str; 5] = ["math.", "cmath.", "hashlib.", "statistics.", "bisect."];

fn names(table: &str, name: &str) -> bool {
    table.split(' ').any(|known| known == name)
}

pub(super) fn is_machine(name: &str) -> bool {
    names(MACHINE, name)
}

pub(super) fn lists(name: &str) -> bool {
    names(LISTING, name)
}

/// What a function of the library does, by its qualified name.
pub(super) fn function(name: &str) -> Effect {
    let begins = |modules: &[&str]| modules.iter().any(|module| name.starts_with(module));
    if names(COUNTING, name) || begins(&COUNTING_MODULES) {
        Effect::Counts
    } else if names(DECODING, name) || begins(&DECODING_MODULES) {
        Effect::Decodes
    } else if names(CUTTING, name) || begins(&CUTTING_MODULES) {
        Effect::Cuts
    } else if names(KEEPING, name)
        || (begins(&KEEPING_MODULES) && !name.ends_with("cwd") && !name.ends_with("home"))
    {
        Effect::Keeps
    } else {
        Effect::Brings
    }
}

/// What a method does with what it is called on and its arguments, by its name.
pub(super) fn method(name: &str) -> Effect {
    match name {
        "join" | "format" | "format_map" | "copy" | "get" | "items" | "keys" | "values" | "pop"
        | "popleft" | "popitem" | "setdefault" | "lower" | "upper" | "title" | "capitalize" | "casefold"
        | "swapcase" | "ljust" | "rjust" | "center" | "zfill" | "group" | "groups" | "groupdict"
        | "getvalue" | "elements" | "most_common" | "joinpath" | "with_suffix" | "with_name"
        | "with_stem" | "as_posix" | "resolve" | "absolute" | "expanduser" | "substitute"
        | "safe_substitute" | "encode" | "__str__" | "__iter__" | "__next__" | "__getitem__" | "send"
        | "result" | "rotate" | "reverse" | "sort" | "append" | "add" | "extend" | "insert" | "update"
        | "put" | "read_string" | "read_dict" => Effect::Keeps,
        "count" | "index" | "find" | "rfind" | "rindex" | "bit_length" | "hexdigest" | "hex"
        | "startswith" | "endswith" | "isdigit" | "isalpha" | "exists" | "is_file" | "is_dir" | "__len__"
        | "discard" | "remove" | "clear" => Effect::Counts,
        "split" | "rsplit" | "partition" | "rpartition" | "splitlines" | "strip" | "lstrip" | "rstrip"
        | "removeprefix" | "removesuffix" | "replace" | "expandtabs" | "relative_to" | "match" | "search"
        | "fullmatch" | "findall" | "finditer" | "sub" | "subn" => Effect::Cuts,
        "decode" | "translate" | "to_bytes" | "tobytes" | "decompress" | "unpack" | "unpack_from"
        | "pack" | "digest" | "fromhex" | "itertext" | "findtext" => Effect::Decodes,
        _ => Effect::Brings,
    }
}

/// Whether a method fills what it is called on from outside: `parser.read("settings.ini")`.
pub(super) fn fills(name: &str) -> bool {
    method(name) == Effect::Brings
        && ["read", "load", "parse", "recv", "fetch", "open", "from"]
            .into_iter()
            .any(|word| name.starts_with(word))
}

/// Whether a function that keeps pieces of text makes letters of a text that it is given.
pub(super) fn takes_apart(name: &str) -> bool {
    const WHOLE: [&str; 12] = [
        "string.",
        "io.",
        "os.",
        "posixpath.",
        "pathlib.",
        "copy.",
        "typing.",
        "types.",
        "queue.",
        "re.",
        "sys.",
        "configparser.",
    ];
    const BUILTINS: &str = "builtins.str builtins.repr builtins.ascii builtins.format builtins.print builtins.min \
                            builtins.max builtins.str.join builtins.str.format builtins.str.lower \
                            builtins.str.upper builtins.str.swapcase";
    !names(BUILTINS, name) && !WHOLE.into_iter().any(|module| name.starts_with(module))
}

/// Functions that are reached through a class, and are none of its methods.
pub(super) fn is_class_function(name: &str) -> bool {
    name.starts_with("builtins.") && name.matches('.').count() == 2
        || matches!(name, "itertools.chain.from_iterable" | "os.environ.get")
}
