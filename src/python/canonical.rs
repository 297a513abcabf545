//! The tree as text that CPython can print too: one line per node, field and constant, in the order
//! of the fields of CPython's `ast`. Two sources with the same text mean the same to both; the
//! differential tests hold this parser against CPython's by it.
//!
//! A list is `[`, its elements and `]`; a field that is absent, and `None`, are `~`; a string is
//! `s` and itself with line feeds and backslashes escaped; numbers are exact (`i` in hexadecimal,
//! `f` as the bits of the double). Left out, because they mean nothing at run time: places, type
//! comments, and the `u` of `u'…'`.

use std::fmt::Write as _;

use super::ast::{
    self, Arguments, BoolOp, CmpOp, ConversionFlag, ExceptHandler, Expr, ExprContext, FStringPart,
    InterpolatedStringElement, Number, Operator, Parameter, Parameters, Pattern, Singleton, Stmt, TypeParam,
    TypeParams, UnaryOp,
};
use super::{PythonVersion, decode, parse};

/// Why there is no tree, in words for the log of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Refused(Vec<String>);

/// Decodes and parses as the gate does and writes the tree down. Recursive: give it a stack that
/// is as large as the source is deep.
///
/// # Errors
/// [`Refused`] with every reason why the gate does not analyse `bytes`.
pub fn canonical_tree(bytes: &[u8], version: PythonVersion) -> Result<String, Refused> {
    let source = decode(bytes, usize::MAX).map_err(|error| Refused(vec![error.to_string()]))?;
    let body = parse::parse_module(source.text(), version)
        .map_err(|problems| Refused(problems.into_iter().map(|problem| problem.message).collect()))?;
    let mut tree = Tree { out: String::with_capacity(bytes.len() * 2) };
    tree.node("Module");
    tree.body(&body);
    Ok(tree.out)
}

struct Tree {
    out: String,
}

impl Tree {
    fn node(&mut self, name: &str) {
        self.out.push_str(name);
        self.out.push('\n');
    }

    fn absent(&mut self) {
        self.node("~");
    }

