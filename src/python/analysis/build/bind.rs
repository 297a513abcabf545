//! What binds names: targets, parameters, imports, and stores to attributes.

use std::rc::Rc;

use ruff_python_ast::name::Name;
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::TextRange;

use super::Builder;
use crate::python::analysis::{
    AttributeStore, Binding, BindingId, BindingKind, FunctionId, Ids, ScopeId, ScopeKind, Slot, Step,
};
use crate::python::stdlib;

impl<'a> Builder<'a> {
    /// Binds a name where the rules of `global`, `nonlocal` and mangling say.
    pub(super) fn bind(&mut self, name: &'a str, kind: BindingKind<'a>, range: TextRange) {
        let mut owner = self.scope;
        let mut straight = self.straight;
        // A walrus within a comprehension binds around it; the targets of the comprehension bind
        // in its own scope, through `bind_in`.
        while self.module.scope(owner).kind == ScopeKind::Comprehension {
            straight = false;
            match self.module.scope(owner).parent {
                Some(parent) => owner = parent,
                None => break,
            }
        }
        let name: Name = match self.module.mangled(name, owner) {
            Some(mangled) => mangled.into(),
            None => Name::new(name),
        };
        if self.module.scope(owner).globals.contains(&*name) {
            straight &= owner == ScopeId(0);
            owner = ScopeId(0);
        } else if self.module.scope(owner).nonlocals.contains(&*name) {
            straight = false;
            let mut outer = self.module.scope(owner).parent;
            while let Some(id) = outer {
                let scope = self.module.scope(id);
                if matches!(scope.kind, ScopeKind::Function(_)) && scope.names.contains_key(name.as_str()) {
                    owner = id;
                    break;
                }
                outer = scope.parent;
            }
        }
        self.bind_in(owner, name, kind, range, straight);
    }

    pub(super) fn bind_in(
        &mut self,
        owner: ScopeId,
        name: Name,
        kind: BindingKind<'a>,
        range: TextRange,
        straight: bool,
    ) {
        let id = BindingId::next(self.module.bindings.len());
        if matches!(self.module.scope(owner).kind, ScopeKind::Class(_)) {
            self.module.own_attributes.insert(name.clone());
            Ids::add(&mut self.module.class_members, name.clone(), id);
        }
        self.module.bindings.push(Binding {
            name: name.clone(),
            kind,
            range,
            effective: self.end.max(range.end()),
            straight,
        });
        if let Some(scope) = self.module.scopes.get_mut(owner.index()) {
            Ids::add(&mut scope.names, name, id);
        }
    }

    /// Binds every name of a target, each with the part of the value that it takes.
    pub(super) fn bind_target(
        &mut self,
        target: &'a Expr,
        make: &dyn Fn(Rc<[Step]>) -> BindingKind<'a>,
        path: &[Step],
    ) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), make(self.path(path)), name.range),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                let mut starred = false;
                for (index, element) in elts.iter().enumerate() {
                    let mut inner = path.to_vec();
                    // Behind a star the distance to the end is known, the index is not.
                    inner.push(if starred { Step::Rest } else { Step::Index(index) });
                    if let Expr::Starred(star) = element {
                        starred = true;
                        let mut rest = path.to_vec();
                        rest.push(Step::Rest);
                        self.bind_target(&star.value, make, &rest);
                    } else {
                        self.bind_target(element, make, &inner);
                    }
                }
            }
            Expr::Starred(star) => self.bind_target(&star.value, make, path),
            Expr::Attribute(attribute) => {
                let value = match make(self.path(path)) {
                    BindingKind::Assign { value, path } if path.is_empty() => Some(value),
                    _ => None,
                };
                self.store_attribute(attribute, value);
            }
            _ => {}
        }
    }

    pub(super) fn store_attribute(&mut self, target: &'a ast::ExprAttribute, value: Option<&'a Expr>) {
        let name = target.attr.as_str();
        let mangled = self.module.mangled(name, self.scope);
        self.module.own_attributes.insert(mangled.map_or_else(|| Name::new(name), Name::from));
        self.module.attribute_stores.entry(name).or_default().push(AttributeStore { target, value });
    }

    pub(super) fn parameters(
        &mut self,
        parameters: &'a ast::Parameters,
        function: FunctionId,
        scope: ScopeId,
    ) {
        let mut position = 0;
        let plain = parameters.posonlyargs.iter().chain(&parameters.args);
        let all = plain
            .map(|parameter| {
                position += 1;
                (&parameter.parameter, Slot::Plain(position - 1))
            })
            .chain(parameters.kwonlyargs.iter().map(|parameter| (&parameter.parameter, Slot::KeywordOnly)))
            .chain(parameters.vararg.iter().map(|parameter| (&**parameter, Slot::Variadic)))
            .chain(parameters.kwarg.iter().map(|parameter| (&**parameter, Slot::Keywords)))
            .collect::<Vec<_>>();
        for (parameter, slot) in all {
            let name = parameter.name.as_str();
            let name = self.module.mangled(name, scope).map_or_else(|| Name::new(name), Name::from);
            let kind = BindingKind::Parameter { function, slot };
            self.bind_in(scope, name, kind, parameter.name.range, true);
        }
    }

    pub(super) fn comprehension_target(
        &mut self,
        target: &'a Expr,
        iterable: &'a Expr,
        scope: ScopeId,
        path: &mut Vec<Step>,
    ) {
        match target {
            Expr::Name(name) => {
                let kind = BindingKind::Element { iterable, path: self.path(path) };
                self.bind_in(scope, name.id.clone(), kind, name.range, true);
            }
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for (index, element) in elts.iter().enumerate() {
                    path.push(if element.is_starred_expr() { Step::Rest } else { Step::Index(index) });
                    self.comprehension_target(element, iterable, scope, path);
                    path.pop();
                }
            }
            Expr::Starred(star) => self.comprehension_target(&star.value, iterable, scope, path),
            Expr::Attribute(attribute) => self.store_attribute(attribute, None),
            _ => {}
        }
    }

    pub(super) fn import(&mut self, alias: &'a ast::Alias) {
        let full = alias.name.as_str();
        match &alias.asname {
            Some(name) => {
                let kind = BindingKind::Import { module: full.into() };
                self.bind(name.as_str(), kind, alias.range);
            }
            None => {
                let root = full.split('.').next().unwrap_or(full);
                let kind = BindingKind::Import { module: root.into() };
                self.bind(root, kind, alias.range);
            }
        }
    }

    pub(super) fn import_from(&mut self, import: &'a ast::StmtImportFrom) {
        let module: Rc<str> = if import.level > 0 {
            // Relative: there is no package around a single file.
            "".into()
        } else {
            import.module.as_deref().unwrap_or_default().into()
        };
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                // What others export is not known, so nothing is ever found there.
                let stars = &mut self.module.stars;
                if stdlib::has_known_exports(&module) && !stars.contains(&module) {
                    stars.push(Rc::clone(&module));
                }
                continue;
            }
            let kind = BindingKind::ImportFrom { module: Rc::clone(&module), member: alias.name.as_str() };
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            self.bind(name, kind, alias.range);
        }
    }
}
