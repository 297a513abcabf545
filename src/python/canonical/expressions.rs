//! Expressions; what CPython joins, side by side strings among them, is joined.

use std::fmt::Write as _;

use super::Tree;
use super::integer::hexadecimal;
use crate::python::ast::{
    self, BoolOp, CmpOp, ConversionFlag, Expr, ExprContext, FStringPart, InterpolatedStringElement, Number,
    Operator, UnaryOp,
};

impl Tree {
    pub(super) fn expr(&mut self, expr: &Expr) {
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

    pub(super) fn context(&mut self, context: ExprContext) {
        self.node(match context {
            ExprContext::Load => "Load",
            ExprContext::Store => "Store",
            ExprContext::Del => "Del",
            ExprContext::Invalid => "Invalid",
        });
    }

    pub(super) fn comprehension(&mut self, kind: &str, parts: &[&Expr], generators: &[ast::Comprehension]) {
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
    pub(super) fn f_string(&mut self, parts: &[FStringPart]) {
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

    pub(super) fn elements<'e>(
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

    pub(super) fn flush(&mut self, pending: &mut String) {
        if !pending.is_empty() {
            self.node("Constant");
            self.text(pending);
            pending.clear();
        }
    }
}

pub(super) const fn operator(operator: Operator) -> &'static str {
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