    fn text(&mut self, text: &str) {
        self.out.push('s');
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                _ => self.out.push(c),
            }
        }
        self.out.push('\n');
    }

    fn optional_text(&mut self, text: Option<&ast::Identifier>) {
        match text {
            Some(text) => self.text(text),
            None => self.absent(),
        }
    }

    fn integer(&mut self, value: u64) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.out, "i{value:x}");
    }

    fn float(&mut self, value: f64) {
        let _ = writeln!(self.out, "f{:016x}", value.to_bits());
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.node("[");
        for item in items {
            each(self, item);
        }
        self.node("]");
    }

    fn body(&mut self, body: &[Stmt]) {
        self.list(body, Self::stmt);
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        self.list(exprs, Self::expr);
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        match expr {
            Some(expr) => self.expr(expr),
            None => self.absent(),
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                self.node(if def.is_async { "AsyncFunctionDef" } else { "FunctionDef" });
                self.text(&def.name);
                self.parameters(Some(&def.parameters));
                self.body(&def.body);
                self.exprs(def.decorator_list.iter().map(|decorator| &decorator.expression));
                self.optional(def.returns.as_deref());
                self.type_params(def.type_params.as_deref());
            }
            Stmt::ClassDef(def) => {
                self.node("ClassDef");
                self.text(&def.name);
                self.arguments(def.arguments.as_deref());
                self.body(&def.body);
                self.exprs(def.decorator_list.iter().map(|decorator| &decorator.expression));
                self.type_params(def.type_params.as_deref());
            }
            Stmt::Return(stmt) => {
                self.node("Return");
                self.optional(stmt.value.as_deref());
            }
            Stmt::Delete(stmt) => {
                self.node("Delete");
                self.exprs(&stmt.targets);
            }
            Stmt::TypeAlias(stmt) => {
                self.node("TypeAlias");
                self.expr(&stmt.name);
                self.type_params(stmt.type_params.as_deref());
                self.expr(&stmt.value);
            }
            Stmt::Assign(stmt) => {
                self.node("Assign");
                self.exprs(&stmt.targets);
                self.expr(&stmt.value);
            }
            Stmt::AugAssign(stmt) => {
                self.node("AugAssign");
                self.expr(&stmt.target);
                self.node(operator(stmt.op));
                self.expr(&stmt.value);
            }
            Stmt::AnnAssign(stmt) => {
                self.node("AnnAssign");
                self.expr(&stmt.target);
                self.expr(&stmt.annotation);
                self.optional(stmt.value.as_deref());
                self.integer(u64::from(stmt.simple));
            }
            Stmt::For(stmt) => {
                self.node(if stmt.is_async { "AsyncFor" } else { "For" });
                self.expr(&stmt.target);
                self.expr(&stmt.iter);
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.node("While");
                self.expr(&stmt.test);
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::If(stmt) => self.if_chain(&stmt.test, &stmt.body, &stmt.elif_else_clauses),
            Stmt::With(stmt) => {
                self.node(if stmt.is_async { "AsyncWith" } else { "With" });
                self.list(&stmt.items, |tree, item| {
                    tree.node("withitem");
                    tree.expr(&item.context_expr);
                    tree.optional(item.optional_vars.as_deref());
                });
                self.body(&stmt.body);
            }
            Stmt::Match(stmt) => {
                self.node("Match");
                self.expr(&stmt.subject);
                self.list(&stmt.cases, |tree, case| {
                    tree.node("match_case");
                    tree.pattern(&case.pattern);
                    tree.optional(case.guard.as_deref());
                    tree.body(&case.body);
                });
            }
            Stmt::Raise(stmt) => {
                self.node("Raise");
                self.optional(stmt.exc.as_deref());
                self.optional(stmt.cause.as_deref());
            }
            Stmt::Try(stmt) => {
                self.node(if stmt.is_star { "TryStar" } else { "Try" });
                self.body(&stmt.body);
                self.list(&stmt.handlers, |tree, ExceptHandler::ExceptHandler(handler)| {
                    tree.node("ExceptHandler");
                    tree.optional(handler.type_.as_deref());
                    tree.optional_text(handler.name.as_ref());
                    tree.body(&handler.body);
                });
                self.body(&stmt.orelse);
                self.body(&stmt.finalbody);
            }
            Stmt::Assert(stmt) => {
                self.node("Assert");
                self.expr(&stmt.test);
                self.optional(stmt.msg.as_deref());
            }
            Stmt::Import(stmt) => {
                self.node("Import");
                self.aliases(&stmt.names);
            }
            Stmt::ImportFrom(stmt) => {
                self.node("ImportFrom");
                self.optional_text(stmt.module.as_ref());
                self.aliases(&stmt.names);
                self.integer(u64::from(stmt.level));
            }
            Stmt::Global(stmt) => {
                self.node("Global");
                self.list(&stmt.names, |tree, name| tree.text(name));
            }
            Stmt::Nonlocal(stmt) => {
                self.node("Nonlocal");
                self.list(&stmt.names, |tree, name| tree.text(name));
            }
            Stmt::Expr(stmt) => {
                self.node("Expr");
                self.expr(&stmt.value);
            }
            Stmt::Pass(_) => self.node("Pass"),
            Stmt::Break(_) => self.node("Break"),
            Stmt::Continue(_) => self.node("Continue"),
            Stmt::IpyEscapeCommand(_) => self.node("IpyEscapeCommand"),
        }
    }

    /// CPython has no `elif`: it is an `if` alone in the `else` of the one before.
    fn if_chain(&mut self, test: &Expr, body: &[Stmt], clauses: &[ast::ElifElseClause]) {
        self.node("If");
        self.expr(test);
        self.body(body);
        self.node("[");
        match clauses {
            [] => {}
            [clause, rest @ ..] => match &clause.test {
                Some(test) => self.if_chain(test, &clause.body, rest),
                None => clause.body.iter().for_each(|stmt| self.stmt(stmt)),
            },
        }
        self.node("]");
    }

    fn aliases(&mut self, names: &[ast::Alias]) {
        self.list(names, |tree, alias| {
            tree.node("alias");
            tree.text(&alias.name);
            tree.optional_text(alias.asname.as_ref());
        });
    }

    /// Only what a newer Python than 3.11 accepts has any.
    fn type_params(&mut self, params: Option<&TypeParams>) {
        let Some(params) = params else { return };
        self.list(&params.type_params, |tree, param| {
            let (kind, name, bound, default) = match param {
                TypeParam::TypeVar(param) => ("TypeVar", &param.name, &param.bound, &param.default),
                TypeParam::TypeVarTuple(param) => ("TypeVarTuple", &param.name, &None, &param.default),
                TypeParam::ParamSpec(param) => ("ParamSpec", &param.name, &None, &param.default),
            };
            tree.node(kind);
            tree.text(name);
            tree.optional(bound.as_deref());
            tree.optional(default.as_deref());
        });
    }

    fn arguments(&mut self, arguments: Option<&Arguments>) {
        let args = arguments.map(|arguments| &*arguments.args).unwrap_or_default();
        let keywords = arguments.map(|arguments| &*arguments.keywords).unwrap_or_default();
        self.exprs(args);
        self.list(keywords, |tree, keyword| {
            tree.node("keyword");
            tree.optional_text(keyword.arg.as_ref());
            tree.expr(&keyword.value);
        });
    }

    fn parameters(&mut self, parameters: Option<&Parameters>) {
        let empty = Parameters::default();
        let parameters = parameters.unwrap_or(&empty);
        self.node("arguments");
        self.list(&parameters.posonlyargs, |tree, each| tree.parameter(&each.parameter));
        self.list(&parameters.args, |tree, each| tree.parameter(&each.parameter));
        self.optional_parameter(parameters.vararg.as_deref());
        self.list(&parameters.kwonlyargs, |tree, each| tree.parameter(&each.parameter));
        self.list(&parameters.kwonlyargs, |tree, each| tree.optional(each.default.as_deref()));
        self.optional_parameter(parameters.kwarg.as_deref());
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        self.exprs(positional.filter_map(|each| each.default.as_deref()));
    }

    fn parameter(&mut self, parameter: &Parameter) {
        self.node("arg");
        self.text(&parameter.name);
        self.optional(parameter.annotation.as_deref());
    }

    fn optional_parameter(&mut self, parameter: Option<&Parameter>) {
        match parameter {
            Some(parameter) => self.parameter(parameter),
            None => self.absent(),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::BoolOp(expr) => {
                self.node("BoolOp");
                self.node(match expr.op {
                    BoolOp::And => "And",
                    BoolOp::Or => "Or",
                });
                self.exprs(&expr.values);
            }
            Expr::Named(expr) => {
                self.node("NamedExpr");
                self.expr(&expr.target);
                self.expr(&expr.value);
            }
            Expr::BinOp(expr) => {
                self.node("BinOp");
                self.expr(&expr.left);
                self.node(operator(expr.op));
                self.expr(&expr.right);
            }
            Expr::UnaryOp(expr) => {
                self.node("UnaryOp");
                self.node(match expr.op {
                    UnaryOp::Invert => "Invert",
                    UnaryOp::Not => "Not",
                    UnaryOp::UAdd => "UAdd",
                    UnaryOp::USub => "USub",
                });
                self.expr(&expr.operand);
            }
            Expr::Lambda(expr) => {
                self.node("Lambda");
                self.parameters(expr.parameters.as_deref());
                self.expr(&expr.body);
            }
            Expr::If(expr) => {
                self.node("IfExp");
                self.expr(&expr.test);
                self.expr(&expr.body);
                self.expr(&expr.orelse);
            }
            Expr::Dict(expr) => {
                self.node("Dict");
                self.list(&expr.items, |tree, item| tree.optional(item.key.as_ref()));
                self.exprs(expr.items.iter().map(|item| &item.value));
            }
            Expr::Set(expr) => {
                self.node("Set");
                self.exprs(&expr.elts);
            }
            Expr::ListComp(expr) => self.comprehension("ListComp", &[&expr.elt], &expr.generators),
            Expr::SetComp(expr) => self.comprehension("SetComp", &[&expr.elt], &expr.generators),
            Expr::Generator(expr) => self.comprehension("GeneratorExp", &[&expr.elt], &expr.generators),
            Expr::DictComp(expr) => {
                let mut parts: Vec<&Expr> = expr.key.as_deref().into_iter().collect();
                parts.push(&expr.value);
                self.comprehension("DictComp", &parts, &expr.generators);
            }
            Expr::Await(expr) => {
                self.node("Await");
                self.expr(&expr.value);
            }
            Expr::Yield(expr) => {
                self.node("Yield");
                self.optional(expr.value.as_deref());
            }
            Expr::YieldFrom(expr) => {
                self.node("YieldFrom");
                self.expr(&expr.value);
            }
            Expr::Compare(expr) => {
                self.node("Compare");
                self.expr(&expr.left);
                self.list(&expr.ops, |tree, op| tree.node(comparison(*op)));
                self.exprs(&expr.comparators);
            }
            Expr::Call(expr) => {
                self.node("Call");
                self.expr(&expr.func);
                self.arguments(Some(&expr.arguments));
            }
            Expr::FString(expr) => self.f_string(expr.value.as_slice()),
            Expr::TString(_) => self.node("TemplateStr"),
            Expr::StringLiteral(expr) => {
                self.node("Constant");
                self.text(expr.value.to_str());
            }
            Expr::BytesLiteral(expr) => {
                self.node("Constant");
                self.out.push('b');
                for byte in expr.value.bytes() {
                    let _ = write!(self.out, "{byte:02x}");
                }
                self.out.push('\n');
            }
            Expr::NumberLiteral(expr) => {
                self.node("Constant");
                match &expr.value {
                    Number::Int(int) => match int.as_u64() {
                        Some(value) => self.integer(value),
                        None => {
                            let _ = writeln!(self.out, "i{}", hexadecimal(&int.to_string()));
                        }
                    },
                    Number::Float(value) => self.float(*value),
                    Number::Complex { real, imag } => {
                        self.node("complex");
                        self.float(*real);
                        self.float(*imag);
                    }
                }
            }
            Expr::BooleanLiteral(expr) => {
                self.node("Constant");
                self.node(if expr.value { "True" } else { "False" });
            }
            Expr::NoneLiteral(_) => {
                self.node("Constant");
                self.absent();
            }
            Expr::EllipsisLiteral(_) => {
                self.node("Constant");
                self.node("...");
            }
            Expr::Attribute(expr) => {
                self.node("Attribute");
                self.expr(&expr.value);
                self.text(&expr.attr);
                self.context(expr.ctx);
            }
            Expr::Subscript(expr) => {
                self.node("Subscript");
                self.expr(&expr.value);
                self.expr(&expr.slice);
                self.context(expr.ctx);
            }
            Expr::Starred(expr) => {
                self.node("Starred");
                self.expr(&expr.value);
                self.context(expr.ctx);
            }
            Expr::Name(expr) => {
                self.node("Name");
                self.text(&expr.id);
                self.context(expr.ctx);
            }
            Expr::List(expr) => {
                self.node("List");
                self.exprs(&expr.elts);
                self.context(expr.ctx);
            }
            Expr::Tuple(expr) => {
                self.node("Tuple");
                self.exprs(&expr.elts);
                self.context(expr.ctx);
            }
            Expr::Slice(expr) => {
                self.node("Slice");
                self.optional(expr.lower.as_deref());
                self.optional(expr.upper.as_deref());
                self.optional(expr.step.as_deref());
            }
            Expr::IpyEscapeCommand(_) => self.node("IpyEscapeCommand"),
        }
    }

    fn context(&mut self, context: ExprContext) {
        self.node(match context {
            ExprContext::Load => "Load",
            ExprContext::Store => "Store",
            ExprContext::Del => "Del",
            ExprContext::Invalid => "Invalid",
        });
    }

    fn comprehension(&mut self, kind: &str, parts: &[&Expr], generators: &[ast::Comprehension]) {
        self.node(kind);
        for part in parts {
            self.expr(part);
        }
        self.list(generators, |tree, generator| {
            tree.node("comprehension");
            tree.expr(&generator.target);
            tree.expr(&generator.iter);
            tree.exprs(&generator.ifs);
            tree.integer(u64::from(generator.is_async));
        });
    }

    /// CPython joins what stands side by side, `'a' f'b{c}'`, and leaves out what is empty.
    fn f_string(&mut self, parts: &[FStringPart]) {
        let mut pending = String::new();
        self.node("JoinedStr");
        self.node("[");
        for part in parts {
            match part {
                FStringPart::Literal(literal) => pending.push_str(literal),
                FStringPart::FString(f_string) => self.elements(&f_string.elements, &mut pending),
            }
        }
        self.flush(&mut pending);
        self.node("]");
    }

    fn elements<'e>(
        &mut self,
        elements: impl IntoIterator<Item = &'e InterpolatedStringElement>,
        pending: &mut String,
    ) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(literal) => pending.push_str(literal),
                InterpolatedStringElement::Interpolation(inner) => {
                    let mut conversion = inner.conversion;
                    if let Some(debug) = &inner.debug_text {
                        pending.push_str(debug.as_str());
                        if conversion == ConversionFlag::None && inner.format_spec.is_none() {
                            conversion = ConversionFlag::Repr;
                        }
                    }
                    self.flush(pending);
                    self.node("FormattedValue");
                    self.expr(&inner.expression);
                    match conversion.to_byte() {
                        Some(letter) => self.integer(u64::from(letter)),
                        None => self.node("i-1"),
                    }
                    match &inner.format_spec {
                        None => self.absent(),
                        Some(spec) => {
                            let mut text = String::new();
                            self.node("JoinedStr");
                            self.node("[");
                            self.elements(&spec.elements, &mut text);
                            self.flush(&mut text);
                            self.node("]");
                        }
                    }
                }
            }
        }
    }

    fn flush(&mut self, pending: &mut String) {
        if !pending.is_empty() {
            self.node("Constant");
            self.text(pending);
            pending.clear();
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(pattern) => {
                self.node("MatchValue");
                self.expr(&pattern.value);
            }
            Pattern::MatchSingleton(pattern) => {
                self.node("MatchSingleton");
                self.node(match pattern.value {
                    Singleton::None => "~",
                    Singleton::True => "True",
                    Singleton::False => "False",
                });
            }
            Pattern::MatchSequence(pattern) => {
                self.node("MatchSequence");
                self.list(&pattern.patterns, Self::pattern);
            }
            Pattern::MatchMapping(pattern) => {
                self.node("MatchMapping");
                self.exprs(&pattern.keys);
                self.list(&pattern.patterns, Self::pattern);
                self.optional_text(pattern.rest.as_ref());
            }
            Pattern::MatchClass(pattern) => {
                self.node("MatchClass");
                self.expr(&pattern.cls);
                self.list(&pattern.arguments.patterns, Self::pattern);
                self.list(&pattern.arguments.keywords, |tree, keyword| tree.text(&keyword.attr));
                self.list(&pattern.arguments.keywords, |tree, keyword| tree.pattern(&keyword.pattern));
            }
            Pattern::MatchStar(pattern) => {
                self.node("MatchStar");
                self.optional_text(pattern.name.as_ref());
            }
            Pattern::MatchAs(pattern) => {
                self.node("MatchAs");
                match &pattern.pattern {
                    Some(pattern) => self.pattern(pattern),
                    None => self.absent(),
                }
                self.optional_text(pattern.name.as_ref());
            }
            Pattern::MatchOr(pattern) => {
                self.node("MatchOr");
                self.list(&pattern.patterns, Self::pattern);
            }
        }
    }
}

