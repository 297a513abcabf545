//! What all routes of a kind have in common, written into the OpenAPI document once.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, OpenApi, RefOr, Required, ResponseBuilder};

/// Reads that are never the same twice, or must not be remembered.
const UNTAGGED: [&str; 4] = ["/health", "/metrics", "/validate/{id}", "/validate/{id}/log"];

/// Adds what [`super::cache`] and [`super::paging`] do to every read.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if let Some(read) = item.get.as_mut().filter(|_| !UNTAGGED.contains(&path.as_str())) {
            cached(read);
        }
    }
}

fn cached(operation: &mut Operation) {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    operation.parameters.get_or_insert_default().push(RefOr::T(
        ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The `ETag` of an answer that the client has"))
            .schema(Some(text()))
            .build(),
    ));
    let is_cursor = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.name == "after" && parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    };
    let is_list = operation.parameters.iter().flatten().any(is_cursor);
    let header = |description: &str| -> Header {
        HeaderBuilder::new().schema(Some(text())).description(Some(description)).build()
    };
    let etag = || header("Names this answer; the same bytes have the same tag");
    let link = || header("Where the next page is, as RFC 8288 has it; absent on the last one");
    let answers = &mut operation.responses.responses;
    if let Some(RefOr::T(answer)) = answers.get_mut("200") {
        answer.headers.insert("ETag".to_owned(), RefOr::T(etag()));
        if is_list {
            answer.headers.insert("Link".to_owned(), RefOr::T(link()));
        }
    }
    let unchanged =
        ResponseBuilder::new().description("The client has the newest answer").header("ETag", etag());
    answers.insert("304".to_owned(), RefOr::T(unchanged.build()));
}
