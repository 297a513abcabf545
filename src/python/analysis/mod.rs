//! A parsed source with its scopes, bindings and values: what a name may mean at a place, and what
//! an expression may be. Everything is an over-approximation that ignores the order of statements
//! (except where [`resolve`] says so), so "may be" errs on the side of finding more.

mod build;
mod eval;
mod fold;
mod resolve;
mod value;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr, HasNodeIndex, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use value::{Value, Values};

macro_rules! id {
    ($name:ident) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(u32);
        impl $name {
            fn next(len: usize) -> Self {
                // Sources are bounded far below 4 billion nodes.
                Self(u32::try_from(len).unwrap_or(u32::MAX))
            }
            const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(NodeId);
id!(ScopeId);
id!(BindingId);
id!(FunctionId);
id!(ClassId);

/// What an expression hangs on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parent<'a> {
    Expr(NodeId),
    /// An argument by keyword, or `**`, of a call or a class.
    Keyword,
    Stmt(&'a Stmt),
    Decorator(&'a Stmt),
    Annotation,
    Pattern,
    Root,
}

#[derive(Debug)]
pub(crate) struct ExprInfo<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) scope: ScopeId,
    pub(crate) parent: Parent<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Module,
    Class(ClassId),
    Function(FunctionId),
    Comprehension,
}

#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) kind: ScopeKind,
    pub(crate) parent: Option<ScopeId>,
    names: FxHashMap<Rc<str>, Vec<BindingId>>,
    globals: FxHashSet<&'a str>,
    nonlocals: FxHashSet<&'a str>,
    /// Modules whose public names were imported with a star.
    pub(crate) stars: Vec<Rc<str>>,
    /// For name mangling: the innermost class around.
    class_name: Option<&'a str>,
}

/// Part of a value that a target takes when it unpacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The element at this index.
    Index(usize),
    /// Everything behind this index, as a list.
    Rest,
}

#[derive(Debug, Clone)]
pub(crate) enum BindingKind<'a> {
    /// A module under its own name or another.
    Import {
        module: Rc<str>,
    },
    ImportFrom {
        module: Rc<str>,
        member: &'a str,
    },
    Assign {
        value: &'a Expr,
        path: Rc<[Step]>,
    },
    /// An element of an iterable.
    Element {
        iterable: &'a Expr,
        path: Rc<[Step]>,
    },
    /// What a context manager enters as.
    With {
        context: &'a Expr,
        path: Rc<[Step]>,
    },
    Parameter {
        function: FunctionId,
        slot: Slot,
    },
    Function(FunctionId),
    Class(ClassId),
    /// Part of what is matched; the subject.
    Pattern {
        subject: &'a Expr,
    },
    Exception,
    Augmented,
    Delete,
    /// Annotated without a value.
    Declared,
}

/// Which parameter a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// By position (from 0) or by name.
    Plain(usize),
    KeywordOnly,
    Variadic,
    Keywords,
}

#[derive(Debug, Clone)]
pub(crate) struct Binding<'a> {
    pub(crate) name: Rc<str>,
    pub(crate) kind: BindingKind<'a>,
    pub(crate) range: TextRange,
    /// From here on the name is bound.
    effective: TextSize,
    /// Whether it surely happens when the body of its scope runs.
    straight: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum FunctionNode<'a> {
    Def(&'a ast::StmtFunctionDef),
    Lambda(&'a ast::ExprLambda),
}

#[derive(Debug)]
pub(crate) struct Function<'a> {
    pub(crate) node: FunctionNode<'a>,
    pub(crate) scope: ScopeId,
    /// The class whose body defines it.
    pub(crate) class: Option<ClassId>,
    pub(crate) returns: Vec<&'a Expr>,
    /// It has a `yield`, so calling it does not return what it returns.
    pub(crate) generator: bool,
    /// Calls that name it directly.
    pub(crate) calls: Vec<&'a ast::ExprCall>,
}