const fn operator(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "Add",
        Operator::Sub => "Sub",
        Operator::Mult => "Mult",
        Operator::MatMult => "MatMult",
        Operator::Div => "Div",
        Operator::Mod => "Mod",
        Operator::Pow => "Pow",
        Operator::LShift => "LShift",
        Operator::RShift => "RShift",
        Operator::BitOr => "BitOr",
        Operator::BitXor => "BitXor",
        Operator::BitAnd => "BitAnd",
        Operator::FloorDiv => "FloorDiv",
    }
}

const fn comparison(operator: CmpOp) -> &'static str {
    match operator {
        CmpOp::Eq => "Eq",
        CmpOp::NotEq => "NotEq",
        CmpOp::Lt => "Lt",
        CmpOp::LtE => "LtE",
        CmpOp::Gt => "Gt",
        CmpOp::GtE => "GtE",
        CmpOp::Is => "Is",
        CmpOp::IsNot => "IsNot",
        CmpOp::In => "In",
        CmpOp::NotIn => "NotIn",
    }
}

/// The value of an integer token of any length (`0xff`, `0b1`, decimal) as hexadecimal digits.
fn hexadecimal(token: &str) -> String {
    let (digits, radix) = match token.get(..2) {
        Some("0x" | "0X") => (&token[2..], 16),
        Some("0o" | "0O") => (&token[2..], 8),
        Some("0b" | "0B") => (&token[2..], 2),
        _ => (token, 10),
    };
    if radix == 16 {
        return trimmed(&digits.replace('_', "").to_ascii_lowercase());
    }
    // Little-endian limbs of 32 bits.
    let mut limbs: Vec<u32> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let value = u64::from(*limb) * u64::from(radix) + carry;
            *limb = (value & u64::from(u32::MAX)) as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:08x}")).collect();
    trimmed(&digits)
}

fn trimmed(digits: &str) -> String {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_length_and_radix_have_one_spelling() {
        assert_eq!(hexadecimal("340282366920938463463374607431768211456"), format!("1{}", "0".repeat(32)));
        assert_eq!(hexadecimal("0x1_0000_0000_0000_0000"), format!("1{}", "0".repeat(16)));
        assert_eq!(hexadecimal(&format!("0b1{}", "0".repeat(64))), format!("1{}", "0".repeat(16)));
        assert_eq!(hexadecimal("0o0"), "0");
    }

    #[test]
    fn an_elif_is_an_if_in_an_else() {
        let chain = canonical_tree(b"if a: pass\nelif b: pass\n", PythonVersion::DEFAULT);
        let nested = canonical_tree(b"if a: pass\nelse:\n  if b: pass\n", PythonVersion::DEFAULT);
        assert!(chain.is_ok());
        assert_eq!(chain, nested);
    }
}
