//! Answers in JSON:API.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use carnet_api::jsonapi::{Document, ListDocument, ListMeta, MEDIA_TYPE, Page, Pagination, Resource};
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;

/// What handlers answer.
pub(crate) type Reply = Result<Response, ApiError>;

/// Any body with the JSON:API media type.
pub(crate) fn json(status: StatusCode, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// 200 with one resource.
pub(crate) fn ok(data: Resource) -> Reply {
    ok_with(data, Vec::new())
}

/// 200 with one resource and related ones.
pub(crate) fn ok_with(data: Resource, included: Vec<Resource>) -> Reply {
    Ok(json(StatusCode::OK, Document { data, included }))
}

/// 201 with the new resource.
pub(crate) fn created(data: Resource) -> Reply {
    Ok(json(StatusCode::CREATED, Document { data, included: Vec::new() }))
}

/// What the server wants to say about a request that it carried out.
#[derive(Serialize)]
struct Remarks {
    warnings: Vec<String>,
}

/// A resource with remarks.
#[derive(Serialize)]
struct Remarked {
    #[serde(flatten)]
    document: Document,
    meta: Remarks,
}

/// A resource with warnings about what of the request nothing acts upon, if there are any.
pub(crate) fn with_warnings(status: StatusCode, data: Resource, warnings: Vec<String>) -> Reply {
    let document = Document { data, included: Vec::new() };
    if warnings.is_empty() {
        return Ok(json(status, document));
    }
    Ok(json(status, Remarked { document, meta: Remarks { warnings } }))
}

/// 204.
pub(crate) fn no_content() -> Reply {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 202 without a body.
pub(crate) fn accepted() -> Reply {
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Cuts the wanted page out of a whole list.
pub(crate) fn page_of<T>(items: Vec<T>, page: Page) -> (Vec<T>, Pagination) {
    let pagination = page.of(items.len() as u64);
    let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let take = usize::try_from(page.size).unwrap_or(usize::MAX);
    (items.into_iter().skip(skip).take(take).collect(), pagination)
}

tokio::task_local! {
    /// The query of the request that this task answers.
    static QUERY: String;
}

/// Keeps the query of a request for the links of the list that answers it.
pub(crate) async fn keep_query(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    QUERY.scope(query, next.run(request)).await
}

/// What the request asks for beside a page, each part with an ampersand behind it.
fn filters() -> String {
    let is_page = |part: &str| {
        let name = part.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let name = name.replace("%5b", "[").replace("%5d", "]");
        name == "page[number]" || name == "page[size]"
    };
    let of = |query: &String| {
        let parts = query.split('&').filter(|part| !part.is_empty() && !is_page(part));
        parts.flat_map(|part| [part, "&"]).collect()
    };
    QUERY.try_with(of).unwrap_or_default()
}

/// 200 with a page of resources. `path` is the list's own, without a query; the links keep the filters of the request.
pub(crate) fn list(
    path: &str,
    data: Vec<Resource>,
    included: Vec<Resource>,
    pagination: Pagination,
) -> Reply {
    let (filters, size) = (filters(), pagination.page_size);
    let at = |page: Option<u64>| {
        page.map_or(Value::Null, |page| {
            Value::String(format!("{path}?{filters}page%5Bnumber%5D={page}&page%5Bsize%5D={size}"))
        })
    };
    let links = [
        ("self", at(Some(pagination.current_page))),
        ("first", at(Some(1))),
        ("prev", at(pagination.prev_page)),
        ("next", at(pagination.next_page)),
        ("last", at(Some(pagination.total_pages))),
    ];
    let links = links.into_iter().map(|(name, url)| (name.to_owned(), url)).collect();
    Ok(json(StatusCode::OK, ListDocument { data, included, links, meta: ListMeta { pagination } }))
}

/// 200 with a list that has one page only.
pub(crate) fn whole_list(path: &str, data: Vec<Resource>) -> Reply {
    let count = data.len() as u64;
    list(path, data, Vec::new(), Page { number: 1, size: count.max(1) }.of(count))
}