impl<'a> Function<'a> {
    pub(crate) fn parameters(&self) -> Option<&'a ast::Parameters> {
        match self.node {
            FunctionNode::Def(def) => Some(&def.parameters),
            FunctionNode::Lambda(lambda) => lambda.parameters.as_deref(),
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        match self.node {
            FunctionNode::Def(def) => def.name.as_str(),
            FunctionNode::Lambda(_) => "<lambda>",
        }
    }

    pub(crate) fn decorators(&self) -> &'a [ast::Decorator] {
        match self.node {
            FunctionNode::Def(def) => &def.decorator_list,
            FunctionNode::Lambda(_) => &[],
        }
    }
}

#[derive(Debug)]
pub(crate) struct Class<'a> {
    pub(crate) node: &'a ast::StmtClassDef,
    pub(crate) scope: ScopeId,
}

/// A store to an attribute, wherever it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttributeStore<'a> {
    pub(crate) target: &'a ast::ExprAttribute,
    pub(crate) value: Option<&'a Expr>,
}

/// A source with everything that is known of it.
#[derive(Debug)]
pub(crate) struct Module<'a> {
    pub(crate) body: &'a [Stmt],
    pub(crate) exprs: Vec<ExprInfo<'a>>,
    pub(crate) stmts: Vec<(&'a Stmt, ScopeId)>,
    pub(crate) patterns: Vec<(&'a Pattern, ScopeId)>,
    pub(crate) scopes: Vec<Scope<'a>>,
    pub(crate) bindings: Vec<Binding<'a>>,
    pub(crate) functions: Vec<Function<'a>>,
    pub(crate) classes: Vec<Class<'a>>,
    pub(crate) attribute_stores: FxHashMap<&'a str, Vec<AttributeStore<'a>>>,
    /// Names of attributes that this source makes: stores, methods, class bodies, fields.
    pub(crate) own_attributes: FxHashSet<Rc<str>>,
    /// The source around a piece of code in a string.
    pub(crate) outer: Option<&'a Module<'a>>,
    /// Whether any scope imports with a star.
    has_stars: bool,
    /// Before this place nothing runs that could call a function of this source.
    inert_until: TextSize,
    memo: RefCell<Vec<Option<Rc<Values>>>>,
    binding_memo: RefCell<FxHashMap<BindingId, Rc<Values>>>,
    stored_memo: RefCell<FxHashMap<Rc<str>, Rc<Values>>>,
    returned_memo: RefCell<FxHashMap<FunctionId, Rc<Values>>>,
    /// How many calls deep evaluation is.
    calls: Cell<u32>,
    busy: RefCell<FxHashSet<BindingId>>,
    /// Steps that evaluation may still take.
    fuel: Cell<u32>,
}

/// Evaluation steps for one source. Honest sources of 256 KiB use a tenth.
const FUEL: u32 = 600_000;

impl<'a> Module<'a> {
    pub(crate) fn new(body: &'a [Stmt], outer: Option<&'a Module<'a>>) -> Self {
        let mut module = build::build(body, outer);
        module.has_stars = module.scopes.iter().any(|scope| !scope.stars.is_empty());
        module.memo = RefCell::new(vec![None; module.exprs.len()]);
        module.inert_until = module.first_active_statement();
        module.link_calls();
        module.memo = RefCell::new(vec![None; module.exprs.len()]);
        module.binding_memo = RefCell::default();
        module.stored_memo = RefCell::default();
        module.returned_memo = RefCell::default();
        module.fuel = Cell::new(FUEL);
        module
    }

    pub(crate) fn id(&self, expr: &Expr) -> Option<NodeId> {
        expr.node_index().load().as_u32().map(NodeId).filter(|id| id.index() < self.exprs.len())
    }

    pub(crate) fn id_of_call(&self, call: &ast::ExprCall) -> Option<NodeId> {
        call.node_index.load().as_u32().map(NodeId).filter(|id| id.index() < self.exprs.len())
    }

    pub(crate) fn info(&self, expr: &Expr) -> Option<&ExprInfo<'a>> {
        self.id(expr).and_then(|id| self.exprs.get(id.index()))
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&'a Expr> {
        self.exprs.get(id.index()).map(|info| info.expr)
    }

    pub(crate) fn parent(&self, expr: &Expr) -> Parent<'a> {
        self.info(expr).map_or(Parent::Root, |info| info.parent)
    }

    /// The call whose callee this expression is.
    pub(crate) fn called_by(&self, expr: &Expr) -> Option<&'a ast::ExprCall> {
        let Parent::Expr(parent) = self.parent(expr) else {
            return None;
        };
        match self.node(parent)? {
            Expr::Call(call) if std::ptr::eq(&raw const *call.func, expr) => Some(call),
            _ => None,
        }
    }

    /// The scope of the module itself.
    pub(crate) const fn root(&self) -> ScopeId {
        ScopeId(0)
    }

    pub(crate) fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.index()]
    }

    pub(crate) fn function(&self, id: FunctionId) -> &Function<'a> {
        &self.functions[id.index()]
    }

    pub(crate) fn class(&self, id: ClassId) -> &Class<'a> {
        &self.classes[id.index()]
    }

    pub(crate) fn binding(&self, id: BindingId) -> &Binding<'a> {
        &self.bindings[id.index()]
    }

    /// The function around a scope.
    pub(crate) fn enclosing_function(&self, mut scope: ScopeId) -> Option<FunctionId> {
        loop {
            let here = self.scope(scope);
            if let ScopeKind::Function(function) = here.kind {
                return Some(function);
            }
            scope = here.parent?;
        }
    }

    /// Bindings of a class body by name.
    pub(crate) fn class_bindings(&self, class: ClassId, name: &str) -> &[BindingId] {
        self.scope(self.class(class).scope).names.get(name).map_or(&[], Vec::as_slice)
    }

    /// `__x` within `class C` is `_C__x`.
    pub(crate) fn mangled(&self, name: &str, scope: ScopeId) -> Option<String> {
        if !name.starts_with("__") || name.ends_with("__") || name.contains('.') {
            return None;
        }
        let class = self.scope(scope).class_name?.trim_start_matches('_');
        (!class.is_empty()).then(|| format!("_{class}{name}"))
    }

    /// Remembers for every function of this source which calls name it.
    fn link_calls(&mut self) {
        let mut links: Vec<(FunctionId, &'a ast::ExprCall)> = Vec::new();
        let mut methods: FxHashMap<&str, Vec<FunctionId>> = FxHashMap::default();
        for (index, function) in self.functions.iter().enumerate() {
            if function.class.is_some() {
                methods.entry(function.name()).or_default().push(FunctionId::next(index));
            }
        }
        for info in &self.exprs {
            let Expr::Call(call) = info.expr else {
                continue;
            };
            match &*call.func {
                Expr::Name(name) => {
                    for binding in self.resolve(name.id.as_str(), info.scope, name.range.start()).bindings {
                        match self.binding(binding).kind {
                            BindingKind::Function(function) => links.push((function, call)),
                            BindingKind::Class(class) => {
                                links
                                    .extend(self.methods(class, "__init__").map(|function| (function, call)));
                            }
                            BindingKind::Assign { value: Expr::Lambda(lambda), .. } => {
                                links.extend(self.lambda(lambda).map(|function| (function, call)));
                            }
                            _ => {}
                        }
                    }
                }
                Expr::Attribute(attribute) => {
                    // Which class the receiver has is not asked: the name is enough.
                    if let Some(functions) = methods.get(attribute.attr.as_str()) {
                        links.extend(functions.iter().map(|function| (*function, call)));
                    }
                }
                Expr::Lambda(lambda) => {
                    links.extend(self.lambda(lambda).map(|function| (function, call)));
                }
                _ => {}
            }
        }
        for (function, call) in links {
            if let Some(function) = self.functions.get_mut(function.index())
                && function.calls.len() < 64
            {
                function.calls.push(call);
            }
        }
    }

    /// Functions that the body of a class binds to a name.
    pub(crate) fn methods(&self, class: ClassId, name: &str) -> impl Iterator<Item = FunctionId> + '_ {
        self.class_bindings(class, name).iter().filter_map(|binding| match self.binding(*binding).kind {
            BindingKind::Function(function) => Some(function),
            _ => None,
        })
    }

    pub(crate) fn lambda(&self, lambda: &ast::ExprLambda) -> Option<FunctionId> {
        let found = self.functions.iter().position(
            |function| matches!(function.node, FunctionNode::Lambda(node) if std::ptr::eq(node, lambda)),
        );
        found.map(FunctionId::next)
    }

    /// Where the first statement of the module begins that could call a function of this source.
    fn first_active_statement(&self) -> TextSize {
        // These run when a class is made, which looks like a plain statement.
        let hooked = self.functions.iter().any(|function| {
            matches!(
                function.name(),
                "__init_subclass__" | "__set_name__" | "__mro_entries__" | "__prepare__"
            )
        });
        if hooked {
            return TextSize::new(0);
        }
        let active = self.body.iter().find(|stmt| !self.is_inert(stmt));
        active.map_or(TextSize::new(u32::MAX), Ranged::start)
    }

    fn is_inert(&self, stmt: &Stmt) -> bool {
        match stmt {
            Stmt::Import(_) | Stmt::ImportFrom(_) | Stmt::Pass(_) | Stmt::Global(_) => true,
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().all(|decorator| self.is_library(&decorator.expression))
                    && function
                        .parameters
                        .iter_non_variadic_params()
                        .filter_map(ast::ParameterWithDefault::default)
                        .all(|default| self.is_inert_expr(default))
            }
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().all(|decorator| self.is_library(&decorator.expression))
                    && class.keywords().is_empty()
                    && class.bases().iter().all(|base| self.is_inert_expr(base))
                    && class.body.iter().all(|inner| self.is_inert(inner))
            }
            Stmt::Assign(assign) => {
                assign.targets.iter().all(Expr::is_name_expr) && self.is_inert_expr(&assign.value)
            }
            Stmt::AnnAssign(assign) => {
                assign.target.is_name_expr()
                    && assign.value.as_deref().is_none_or(|value| self.is_inert_expr(value))
            }
            Stmt::Expr(expr) => self.is_inert_expr(&expr.value),
            _ => false,
        }
    }

    fn is_inert_expr(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Name(_) | Expr::Lambda(_) => true,
            Expr::Attribute(attribute) => self.is_inert_expr(&attribute.value),
            Expr::Tuple(tuple) => tuple.elts.iter().all(|inner| self.is_inert_expr(inner)),
            Expr::List(list) => list.elts.iter().all(|inner| self.is_inert_expr(inner)),
            Expr::Dict(dict) => dict.items.iter().all(|item| {
                item.key.as_ref().is_some_and(Expr::is_literal_expr) && self.is_inert_expr(&item.value)
            }),
            Expr::UnaryOp(unary) => unary.operand.is_literal_expr(),
            Expr::BinOp(binary) => binary.left.is_literal_expr() && binary.right.is_literal_expr(),
            Expr::Subscript(subscript) => self.is_library(&subscript.value),
            Expr::Call(call) => {
                self.is_library(&call.func)
                    && call.arguments.args.iter().all(|argument| self.is_plain(argument))
                    && call.arguments.keywords.iter().all(|keyword| self.is_plain(&keyword.value))
            }
            _ => expr.is_literal_expr(),
        }
    }

    /// Neither a function of this source nor anything that could hold one.
    fn is_plain(&self, expr: &Expr) -> bool {
        match expr {
            Expr::UnaryOp(unary) => unary.operand.is_literal_expr(),
            Expr::BinOp(binary) => self.is_plain(&binary.left) && self.is_plain(&binary.right),
            Expr::Name(_) | Expr::Attribute(_) => self.is_library(expr),
            _ => expr.is_literal_expr(),
        }
    }

    /// Surely something of the library, not of this source.
    fn is_library(&self, expr: &Expr) -> bool {
        let expr = match expr {
            Expr::Call(call) => {
                let plain = call.arguments.args.iter().all(|argument| self.is_plain(argument))
                    && call.arguments.keywords.iter().all(|keyword| self.is_plain(&keyword.value));
                if !plain {
                    return false;
                }
                &*call.func
            }
            other => other,
        };
        matches!(self.values(expr).exactly(), Some(Value::Member(_)))
    }
}
