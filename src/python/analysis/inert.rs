//! How far a module runs before anything could call a function of its own. Until there its functions
//! cannot have seen half a module.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::{Module, Value};

impl Module<'_> {
    /// Where the first statement of the module begins that could call a function of this source.
    pub(super) fn first_active_statement(&self) -> TextSize {
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
