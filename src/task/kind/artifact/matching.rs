//! Which claims hold when each resource may satisfy only one of them: a maximum matching between
//! claims and resources (Kuhn's augmenting paths).
//!
//! Claims are taken in the order of the task. A claim that once found a resource keeps one, and one
//! that finds none is lost whatever the resources' order, because which sets of claims can be
//! satisfied together is a transversal matroid. So the answer depends on no order but the task's.

use super::state::{Claim, Resource};

/// For each claim nothing, or what differs.
pub(super) fn satisfy(claims: &[&Claim], resources: &[Resource]) -> Vec<Result<(), String>> {
    let fits: Vec<Vec<usize>> = claims
        .iter()
        .map(|claim| {
            let fits =
                |resource: &Resource| claim.is_about(resource) && claim.differences(resource).is_empty();
            (0..resources.len()).filter(|index| fits(&resources[*index])).collect()
        })
        .collect();
    let mut taken_by: Vec<Option<usize>> = vec![None; resources.len()];
    let mut verdicts = Vec::with_capacity(claims.len());
    for (index, claim) in claims.iter().enumerate() {
        let mut visited = vec![false; resources.len()];
        verdicts.push(if augment(index, &fits, &mut taken_by, &mut visited) {
            Ok(())
        } else if fits[index].is_empty() {
            Err(nearest(claim, resources))
        } else {
            Err(format!("every `{}` that fits satisfies another invariant already", claim.kind()))
        });
    }
    verdicts
}

/// Finds a resource for `claim`, moving others where that helps. As deep as there are claims.
fn augment(claim: usize, fits: &[Vec<usize>], taken_by: &mut [Option<usize>], visited: &mut [bool]) -> bool {
    for &resource in &fits[claim] {
        if std::mem::replace(&mut visited[resource], true) {
            continue;
        }
        if taken_by[resource].is_none_or(|other| augment(other, fits, taken_by, visited)) {
            taken_by[resource] = Some(claim);
            return true;
        }
    }
    false
}

/// What keeps the resource that comes nearest from satisfying `claim`.
fn nearest(claim: &Claim, resources: &[Resource]) -> String {
    let candidates = resources.iter().filter(|resource| claim.is_about(resource));
    let differences = candidates.map(|resource| (claim.differences(resource), &resource.address));
    match differences.min_by(|a, b| (a.0.len(), a.1, &a.0).cmp(&(b.0.len(), b.1, &b.0))) {
        None => format!("there is no resource of the type `{}`", claim.kind()),
        Some((differences, address)) => {
            let shown: String = address.chars().take(120).collect();
            let first = differences.first().map_or("", String::as_str);
            match differences.len() {
                0 | 1 => format!("`{shown}`: {first}"),
                more => format!("`{shown}`: {first}; and {} more", more - 1),
            }
        }
    }
}
